"""However large or endless a log is, looking at a run stays small and quick."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from projects import Project, a_project

LIMIT_KB = 128 * 1024
SOON_S = 5.0
GIB = 2**30

# Memory of a child starts at that of the process which forked it: a small one forks it.
MEASURE = """
import os, sys
pid = os.fork()
if not pid:
    os.execv(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(pid, 0)
open(sys.argv[1], "w").write(str(usage.ru_maxrss))
os._exit(os.waitstatus_to_exitcode(status) & 255)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with a_project(tmp_path_factory.mktemp("bounded")) as made:
        made.configure(data_quality={}, progress={"patterns": [r"(?P<done>\d+)/(?P<target>\d+)"]})
        made.commit()
        yield made


def measured(
    project: Project, *words: str, timeout: float = 60
) -> tuple[subprocess.CompletedProcess[bytes], int, float]:
    """The answer, the peak memory in kB of whatever process was the largest, and the seconds."""
    peak = project.root.parent / "peak"
    argv = [sys.executable, "-I", "-S", "-c", MEASURE, str(peak)]
    started = time.monotonic()
    done = subprocess.run(
        [*argv, sys.executable, "-m", "remoterun", *words],
        cwd=project.root,
        env=project.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout,
    )
    return done, int(peak.read_text()), time.monotonic() - started


def sparse(path: Path) -> None:
    """One GiB of NUL bytes without a newline, and two lines at its end."""
    with path.open("r+b") as file:
        file.seek(GIB)
        file.write(b"\nlast but one 3/9\nthe end\n")


def one_long_line(path: Path) -> None:
    with path.open("ab") as file:
        for _ in range(64):
            file.write(b"x" * 2**20)


def empty_lines(path: Path) -> None:
    with path.open("ab") as file:
        for _ in range(32):
            file.write(b"\n" * 2**20)


def binary(path: Path) -> None:
    with path.open("ab") as file:
        for _ in range(32):
            file.write(os.urandom(2**20))


def progress_bar(path: Path) -> None:
    with path.open("ab") as file:
        for number in range(64):
            file.write(b"".join(b"\r%d/%d done" % (number, 999_999) for _ in range(2**16)))


LOGS = [sparse, one_long_line, empty_lines, binary, progress_bar]
VERBS = [
    ("status", "RUN"),
    ("status", "RUN", "-o", "json", "--tail-lines", "100000"),
    ("status",),
    ("logs", "RUN"),
    ("logs", "RUN", "-n", "100000"),
    ("monitor", "RUN", "--timeout", "1s"),
]


@pytest.mark.parametrize("fill", LOGS, ids=lambda fill: fill.__name__)
def test_the_log_of_an_ended_run_is_shown_in_little_memory_and_at_once(project, fill):
    tag = fill.__name__
    assert project.official(tag).returncode == 0
    fill(project.run_dir(tag) / "run.log")

    for verb in VERBS:
        done, peak_kb, seconds = measured(project, *(tag if w == "RUN" else w for w in verb))

        assert done.returncode == 0, done.stderr
        assert done.stdout
        assert peak_kb < LIMIT_KB, verb
        assert seconds < SOON_S, verb
        assert len(done.stdout) < 20 * 2**20, verb
    if fill is sparse:
        done, _, _ = measured(project, "logs", tag, "-n", "1")
        assert done.stdout == b"the end\n"


@pytest.fixture
def endless(project):
    """A run that never stops talking."""
    # without the pause it would fill the disk of who runs the tests
    script = "while :; do yes 'on and on and on' | head -c 8000000; sleep 0.1; done\n"
    (project.root / "then.sh").write_text(script)
    done = project.official("endless", follow=False)
    (project.root / "then.sh").unlink()
    assert done.returncode == 0, done.stderr
    try:
        yield project
    finally:
        project.end_everything()
        for run_dir in project.root.glob("audit/*/*_endless"):
            (run_dir / "run.log").unlink()


def test_a_run_without_end_and_measure_is_watched_in_little_memory(endless):
    for verb in (
        ("status", "endless"),
        ("logs", "endless"),
        ("monitor", "endless", "--timeout", "2s"),
    ):
        done, peak_kb, seconds = measured(endless, *verb)

        assert done.returncode == (75 if verb[0] == "monitor" else 0), done.stderr
        assert peak_kb < LIMIT_KB, verb
        assert seconds < SOON_S + (2 if verb[0] == "monitor" else 0), verb
    follow = [sys.executable, "-m", "remoterun", "logs", "-f", "endless"]
    followed = subprocess.run(
        ["bash", "-c", '"$@" | head -c 1000000 | wc -c', "-", *follow],
        cwd=endless.root,
        env=endless.environ,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert int(followed.stdout) == 1_000_000
    assert b"Traceback" not in followed.stderr
    done, peak_kb, _ = measured(endless, "stop", "endless", "--grace", "1s")
    assert done.returncode == 0, done.stderr
    assert peak_kb < LIMIT_KB
    shown = json.loads(endless.remoterun("status", "endless", "-o", "json").stdout)
    assert shown["runs"][0]["state"] == "stopped"


@pytest.mark.parametrize(
    "name",
    ["exit_status.json", "preflight.json", "manifest.json", "progress.json", "process.json"],
)
def test_a_record_that_is_endless_or_no_file_is_called_unreadable(project, name):
    tag = f"odd_{name.partition('.')[0]}"
    assert project.official(tag).returncode == 0
    path = project.run_dir(tag) / name
    path.unlink(missing_ok=True)
    for make in (
        lambda: os.truncate(os.open(path, os.O_CREAT | os.O_RDWR), GIB),
        lambda: os.mkfifo(path),
    ):
        make()
        done, peak_kb, seconds = measured(project, "status", str(project.run_dir(tag)))

        assert b"Traceback" not in done.stderr
        assert done.returncode == 0, done.stderr
        assert (
            b"unreadable" in done.stdout or b"more than" in done.stdout or name == "progress.json"
        )
        assert peak_kb < LIMIT_KB
        assert seconds < SOON_S
        path.unlink()
