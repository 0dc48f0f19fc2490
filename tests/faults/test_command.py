"""The user's command runs as if it had been typed, whoever waits for it."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import given
import pytest

from remoterun.model.state import StateName

HOSTILE = [
    b"",
    b" ",
    b"two words",
    b"line\nbreak\n",
    b"*",
    b"?.[a-z]~",
    b"$(touch /tmp/never) `id` $HOME",
    b"'\"\\",
    b"-rf",
    b"--",
    b"\xff\xfe not utf-8 \x80",
    "Größe ∑ 東京".encode(),
    b"\x1b[31m\x07\x7f\x01",
    b"a=b;c|d&e>f<g#!",
    b"x" * 5000,
    b"",
]
PROBE = Path(__file__).with_name("probe.py")
WAITERS = {
    "python3": [],
    "perl": ["/usr/bin/python3*"],
    "bash": ["/usr/bin/python3*", "/usr/bin/perl*"],
}
"""What must be missing on the host so that this one waits for the command."""
DRIVER = """
import os, sys
sys.path.insert(0, {tests!r})
import given
from pathlib import Path
lab = given.Lab(Path({root!r}))
words = open(os.environ["WORDS"], "rb").read().split(b"\\0")[:-1]
print(lab.run(words, {tag!r}))
"""


def hidden(patterns: list[str]) -> list[str]:
    """Real files that must be covered."""
    found = {path.resolve() for text in patterns for path in Path("/").glob(text[1:])}
    return sorted(str(path) for path in found if path.is_file() and "config" not in path.name)


def start(lab: given.Lab, waiter: str, tag: str, *words: bytes | str, **environ: str) -> Path:
    """Launch a run on a host that lacks the better waiters: in a mount namespace of its own."""
    file = lab.root.parent / f"words_{tag}"
    raw = [word.encode() if isinstance(word, str) else word for word in words]
    file.write_bytes(b"".join(word + b"\0" for word in raw))
    driver = DRIVER.format(tests=str(given.TESTS), root=str(lab.root), tag=tag)
    argv = [given.PYTHON, "-c", driver]
    environment = os.environ | {"WORDS": str(file)} | environ
    if WAITERS[waiter]:
        if os.geteuid() != 0 or not shutil.which("unshare"):
            pytest.skip("hiding an interpreter needs root and unshare")
        cover = 'for f in "${@:2:$1}"; do mount --bind /dev/null "$f" || exit 97; done'
        files = hidden(WAITERS[waiter])
        script = f'{cover}; shift $(($1 + 1)); exec "$@"'
        argv = ["unshare", "-m", "bash", "-c", script, "bash", str(len(files)), *files, *argv]
        # what is in front on the user's path must not be a way round
        environment["PATH"] = "/usr/bin:/bin"
    done = subprocess.run(argv, env=environment, cwd=lab.root, capture_output=True, check=False)
    if done.returncode == 97:
        pytest.skip("this machine does not let root cover a file")
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.decode().strip())


@pytest.mark.parametrize("waiter", WAITERS)
def test_a_command_sees_its_words_and_surroundings_as_they_were_typed(lab, waiter):
    seen_file = lab.root.parent / "seen"
    old = os.umask(0o027)
    try:
        words = [given.PYTHON, str(PROBE), str(seen_file), *HOSTILE]
        run_dir = start(lab, waiter, "probe", *words, LC_ALL="POSIX", MINE="x\ny")
    finally:
        os.umask(old)
    state = given.settled(run_dir)
    assert state.name is StateName.SUCCEEDED, (run_dir / "run.log").read_text()
    seen = json.loads(seen_file.read_bytes())

    assert [bytes.fromhex(word) for word in seen["argv"]] == HOSTILE
    assert seen["umask"] == 0o027
    assert seen["cwd"] == str(lab.root)
    assert seen["leads_its_group"]

    descriptors = seen["descriptors"]
    assert descriptors["0"] == "/dev/null"
    assert descriptors["1"] == descriptors["2"] == str(run_dir / "run.log")
    assert "8" not in descriptors
    assert descriptors["9"] == str(run_dir / "control/lock")
    # 3 is the probe's own look at the folder
    assert set(descriptors) <= {"0", "1", "2", "3", "9"}

    environ = seen["environ"]
    assert environ["LC_ALL"] == "POSIX"
    assert environ["MINE"] == "x\ny"
    usual = "/usr/bin:/bin" if WAITERS[waiter] else os.environ["PATH"]
    assert environ["PATH"] == usual
    assert environ["OUT_DIR"] == environ["REMOTERUN_RUN_DIR"] == str(run_dir)
    assert environ["REMOTERUN_ATTEMPT"] == "1"
    assert {environ[name] for name in environ if name.endswith("_NUM_THREADS")} == {"1"}
    ours = {name for name in environ if name.startswith("REMOTERUN_")}
    assert "REMOTERUN_SUPERVISOR_OF" not in ours


LIBC_OWN = 1 << 31 | 1 << 32
"""Signals 32 and 33 are libc's; no program can reset them, and whoever runs us may ignore them."""


