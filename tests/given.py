"""What is given: a project with its own repository, runs on `local`, attempts, valid models."""

import contextlib
import fcntl
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from remoterun.model import rundir
from remoterun.model.intent import Intent
from remoterun.model.state import Evidence, State
from remoterun.records.config import read_configuration
from remoterun.rules.state import classify
from remoterun.steps.launch import build_parcel
from remoterun.steps.look import look
from remoterun.steps.official import first_intent, start
from remoterun.steps.request import Prepared, Wishes, prepare_official
from remoterun.steps.run import RunWishes, prepare_run
from remoterun.steps.stop import Stopped, stop

FOLDERS = {
    "HOME": ".",
    "XDG_CONFIG_HOME": "config",
    "XDG_STATE_HOME": "state",
    "XDG_CACHE_HOME": "cache",
    "XDG_RUNTIME_DIR": "runtime",
}
MARK = "REMOTERUN_TEST_MARK"
"""In the environment of all that a test starts, so that it can be found and ended."""

PROJECT_FILE = """\
version: 1
project: research
owner: hui
workflows:
  job:
    command: [bash, -c]
    limits: {stop_grace: 1s}
"""
IDENTITY = ("-c", "user.name=n", "-c", "user.email=n@example", "-c", "gc.auto=0")

Word = str | bytes
TESTS = Path(__file__).parent
PYTHON = sys.executable


