"""`status`: one look, whatever there is to see."""

import json
import subprocess
import sys

import pytest

from remoterun.model.exit_status import Ending
from tests.given_runs import (
    HOSTILE,
    RUNS,
    control_characters,
    counted,
    ended_run,
    launch,
    left_before_its_start,
    project,
    remoterun,
    wait,
)

MIB_128 = 128 * 1024


@pytest.fixture
def running(tmp_path):
    """A project with a run that goes on until it is stopped."""
    folder = project(tmp_path / "p", "echo 3/8; sleep 50 & wait", outputs=["results/*/"])
    run = launch(folder, "t1")
    yield folder, run
    remoterun(folder, "stop", "t1")


def test_a_project_without_runs_is_no_error(tmp_path):
    done = remoterun(project(tmp_path), "status")
    assert (done.code, done.out) == (0, "")
    assert "no runs in" in done.err
    assert remoterun(tmp_path, "status", "-o", "json").json["runs"] == []


def test_a_running_run_shows_what_a_status_report_must(running):
    folder, run = running
    done = remoterun(folder, "status", "t1")
    lines = done.out.splitlines()
    assert lines[0] == "=" * 88
    assert lines[1] == f"out: {run}"
    assert any(line.startswith("state: running (lock, ") for line in lines)
    assert any(line.startswith("pid: ") and line.endswith("running: True") for line in lines)
    assert any(line.startswith("ps : ") and line.endswith("sleep 50") for line in lines)
    assert any(line.startswith("cpu: ") and "effective cores" in line for line in lines)
    assert any(line.startswith("elapsed: ") for line in lines)
    assert "progress: 3/8 (37.5%)" in lines
    assert f"writes: {RUNS}/{run.name}, results/*/" in lines
    assert "host: local" in lines
    assert f"log: {run}/run.log" in lines
    assert lines[-1] == "3/8"
    assert done.err.splitlines()[-1] == "next: remoterun monitor t1"


def test_the_same_block_comes_by_tag_by_id_and_by_directory(running):
    folder, run = running

    def steady(*words):
        lines = remoterun(folder, "status", *words, "--tail-lines", "0").out.splitlines()
        return [line.split(":")[0] for line in lines if not line.startswith("ps :")]

    first = steady("t1")
    assert steady("--run-id", run.name) == steady(str(run)) == steady("--tag", "t1") == first


def test_json_has_the_envelope_and_the_fields_of_a_run(running):
    folder, run = running
    said = remoterun(folder, "status", "t1", "--json").json
    assert (said["schema_version"], said["kind"]) == (1, "status")
    (page,) = said["runs"]
    assert (page["run_id"], page["decision_tag"], page["state"]) == (run.name, "t1", "running")
    assert (page["basis"], page["host"], page["alive"]) == ("lock", "local", True)
    assert page["progress"]["n_done"] == 3
    assert page["tail"].endswith("3/8")
    assert page["processes"]


def test_one_look_at_many_runs_is_one_child(tmp_path):
    folder = project(tmp_path, "sleep 50")
    tags = [launch(folder, f"t{number}").name.rsplit("_", 1)[1] for number in range(3)]
    try:
        for words in ([], tags):
            found = counted(folder, "status", *words)
            assert found.children == 1
            assert found.done.out.count("running") >= 3
    finally:
        remoterun(folder, "stop", *tags)


def test_runs_that_ended_are_shown_without_a_child_and_without_heavy_imports(tmp_path):
    folder = project(tmp_path)
    for number in range(30):
        ended_run(folder, f"t{number:02}", stamp=f"2026-03-01_0930{number:02}")
    table = counted(folder, "status")
    assert (table.children, table.loaded) == (0, ())
    assert len(table.done.out.splitlines()) == 21
    page = counted(folder, "status", "t05")
    assert (page.children, page.loaded) == (0, ())
    assert "exit: code=0 end_utc=2026-03-01T10:00:00Z" in page.done.out


def test_what_is_opened_does_not_grow_with_the_runs_that_ended(tmp_path):
    folder = project(tmp_path)
    for number in range(25):
        ended_run(folder, f"a{number}")
    few = counted(folder, "status")
    for number in range(100):
        ended_run(folder, f"b{number}")
    many = counted(folder, "status")
    assert few.done.out.count("\n") == many.done.out.count("\n") == 21
    assert abs(many.opened - few.opened) <= 1


def test_all_and_a_filter_look_at_every_run(tmp_path):
    folder = project(tmp_path)
    for number in range(25):
        ending, code = (Ending.FAIL, 3) if number == 0 else (Ending.SUCCESS, 0)
        ended_run(folder, f"null_{number}", ending=ending, exit_code=code)
    assert len(remoterun(folder, "status", "--all").out.splitlines()) == 26
    names = remoterun(folder, "status", "--state", "failed", "-o", "name").out.splitlines()
    assert names == ["2026-03-01_093000_job_null_0"]
    globbed = remoterun(folder, "status", "--tag-glob", "null_1?", "-o", "jsonl").out.splitlines()
    assert len(globbed) == 10
    assert json.loads(globbed[0])["decision_tag"] == "null_10"
    assert remoterun(folder, "status", "--since", "1d", "-o", "name").out == ""
    assert len(remoterun(folder, "status", "--older", "1d", "-o", "name").out.splitlines()) == 25
    assert remoterun(folder, "status", "--host", "ws1", "-o", "name").out == ""


def test_a_state_that_does_not_exist_is_refused(tmp_path):
    done = remoterun(project(tmp_path), "status", "--state", "runing")
    assert done.code == 2
    assert "did you mean `running`?" in done.err


