"""Git facts on both sides, held against git itself."""

import hashlib
import json
import os
import subprocess

import pytest
from projects import Project, a_project, record

from remoterun.records.config import read_configuration
from remoterun.records.git import read_git


@pytest.fixture
def project(tmp_path):
    with a_project(tmp_path) as made:
        made.configure(
            project={"paths": {"runs": "audit/workstation_runs", "stage_ledger": "audit/log.md"}},
            data_quality={},
            outputs=["results/*/"],
            report="reports/*.json",
        )
        made.commit()
        yield made


DIFF = (
    *("-c", "core.quotePath=true", "diff", "HEAD", "--binary", "--full-index", "--no-color"),
    *("--no-ext-diff", "--no-textconv", "--no-renames", "--src-prefix=a/", "--dst-prefix=b/"),
)


def as_git_says(project: Project, top=None) -> dict:
    """By other commands than the code under test uses, in a tree where nothing is excluded."""
    folder = top or project.root
    git = ["git", "-C", str(folder)]
    run = lambda *words: subprocess.run([*git, *words], capture_output=True, check=False)  # noqa: E731
    lines = run(
        "status", "--porcelain", "--untracked-files=all", "--no-renames"
    ).stdout.splitlines()
    untracked = [line for line in lines if line.startswith(b"??")]
    diff = run(*DIFF).stdout
    branch = run("symbolic-ref", "--short", "-q", "HEAD").stdout.decode().strip()
    return {
        "commit": run("rev-parse", "HEAD").stdout.decode().strip(),
        "branch": branch or None,
        "dirty": bool(lines),
        "dirty_count": len(lines),
        "untracked_count": len(untracked),
        "diff_sha256": hashlib.sha256(diff).hexdigest() if diff else None,
    }


def facts(project: Project, root=None) -> dict:
    root = root or project.root
    settings = read_configuration(root, project.environ, None, None).project
    found = read_git(root, settings.settings if settings else None).model_dump()
    assert found.pop("note") is None
    return found


def on_the_host(project: Project, **environ: str) -> dict:
    done = project.remoterun("preflight", "-o", "json", **environ)
    return json.loads(done.stdout)


def assert_both_agree(project: Project) -> dict:
    expected = as_git_says(project)
    assert facts(project) == expected
    host = on_the_host(project)
    assert {
        "commit": host["git_commit"],
        "branch": host["git_branch"],
        "dirty_count": host["git_dirty_count"],
        "untracked_count": host["git_untracked_count"],
        "diff_sha256": host["diff_sha256"],
    } == {key: value for key, value in expected.items() if key != "dirty"}
    return expected