def wait_until(predicate: Callable[[], Any], seconds: float = 20, *, every: float = 0.02) -> Any:
    """What the predicate answers as soon as that is true; fails when it never is."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if answer := predicate():
            return answer
        time.sleep(every)
    answer = predicate()
    assert answer, f"not within {seconds} s"
    return answer


# --- processes -----------------------------------------------------------------------------------


def stat_of(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def alive(pid: int) -> bool:
    """It exists and is no zombie."""
    fields = stat_of(pid)
    return bool(fields) and fields[0] not in "ZX"


def all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def with_environment(text: str) -> list[int]:
    """The living processes in whose first environment this text stands."""
    found = []
    for pid in all_pids():
        with contextlib.suppress(OSError):
            if text.encode() in Path(f"/proc/{pid}/environ").read_bytes() and alive(pid):
                found.append(pid)
    return [pid for pid in found if pid != os.getpid()]


def in_session(sid: int) -> list[int]:
    return [pid for pid in all_pids() if (f := stat_of(pid)) and int(f[3]) == sid and alive(pid)]


def children_of(parent: int) -> list[int]:
    return [pid for pid in all_pids() if (f := stat_of(pid)) and int(f[1]) == parent]


def kill(pid: int, number: int = signal.SIGKILL, *, mark: str = "") -> bool:
    """Whether the signal was sent; with a mark only to a process that has it in its environment,
    since the number of one that has ended may be another's by now.
    """
    try:
        if mark.encode() not in Path(f"/proc/{pid}/environ").read_bytes():
            return False
        os.kill(pid, number)
    except (ProcessLookupError, FileNotFoundError):
        return False
    return True


@contextlib.contextmanager
def marked_processes() -> Iterator[str]:
    """All that is started inside, and kept its environment, is ended on the way out."""
    mark = f"{MARK}_{secrets.token_hex(8)}"
    os.environ[mark] = "1"
    try:
        yield mark
    finally:
        del os.environ[mark]
        for _ in range(100):
            if not (left := with_environment(mark)):
                break
            for pid in left:
                kill(pid)
            time.sleep(0.01)


# --- runs ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lab:
    """A project, and its runs launched in this process by the steps of the command line."""

    root: Path
    mark: str = ""

    @classmethod
    def make(cls, root: Path, mark: str = "", *, settings: str = PROJECT_FILE) -> "Lab":
        root.mkdir(parents=True)
        (root / "remoterun.yaml").write_text(settings)
        for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
            subprocess.run(["git", "-C", str(root), *IDENTITY, *words], check=True)
        return cls(root, mark)

    def prepare(self, script: str, tag: str, *args: Word, **wishes: Any) -> Prepared:
        """An official launch of `bash -c SCRIPT job ARGS…`."""
        words = [_bytes(word) for word in (script, "job", *args)]
        configuration = read_configuration(self.root, os.environ, None, None)
        asked = Wishes(args=words, workflow="job", tag=tag, **wishes)
        return prepare_official(configuration, asked, os.environ, datetime.now(UTC))

    def official(self, script: str, tag: str, *args: Word, follow: str = "once") -> Path:
        """Launch it, or find it launched; the run directory."""
        return begin(self.prepare(script, tag, *args), follow=follow)

    def run(self, argv: Sequence[Word], tag: str, *, follow: str = "once") -> Path:
        """Launch any command, without a workflow."""
        configuration = read_configuration(self.root, os.environ, None, None)
        asked = RunWishes(Wishes(args=[_bytes(word) for word in argv], tag=tag))
        return begin(prepare_run(configuration, asked, os.environ, self.root), follow=follow)

    def attempt(self, script: str, tag: str, *args: Word) -> Path:
        """The directory of an attempt as a launch sends it, placed and not started."""
        prepared = self.prepare(script, tag, *args)
        return self.place(prepared, first_intent(prepared, datetime.now(UTC)))

    def place(self, prepared: Prepared, intent: Intent) -> Path:
        """The same for an intent."""
        project = prepared.project.settings if prepared.project else None
        parcel = build_parcel(prepared.request, intent, project)
        run_dir = self.root / intent.run_path
        for name, content in parcel.files.items():
            path = run_dir / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return run_dir

    def runs(self) -> list[Path]:
        """Whatever lies where the runs lie."""
        return sorted((self.root / "audit/workstation_runs").iterdir())


def begin(prepared: Prepared, *, follow: str = "once") -> Path:
    with start(prepared, datetime.now(UTC), follow=follow) as answer:
        for _ in answer.frames:
            pass
        return answer.run_dir


def end(run_dir: Path, *, grace_s: int = 1) -> Stopped:
    """The `stop` of the command line."""
    run_id = record(run_dir, "manifest.json")["run_id"]
    now = datetime.now(UTC)
    return stop(run_dir, run_id, reason="the test", actor="hui", grace_s=grace_s, now=now)


def see(run_dir: Path) -> tuple[Evidence, State]:
    evidence = look([run_dir])[0]
    return evidence, classify(evidence)


def lock_is_free(run_dir: Path) -> bool:
    """Nothing of the run that matters is alive: the kernel says so."""
    attempt = rundir.attempt_dir(run_dir, rundir.last_attempt(run_dir))
    try:
        with (attempt / "control/lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return False
    return True


def settled(run_dir: Path, seconds: float = 40) -> State:
    """What is seen of a run once nothing more can come from it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if lock_is_free(run_dir) and (state := see(run_dir)[1]).settled:
            return state
        time.sleep(0.05)
    raise AssertionError(f"not settled within {seconds} s: {see(run_dir)}")


def record(run_dir: Path, name: str) -> dict[str, Any]:
    said = json.loads((run_dir / name).read_bytes())
    assert isinstance(said, dict)
    return said


def job_values(attempt: Path) -> dict[str, str]:
    """What the wrappers read out of `control/job`."""
    words = (attempt / "control/job").read_bytes().decode().split("\0")[:-1]
    return dict(zip(words[::2], words[1::2], strict=True))


def environment_of(attempt: Path, **more: str) -> Mapping[str, str]:
    """What the supervisor gives to the shim of a first attempt."""
    values = job_values(attempt)
    return os.environ | {
        "REMOTERUN_RUN_DIR": str(attempt),
        "REMOTERUN_ATTEMPT_DIR": str(attempt),
        "REMOTERUN_RUN_ID": values["run_id"],
        "REMOTERUN_TOKEN": values["token"],
        "OUT_DIR": str(attempt),
        **more,
    }


def _bytes(word: Word) -> bytes:
    return word.encode() if isinstance(word, str) else word
