"""Answers for programs."""

import json
from datetime import UTC, datetime

from remoterun.model.state import StateName
from remoterun.model.views import RunPage
from remoterun.render.envelope import envelope_json, run_names, runs_json, runs_lines

NOW = datetime(2026, 3, 1, 9, 30, 0, 5, UTC)


def page(**changed):
    known = {
        "run_id": "2026-03-01_093000_job_t1",
        "decision_tag": "t1",
        "state": StateName.RUNNING,
        "basis": "lock",
        "age_s": 4.0,
        "host": "local",
        "run_dir": "/p/r",
        "out": "/p/r",
    }
    return RunPage(**{**known, **changed})


def test_the_envelope_says_its_version_kind_and_moment():
    said = json.loads(envelope_json("status", [], NOW))
    assert said == {
        "schema_version": 1,
        "kind": "status",
        "checked_utc": "2026-03-01T09:30:00Z",
        "runs": [],
    }


def test_each_run_has_every_key_of_the_documentation():
    (run,) = json.loads(runs_json("status", [page()], NOW))["runs"]
    assert {
        "run_id",
        "decision_tag",
        "state",
        "flags",
        "basis",
        "age_s",
        "host",
        "pid",
        "alive",
        "cpu_pct",
        "elapsed_sec",
        "exit_code",
        "end_utc",
        "progress",
        "log",
        "tail",
    } <= set(run)
    assert run["state"] == "running"


def test_no_control_byte_of_a_log_stands_in_the_answer():
    text = runs_json("status", [page(tail="\x1b[2J\x9b1m\u202e")], NOW)
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text)["runs"][0]["tail"] == "\x1b[2J\x9b1m\u202e"


def test_jsonl_has_a_run_a_line_and_names_are_run_ids():
    pages = [page(tail="a\nb"), page(run_id="2026-03-02_093000_job_t2")]
    assert [json.loads(line)["run_id"] for line in runs_lines(pages).split("\n")] == [
        "2026-03-01_093000_job_t1",
        "2026-03-02_093000_job_t2",
    ]
    assert run_names(pages) == "2026-03-01_093000_job_t1\n2026-03-02_093000_job_t2"