@pytest.mark.parametrize(
    ("ending", "code", "expected"),
    [
        (Ending.SUCCESS, 0, 0),
        (Ending.FAIL, 3, 7),
        (Ending.STOPPED, 143, 7),
        (Ending.PREFLIGHT_FAIL, None, 6),
        (Ending.DQ_FAIL, None, 6),
    ],
)
def test_check_exits_by_the_state(tmp_path, ending, code, expected):
    folder = project(tmp_path)
    ended_run(folder, "t1", ending=ending, exit_code=code)
    assert remoterun(folder, "status", "t1", "--check").code == expected
    assert remoterun(folder, "status", "--check").code == expected
    assert remoterun(folder, "status", "t1").code == 0


def test_check_of_several_runs_exits_by_the_worst(tmp_path):
    folder = project(tmp_path)
    ended_run(folder, "good")
    ended_run(folder, "blocked", ending=Ending.DQ_FAIL, exit_code=None)
    left_before_its_start(folder, "begun")
    assert remoterun(folder, "status", "good", "begun", "--check").code == 75
    assert remoterun(folder, "status", "good", "begun", "blocked", "--check").code == 6
    broken = ended_run(folder, "broken")
    (broken / "exit_status.json").write_text("{")
    assert remoterun(folder, "status", "--check").code == 9


def test_a_path_with_no_run_is_one_line_and_two(tmp_path):
    folder = project(tmp_path)
    (tmp_path / "empty").mkdir()
    for path in ("./empty", str(tmp_path / "empty"), "./nothing"):
        done = remoterun(folder, "status", path)
        assert done.code == 2
        assert len(done.err.splitlines()) == 1


def test_a_folder_means_every_run_below_it(tmp_path):
    folder = project(tmp_path)
    ended_run(folder, "t1")
    ended_run(folder, "t2")
    done = remoterun(tmp_path.parent, "status", f"./{tmp_path.name}/{RUNS}", "-o", "name")
    assert done.out.splitlines() == ["2026-03-01_093000_job_t1", "2026-03-01_093000_job_t2"]


def test_an_unreadable_end_record_is_unknown_and_said(tmp_path):
    folder = project(tmp_path)
    run = ended_run(folder, "t1")
    (run / "exit_status.json").write_text('{"exit_code": 0')
    out = remoterun(folder, "status", "t1").out
    assert "state: unknown (nothing proves it" in out
    assert "unreadable: exit_status.json" in out


def test_offline_asks_nobody_and_says_so(running):
    folder, _ = running
    found = counted(folder, "status", "--offline")
    assert found.children == 0
    assert "not asked: --offline" in found.done.err
    assert "unknown" in found.done.out
    out = remoterun(folder, "status", "t1", "--offline").out
    assert "state: unknown (nothing proves it)\nwhy: not asked: --offline" in out
    assert "unreadable" not in out


def test_nothing_of_a_log_acts_on_the_terminal(tmp_path):
    folder = project(tmp_path)
    ended_run(folder, "t1", log=HOSTILE * 3, notes="\x1b[31m", workflow="job\x1b[2J")
    for words in (["status"], ["status", "t1"], ["status", "-o", "json"], ["logs", "t1"]):
        done = remoterun(folder, *words)
        assert control_characters(done.out + done.err) == set()
    assert "[bold]x[/] :boom:" in remoterun(folder, "status", "t1").out


@pytest.mark.parametrize("kind", ["sparse", "one line", "binary", "empty lines"])
def test_a_huge_log_costs_nothing(tmp_path, kind):
    folder = project(tmp_path)
    run = ended_run(folder, "t1")
    with (run / "run.log").open("wb") as log:
        if kind == "sparse":
            log.truncate(10**9)
        elif kind == "one line":
            log.writelines(b"x" * 2**20 for _ in range(64))
        elif kind == "binary":
            log.writelines(bytes(range(256)) * 4096 for _ in range(20))
        else:
            log.writelines(b"\n" * 2**20 for _ in range(20))
    for words in (["status", "t1"], ["logs", "t1", "-n", "1000000"]):
        found = counted(folder, *words)
        assert found.done.code == 0
        assert found.peak_kib < MIB_128
        assert len(found.done.out) < 30 * 2**20


def test_a_reader_who_leaves_is_no_error_message(tmp_path):
    folder = project(tmp_path)
    for number in range(300):
        ended_run(folder, f"t{number}")
    argv = [sys.executable, "-m", "remoterun", "status", "--all", "-o", "json"]
    with subprocess.Popen(
        argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait(timeout=30) == 141


def test_watch_shows_again_until_it_is_left(tmp_path):
    folder = project(tmp_path)
    ended_run(folder, "t1")
    argv = [sys.executable, "-m", "remoterun", "status", "--watch", "--interval", "1"]
    with subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, text=True) as child:
        heads = [next(child.stdout).split()[0] for _ in range(4)]
        child.send_signal(2)
        assert child.wait(timeout=30) == 130
    assert heads == ["TAG", "t1", "TAG", "t1"]


def test_a_resumed_run_shows_its_attempt(tmp_path):
    folder = project(tmp_path, 'echo "attempt $REMOTERUN_ATTEMPT"; [ "$REMOTERUN_ATTEMPT" = 2 ]')
    run = launch(folder, "t1")
    assert wait(folder, "t1") == 7
    remoterun(folder, "resume", "t1")
    assert wait(folder, "t1") == 0
    out = remoterun(folder, "status", "t1").out
    assert f"out: {run}/attempts/2" in out
    assert "attempt: 2" in out.splitlines()
    assert "attempt 2" in out.splitlines()
