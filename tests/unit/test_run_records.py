"""Run directories read here: what is there, what is unreadable, which run is meant."""

import os
from pathlib import Path

import pytest

from remoterun.errors import ConfigError, UsageError
from remoterun.model.exit_status import Ending
from remoterun.model.rundir import DEFAULT_RUNS
from remoterun.model.state import StateName
from remoterun.records import reading
from remoterun.records.places import find_files
from remoterun.records.rundir import has_ended, read_run, sight_of_ended
from remoterun.records.runs import (
    Asked,
    find_run,
    find_runs_home,
    list_runs,
    runs_below,
)
from remoterun.rules.state import classify
from tests.given_runs import RUNS, ended_run, project, write_json


def home(folder):
    return find_runs_home(folder, {}, None)


def test_a_run_that_ended_is_classified_from_its_files_alone(tmp_path):
    run = ended_run(tmp_path, "t1")
    assert classify(sight_of_ended(run).evidence).name is StateName.SUCCEEDED
    failed = ended_run(tmp_path, "t2", ending=Ending.FAIL, exit_code=3)
    assert classify(sight_of_ended(failed).evidence).name is StateName.FAILED


def test_the_brief_look_says_the_same_state(tmp_path):
    for number, (ending, code) in enumerate(
        [(Ending.SUCCESS, 0), (Ending.FAIL, 3), (Ending.STOPPED, 143), (Ending.DQ_FAIL, None)]
    ):
        run = ended_run(tmp_path, f"t{number}", ending=ending, exit_code=code)
        brief = sight_of_ended(run, brief=True)
        assert classify(brief.evidence).name is classify(sight_of_ended(run).evidence).name


@pytest.mark.parametrize("name", ["exit_status.json", "artifacts.json"])
def test_without_its_end_record_or_digest_list_the_host_must_be_asked(tmp_path, name):
    run = ended_run(tmp_path, "t1")
    (run / name).unlink()
    assert sight_of_ended(run) is None
    assert has_ended(run) is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b"[]", b'{"exit_code": 0}', b"null", b"[" * 100_000]
)
def test_an_end_record_that_says_nothing_is_unknown_and_never_absent(tmp_path, content):
    run = ended_run(tmp_path, "t1")
    (run / "exit_status.json").write_bytes(content)
    evidence = sight_of_ended(run).evidence
    assert "exit_status.json" in evidence.unread
    assert classify(evidence).name is StateName.UNKNOWN
    assert [item.name for item in read_run(run).unreadable] == ["exit_status.json"]


def test_a_record_larger_than_we_take_is_unreadable(tmp_path):
    run = ended_run(tmp_path, "t1")
    (run / "process.json").write_bytes(b" " * (reading.MAX_RECORD_BYTES + 1))
    assert "process.json" in sight_of_ended(run).evidence.unread


def test_a_named_pipe_in_place_of_a_record_is_not_waited_for(tmp_path):
    run = ended_run(tmp_path, "t1")
    (run / "process.json").unlink()
    os.mkfifo(run / "process.json")
    (run / "heartbeat.json").symlink_to("nowhere")
    unread = sight_of_ended(run).evidence.unread
    assert {"process.json", "heartbeat.json"} <= set(unread)


def test_bare_nan_in_a_record_is_null(tmp_path):
    run = ended_run(tmp_path, "t1")
    text = (run / "manifest.json").read_text().replace('"cpuset": null', '"cpuset": NaN')
    (run / "manifest.json").write_text(text)
    assert read_run(run).manifest.cpuset is None


def test_the_highest_attempt_is_in_force(tmp_path):
    run = ended_run(tmp_path, "t1", ending=Ending.FAIL, exit_code=3)
    (run / "attempts/2/control").mkdir(parents=True)
    assert has_ended(run) is None
    assert read_run(run).attempt == 2
    assert read_run(run).manifest.decision_tag == "t1"
    for name in ("exit_status.json", "artifacts.json", "control/exec"):
        content = (run / name).read_text().replace('"fail"', '"success"')
        (run / "attempts/2" / name).write_text(content.replace('"exit_code": 3', '"exit_code": 0'))
    assert classify(sight_of_ended(run).evidence).name is StateName.SUCCEEDED


def test_a_tag_and_a_run_id_are_compared_whole_and_in_their_case(tmp_path):
    run = ended_run(tmp_path, "run1")
    other = ended_run(tmp_path, "my_run1")
    here = home(tmp_path)
    assert find_run(Asked("run1"), here, tmp_path) == run
    assert find_run(Asked("my_run1"), here, tmp_path) == other
    assert find_run(Asked(run.name), here, tmp_path) == run
    assert find_run(Asked(str(run)), here, Path("/")) == run
    for text in ("RUN1", "run", "run*", "un1", run.name[:-1], ""):
        with pytest.raises(UsageError):
            find_run(Asked(text), here, tmp_path)


def test_the_manifest_decides_and_not_the_name_of_the_directory(tmp_path):
    run = ended_run(tmp_path, "run1", decision_tag="other")
    with pytest.raises(UsageError):
        find_run(Asked("run1"), home(tmp_path), tmp_path)
    odd = run.rename(run.parent / "copied by hand")
    assert find_run(Asked("other"), home(tmp_path), tmp_path) == odd


