"""Every way to end is recorded as an independent observer saw it: strace waits for it as well."""

import fcntl
import os
import re
import resource
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import given
import pytest

from remoterun.model.state import StateName

# Ends as the file says: `exit N` or `kill N`. Perl ignores SIGFPE, the kernel does not.
COMMAND = r"""
exec perl -e '
  open my $pid, ">", "$ENV{OUT_DIR}/command_pid"; syswrite $pid, $$; close $pid;
  open my $want, "<", "$ENV{OUT_DIR}/want"; my ($how, $number) = split " ", <$want>;
  require POSIX;
  POSIX::_exit($number) if $how eq "exit";
  $SIG{FPE} = "DEFAULT";
  kill $number, $$;
  sleep 5;
'
"""
SHIM = '. "$0/lib.sh" && . "$0/shim.sh"'
RECORD = '. "$0/lib.sh" && cd "$1" && read_values control/job && record_ending supervisor none'
HARMLESS = {"CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "WINCH"}
FATAL = [
    number
    for number in sorted({int(s) for s in signal.valid_signals()})
    if number not in {getattr(signal, f"SIG{name}") for name in HARMLESS}
]
needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace is missing")


@dataclass(frozen=True)
class Ended:
    """How a command ended: what strace saw, what the shim waited for, what was recorded."""

    seen: tuple[int, int | None]
    waited: tuple[int, int | None]
    recorded: tuple[str, int, int | None]


def no_core() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run_shim(attempt: Path, wanted: str) -> Ended:
    """The real shim on one attempt, again and again: its marks are taken away before."""
    for name in ("control/exec", "control/shim_exit", "exit_status.json", "command_pid"):
        (attempt / name).unlink(missing_ok=True)
    (attempt / "want").write_text(wanted)
    witness = attempt.parent / f"{attempt.name}.witness"
    watch = ["strace", "--seccomp-bpf", "-f", "-q", "-e", "trace=none", "-o", str(witness)]
    wrappers = str(attempt / "control/wrappers")
    words = [wrappers, str(attempt), ""]
    with (attempt / "control/lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(
            [*watch, "bash", "-c", f"exec 9>&{lock.fileno()} 8>/dev/null; {SHIM}", *words],
            env=dict(given.environment_of(attempt)),
            pass_fds=[lock.fileno()],
            preexec_fn=no_core,
            check=False,
        )
    subprocess.run(["bash", "-c", RECORD, wrappers, str(attempt)], check=True)
    pid = (attempt / "command_pid").read_text()
    shim, ending = (given.record(attempt, n) for n in ("control/shim_exit", "exit_status.json"))
    return Ended(
        as_seen(witness.read_text(), pid),
        (shim["exit_code"], shim["signal"]),
        (ending["state"], ending["exit_code"], ending["signal"]),
    )


def as_seen(witness: str, pid: str) -> tuple[int, int | None]:
    found = re.search(rf"^{pid} +\+\+\+ (exited with|killed by) (\w+)", witness, re.M)
    assert found, witness
    if found[1] == "exited with":
        return int(found[2]), None
    number = signal_number(found[2])
    return 128 + number, number


def signal_number(name: str) -> int:
    if name.startswith("SIGRT"):
        return 32 + int(name.removeprefix("SIGRT_") or 0)
    return int(getattr(signal, name))


def end_all(lab: given.Lab, wanted: list[str]) -> dict[str, Ended]:
    """Each wanted ending through a shim, four at a time."""
    workers = 4
    attempts = [lab.attempt(COMMAND, f"a{number}") for number in range(workers)]
    fields = given.stat_of(os.getpid())
    for attempt in attempts:
        # the supervisor lives: it is this test
        said = f'{{"pid": {os.getpid()}, "start_ticks": {fields[19]}}}\n'
        (attempt / "process.json").write_text(said)

    def work(number: int) -> list[tuple[str, Ended]]:
        return [(one, run_shim(attempts[number], one)) for one in wanted[number::workers]]

    with ThreadPoolExecutor(workers) as pool:
        return dict(pair for pairs in pool.map(work, range(workers)) for pair in pairs)


@needs_strace
def test_every_exit_code_is_recorded_as_an_observer_saw_it(lab):
    ended = end_all(lab, [f"exit {code}" for code in range(256)])
    for code in range(256):
        state = "fail" if code else "success"
        right = Ended((code, None), (code, None), (state, code, None))
        assert ended[f"exit {code}"] == right


@needs_strace
def test_every_fatal_signal_is_recorded_as_an_observer_saw_it(lab):
    ended = end_all(lab, [f"kill {number}" for number in FATAL])
    assert len(FATAL) > 50
    for number in FATAL:
        how = (128 + number, number)
        assert ended[f"kill {number}"] == Ended(how, how, ("fail", *how))


@pytest.mark.parametrize(
    ("wanted", "code", "number"),
    [(f"exit {code}", code, None) for code in (0, 1, 2, 77, 126, 127, 130, 137, 143, 255)]
    + [(f"kill {int(n)}", 128 + n, int(n)) for n in (1, 2, 3, 6, 9, 11, 13, 15, 24, 34, 64)],
)
def test_a_whole_run_records_what_its_command_did(lab, wanted, code, number):
    how, what = wanted.split()
    script = {
        "exit": f"exit {what}",
        "kill": f"ulimit -c 0; exec perl -e 'kill {what}, $$; sleep 5'",
    }[how]
    run_dir = lab.official(script, "whole", follow="end")
    said = given.record(run_dir, "exit_status.json")

    assert (said["exit_code"], said["signal"]) == (code, number)
    assert said["reason"] == ("signal" if number else "exit_code")
    right = StateName.SUCCEEDED if code == 0 else StateName.FAILED
    assert given.settled(run_dir).name is right
    assert given.record(run_dir, "result.json")["exit_code"] == code


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["no-such-program-here"], 127, b"cannot start"),
        (["/etc/passwd"], 126, b"cannot start"),
        (["/"], 126, b"cannot start"),
    ],
)
def test_a_command_that_cannot_be_started_ends_with_the_code_of_a_shell(lab, argv, code, said):
    run_dir = lab.run(argv, "unstartable", follow="end")
    assert given.record(run_dir, "exit_status.json")["exit_code"] == code
    assert said in (run_dir / "run.log").read_bytes()


