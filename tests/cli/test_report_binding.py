"""Which report belongs to a run: never the newest, always with its digest or a reason."""

import hashlib
import json

import pytest
from projects import Project, a_project, record

PATTERN = "results/*/report.json"


@pytest.fixture
def project(tmp_path):
    with a_project(tmp_path) as made:
        made.configure(data_quality={}, report=PATTERN, outputs=["results/*/"])
        made.commit()
        yield made


def report(folder: str, tag: str | None) -> str:
    inputs = {} if tag is None else {"decision_tag": tag}
    text = json.dumps({"inputs": inputs, "gates": {"overall_pass": True}}, indent=1)
    return f"mkdir -p '{folder}' && printf '%s' '{text}' >'{folder}/report.json'\n"


def run(project: Project, tag: str, script: str) -> dict:
    (project.root / "then.sh").write_text(script)
    done = project.official(tag)
    assert done.returncode == 0, done.stdout + done.stderr
    return record(project.run_dir(tag), "result.json")


def assert_bound(project: Project, result: dict, path: str) -> None:
    data = (project.root / path).read_bytes()
    assert result["report_json"] == path
    assert result["report_json_sha256"] == hashlib.sha256(data).hexdigest()
    assert result["report_json_bytes"] == len(data)
    assert result["report_missing_reason"] is None


def listed(project: Project, tag: str) -> set[str]:
    files = record(project.run_dir(tag), "artifacts.json")["files"]
    return {file["path"] for file in files if file["path_base"] == "project_root"}


def test_a_single_new_report_is_bound_and_its_folder_is_in_the_digest_list(project):
    result = run(project, "one", report("results/a", "one") + "echo x >results/a/table.txt\n")

    assert_bound(project, result, "results/a/report.json")
    assert listed(project, "one") == {"results/a/report.json", "results/a/table.txt"}


def test_of_several_the_one_with_the_tag_is_bound_and_the_others_are_foreign(project):
    script = report("results/mine", "mine") + report("results/theirs", "theirs")

    result = run(project, "mine", script)

    assert_bound(project, result, "results/mine/report.json")
    assert {c["path"] for c in result["report_candidates"]} == {
        "results/mine/report.json",
        "results/theirs/report.json",
    }
    assert listed(project, "mine") == {"results/mine/report.json"}


def test_a_tag_is_compared_whole(project):
    script = (
        report("results/a", "run10") + report("results/b", "run1") + report("results/c", "Run1")
    )

    assert_bound(project, run(project, "run1", script), "results/b/report.json")


def test_a_foreign_folder_with_spaces_or_patterns_in_its_name_hides_nothing_of_ours(project):
    script = (
        report("results/ours", "ours")
        + "mkdir -p 'results/a' && echo >'results/a/of_ours'\n"
        + report("results/a b", "theirs")
        + report("results/o*", "theirs")
    )

    result = run(project, "ours", script)

    assert_bound(project, result, "results/ours/report.json")
    assert listed(project, "ours") == {"results/ours/report.json", "results/a/of_ours"}


def test_what_the_program_names_wins(project):
    script = (
        report("results/a", "named")
        + report("results/b", "named")
        + 'printf "%s\n" results/b/report.json >"$REMOTERUN_REPORT_FILE"\n'
    )

    assert_bound(project, run(project, "named", script), "results/b/report.json")


def test_what_the_program_names_counts_without_a_pattern(project):
    project.configure(data_quality={})
    project.commit()
    script = (
        report("elsewhere", "free")
        + 'echo "$PWD/elsewhere/report.json" >"$REMOTERUN_REPORT_FILE"\n'
    )

    result = run(project, "free", script)

    assert_bound(project, result, "elsewhere/report.json")
    assert "elsewhere/report.json" in listed(project, "free")


@pytest.mark.parametrize(
    "named",
    ["../outside.json", "/etc/passwd", "results/none/report.json", "link.json", "way/passwd", ""],
)
def test_what_the_program_names_outside_of_the_project_is_not_bound(project, named):
    (project.root.parent / "outside.json").write_text("{}")
    script = (
        "ln -sfn /etc/passwd link.json; ln -sfn /etc way\n"
        + f"printf '%s' '{named}' >\"$REMOTERUN_REPORT_FILE\"\n"
    )

    result = run(project, "outside", script)

    assert result["report_json"] is None
    assert result["report_missing_reason"] == "none_written"


def test_a_report_of_an_earlier_run_is_none(project):
    assert run(project, "before", report("results/a", "before"))["report_json"]

    result = run(project, "after", ":\n")

    assert (result["report_json"], result["report_missing_reason"]) == (None, "none_written")
    assert result["report_candidates"] == []
    assert listed(project, "after") == set()


def test_naming_a_report_of_an_earlier_run_does_not_bind_it(project):
    assert run(project, "old", report("results/a", "old"))["report_json"]

    result = run(project, "new", 'echo results/a/report.json >"$REMOTERUN_REPORT_FILE"\n')

    assert (result["report_json"], result["report_missing_reason"]) == (None, "none_written")


def test_a_report_that_was_overwritten_by_this_run_is_its_own(project):
    assert run(project, "v1", report("results/a", "v1"))["report_json"]

    assert_bound(project, run(project, "v2", report("results/a", "v2")), "results/a/report.json")


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        (("twice", "twice"), "ambiguous"),
        (("a", "b"), "tag_mismatch"),
        ((None, None), "tag_mismatch"),
        ((), "none_written"),
    ],
)
def test_where_nothing_decides_nothing_is_bound_and_the_reason_is_written(project, tags, reason):
    script = "".join(report(f"results/{n}", tag) for n, tag in enumerate(tags)) + ":\n"

    result = run(project, "twice", script)

    assert (result["report_json"], result["report_json_sha256"]) == (None, None)
    assert result["report_missing_reason"] == reason
    assert len(result["report_candidates"]) == len(tags)
