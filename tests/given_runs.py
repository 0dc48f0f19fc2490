"""Runs for tests: real ones, launched by the program itself, and directories of runs that ended."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from remoterun.model.exit_status import Ending, Reason
from remoterun.model.state import Basis, Evidence, State, StateName

TOKEN = "0123456789abcdef0123456789abcdef"
DIGEST = "0" * 64
RUNS = "audit/workstation_runs"


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        return json.loads(self.out)  # type: ignore[no-any-return]


def project(folder: Path, script: str = "exit 0", **workflow: object) -> Path:
    """A project with one workflow, `job`, that runs a bash script."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "job.sh").write_text(script)
    settings = {"command": ["bash", "job.sh"], "limits": {"stop_grace": "1s"}, **workflow}
    document = {"version": 1, "project": "p", "owner": "hui", "workflows": {"job": settings}}
    (folder / "remoterun.yaml").write_text(json.dumps(document))
    return folder


def remoterun(
    folder: Path, *words: str, environ: Mapping[str, str] | None = None, timeout: float = 60
) -> Done:
    """Type one command line, as a user would, with nobody at a terminal."""
    argv = [sys.executable, "-m", "remoterun", *words]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), **(environ or {})}
    done = subprocess.run(
        argv, cwd=folder, env=env, capture_output=True, timeout=timeout, check=False
    )
    out, err = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    return Done(done.returncode, out, err)


def launch(folder: Path, tag: str, *words: str) -> Path:
    """An official run of `job`; returns its directory once the gates have passed."""
    done = remoterun(folder, "official", "--workflow", "job", "--tag", tag, *words, "-o", "json")
    assert done.json["runs"], done.err
    return Path(done.json["runs"][0]["run_dir"])  # type: ignore[index]


def wait(folder: Path, *tags: str) -> int:
    return remoterun(folder, "wait", *tags, "--timeout", "50").code


def manifest(run_id: str, tag: str, **changed: object) -> dict[str, object]:
    """A valid manifest of a run on `local`."""
    return {
        "schema_version": 1,
        "run_id": run_id,
        "decision_tag": tag,
        "workflow": "job",
        "created_utc": "2026-03-01T09:30:00Z",
        "attempt": 1,
        "token": TOKEN,
        "official": True,
        "project": "p",
        "host": {"name": "local", "kind": "local", "target": "local"},
        "owner": "hui",
        "notes": "",
        "argv": ["true"],
        "argv_exact": True,
        "argv_sha256": DIGEST,
        "argv_count": 1,
        "cwd": ".",
        "out_dir": f"{RUNS}/{run_id}",
        "threads": 1,
        "cpuset": None,
        "env": {},
        "git": {
            "commit": None,
            "branch": None,
            "dirty": None,
            "dirty_count": None,
            "untracked_count": None,
            "diff_sha256": None,
        },
        "parameters": {},
        "launcher": {"version": "0", "actor": "hui", "hostname": "h"},
        "input": None,
        "request_sha256": DIGEST,
        "request": {},
        "project_file_sha256": None,
        "wrappers": {},
        "policy": {},
        "thresholds": {},
        "limits": {},
        **changed,
    }