@pytest.mark.parametrize(
    "script",
    [
        "trap 'exit 0' EXIT; kill -9 $$",
        "trap '' TERM; kill -9 0",
        "trap 'echo $?' EXIT; exit 5",
        "set -m; (sleep 0.1; exit 9) & wait $!; exec sh -c 'exit 5'",
        "(trap '' HUP; sleep 0.2) & exec perl -e 'exit 5'",
        "exec 9>&-; exit 5",
        'exec >/dev/null 2>&1; rm -f "$OUT_DIR/run.log"; exit 5',
    ],
)
def test_what_a_command_does_to_its_shell_does_not_reach_the_record(lab, script):
    run_dir = lab.official(script, "odd", follow="end")
    right = (137, 9) if "-9" in script else (5, None)
    said = given.record(run_dir, "exit_status.json")
    assert (said["exit_code"], said["signal"], said["state"]) == (*right, "fail")


def test_a_command_over_its_time_limit_is_ended_and_never_a_success(tmp_path):
    settings = given.PROJECT_FILE.replace("{stop_grace: 1s}", "{stop_grace: 1s, time: 1s}")
    with given.marked_processes() as mark:
        lab = given.Lab.make(tmp_path / "project", mark, settings=settings)
        polite = lab.official("trap 'exit 0' TERM; sleep 100 & wait", "polite")
        deaf = lab.official("trap '' TERM; sleep 100; exit 0", "deaf")
        states = [given.settled(run_dir).name for run_dir in (polite, deaf)]
    assert states == [StateName.TIMED_OUT, StateName.TIMED_OUT]
    assert given.record(polite, "exit_status.json")["exit_code"] == 0
    assert given.record(polite, "exit_status.json")["state"] == "fail"