def test_two_runs_with_one_tag_stop_with_both_ids(tmp_path):
    ended_run(tmp_path, "t1")
    ended_run(tmp_path, "t1", stamp="2026-03-02_093000")
    with pytest.raises(UsageError) as error:
        find_run(Asked("t1"), home(tmp_path), tmp_path)
    assert "2026-03-01_093000_job_t1" in error.value.why
    assert "2026-03-02_093000_job_t1" in error.value.why
    by_id = find_run(Asked("2026-03-02_093000_job_t1", "run_id"), home(tmp_path), tmp_path)
    assert by_id.name == "2026-03-02_093000_job_t1"


def test_an_unknown_name_says_the_nearest(tmp_path):
    ended_run(tmp_path, "committee_run1")
    with pytest.raises(UsageError) as error:
        find_run(Asked("comittee_run1"), home(tmp_path), tmp_path)
    assert error.value.fix == "did you mean `committee_run1`?"


def test_a_tag_option_takes_no_run_id_and_no_directory(tmp_path):
    run = ended_run(tmp_path, "t1")
    for asked in (Asked(run.name, "tag"), Asked(str(run), "tag"), Asked("t1", "run_id")):
        with pytest.raises(UsageError):
            find_run(asked, home(tmp_path), tmp_path)


def test_a_run_is_visible_from_its_first_file_on(tmp_path):
    runs = tmp_path / RUNS
    for name, mark in (("a", "manifest.json"), ("b", "pid.txt"), ("c", "preflight.json")):
        (runs / name).mkdir(parents=True)
        (runs / name / mark).write_text("")
    (runs / "no_run").mkdir()
    (runs / ".a.tmp").mkdir()
    assert [run.name for run in list_runs(home(tmp_path))] == ["a", "b", "c"]


def test_runs_below_a_folder_are_found_sorted_and_not_inside_each_other(tmp_path):
    second, first = ended_run(tmp_path, "t2"), ended_run(tmp_path, "t1")
    (first / "attempts/2").mkdir(parents=True)
    (first / "attempts/2/manifest.json").write_text("{}")
    assert runs_below(tmp_path) == [first, second]
    assert runs_below(first) == [first]


def test_the_folder_of_runs_comes_from_the_project_file(tmp_path):
    project(tmp_path)
    (tmp_path / "below").mkdir()
    assert home(tmp_path / "below").runs == tmp_path / RUNS
    write_json(
        tmp_path / "remoterun.yaml", {"version": 1, "project": "p", "paths": {"runs": "my/runs"}}
    )
    assert home(tmp_path).runs == tmp_path / "my/runs"


def test_without_a_project_file_it_is_the_git_repository_or_the_folder(tmp_path):
    (tmp_path / "repo/sub").mkdir(parents=True)
    assert home(tmp_path / "repo/sub").root == tmp_path / "repo/sub"
    (tmp_path / "repo/.git").mkdir()
    assert home(tmp_path / "repo/sub").root == tmp_path / "repo"


def test_the_end_of_a_log_is_read_without_the_rest(tmp_path):
    log = tmp_path / "run.log"
    with log.open("wb") as file:
        file.seek(10**9)
        file.write(b"the end\n")
    assert reading.read_tail(log, 8) == b"the end\n"
    assert reading.read_tail(tmp_path / "none", 8) is None


def test_the_brief_look_keeps_the_waivers_and_claims_nothing_about_gates(tmp_path):
    run = ended_run(tmp_path, "t1")
    waiver = {
        "id": "WV-001",
        "gate": "data_quality",
        "kind": "skip",
        "setting": None,
        "policy_value": None,
        "used_value": None,
        "reason": "known",
        "actor": "hui",
        "recorded_utc": "2026-03-01T09:30:00Z",
    }
    write_json(run / "waivers.json", {"schema_version": 1, "run_id": run.name, "waivers": [waiver]})
    evidence = sight_of_ended(run, brief=True).evidence
    assert evidence.waived == sight_of_ended(run).evidence.waived != ()
    assert evidence.gates == ()


def test_the_short_way_to_the_runs_agrees_with_the_settings(tmp_path):
    project(tmp_path / "a")
    inside = tmp_path / "a/b"
    inside.mkdir()
    for cwd, environ, named in (
        (inside, {}, None),
        (tmp_path, {}, Path("a")),
        (tmp_path, {}, tmp_path / "a/remoterun.yaml"),
        (tmp_path, {"REMOTERUN_PROJECT": "a"}, None),
    ):
        file = find_files(cwd, environ, None, named).project
        assert find_runs_home(cwd, environ, named).project_file == file
    with pytest.raises(ConfigError):
        find_runs_home(tmp_path, {"REMOTERUN_PROJECT": "nothing"}, None)
    assert find_runs_home(tmp_path, {}, inside).runs == inside / DEFAULT_RUNS


def test_runs_without_a_manifest_are_known_by_their_directory(tmp_path):
    run = ended_run(tmp_path, "t1")
    (run / "manifest.json").unlink()
    (run / "pid.txt").write_text("1")
    with pytest.raises(UsageError) as refused:
        find_run(Asked(run.name + "x"), home(tmp_path), tmp_path)
    assert refused.value.why == ""
    assert f"did you mean `{run.name}`?" in refused.value.fix
    assert find_run(Asked(run.name), home(tmp_path), tmp_path) == run
