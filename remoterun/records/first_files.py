"""What `init` must know of files that are there before it writes: their content, their lines."""

import os
from collections.abc import Sequence
from pathlib import Path

from remoterun.records.files import append, file_errors


def holds(path: Path, content: bytes) -> bool:
    """Whether a file has exactly this content."""
    with file_errors(path, "read"):
        return path.is_file() and path.read_bytes() == content


def add_lines(path: Path, lines: Sequence[str]) -> tuple[str, ...]:
    """Add the lines that a `.gitignore` does not have yet, in one write; returns those."""
    with file_errors(path, "read"):
        there = path.read_bytes() if os.path.lexists(path) else b""
    present = {line.strip().strip(b"/") for line in there.splitlines()}
    missing = tuple(line for line in lines if line.encode().strip(b"/") not in present)
    if missing:
        start = "" if not there or there.endswith(b"\n") else "\n"
        append(path, (start + "".join(f"{line}\n" for line in missing)).encode())
    return missing
