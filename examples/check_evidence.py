#!/usr/bin/env python3
"""Hold every file of a finished run against its digest list: check_evidence.py RUN_DIR.

Needs no remoterun: python3 and the run directory, inside its project where the run wrote there.
Exit code 0: all match; 1: not all, and each that does not is named.
"""

import hashlib
import json
import sys
from pathlib import Path


def digest_list(run_dir: Path) -> Path:
    """The list in force is the last attempt's."""
    attempts = run_dir / "attempts"
    numbers = [int(p.name) for p in attempts.iterdir()] if attempts.is_dir() else []
    return (attempts / str(max(numbers)) if numbers else run_dir) / "artifacts.json"


def digest(path: Path) -> str:
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha256.update(block)
    return sha256.hexdigest()


def main() -> int:
    run_dir = Path(sys.argv[1]).resolve()
    manifest = json.loads((run_dir / "manifest.json").read_text("utf-8"))
    project = run_dir.parents[len(Path(manifest["out_dir"]).parts) - 1]
    bases = {"run_dir": run_dir, "project_root": project}
    files = json.loads(digest_list(run_dir).read_text("utf-8"))["files"]
    wrong = 0
    for file in files:
        path = bases[file["path_base"]] / file["path"]
        if not path.is_file():
            why = "missing"
        elif path.stat().st_size != file["bytes"] or digest(path) != file["sha256"]:
            why = "changed"
        else:
            continue
        wrong += 1
        print(f"{why}: {ascii(file['path'])[1:-1]}")
    print(f"{len(files) - wrong} of {len(files)} files match")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
