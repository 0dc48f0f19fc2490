"""The folder in which a command line was typed; it may be gone."""

from pathlib import Path

from remoterun.errors import LocalFileError


def working_directory() -> Path:
    """Raises LocalFileError: somebody deleted it."""
    try:
        return Path.cwd()
    except OSError as error:
        what = "the working directory is gone"
        raise LocalFileError(what, why=error.strerror or "", fix="cd, to one that exists") from None
