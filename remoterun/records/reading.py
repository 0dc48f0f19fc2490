"""Bounded reads: a file of a run is whole, absent or unreadable, and never larger than we take."""

import json
import os
import stat
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from remoterun.model.record import Record

MAX_RECORD_BYTES = 4 * 2**20
PIECE_BYTES = 2**16
"""Most records are smaller; a buffer of the limit would cost more than the reading."""

R = TypeVar("R", bound=Record)


class UnreadableRecord(Exception):
    """A file that exists and says nothing."""


def read_record(model: type[R], path: Path, *, limit: int = MAX_RECORD_BYTES) -> R | None:
    """One record; None only when there is no such file.

    Raises:
        UnreadableRecord: there is one, and it is not what it should be.
    """
    raw = read_bounded(path, limit)
    if raw is None:
        return None
    try:
        said = json.loads(raw.decode(), parse_constant=lambda _: None)
        return model.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UnreadableRecord(f"{where or 'the record'}: {first['msg']}") from None
    except (ValueError, RecursionError) as error:
        raise UnreadableRecord(f"no JSON: {error}") from None


def read_bounded(path: Path, limit: int) -> bytes | None:
    """The bytes of a regular file; None when it does not exist.

    Raises:
        UnreadableRecord: it is larger than `limit`, no regular file, or cannot be read.
    """
    try:
        # without O_NONBLOCK a named pipe would be waited for
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        if os.path.lexists(path):
            raise UnreadableRecord("a link that leads nowhere") from None
        return None
    except OSError as error:
        raise UnreadableRecord(error.strerror or str(error)) from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnreadableRecord("no regular file")
        raw = bytearray()
        while len(raw) <= limit and (piece := os.read(descriptor, PIECE_BYTES)):
            raw += piece
    except OSError as error:
        raise UnreadableRecord(error.strerror or str(error)) from None
    finally:
        os.close(descriptor)
    if len(raw) > limit:
        raise UnreadableRecord(f"more than {limit} bytes")
    return bytes(raw)


def read_tail(path: Path, size_bytes: int) -> bytes | None:
    """The last bytes of a file, however large it is; None when there is no such file.

    Raises:
        UnreadableRecord: it cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableRecord(error.strerror or str(error)) from None
    try:
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableRecord("no regular file")
            file.seek(max(0, status.st_size - size_bytes))
            return file.read(size_bytes) or b""
    except OSError as error:
        raise UnreadableRecord(error.strerror or str(error)) from None


def read_values(path: Path) -> dict[str, str]:
    """`control/job`: NUL-ended pairs of name and value; empty when there is no such file.

    Raises:
        UnreadableRecord: it cannot be read.
    """
    words = (read_bounded(path, MAX_RECORD_BYTES) or b"").split(b"\0")[:-1]
    texts = [word.decode("utf-8", "replace") for word in words]
    return dict(zip(texts[::2], texts[1::2], strict=False))


def read_words(path: Path) -> list[str]:
    """A file of NUL-ended words; empty when it is not there or cannot be read."""
    try:
        words = (read_bounded(path, MAX_RECORD_BYTES) or b"").split(b"\0")[:-1]
    except UnreadableRecord:
        return []
    return [word.decode("utf-8", "replace") for word in words]
