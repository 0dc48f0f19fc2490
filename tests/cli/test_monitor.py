"""`monitor`: a run as it goes on, to its end or until one leaves."""

import os
import pty
import signal
import subprocess
import sys
import threading
import time

import pytest

from remoterun.model.exit_status import Ending
from tests.given_runs import (
    HOSTILE,
    control_characters,
    counted,
    ended_run,
    launch,
    left_before_its_start,
    project,
    remoterun,
)

STEPS = """
for i in 1 2 3 4; do
  echo "{\\"n_done\\": $i, \\"n_target\\": 4, \\"stage\\": \\"fit\\"}" >"$OUT_DIR/.p"
  mv "$OUT_DIR/.p" "$OUT_DIR/progress.json"
  echo "epoch $i"
  sleep 0.6
done
"""
MILESTONES = {"file": "progress.json", "milestones": [r"epoch \d+"]}


def on_a_terminal(folder, *words, interrupt_after_s=None, columns=100, rows=40):
    """Exit code and everything that was drawn."""
    master, slave = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": str(columns), "LINES": str(rows)}
    argv = [sys.executable, "-m", "remoterun", *words]
    child = subprocess.Popen(
        argv, cwd=folder, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    if interrupt_after_s is not None:
        threading.Timer(interrupt_after_s, child.send_signal, [signal.SIGINT]).start()
    drawn = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # how Linux says that nobody holds the other end any more
            break
        if not data:
            break
        drawn += data
    os.close(master)
    return child.wait(timeout=30), drawn.decode("utf-8", "replace")


def test_off_a_terminal_it_tells_changes_milestones_and_the_end(tmp_path):
    folder = project(tmp_path, STEPS, progress=MILESTONES)
    launch(folder, "t1")
    done = remoterun(folder, "monitor", "t1", "--interval", "30")
    assert done.code == 0
    lines = done.out.splitlines()
    assert [line for line in lines if "milestone" in line] == [
        f"  milestone: epoch {number}" for number in (1, 2, 3, 4)
    ]
    assert " · t1 · running (lock" in lines[0]
    assert lines[1] == "  gate: preflight passed"
    assert any(" · t1 · succeeded (record" in line for line in lines)
    assert lines[-1].startswith("t1 succeeded")
    assert done.err.splitlines()[-1] == "next: remoterun status t1"
    assert control_characters(done.out + done.err) == set()


def test_rate_and_time_left_come_from_what_was_seen(tmp_path):
    folder = project(tmp_path, STEPS, progress=MILESTONES)
    launch(folder, "t1")
    done = remoterun(folder, "monitor", "t1", "--interval", "1")
    assert any("[fit]" in line and " left" in line for line in done.out.splitlines())


def test_an_interval_of_nothing_is_the_shortest_one(tmp_path):
    folder = project(tmp_path, "for i in 1 2 3 4 5 6 7 8; do sleep 1; echo $i; done")
    launch(folder, "t1")
    found = {}
    for interval in ("0", "1000"):
        done = remoterun(folder, "monitor", "t1", "--interval", interval, "--timeout", "3")
        found[interval] = sum("running" in line for line in done.out.splitlines())
    assert found["0"] > found["1000"]
    remoterun(folder, "stop", "t1")


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 4", 7)])
def test_it_exits_by_the_end_of_the_run(tmp_path, script, code):
    folder = project(tmp_path, f"sleep 1; {script}")
    launch(folder, "t1")
    assert remoterun(folder, "monitor", "--tag", "t1").code == code
    assert remoterun(folder, "monitor", "t1").code == code


def test_a_blocked_run_says_the_reasons(tmp_path):
    folder = project(tmp_path, preflight={"min_cores": 4096})
    launch(folder, "t1")
    done = remoterun(folder, "monitor", "t1")
    assert done.code == 6
    assert "4096" in done.out
    assert "preflight" in done.out


def test_a_run_that_nobody_goes_on_with_ends_it_with_the_command(tmp_path):
    folder = project(tmp_path)
    left_before_its_start(folder, "t1")
    done = remoterun(folder, "monitor", "t1", timeout=30)
    assert done.code == 75
    assert done.err.splitlines()[-1] == "next: remoterun resume t1"


def test_it_leaves_when_its_time_is_over(tmp_path):
    folder = project(tmp_path, "sleep 60")
    launch(folder, "t1")
    begun = time.monotonic()
    done = remoterun(folder, "monitor", "t1", "--timeout", "1")
    assert done.code == 75
    assert time.monotonic() - begun < 12
    assert remoterun(folder, "status", "t1", "--check").code == 75
    remoterun(folder, "stop", "t1")


def test_it_is_one_stream_and_no_further_exec(tmp_path):
    folder = project(tmp_path, STEPS, progress=MILESTONES)
    launch(folder, "t1")
    found = counted(folder, "monitor", "t1")
    assert found.done.code == 0
    assert found.children == 1
    assert "rich" not in found.loaded


def test_control_c_detaches_and_says_how_to_come_back(tmp_path):
    folder = project(tmp_path, "sleep 60")
    launch(folder, "t1")
    argv = [sys.executable, "-m", "remoterun", "monitor", "t1"]
    with subprocess.Popen(
        argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert "running" in child.stdout.readline()
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=30) == 130
        said = child.stderr.read()
    assert said.splitlines()[-1] == "next: remoterun monitor t1"
    assert remoterun(folder, "status", "t1", "--check").code == 75
    remoterun(folder, "stop", "t1")


def test_on_a_terminal_a_live_view_is_drawn_to_the_end(tmp_path):
    folder = project(tmp_path, STEPS, progress=MILESTONES)
    launch(folder, "t1")
    code, drawn = on_a_terminal(folder, "monitor", "t1")
    assert code == 0
    for text in ("progress", "elapsed", "gate", "reached", "epoch 4", "run.log", "4/4"):
        assert text in drawn
    assert "\x1b[?25h" in drawn  # the cursor is given back


def test_on_a_terminal_control_c_detaches_too(tmp_path):
    folder = project(tmp_path, "sleep 60")
    launch(folder, "t1")
    code, drawn = on_a_terminal(folder, "monitor", "t1", interrupt_after_s=3)
    assert code == 130
    assert "next: remoterun monitor t1" in drawn
    assert "Traceback" not in drawn
    assert remoterun(folder, "status", "t1", "--check").code == 75
    remoterun(folder, "stop", "t1")


def test_on_a_terminal_no_control_byte_of_the_log_is_sent(tmp_path):
    folder = project(tmp_path, f"printf '%b' '{octal(HOSTILE)}'; sleep 1")
    launch(folder, "t1")
    code, drawn = on_a_terminal(folder, "monitor", "t1")
    assert code == 0
    assert "\\x1b[2J" in drawn
    assert "\x1b[2J" not in drawn
    assert "\x1b]0;" not in drawn
    assert "\x07" not in drawn
    assert "\u202e" not in drawn
    assert ":boom:" in drawn


def octal(data):
    return "".join(f"\\0{byte:03o}" for byte in data)


@pytest.mark.parametrize(
    "write",
    [
        'truncate -s 1000000000 "$OUT_DIR/run.log"; echo',
        "head -c 67108864 /dev/zero | tr '\\0' x",
        "head -c 20000000 /dev/urandom",
    ],
)
def test_a_huge_log_of_a_run_that_goes_on_is_watched_at_once(tmp_path, write):
    folder = project(tmp_path, f"{write}; touch written; echo; echo 3/8; sleep 60")
    launch(folder, "t1", "--detach")
    until = time.monotonic() + 30
    while not (folder / "written").exists() and time.monotonic() < until:
        time.sleep(0.1)
    for words in (["status", "t1"], ["logs", "t1"], ["monitor", "t1", "--timeout", "1"]):
        begun = time.monotonic()
        found = counted(folder, *words)
        assert "3/8" in found.done.out
        assert found.peak_kib < 128 * 1024
        assert time.monotonic() - begun < 12
        assert control_characters(found.done.out) == set()
    remoterun(folder, "stop", "t1")


def test_endless_output_stays_within_bounds(tmp_path):
    folder = project(tmp_path, "timeout 4 yes 'a line of endless output'; exit 0")
    launch(folder, "t1", "--detach")
    found = counted(folder, "monitor", "t1", "--timeout", "3")
    assert found.done.code in (0, 75)
    assert found.peak_kib < 128 * 1024
    remoterun(folder, "stop", "t1")


def test_json_is_the_last_page_and_nothing_else(tmp_path):
    folder = project(tmp_path)
    ended_run(folder, "t1", ending=Ending.FAIL, exit_code=2)
    done = remoterun(folder, "monitor", "t1", "-o", "json")
    assert done.code == 7
    assert [run["state"] for run in done.json["runs"]] == ["failed"]