def ended_run(
    folder: Path,
    tag: str,
    *,
    stamp: str = "2026-03-01_093000",
    ending: Ending = Ending.SUCCESS,
    exit_code: int | None = 0,
    reason: Reason = Reason.EXIT_CODE,
    log: bytes = b"[job] start_utc=x\n",
    **changed: object,
) -> Path:
    """The directory of a run that has ended, with its end record and digest list."""
    run_id = f"{stamp}_job_{tag}"
    run = folder / RUNS / run_id
    (run / "control").mkdir(parents=True)
    status = {
        "schema_version": 1,
        "run_id": run_id,
        "token": TOKEN,
        "state": ending,
        "reason": reason,
        "exit_code": exit_code,
        "signal": None,
        "end_utc": "2026-03-01T10:00:00Z",
    }
    started = {
        "pid": 2,
        "start_ticks": 2,
        "program": "true",
        "started_utc": "2026-03-01T09:30:01Z",
        "token": TOKEN,
    }
    process = {
        "schema_version": 1,
        "run_id": run_id,
        "pid": 1,
        "pgid": 1,
        "sid": 1,
        "start_ticks": 1,
        "start_utc": "2026-03-01T09:30:00Z",
        "boot_id": None,
        "hostname": "h",
        "argv": ["bash"],
        "restart_count": 0,
    }
    write_json(run / "manifest.json", manifest(run_id, tag, **changed))
    write_json(run / "process.json", process)
    if exit_code is not None:
        write_json(run / "control/exec", started)
    (run / "control/job").write_bytes(f"token\0{TOKEN}\0".encode())
    (run / "run.log").write_bytes(log)
    write_json(run / "exit_status.json", status)
    write_json(run / "artifacts.json", {"files": []})
    return run


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value) + "\n")


def evidence(**changed: object) -> Evidence:
    """What is seen of a run of which nothing special is seen."""
    return Evidence(run_dir="/p/run", attempt_dir="/p/run").model_copy(update=changed)


def state(name: StateName, **changed: object) -> State:
    return State(name=name, basis=Basis.LOCK).model_copy(update=changed)


WATCHED = """
import sys, atexit
counts = {"child": 0, "open": 0}
def hook(event, args):
    if event in ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec", "os.system"):
        counts["child"] += 1
    elif event == "open" and isinstance(args[0], str) and "RUNS" in args[0]:
        counts["open"] += 1
def report():
    with open("/proc/self/status") as file:
        high = next(line.split()[1] for line in file if line.startswith("VmHWM"))
    loaded = [name for name in sys.argv[0].split() if name in sys.modules]
    print("COUNTS", counts["child"], counts["open"], high, *loaded, file=sys.stderr)
atexit.register(report)
sys.addaudithook(hook)
sys.argv[0] = "rich ruamel.yaml asyncio psutil"
from remoterun.cli.app import main
main()
"""


@dataclass(frozen=True)
class Counted:
    """What one command line cost."""

    done: Done
    children: int
    opened: int
    """Files below the folder of runs, or another that is counted."""
    peak_kib: int
    loaded: tuple[str, ...]
    """Of rich, ruamel.yaml, asyncio and psutil those that were imported."""


def counted(folder: Path, *words: str, timeout: float = 60, below: str = RUNS) -> Counted:
    """The same command line, watched from inside by an audit hook.

    Args:
        below: what the files that are counted have in their path.
    """
    script = WATCHED.replace("RUNS", below)
    argv = [sys.executable, "-c", script, *words]
    done = subprocess.run(argv, cwd=folder, capture_output=True, timeout=timeout, check=False)
    err = done.stderr.decode("utf-8", "replace")
    line = next(line for line in err.splitlines() if line.startswith("COUNTS "))
    children, opened, peak, *loaded = line.split()[1:]
    answer = Done(done.returncode, done.stdout.decode("utf-8", "replace"), err)
    return Counted(answer, int(children), int(opened), int(peak), tuple(loaded))


def left_before_its_start(folder: Path, tag: str) -> Path:
    """A run whose supervisor began and vanished before the command was started."""
    run = ended_run(folder, tag)
    for name in ("exit_status.json", "artifacts.json", "control/exec"):
        (run / name).unlink()
    (run / "control/started").write_text("{}")
    process = json.loads((run / "process.json").read_text())
    host = {"hostname": os.uname().nodename, "pid": 2**22, "start_ticks": 1}
    write_json(run / "process.json", {**process, **host})
    return run


HOSTILE = b"\x1b[2J\x1b]0;owned\x07 \x9b31m \xe2\x80\xae [bold]x[/] :boom: \xff\n"
ALLOWED_CONTROLS = {"\n", "\t"}


def control_characters(text: str) -> set[str]:
    """What would act on a terminal."""
    import unicodedata

    unseen = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return {c for c in text if unicodedata.category(c) in unseen} - ALLOWED_CONTROLS
