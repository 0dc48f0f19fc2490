"""`stop` ends every process of a run, and touches nobody else's."""

import os
import signal
import subprocess

import given
import pytest
from faults import tree

from remoterun.model.state import Flag, StateName


@pytest.fixture
def forest(lab, tmp_path):
    """Grow a tree as a run; whatever is left of it is ended with the test."""
    grown = []

    def grow(tag, then="wait"):
        pids = tmp_path / f"pids_{tag}"
        grown.append(pids)
        run_dir = lab.official(tree.TREE, tag, str(pids), then)
        given.wait_until(lambda: tree.is_grown(pids), 20)
        return run_dir, pids

    yield grow
    for pids in grown:
        tree.end(pids)


def token_of(run_dir):
    return given.record(run_dir, "manifest.json")["token"]


def pid_of(run_dir, name):
    return int(given.record(run_dir, name)["pid"])


def test_stop_ends_the_whole_tree_and_no_decoy(forest, soak):
    for number in range(2 * soak):
        run_dir, pids = forest(f"stop_{number}")
        with tree.decoys(run_dir, token_of(run_dir)) as farm:
            stopped = given.end(run_dir)

            assert tree.survivors(pids) == {}
            assert stopped.left == 0
            assert [decoy.name for decoy in farm if not decoy.untouched] == []
        assert given.settled(run_dir).name is StateName.STOPPED
        said = given.record(run_dir, "exit_status.json")
        assert (said["state"], said["reason"]) == ("stopped", "stop_requested")
        assert given.record(run_dir, "stop_request.json")["actor"] == "hui"


def test_a_plain_kill_of_the_recorded_pid_ends_the_whole_tree_and_is_no_success(forest):
    run_dir, pids = forest("plain_kill")
    with tree.decoys(run_dir, token_of(run_dir)) as farm:
        shell = ["bash", "-c"]
        shown = subprocess.run([*shell, 'ps -p "$(cat pid.txt)"'], cwd=run_dir, check=True)
        tail = subprocess.run(
            [*shell, "tail -n 50 run.log"], cwd=run_dir, check=True, capture_output=True
        )
        subprocess.run([*shell, 'kill "$(cat pid.txt)"'], cwd=run_dir, check=True)
        state = given.settled(run_dir)

        assert shown.returncode == 0
        assert tail.stdout.startswith(b"[job] start_utc=")
        assert state.name is StateName.STOPPED
        assert tree.survivors(pids) == {}
        assert [decoy.name for decoy in farm if not decoy.untouched] == []
    assert given.record(run_dir, "stop_request.json")["actor"] is None
    assert (run_dir / "pid.txt").read_text().strip() == ""


def test_what_a_command_leaves_behind_is_ended_and_counted_and_its_own_code_stays(forest):
    run_dir, pids = forest("left_behind", "exit 7")
    with tree.decoys(run_dir, token_of(run_dir)) as farm:
        state = given.settled(run_dir)

        assert tree.survivors(pids) == {}
        assert [decoy.name for decoy in farm if not decoy.untouched] == []
    assert state.name is StateName.FAILED
    assert Flag.STRAGGLERS in state.flags
    assert given.record(run_dir, "exit_status.json")["exit_code"] == 7
    assert given.record(run_dir, "result.json")["stragglers"] >= 5


@pytest.mark.parametrize("gone", ["supervisor", "shim", "both"])
def test_stop_ends_the_tree_also_when_witnesses_were_killed(forest, gone):
    run_dir, pids = forest(f"without_{gone}")
    names = {"supervisor": ["process.json"], "shim": ["control/exec"]}
    victims = names.get(gone) or [*names["supervisor"], *names["shim"]]
    with tree.decoys(run_dir, token_of(run_dir)) as farm:
        for pid in [pid_of(run_dir, name) for name in victims]:
            os.kill(pid, signal.SIGKILL)
        stopped = given.end(run_dir)

        # while the shim lives all descend from it; without it these hide from everything:
        # no token, a session that nobody saw, no parent, the lock closed
        hidden = set() if gone == "supervisor" else {"hidden_daemon", "clean_session"}
        assert set(tree.survivors(pids).values()) <= hidden
        assert stopped.left == 0
        assert [decoy.name for decoy in farm if not decoy.untouched] == []
    state = given.settled(run_dir)
    if gone == "supervisor":
        assert state.name is StateName.STOPPED
        assert (run_dir / "artifacts.json").exists()
        assert (run_dir / "pid.txt").read_text() == "\n"
    else:
        assert state.name is StateName.LOST


def test_stop_ends_what_an_ended_run_left_alive(forest):
    run_dir, pids = forest("after_the_end", "exit 0")
    given.wait_until(lambda: (run_dir / "control/shim_exit").exists(), every=0.001)
    # the supervisor dies while it ends what was left behind
    for pid in given.in_session(pid_of(run_dir, "process.json")):
        os.kill(pid, signal.SIGKILL)
    stopped = given.end(run_dir)

    assert stopped.left == 0
    assert set(tree.survivors(pids).values()) <= {"hidden_daemon", "clean_session"}


def test_stopping_twice_and_at_the_natural_end_gives_one_record(lab, soak):
    for number in range(10 * soak):
        run_dir = lab.official(f"sleep 0.{number % 10}; exit 0", f"race_{number}")
        given.wait_until(lambda run_dir=run_dir: (run_dir / "control/exec").exists())
        first, second = given.end(run_dir), given.end(run_dir)
        state = given.settled(run_dir)

        assert state.name in (StateName.STOPPED, StateName.SUCCEEDED)
        said = given.record(run_dir, "exit_status.json")
        result = given.record(run_dir, "result.json")
        assert said["state"] == result["state"]
        assert first.left == second.left == 0


def test_a_run_that_was_started_inside_a_run_is_its_own(lab, tmp_path):
    driver = tmp_path / "inner.py"
    driver.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(given.TESTS)!r})\n"
        "import given\n"
        "from pathlib import Path\n"
        f"lab = given.Lab(Path({str(lab.root)!r}))\n"
        "print('inner', lab.official('sleep 1000', 'inner'))\n"
    )
    outer = lab.official(f"exec {given.PYTHON} {driver}", "outer", follow="end")
    state = given.settled(outer)
    (inner,) = [path for path in lab.runs() if path.name.endswith("_inner")]
    try:
        assert state.name is StateName.SUCCEEDED
        # the outer run has ended, and all that it left behind; the inner one was none of that
        evidence, inner_state = given.see(inner)
        assert inner_state.name in (StateName.GATING, StateName.RUNNING), evidence
        assert given.record(outer, "result.json")["stragglers"] == 0
    finally:
        given.end(inner)
    assert given.settled(inner).name is StateName.STOPPED
