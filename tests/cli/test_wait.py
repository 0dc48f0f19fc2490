"""`wait`: blocks until runs have ended; its exit code says how."""

import subprocess
import sys
import time

import pytest

from remoterun.model.exit_status import Ending
from tests.given_runs import (
    counted,
    ended_run,
    launch,
    left_before_its_start,
    project,
    remoterun,
)


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 3", 7), ("kill -9 $$", 7)])
def test_the_exit_code_says_how_the_run_ended(tmp_path, script, code):
    folder = project(tmp_path, f"sleep 1; {script}")
    launch(folder, "t1")
    done = remoterun(folder, "wait", "t1")
    assert done.code == code
    assert done.out.startswith("t1 succeeded" if code == 0 else "t1 failed")


def test_the_worst_of_several_counts_and_each_is_named(tmp_path):
    folder = project(tmp_path, "sleep 1")
    launch(folder, "going")
    ended_run(folder, "failed", ending=Ending.FAIL, exit_code=1)
    ended_run(folder, "blocked", ending=Ending.PREFLIGHT_FAIL, exit_code=None)
    done = remoterun(folder, "wait", "going", "blocked", "failed")
    assert done.code == 7
    assert [line.split()[1] for line in done.out.splitlines()] == [
        "succeeded",
        "blocked",
        "failed",
    ]
    assert remoterun(folder, "wait", "going", "blocked").code == 6


@pytest.mark.parametrize("timeout", ["1", "9"])
def test_when_its_time_is_over_the_run_goes_on(tmp_path, timeout):
    folder = project(tmp_path, "sleep 60")
    launch(folder, "t1")
    begun = time.monotonic()
    done = remoterun(folder, "wait", "t1", "--timeout", timeout)
    took_s = time.monotonic() - begun
    assert done.code == 75
    assert int(timeout) <= took_s < int(timeout) + 5
    assert done.out.startswith("t1 running (lock")
    assert remoterun(folder, "status", "t1", "--check").code == 75
    remoterun(folder, "stop", "t1")


def test_a_run_that_cannot_go_on_by_itself_is_said_at_once_with_the_command(tmp_path):
    folder = project(tmp_path)
    left_before_its_start(folder, "t1")
    done = remoterun(folder, "wait", "t1", timeout=20)
    assert done.code == 75
    assert done.err.splitlines()[-1] == "next: remoterun resume t1"


def test_waiting_is_one_stream_and_no_polling(tmp_path):
    folder = project(tmp_path, "sleep 3")
    launch(folder, "t1")
    found = counted(folder, "wait", "t1")
    assert found.done.code == 0
    assert found.children <= 3  # a look, the stream, and a last look when it is needed


def test_a_run_that_ended_is_answered_without_a_child(tmp_path):
    folder = project(tmp_path)
    ended_run(folder, "t1")
    found = counted(folder, "wait", "t1")
    assert (found.done.code, found.children) == (0, 0)


def test_left_out_it_means_the_only_unfinished_run(tmp_path):
    folder = project(tmp_path, "sleep 5")
    ended_run(folder, "old")
    none = remoterun(folder, "wait")
    assert none.code == 2
    assert "no run is unfinished" in none.err
    launch(folder, "t1")
    assert remoterun(folder, "wait").out.startswith("t1 succeeded")


def test_of_two_unfinished_runs_none_is_guessed(tmp_path):
    folder = project(tmp_path, "sleep 30")
    launch(folder, "t1")
    launch(folder, "t2")
    done = remoterun(folder, "wait")
    assert done.code == 2
    assert "`t1`, `t2`" in done.err
    remoterun(folder, "stop", "t1", "t2")


def test_json_has_a_page_for_each_run(tmp_path):
    folder = project(tmp_path)
    ended_run(folder, "t1")
    said = remoterun(folder, "wait", "t1", "-o", "json").json
    assert said["kind"] == "wait"
    assert said["runs"][0]["state"] == "succeeded"


def test_a_time_that_is_none_is_refused(tmp_path):
    folder = project(tmp_path)
    ended_run(folder, "t1")
    done = remoterun(folder, "wait", "t1", "--timeout", "soon")
    assert done.code == 2
    assert "--timeout" in done.err


def test_control_c_leaves_the_run_alone_and_says_how_to_wait_again(tmp_path):
    folder = project(tmp_path, "sleep 60")
    launch(folder, "t1")
    argv = [sys.executable, "-m", "remoterun", "wait", "t1"]
    with subprocess.Popen(argv, cwd=folder, stderr=subprocess.PIPE, text=True) as child:
        time.sleep(3)
        child.send_signal(2)
        assert child.wait(timeout=30) == 130
        assert child.stderr.read().splitlines()[-1] == "next: remoterun wait t1"
    assert remoterun(folder, "status", "t1", "--check").code == 75
    remoterun(folder, "stop", "t1")
