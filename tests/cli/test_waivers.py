"""A gate is skipped or loosened only in somebody's name, before anything starts, for ever."""

import json
from pathlib import Path

import pytest
from projects import Project, a_project, lines_of, record

INPUT = ("--dq-input-csv", "table.csv")
SKIP = ("--skip-data-quality-check",)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with a_project(tmp_path_factory.mktemp("waivers")) as made:
        rules = {"required": True, "min_rows": 10, "required_columns": ["date"]}
        made.configure(data_quality=rules, preflight={"min_cores": 1})
        made.commit()
        yield made


def refused(project: Project, tag: str, *flags: str, **environ: str) -> str:
    """The usage error of a launch that left nothing behind."""
    done = project.official(tag, *flags, **environ)
    assert done.returncode == 2, done.stdout + done.stderr
    assert not list((project.root / "audit").glob(f"*/*_{tag}"))
    assert not list((project.root / ".remoterun").glob("*/*")), "no intent, no claim"
    return done.stderr


@pytest.mark.parametrize("reason", ["-", "n/a", "N/A", "none", "None", "todo", "TODO ", "", "  "])
def test_a_placeholder_is_no_reason(tmp_path, reason):
    with a_project(tmp_path) as fresh:
        said = refused(fresh, "w", *INPUT, *SKIP, f"--reason={reason}", "--actor", "hui")
    assert "needs a reason" in said


def test_a_skip_needs_reason_and_actor(tmp_path):
    with a_project(tmp_path) as fresh:
        assert "needs a reason" in refused(fresh, "w", *INPUT, *SKIP)
        fresh.configure(project={"owner": None})
        fresh.commit()
        said = refused(fresh, "w", *INPUT, *SKIP, "--reason", "certified before")
        assert "--actor" in said
        assert "--actor" in refused(
            fresh, "w", *INPUT, *SKIP, "--reason", "certified before", "--actor", " "
        )


@pytest.mark.parametrize(
    ("variable", "value", "setting"),
    [
        ("MIN_CORES", "0", "preflight.min_cores"),
        ("MIN_MEM_GB", "0", "preflight.min_memory"),
        ("DQ_MIN_ROWS", "1", "data_quality.min_rows"),
        ("DQ_MAX_MISSING_RATIO", "0.9", "data_quality.max_missing_ratio"),
        ("DQ_MAX_DUPLICATE_RATIO", "0.9", "data_quality.max_duplicate_ratio"),
        ("DQ_MAX_STALENESS_DAYS", "9999", "data_quality.max_staleness"),
        ("DQ_REQUIRED_COLUMNS", "score", "data_quality.required_columns"),
    ],
)
def test_an_environment_variable_that_loosens_needs_a_reason_and_names_it(
    tmp_path, variable, value, setting
):
    with a_project(tmp_path) as fresh:
        said = refused(fresh, "w", *INPUT, **{variable: value})
    assert setting in said
    assert f"environment {variable}" in said
    assert "--reason" in said


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MIN_CORES", "-1"),
        ("MIN_CORES", "eight"),
        ("MIN_MEM_GB", "1.5"),
        ("DQ_MIN_ROWS", "nan"),
        ("DQ_MAX_MISSING_RATIO", "nan"),
        ("DQ_MAX_STALENESS_DAYS", "inf"),
        ("REQUIRE_CLEAN", "yes"),
        ("THREADS", "0"),
    ],
)
def test_an_environment_variable_with_a_bad_value_is_a_usage_error(tmp_path, variable, value):
    with a_project(tmp_path) as fresh:
        assert variable in refused(fresh, "w", *INPUT, **{variable: value})


def test_no_variable_skips_a_gate(tmp_path):
    with a_project(tmp_path) as fresh:
        fresh.write_table(rows=3)
        fresh.commit()
        hints = {
            "SKIP_DATA_QUALITY_CHECK": "1",
            "DQ_SKIP": "1",
            "REMOTERUN_SKIP_DATA_QUALITY_CHECK": "1",
            "SKIP_DQ": "1",
        }
        assert fresh.official("w", *INPUT, **hints).returncode == 6


def test_a_required_table_that_is_not_named_is_a_usage_error_without_a_directory(tmp_path):
    with a_project(tmp_path) as fresh:
        fresh.configure(data_quality={"required": True})
        fresh.commit()
        said = refused(fresh, "w")
        assert "data_quality.required" in said
        assert "--dq-input-csv" in said


