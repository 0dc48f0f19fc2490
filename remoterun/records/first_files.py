"""The files that `init` writes into a project: one created once, one only added to."""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from remoterun.errors import LocalFileError


def create(path: Path, content: bytes) -> bool:
    """Write a whole new file; False, and nothing changed, where the name exists already.

    Raises:
        LocalFileError: it cannot be written.
    """
    temp = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temp.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(temp, path)  # fails where the name exists; a rename would replace it
    except FileExistsError:
        return False
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        temp.unlink(missing_ok=True)
    return True


def add_lines(path: Path, lines: Sequence[str]) -> tuple[str, ...]:
    """Add the lines that a text file does not have yet, in one write; returns those.

    Raises:
        LocalFileError: it cannot be read or written.
    """
    try:
        there = path.read_bytes() if os.path.lexists(path) else b""
        present = {line.strip().lstrip(b"/").rstrip(b"/") for line in there.splitlines()}
        missing = tuple(line for line in lines if line.encode().strip(b"/") not in present)
        if missing:
            start = "" if not there or there.endswith(b"\n") else "\n"
            with path.open("ab") as file:
                file.write((start + "".join(f"{line}\n" for line in missing)).encode())
    except OSError as error:
        raise _cannot_write(path, error) from error
    return missing


def _cannot_write(path: Path, error: OSError) -> LocalFileError:
    why = error.strerror or str(error)
    return LocalFileError(f"cannot write `{path.name}`", where=str(path), why=why)
