"""`make demo`: every line of it runs, and where something is not as expected it says so."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def demo(bin_folder: Path, temporary: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", REPOSITORY / "examples/demo.sh", bin_folder],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


def files_of_the_examples() -> set[tuple[str, int]]:
    found = (REPOSITORY / "examples").rglob("*")
    kept = (p for p in found if p.is_file() and not {"__pycache__", ".ruff_cache"} & set(p.parts))
    return {(str(path), path.stat().st_mtime_ns) for path in kept}


def test_the_demo_blocks_repairs_runs_and_proves_and_leaves_the_clone_as_it_was(tmp_path):
    before = files_of_the_examples()
    done = demo(Path(sys.executable).parent, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "duplicate_ratio 0.0952" in done.stdout
    assert "attempt 2; attempt 1 was blocked" in done.stderr
    assert "committee_2026-02-21_run1 succeeded" in done.stdout
    assert "files match\n# One digit changed" in done.stdout
    assert "changed: attempts/2/exit_status.json" in done.stdout
    assert "null_2026-02-21_run1: stopped" in done.stdout
    assert "resumed at draw" in done.stdout
    assert "null_2026-02-21_run1 succeeded" in done.stdout
    assert files_of_the_examples() == before


def test_an_exit_code_that_is_not_expected_ends_the_demo_with_a_message(tmp_path):
    pretender = tmp_path / "bin"
    pretender.mkdir()
    (pretender / "remoterun").write_text("#!/bin/sh\nexit 0\n")
    (pretender / "remoterun").chmod(0o755)
    done = demo(pretender, tmp_path)
    assert done.returncode == 1
    assert "exit code 0 instead of 6: remoterun official" in done.stderr