def test_a_skip_is_recorded_before_anything_starts_and_marks_the_run(project):
    project.write_table(rows=3)
    done = project.official(
        "skipped", *SKIP, "--reason", "certified under run4, same digest", "--actor", "wei"
    )

    assert done.returncode == 0, done.stderr
    run_dir = project.run_dir("skipped")
    (waiver,) = record(run_dir, "waivers.json")["waivers"]
    recorded = waiver.pop("recorded_utc")
    assert waiver == {
        "id": "WV-001",
        "gate": "data_quality",
        "kind": "skip",
        "setting": None,
        "policy_value": None,
        "used_value": None,
        "reason": "certified under run4, same digest",
        "actor": "wei",
    }
    assert recorded <= record(run_dir, "process.json")["start_utc"]
    assert record(run_dir, "context.json")["skip_data_quality_check"] is True
    assert record(run_dir, "manifest.json")["official"] is True
    assert not (run_dir / "data_quality").exists()
    assert "waivers.json" in {file["path"] for file in record(run_dir, "artifacts.json")["files"]}
    shown = project.remoterun("status", "skipped").stdout
    assert "certified under run4" in shown
    said = json.loads(project.remoterun("status", "skipped", "-o", "json").stdout)
    assert "certified under run4" in json.dumps(said["runs"][0])


def test_a_loosened_threshold_is_recorded_with_policy_and_value_and_lets_the_table_pass(project):
    project.write_table(rows=3)
    done = project.official(
        "loose", *INPUT, "--set", "data_quality.min_rows=2", "--reason", "a small pilot"
    )

    assert done.returncode == 0, done.stderr
    run_dir = project.run_dir("loose")
    (waiver,) = record(run_dir, "waivers.json")["waivers"]
    assert (waiver["gate"], waiver["kind"]) == ("data_quality", "loosen")
    assert waiver["setting"] == "data_quality.min_rows"
    assert (waiver["policy_value"], waiver["used_value"]) == ("10", "2")
    assert waiver["actor"] == "hui", "the configured owner"
    manifest = record(run_dir, "manifest.json")
    assert manifest["policy"]["data_quality"]["min_rows"] == 10
    assert manifest["thresholds"]["data_quality"]["min_rows"] == 2
    assert "a small pilot" in project.remoterun("status", "loose").stdout


def test_tightening_needs_nothing_and_holds(project):
    project.write_table(rows=20)
    done = project.official("tight", *INPUT, "--set", "data_quality.min_rows=21")

    assert done.returncode == 6
    assert not (project.run_dir("tight") / "waivers.json").exists()


def test_a_waiver_is_not_inherited_by_the_next_run(project):
    project.write_table(rows=3)
    assert project.official("first", *SKIP, "--reason", "certified").returncode == 0
    assert project.official("second", *INPUT).returncode == 6
    assert not (project.run_dir("second") / "waivers.json").exists()


def test_after_a_block_the_same_line_opens_attempt_two_with_the_gates_again(project):
    project.write_table(rows=3)
    blocked = project.official("mended", *INPUT)
    assert blocked.returncode == 6
    run_dir = project.run_dir("mended")
    before = {path: path.read_bytes() for path in files_below(run_dir)}

    project.write_table(rows=20)
    done = project.official("mended", *INPUT)

    assert done.returncode == 0, done.stderr
    assert "attempt 2; attempt 1 was blocked" in done.stderr
    second = run_dir / "attempts/2"
    assert record(second, "data_quality/data_quality_report.json")["overall_pass"] is True
    assert record(second, "manifest.json")["attempt"] == 2
    assert record(second, "exit_status.json")["state"] == "success"
    assert lines_of(run_dir / "ran") == ["ran 2"]
    unchanged = {path for path in before if path.name != "pid.txt"}
    assert all(path.read_bytes() == before[path] for path in unchanged)


def test_an_attempt_after_a_block_may_bring_a_waiver(project):
    project.write_table(rows=3)
    assert project.official("waived_later", *INPUT).returncode == 6

    done = project.official("waived_later", *INPUT, *SKIP, "--reason", "looked at by hand")

    assert done.returncode == 0, done.stderr
    run_dir = project.run_dir("waived_later")
    assert not (run_dir / "waivers.json").exists()
    assert record(run_dir / "attempts/2", "waivers.json")["waivers"][0]["kind"] == "skip"


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
