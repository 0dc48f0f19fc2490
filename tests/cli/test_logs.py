"""`logs`: the end of a log, or all that comes."""

import subprocess
import sys

from remoterun.model.exit_status import Ending
from tests.given_runs import (
    control_characters,
    counted,
    ended_run,
    launch,
    left_before_its_start,
    project,
    remoterun,
    wait,
)


def test_the_last_lines_are_shown(tmp_path):
    folder = project(tmp_path, "seq 1 200")
    launch(folder, "t1")
    wait(folder, "t1")
    assert len(remoterun(folder, "logs", "t1").out.splitlines()) == 50
    lines = remoterun(folder, "logs", "t1", "-n", "3").out.splitlines()
    assert lines[:2] == ["199", "200"]
    assert lines[2].startswith("[job] done_utc=")
    assert remoterun(folder, "logs", "t1", "-n", "0").out == ""


def test_many_lines_are_shown_when_they_are_asked_for(tmp_path):
    folder = project(tmp_path)
    ended_run(folder, "t1", log=b"".join(b"%d\n" % n for n in range(100_000)))
    lines = remoterun(folder, "logs", "t1", "-n", "20000").out.splitlines()
    assert lines == [str(n) for n in range(80_000, 100_000)]


def test_the_log_of_a_run_that_goes_on_comes_from_its_host(tmp_path):
    folder = project(tmp_path, "echo hello; sleep 60")
    launch(folder, "t1")
    found = counted(folder, "logs", "t1", "-n", "1")
    assert found.done.out == "hello\n"
    assert found.children == 1
    remoterun(folder, "stop", "t1")


def test_a_run_that_ended_needs_no_child(tmp_path):
    folder = project(tmp_path)
    ended_run(folder, "t1")
    found = counted(folder, "logs", "t1")
    assert (found.children, found.loaded) == (0, ())
    following = counted(folder, "logs", "-f", "t1")
    assert following.done.out == found.done.out


def test_following_shows_every_line_once_and_ends_with_the_run(tmp_path):
    folder = project(tmp_path, "for i in $(seq 1 3000); do echo line $i; done; sleep 8; echo last")
    launch(folder, "t1")
    found = counted(folder, "logs", "t1", "-f", "-n", "100000")
    lines = [line for line in found.done.out.splitlines() if not line.startswith("[job]")]
    assert lines == [*(f"line {number}" for number in range(1, 3001)), "last"]
    assert found.children == 1
    assert found.done.code == 0


def test_following_begins_with_the_last_lines_only(tmp_path):
    folder = project(tmp_path, "seq 1 100; sleep 8; echo last")
    launch(folder, "t1")
    lines = remoterun(folder, "logs", "-f", "-n", "2", "t1").out.splitlines()
    assert lines[:3] == ["99", "100", "last"]


def test_a_progress_bar_is_shown_by_what_it_showed_last(tmp_path):
    folder = project(tmp_path, r"for i in 1 2 3; do printf '\r %d/3' $i; sleep 0.3; done; echo")
    launch(folder, "t1")
    wait(folder, "t1")
    assert " 3/3" in remoterun(folder, "logs", "t1").out.splitlines()
    assert " 1/3" not in remoterun(folder, "logs", "t1").out


def test_control_c_leaves_the_run_alone(tmp_path):
    folder = project(tmp_path, "echo hello; sleep 60")
    launch(folder, "t1")
    argv = [sys.executable, "-m", "remoterun", "logs", "-f", "t1"]
    with subprocess.Popen(
        argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        while child.stdout.readline() != "hello\n":
            pass
        child.send_signal(2)
        assert child.wait(timeout=30) == 130
        assert child.stderr.read().splitlines()[-1] == "next: remoterun logs -f t1"
    assert remoterun(folder, "status", "t1", "--check").code == 75
    remoterun(folder, "stop", "t1")


def test_of_a_run_that_preflight_refused_the_reasons_are_shown(tmp_path):
    folder = project(tmp_path, preflight={"min_cores": 4096})
    launch(folder, "t1")
    out = remoterun(folder, "logs", "t1").out
    assert "preflight refused the launch" in out
    assert "4096" in out


def test_of_a_run_that_data_quality_refused_its_log_and_reasons_are_shown(tmp_path):
    quality = {"required": True, "required_columns": ["date", "score"], "min_rows": 10}
    folder = project(tmp_path, data_quality=quality)
    (folder / "a.csv").write_text("date,ticker\n2026-01-01,A\n")
    launch(folder, "t1", "--dq-input-csv", "a.csv")
    done = remoterun(folder, "logs", "t1")
    assert "data_quality refused the launch" in done.out
    assert "score" in done.out
    assert done.code == 0


def test_left_out_it_means_the_only_unfinished_run(tmp_path):
    folder = project(tmp_path)
    ended_run(folder, "t1", ending=Ending.FAIL, exit_code=1)
    left_before_its_start(folder, "t2")
    assert remoterun(folder, "logs").out == "[job] start_utc=x\n"
    assert remoterun(folder, "logs", "t1", "t2").code == 2


def test_lines_are_cut_and_made_visible(tmp_path):
    folder = project(tmp_path)
    ended_run(folder, "t1", log=b"\x1b[31m" + b"x" * 10_000 + b"\n")
    done = remoterun(folder, "logs", "t1")
    assert control_characters(done.out) == set()
    assert len(done.out) < 2_100


def test_json_has_the_lines_as_the_tail_of_the_page(tmp_path):
    folder = project(tmp_path)
    ended_run(folder, "t1", log=b"a\nb\n")
    said = remoterun(folder, "logs", "t1", "-o", "json").json
    assert said["kind"] == "logs"
    assert said["runs"][0]["tail"] == "a\nb"
