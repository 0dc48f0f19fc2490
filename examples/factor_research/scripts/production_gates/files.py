"""Writing files so that a reader sees the whole file or none."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from production_gates.refusal import Refusal


def replace(path: Path, text: str, durable: bool = True) -> None:
    """Put `text` in place of the file at once; a crash leaves the old one or the new one."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=str(path.parent))
    temp = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temp.chmod(0o644)
        temp.replace(path)
    finally:
        with suppress(FileNotFoundError):
            temp.unlink()


def write_json(path: Path, value: dict) -> None:
    """Strict JSON: a number that is not finite is a mistake of ours and raises."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    replace(path, text + "\n")


def write_csv(path: Path, columns: list[str], rows: list[dict]) -> None:
    """One line per row, in the order of `columns`; None is an empty field."""
    replace(
        path,
        "".join(csv_line([row[name] for name in columns]) for row in [_header(columns), *rows]),
    )


def csv_line(values: list) -> str:
    """The values as one line of a table; None is an empty field."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue()


def require_columns(path: Path, columns: list[str]) -> None:
    """Refuse to append to a table that has other columns; no table yet is fine."""
    if not path.exists() or path.stat().st_size == 0:
        return
    with path.open(encoding="utf-8", newline="") as file:
        found = next(csv.reader(file), [])
    if found != columns:
        raise Refusal(f"{path} has other columns than this program writes; move it away")


def append_csv(path: Path, columns: list[str], row: dict) -> None:
    """Append one row, under a lock, to a table that several runs may share."""
    lock = path.with_name(f".{path.name}.lock")
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        require_columns(path, columns)
        with path.open("a+b") as file:
            line = csv_line([row[name] for name in columns])
            if file.seek(0, os.SEEK_END) == 0:
                line = csv_line(columns) + line
            else:  # a writer that was killed may have left half a line
                file.seek(-1, os.SEEK_END)
                line = line if file.read(1) == b"\n" else "\n" + line
            file.write(line.encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())


def _header(columns: list[str]) -> dict:
    return {name: name for name in columns}
