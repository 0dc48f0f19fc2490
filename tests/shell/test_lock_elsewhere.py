"""On a network file system a run's lock lies elsewhere: everybody who asks for it looks there."""

import fcntl
import subprocess
import sys

import pytest


@pytest.fixture
def placed(lab, tmp_path):
    """An attempt that was placed and not started, and the open file that is its lock."""
    run_dir = lab.attempt("true", "t1")
    elsewhere = tmp_path / "lock"
    (run_dir / "control/lock_path").write_text(f"{elsewhere}\n")
    with elsewhere.open("a") as lock:
        yield run_dir, lock


def finalize_later(run_dir) -> int:
    argv = ["bash", "-c", '. "$0/lib.sh" && . "$0/finalize.sh"', run_dir / "control/wrappers"]
    return subprocess.run([*argv, run_dir, "later", "none"], timeout=60).returncode


def test_a_late_ending_is_left_to_whoever_holds_it(placed):
    run_dir, lock = placed
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert finalize_later(run_dir) == 75
    fcntl.flock(lock, fcntl.LOCK_UN)
    assert finalize_later(run_dir) == 74  # now it would, and finds no status to record
    assert not (run_dir / "exit_status.json").exists()


def test_a_run_that_holds_it_is_another_run(placed, lab):
    run_dir, lock = placed
    asked = [sys.executable, "-m", "remoterun", "preflight"]
    asked += ["--set", "preflight.refuse_other_runs=true"]
    fcntl.flock(lock, fcntl.LOCK_EX)
    refused = subprocess.run(asked, cwd=lab.root, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 6
    assert run_dir.name in refused.stdout
    fcntl.flock(lock, fcntl.LOCK_UN)
    assert subprocess.run(asked, cwd=lab.root, capture_output=True, timeout=60).returncode == 0
