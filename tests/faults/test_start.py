"""The supervisor is killed at each system call of its start: at most one execution, then one."""

import os
import random
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import given
import pytest
from faults import syscalls

from remoterun.model.state import StateName

COMMAND = r"""printf 'ran %s\n' "$$" >>"$1"; exit 7"""
MEANINGLESS = {"rt_sigprocmask", "rt_sigaction", "rt_sigreturn", "brk", "fcntl", "lseek", "ioctl"}
"""Between two of these nothing has changed that anybody could see."""
SAMPLE = 48
needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace is missing")
RECORDS = ("process.json", "heartbeat.json", "context.json", "preflight.json", "exit_status.json")


def supervise(attempt: Path, strace: list[str]) -> None:
    subprocess.run(
        ["setsid", "--wait", *strace, "bash", str(attempt / "job.sh")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        env=os.environ | {"REMOTERUN_SUPERVISOR_OF": given.job_values(attempt)["token"]},
    )


def chosen(trace: Path, soak: int) -> list[syscalls.Point]:
    """All calls from the first write into the run directory on; a sample of them without soak."""
    found = [
        point
        for point in syscalls.points(trace, lambda line: "control/lock" in line)
        if point.name not in MEANINGLESS
    ]
    count = min(len(found), SAMPLE * soak)
    return sorted(random.sample(found, count), key=found.index)


def half_files(attempt: Path) -> list[str]:
    """Records that are there and not whole."""
    torn = []
    for path in [*map(attempt.joinpath, RECORDS), *(attempt / "control").glob("*.json")]:
        if path.exists():
            try:
                given.record(attempt, str(path.relative_to(attempt)))
            except ValueError:
                torn.append(path.name)
    for name in ("control/started", "control/exec", "control/shim_exit"):
        if (attempt / name).exists() and not (attempt / name).read_text().endswith("}\n"):
            torn.append(name)
    return torn


def kill_at(lab: given.Lab, number: int, point: syscalls.Point) -> str:
    """What is wrong with a run whose supervisor was killed there; empty when nothing is."""
    counter = lab.root.parent / f"counter_{number}"
    attempt = lab.attempt(COMMAND, f"s{number}", str(counter))
    supervise(attempt, point.kill())
    if torn := half_files(attempt):
        return f"{point}: half files {torn}"
    given.wait_until(lambda: given.lock_is_free(attempt) or not lock_exists(attempt), 30)
    ran = executions(counter)
    state = given.see(attempt)[1].name
    if state is StateName.SUCCEEDED or ran > 1:
        return f"{point}: {state}, {ran} executions"
    # the same attempt again: it starts what was not started, and never what was
    supervise(attempt, [])
    given.wait_until(lambda: given.lock_is_free(attempt), 30)
    state = given.see(attempt)[1].name
    if executions(counter) != 1:
        return f"{point}: {executions(counter)} executions after the second try"
    if state is not StateName.FAILED or half_files(attempt):
        return f"{point}: {state} after the second try, {half_files(attempt)}"
    return ""


def lock_exists(attempt: Path) -> bool:
    return (attempt / "control/lock").exists()


def executions(counter: Path) -> int:
    return counter.read_text().count("ran") if counter.exists() else 0


@needs_strace
def test_a_supervisor_killed_at_any_system_call_starts_its_command_at_most_once(lab, soak):
    trace = lab.root.parent / "trace"
    reference = lab.attempt(COMMAND, "reference", str(lab.root.parent / "counter"))
    supervise(reference, ["strace", "-o", str(trace)])
    points = chosen(trace, soak)
    assert len(points) >= SAMPLE

    with ThreadPoolExecutor(4) as pool:
        wrong = list(pool.map(lambda pair: kill_at(lab, *pair), enumerate(points)))
    assert [text for text in wrong if text] == []
