"""Checks of a promise on given scripts: each says what is wrong, and nothing when all is right."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import given
from faults import syscalls, tree
from faults.sabotage.known_bad import Sabotage

from remoterun.records.scripts import read_text

Check = Callable[[given.Lab, Sabotage | None], str]
OLD, NEW = "old " * 500, "new " * 900


def place(lab: given.Lab, bad: Sabotage | None, script: str, tag: str, *args: str) -> Path:
    """An attempt with one script exchanged."""
    attempt = lab.attempt(script, tag, *args)
    if bad is not None:
        parts = ("lib.sh", "gating.sh", "official_run.sh")
        texts = [bad.text if name == bad.script else read_text(name) for name in parts]
        (attempt / "job.sh").write_bytes(b"".join(texts))
        (attempt / "control/wrappers" / bad.script).write_bytes(bad.text)
    return attempt


def begin(attempt: Path) -> subprocess.Popen[bytes]:
    """Its supervisor, as a launch starts it."""
    token = given.job_values(attempt)["token"]
    return subprocess.Popen(
        ["setsid", "--wait", "bash", str(attempt / "job.sh")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"REMOTERUN_SUPERVISOR_OF": token},
    )


def supervisor_of(attempt: Path) -> int:
    given.wait_until(lambda: (attempt / "control/exec").exists())
    return int(given.record(attempt, "process.json")["pid"])


def runs_once(lab: given.Lab, bad: Sabotage | None) -> str:
    """P1: what was started never starts again, also when nobody recorded its end."""
    counter = lab.root.parent / "counter"
    script = 'echo ran >>"$1"; exec sleep 99'
    attempt = place(lab, bad, script, "once", str(counter))
    first = begin(attempt)
    sid = supervisor_of(attempt)
    given.wait_until(counter.exists)
    while left := given.in_session(sid):
        for pid in left:
            given.kill(pid)
    first.wait()
    begin_again = begin(attempt)
    given.wait_until(lambda: begin_again.poll() is not None or count(counter) > 1)
    ran = count(counter)
    for pid in given.with_environment(lab.mark):
        given.kill(pid)
    begin_again.wait()
    return "" if ran == 1 else f"it was executed {ran} times"


def count(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


def records_the_truth(lab: given.Lab, bad: Sabotage | None) -> str:
    """P4: the status that was waited for, and no other."""
    for script, right in (("exit 7", (7, None)), ("kill -9 $$", (137, 9)), ("exit 0", (0, None))):
        attempt = place(lab, bad, script, f"truth_{right[0]}")
        begin(attempt).wait(60)
        said = given.record(attempt, "exit_status.json")
        if (said["exit_code"], said["signal"]) != right:
            return f"`{script}` is recorded as {said}"
    return ""


def invents_no_end(lab: given.Lab, bad: Sabotage | None) -> str:
    """P4: where nobody waited, nobody writes an end, also who finds the run later."""
    attempt = place(lab, bad, "exec sleep 99", "invented")
    supervisor = begin(attempt)
    sid = supervisor_of(attempt)
    while left := given.in_session(sid):
        for pid in left:
            given.kill(pid)
    supervisor.wait()
    script = '. "$0/lib.sh" && . "$0/finalize.sh"'
    wrappers = str(attempt / "control/wrappers")
    subprocess.run(["bash", "-c", script, wrappers, str(attempt), "later", "none"], check=False)
    ending = attempt / "exit_status.json"
    return f"invented: {ending.read_text()}" if ending.exists() else ""


def a_stop_is_no_success(lab: given.Lab, bad: Sabotage | None) -> str:
    """P4: a stopped command that exits 0 is stopped."""
    attempt = place(lab, bad, "trap 'exit 0' TERM; sleep 99 & wait", "stopped")
    supervisor = begin(attempt)
    os.kill(supervisor_of(attempt), signal.SIGTERM)
    supervisor.wait(60)
    state = given.record(attempt, "exit_status.json")["state"]
    return "" if state == "stopped" else f"it is recorded as {state}"


def a_signal_arrives(lab: given.Lab, bad: Sabotage | None) -> str:
    """P6: a command that does nothing about TERM ends by it, and does not need KILL."""
    attempt = place(lab, bad, "exec sleep 99", "polite")
    supervisor = begin(attempt)
    pid = supervisor_of(attempt)
    shim = int(given.record(attempt, "control/exec")["pid"])
    given.wait_until(lambda: [p for p in given.children_of(shim) if is_sleep(p)])
    os.kill(pid, signal.SIGTERM)
    supervisor.wait(60)
    number = given.record(attempt, "exit_status.json")["signal"]
    return "" if number == signal.SIGTERM else f"it ended by signal {number}"


def is_sleep(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text() == "sleep\n"
    except OSError:
        return False


def a_stop_is_exact(lab: given.Lab, bad: Sabotage | None) -> str:
    """P6: the whole tree ends, and no decoy."""
    pids = lab.root.parent / "pids"
    attempt = place(lab, bad, tree.TREE, "exact", str(pids), "wait")
    supervisor = begin(attempt)
    try:
        pid = supervisor_of(attempt)
        given.wait_until(lambda: tree.is_grown(pids))
        with tree.decoys(attempt, given.job_values(attempt)["token"]) as farm:
            os.kill(pid, signal.SIGTERM)
            try:
                supervisor.wait(20)
            except subprocess.TimeoutExpired:
                return "the run does not end"
            hit = [decoy.name for decoy in farm if not decoy.untouched]
            left = tree.survivors(pids)
    finally:
        tree.end(pids)
        for pid in given.with_environment(lab.mark):
            given.kill(pid)
        supervisor.wait()
    return f"survivors {left}, decoys hit {hit}" if left or hit else ""


def the_first_record_stands(lab: given.Lab, bad: Sabotage | None) -> str:
    """P7: a second record of a name is refused."""
    file = lab.root.parent / "record"
    for text in ("first", "second"):
        call(lib_of(lab, bad), "publish_once", file, text)
    return "" if file.read_text() == "first\n" else "the second record replaced the first"


def nothing_is_torn(function: str) -> Check:
    """P7: the writer is killed at each of its own system calls."""

    def check(lab: given.Lab, bad: Sabotage | None) -> str:
        lib = lib_of(lab, bad)
        folder = Path(tempfile.mkdtemp(dir=lab.root.parent))
        file, trace = folder / "in/record.json", folder / "trace"
        fresh(file, function)
        call(lib, function, file, NEW, ["strace", "-o", str(trace)])
        before = f"{OLD}\n" if function == "replace" else None
        seen = set()
        for point in syscalls.points(trace, lambda line: ".tmp" in line or str(file) in line):
            fresh(file, function)
            call(lib, function, file, NEW, point.kill())
            found = file.read_text() if file.exists() else None
            if found not in (before, f"{NEW}\n"):
                return f"half a file at {point}"
            seen.add(found)
            call(lib, function, file, NEW)
            if not file.exists() or file.read_text() != f"{NEW}\n":
                return f"the second try after {point} did not succeed"
        return "" if seen == {before, f"{NEW}\n"} else f"nothing was proved: {len(seen)} outcomes"

    return check


def fresh(file: Path, function: str) -> None:
    shutil.rmtree(file.parent, ignore_errors=True)
    file.parent.mkdir()
    if function == "replace":
        file.write_text(f"{OLD}\n")


def lib_of(lab: given.Lab, bad: Sabotage | None) -> Path:
    lib = lab.root.parent / "lib.sh"
    lib.write_bytes(bad.text if bad else read_text("lib.sh"))
    return lib


def call(lib: Path, function: str, file: Path, text: str, strace: list[str] | None = None) -> int:
    """`FUNCTION FILE TEXT` of a lib.sh, in the file's folder."""
    # the function is called from the middle of a script, as it is in the wrappers
    script = f'. "$0"; cd "${{1%/*}}"; {function} "${{1##*/}}" "$2"; exit $?'
    words = [*(strace or []), "bash", "-c", script, str(lib), str(file), text]
    return subprocess.run(words, capture_output=True, check=False).returncode
