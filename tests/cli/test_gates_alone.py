"""`preflight` and `dq` by themselves: the record, the exit code, and nothing left behind."""

import hashlib
import json

import pytest
from projects import Project, a_project


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with a_project(tmp_path_factory.mktemp("alone")) as made:
        yield made


def everything(project: Project) -> set[str]:
    return {str(path) for path in project.root.rglob("*") if ".git/" not in str(path)}


def test_preflight_prints_its_record_and_leaves_nothing(project):
    before = everything(project)
    done = project.remoterun("preflight", "--host", "local", "-o", "json")

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["status"] == "pass"
    assert said["reasons"] == []
    assert (said["min_cores"], said["min_memory_gb"]) == (1, 1)
    assert said["root_dir"] == str(project.root)
    assert said["git_commit"] == project.git("rev-parse", "HEAD").strip()
    assert said["git_branch"] == "main"
    assert set(said["checks"]) >= {
        *("cores", "memory", "clean_tree", "disk", "gpus", "load", "other_runs"),
    }
    assert said["checks"]["disk"] is None, "not asked"
    assert everything(project) == before


@pytest.mark.parametrize(
    ("setting", "check", "reason"),
    [
        ("min_cores=4000", "cores", "of at least 4000"),
        ("min_memory=4000GiB", "memory", "of at least 4000"),
        ("min_disk_free=4000TiB", "disk", "required"),
        ("min_gpus=9", "gpus", "of at least 9"),
        ("max_load_per_core=0.0001", "load", "at most"),
    ],
)
def test_each_check_that_fails_is_exit_6_with_measured_and_required_values(
    project, setting, check, reason
):
    done = project.remoterun("preflight", "--set", f"preflight.{setting}", "-o", "json")

    assert done.returncode == 6, done.stdout
    said = json.loads(done.stdout)
    assert said["status"] == "fail"
    assert said["checks"][check] is False
    (text,) = said["reasons"]
    assert text.startswith(check)
    assert reason in text


def test_all_reasons_are_given_in_the_order_of_the_checks(project):
    done = project.remoterun(
        "preflight",
        *("--set", "preflight.min_gpus=9", "--set", "preflight.min_cores=4000"),
        *("--set", "preflight.min_memory=4000GiB"),
    )

    assert done.returncode == 6
    assert [r.split(":")[0].strip() for r in done.stdout.splitlines() if r.startswith("  ")] == [
        *("cores", "memory", "gpus"),
    ]


def test_what_cannot_be_measured_and_is_required_fails(project, tmp_path):
    done = project.remoterun("preflight", "--set", "preflight.min_gpus=1", PATH="/usr/bin:/bin")

    assert done.returncode == 6
    assert "gpus: not measurable" in done.stdout


def test_other_live_runs_are_named_and_refused_when_asked(tmp_path):
    with a_project(tmp_path) as fresh:
        fresh.configure(data_quality={})
        (fresh.root / "then.sh").write_text("exec sleep 60\n")
        fresh.commit()
        assert fresh.official("other", follow=False).returncode == 0
        done = fresh.remoterun(
            "preflight", "--set", "preflight.refuse_other_runs=true", "-o", "json"
        )

        said = json.loads(done.stdout)
        assert done.returncode == 6
        assert said["other_runs"] == [fresh.run_dir("other").name]
        fresh.end_everything()
        again = fresh.remoterun("preflight", "--set", "preflight.refuse_other_runs=true")
        assert again.returncode == 0


def test_without_a_project_the_built_in_defaults_hold_and_it_says_so(project, tmp_path):
    done = project.remoterun("preflight", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "built-in defaults" in done.stderr
    table = project.write_table()
    done = project.remoterun("dq", "--input-csv", str(table), "--min-rows", "5", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "built-in defaults" in done.stderr


def test_dq_writes_both_reports_with_the_workflows_thresholds(project):
    table = project.write_table()
    done = project.remoterun("dq", "--host", "local", "--dq-input-csv", "table.csv")

    assert done.returncode == 0, done.stderr
    assert "workflow `gates`" in done.stderr
    (folder,) = (project.root / "gate_results/data_quality").glob("data_quality_*")
    said = json.loads((folder / "data_quality_report.json").read_bytes())
    assert said["overall_pass"] is True
    assert said["input_sha256"] == hashlib.sha256(table.read_bytes()).hexdigest()
    assert said["input_bytes"] == table.stat().st_size
    assert said["metrics"]["min_rows_threshold"] == 10
    assert said["inputs"]["key_columns"] in (["date", "ticker"], "date,ticker")
    assert (folder / "data_quality_report.md").read_text().strip()


@pytest.mark.parametrize(
    ("flags", "failed"),
    [
        (("--min-rows", "21"), "min_rows"),
        (("--required-columns", "date,none"), "required_columns_present"),
        (("--numeric-columns", "ticker"), "numeric_integrity"),
        (("--key-columns", "date"), "duplicate_ratio"),
        (("--max-staleness-days", "0"), "freshness"),
        (("--set", "data_quality.min_rows=21"), "min_rows"),
    ],
)
def test_each_flag_of_the_gate_decides(project, tmp_path, flags, failed):
    project.write_table()
    out = f"out_{failed}_{len(flags[1])}"
    done = project.remoterun("dq", "--input-csv", "table.csv", "--out-dir", out, *flags)

    assert done.returncode == 6, done.stderr
    (path,) = (project.root / out).glob("*/data_quality_report.json")
    said = json.loads(path.read_bytes())
    assert [name for name, passed in said["checks"].items() if not passed] == [failed]
    assert [item["check_id"] for item in said["failure_items"]] == [failed]
    assert failed in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["dq"],
        ["dq", "--input-csv", "none.csv"],
        ["dq", "--input-csv", "table.csv", "--min-rows", "-1"],
        ["dq", "--input-csv", "table.csv", "--max-missing-ratio", "nan"],
        ["dq", "--input-csv", "table.csv", "--workflow", "none"],
        ["preflight", "--workflow", "none"],
        ["preflight", "--host", "ws9"],
        ["preflight", "--set", "preflight.min_cores=many"],
    ],
)
def test_what_cannot_be_asked_is_a_usage_error_in_words(project, words):
    done = project.remoterun(*words)

    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith(("error:", "Usage:"))