CHANGES = {
    "nothing": lambda p: None,
    "edited": lambda p: (p.root / "job.sh").write_text("x"),
    "staged": lambda p: ((p.root / "job.sh").write_text("x"), p.git("add", "-A")),
    "staged_and_edited": lambda p: (
        (p.root / "job.sh").write_text("x"),
        p.git("add", "-A"),
        (p.root / "job.sh").write_text("y"),
    ),
    "new_staged": lambda p: ((p.root / "new.py").write_text("x"), p.git("add", "-A")),
    "deleted": lambda p: (p.root / "job.sh").unlink(),
    "renamed": lambda p: p.git("mv", "job.sh", "task.sh"),
    "mode": lambda p: (p.root / "job.sh").chmod(0o755),
    "binary": lambda p: (p.root / "job.sh").write_bytes(bytes(range(256))),
    "untracked": lambda p: [(p.root / name).write_text("x") for name in ("a", "b c", "ü\n\x1b")],
    "untracked_folder": lambda p: [
        ((p.root / "d").mkdir(exist_ok=True), (p.root / "d" / name).write_text("")) for name in "xy"
    ],
    "link": lambda p: ((p.root / "job.sh").unlink(), (p.root / "job.sh").symlink_to("/nowhere")),
    "detached": lambda p: p.git("checkout", "-q", "--detach"),
    "branch": lambda p: p.git("checkout", "-q", "-b", "feature/a-b.c"),
    "odd_names": lambda p: (
        (p.root / "q\"u'o`te$(x).py").write_text("1"),
        p.git("add", "-A"),
    ),
    "ignored": lambda p: (
        (p.root / ".gitignore").write_text("*.tmp\n"),
        (p.root / "x.tmp").write_text(""),
    ),
    "textconv": lambda p: (
        (p.root / ".gitattributes").write_text("*.sh diff=up\n"),
        p.git("config", "diff.up.textconv", "tr a-z A-Z <"),
        p.git("config", "diff.up.command", "false"),
        p.git("config", "diff.noprefix", "true"),
        p.git("config", "status.showUntrackedFiles", "no"),
        (p.root / "job.sh").write_text("changed"),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_commit_branch_counts_and_digest_are_gits_own_on_both_sides(project, change):
    CHANGES[change](project)

    assert_both_agree(project)


def test_what_remoterun_and_the_workflows_write_is_not_counted(project):
    for name in (
        ".remoterun/claims/x",
        "audit/workstation_runs/r/manifest.json",
        "audit/log.md",
        "results/a/b.csv",
        "reports/r.json",
    ):
        (project.root / name).parent.mkdir(parents=True, exist_ok=True)
        (project.root / name).write_text("x")

    assert facts(project)["dirty_count"] == 0
    assert on_the_host(project)["git_dirty_count"] == 0
    (project.root / "results_of_mine").write_text("x")
    assert facts(project)["dirty_count"] == on_the_host(project)["git_dirty_count"] == 1


def test_a_tracked_file_below_the_outputs_still_counts(project):
    (project.root / "results/a").mkdir(parents=True)
    (project.root / "results/a/kept.csv").write_text("1")
    project.git("add", "-f", "results")
    project.commit()
    (project.root / "results/a/kept.csv").write_text("2")

    assert facts(project)["dirty_count"] == on_the_host(project)["git_dirty_count"] == 1


def test_a_project_in_a_subfolder_sees_the_whole_repository(tmp_path):
    with a_project(tmp_path) as project:
        inner = project.root / "deep/er"
        inner.mkdir(parents=True)
        (inner / "remoterun.yaml").write_text("version: 1\nproject: inner\n")
        project.commit()
        (project.root / "job.sh").write_text("x")
        (inner / ".remoterun").mkdir()
        (inner / ".remoterun/x").write_text("")
        (inner / "audit/workstation_runs").mkdir(parents=True)
        (inner / "audit/workstation_runs/x").write_text("")
        here = facts(project, inner)
        host = json.loads(project.remoterun("preflight", "-o", "json", cwd=inner).stdout)

        assert here["dirty_count"] == host["git_dirty_count"] == 1
        assert here["diff_sha256"] == host["diff_sha256"] == as_git_says(project)["diff_sha256"]
        assert here["commit"] == host["git_commit"]


@pytest.mark.parametrize("place", ["outside", "before_the_first_commit", "without_git"])
def test_where_there_is_no_commit_the_facts_are_null_and_say_so(tmp_path, place):
    with a_project(tmp_path) as project:
        environ = {}
        subprocess.run(["rm", "-rf", str(project.root / ".git")], check=True)
        project.configure(data_quality={})
        if place == "before_the_first_commit":
            project.git("init", "-q")
        if place == "without_git":
            tools = tmp_path / "tools"
            tools.mkdir()
            for folder in project.environ["PATH"].split(":"):
                for tool in os.listdir(folder) if os.path.isdir(folder) else ():  # noqa: PTH112, PTH208
                    if tool != "git" and not (tools / tool).exists():
                        (tools / tool).symlink_to(f"{folder}/{tool}")
            environ["PATH"] = str(tools)
        done = project.official("nowhere", **environ)

        assert done.returncode == 0, done.stderr
        assert "commit none (" in done.stderr.splitlines()[0]
        git = record(project.run_dir("nowhere"), "manifest.json")["git"]
        note = git.pop("note")
        assert set(git.values()) == {None}
        assert ("no commit yet" in note) == (place == "before_the_first_commit")
        context = record(project.run_dir("nowhere"), "context.json")
        assert (context["git_commit"], context["git_branch"]) == (None, None)
        preflight = record(project.run_dir("nowhere"), "preflight.json")
        assert (preflight["git_commit"], preflight["git_dirty_count"]) == (None, None)

        refused = project.official("clean", "--require-clean", **environ)
        assert refused.returncode == 6
        assert "not measurable" in refused.stdout


def test_require_clean_lists_the_files_and_blocks(project):
    (project.root / "job.sh").write_text("x")
    for number in range(12):
        (project.root / f"new_{number:02}.py").write_text("")

    done = project.official("unclean", "--require-clean")

    assert done.returncode == 6
    assert "13 changed or untracked files: job.sh, new_00.py" in done.stdout
    assert not (project.run_dir("unclean") / "control/exec").exists()
    assert "…" in done.stdout
    for number in range(12):
        (project.root / f"new_{number:02}.py").unlink()
    project.git("checkout", "-q", "job.sh")
    assert project.official("clean", "--require-clean").returncode == 0


def test_a_dirty_tree_is_recorded_and_runs(project):
    (project.root / "job.sh").write_text((project.root / "job.sh").read_text() + "# more\n")

    done = project.official("dirty")

    assert done.returncode == 0, done.stderr
    assert "1 changed or untracked" in done.stderr.splitlines()[0]
    git = record(project.run_dir("dirty"), "manifest.json")["git"]
    expected = as_git_says(project)
    assert (git["dirty"], git["dirty_count"]) == (True, 1)
    assert git["diff_sha256"] == expected["diff_sha256"]
