"""The only writes on this machine: publish once, replace whole, append, lock."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from remoterun.errors import LocalFileError


@contextmanager
def file_errors(path: Path, doing: str) -> Iterator[None]:
    """An OSError inside becomes a LocalFileError that names the path."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise LocalFileError(f"cannot {doing} `{path.name}`", where=str(path), why=why) from error


def make_folder(path: Path) -> None:
    """The folder and those above it, entries flushed."""
    with file_errors(path, "make"):
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        path.mkdir(parents=True, exist_ok=True)
        for folder in missing:
            _flush_folder(folder.parent)


def publish(path: Path, content: bytes) -> bool:
    """Write a file that must exist once: whole, on the disk, and the first one stands.

    Returns False when the name was taken; then nothing was written.
    """
    with file_errors(path, "write"):
        temp = _write_temp(path, content)
        try:
            os.link(temp, path)
        except FileExistsError:
            return False
        finally:
            temp.unlink(missing_ok=True)
        _flush_folder(path.parent)
    return True


def replace(path: Path, content: bytes) -> None:
    """Write a file whole, on the disk, in place of what was there."""
    with file_errors(path, "write"):
        temp = _write_temp(path, content)
        try:
            temp.replace(path)
        except OSError:
            temp.unlink(missing_ok=True)
            raise
        _flush_folder(path.parent)


def append(path: Path, content: bytes) -> None:
    """Add to the end of a file, on the disk."""
    with file_errors(path, "append to"):
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            _write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_temp(path: Path, content: bytes) -> Path:
    temp = path.parent / f".{path.name}.{secrets.token_hex(6)}.tmp"
    descriptor = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        _write_all(descriptor, content)
        os.fsync(descriptor)
    except OSError:
        with suppress(OSError):
            temp.unlink()
        raise
    finally:
        os.close(descriptor)
    return temp


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
