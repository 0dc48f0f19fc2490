"""A project in a temporary folder, and finished runs in it: what the local benchmarks look at."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pairs import NoFigure

SETTINGS = """\
version: 1
project: benchmark
owner: nobody
workflows:
  job:
    command: ['true']
"""
SHARED_MEMORY = "/dev/shm"
REMOTERUN = (sys.executable, "-m", "remoterun")
READ_BY_A_LIST = ("exit_status.json", "artifacts.json", "control/exec")


@contextlib.contextmanager
def a_project(*, git: bool = True, in_memory: bool = False) -> Iterator[Path]:
    """An empty project; removed at the end.

    Args:
        in_memory: where the machine has such a folder: 50,000 files are written there in seconds.
    """
    place = SHARED_MEMORY if in_memory and os.access(SHARED_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="remoterun-benchmark-", dir=place) as folder:
        root = Path(folder, "project")
        root.mkdir()
        (root / "remoterun.yaml").write_text(SETTINGS)
        identity = ("-c", "user.name=n", "-c", "user.email=n@example")
        if git:
            for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
                subprocess.run(["git", "-C", str(root), *identity, *words], check=True)
        yield root


def environment() -> dict[str, str]:
    """That of the user, without what would change a launch."""
    mine = ("REMOTERUN_", "DQ_", "MIN_", "GIT_")
    return {name: value for name, value in os.environ.items() if not name.startswith(mine)}


def launch_one(root: Path, tag: str) -> Path:
    """A finished run, by the real command line."""
    words = [*REMOTERUN, "official", "--tag", tag, "-f", "-C", str(root), "--", "x"]
    done = subprocess.run(words, capture_output=True, text=True, env=environment(), cwd=root)
    if done.returncode != 0:
        raise NoFigure(f"a run that should succeed: {done.stderr}")
    (run_dir,) = (root / "audit/workstation_runs").glob(f"*_{tag}")
    return run_dir


def await_ends(root: Path, within_s: float = 60) -> None:
    """Until every run of the project has its last file."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        runs = (root / "audit/workstation_runs").glob("*")
        if all((run / "artifacts.json").exists() for run in runs):
            return
        time.sleep(0.1)
    raise NoFigure("a launched run does not end")


def write_finished_runs(template: Path, count: int, target: Path) -> None:
    """Copies of a finished run, each with its own identity; only the files that a list reads."""
    manifest = json.loads((template / "manifest.json").read_bytes())
    first = datetime(2025, 1, 1, tzinfo=UTC)
    for number in range(count):
        moment = first + timedelta(seconds=97 * number)
        tag = f"run_{number:06}"
        run_id = f"{moment:%Y-%m-%d_%H%M%S}_job_{tag}"
        folder = target / run_id
        (folder / "control").mkdir(parents=True)
        said = manifest | {
            "run_id": run_id,
            "decision_tag": tag,
            "created_utc": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        }
        (folder / "manifest.json").write_text(json.dumps(said, indent=2))
        for name in READ_BY_A_LIST:
            shutil.copyfile(template / name, folder / name)