@pytest.mark.parametrize("waiter", WAITERS)
def test_a_command_ignores_and_blocks_no_signal(lab, waiter):
    run_dir = start(lab, waiter, "status", "cat", "/proc/self/status")
    assert given.settled(run_dir).name is StateName.SUCCEEDED
    said = (run_dir / "run.log").read_text().splitlines()
    masks = {
        line.split()[0]: int(line.split()[1], 16)
        for line in said
        if line[:6] in ("SigIgn", "SigBlk")
    }
    assert (masks["SigIgn:"] & ~LIBC_OWN, masks["SigBlk:"] & ~LIBC_OWN) == (0, 0)


@pytest.mark.parametrize("waiter", WAITERS)
@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM, signal.SIGKILL]
)
def test_a_signal_reaches_the_command_and_is_recorded(lab, waiter, number):
    pid_file = lab.root.parent / "pid"
    script = f'ulimit -c 0; echo $$ >"{pid_file}"; exec sleep 99'
    run_dir = start(lab, waiter, "signalled", "bash", "-c", script)
    given.wait_until(lambda: pid_file.exists() and pid_file.read_text().endswith("\n"))
    pid = int(pid_file.read_text())
    given.wait_until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
    os.kill(pid, number)
    state = given.settled(run_dir)
    said = given.record(run_dir, "exit_status.json")

    assert state.name is StateName.FAILED
    # bash cannot tell a code above 128 from a signal, and does not pretend to
    expected = None if waiter == "bash" else int(number)
    assert (said["exit_code"], said["signal"]) == (128 + number, expected)


@pytest.mark.parametrize("waiter", WAITERS)
@pytest.mark.parametrize("code", [0, 1, 127, 137, 255])
def test_an_exit_code_is_recorded_by_every_waiter(lab, waiter, code):
    run_dir = start(lab, waiter, "ended", "bash", "-c", f"exit {code}")
    state = given.settled(run_dir)
    said = given.record(run_dir, "exit_status.json")
    assert (said["exit_code"], said["signal"]) == (code, None)
    assert state.name is (StateName.FAILED if code else StateName.SUCCEEDED)


@pytest.mark.parametrize("waiter", ["perl", "bash"])
def test_a_stop_ends_a_deaf_command_under_every_waiter(lab, waiter):
    script = 'trap "" TERM; sleep 99 & sleep 99'
    run_dir = start(lab, waiter, "deaf", "bash", "-c", script)
    given.wait_until(lambda: (run_dir / "control/exec").exists())
    stopped = given.end(run_dir)
    assert stopped.left == 0
    assert given.settled(run_dir).name is StateName.STOPPED


def test_a_supervisor_that_is_interrupted_stops_its_run(lab):
    run_dir = lab.official("sleep 99", "interrupted")
    given.wait_until(lambda: (run_dir / "control/exec").exists())
    os.kill(given.record(run_dir, "process.json")["pid"], signal.SIGINT)
    assert given.settled(run_dir).name is StateName.STOPPED


def test_a_hang_up_of_the_supervisor_is_survived(lab):
    run_dir = lab.official("sleep 1; exit 5", "hung_up")
    given.wait_until(lambda: (run_dir / "control/exec").exists())
    os.kill(given.record(run_dir, "process.json")["pid"], signal.SIGHUP)
    assert given.settled(run_dir).name is StateName.FAILED
    assert given.record(run_dir, "exit_status.json")["exit_code"] == 5
