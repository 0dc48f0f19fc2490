"""`run`: any command as an inspectable run that is never official."""

import json
import re

import pytest
from projects import a_project, record


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with a_project(tmp_path_factory.mktemp("run")) as made:
        yield made


def run(project, *words, cwd=None, **environ):
    done = project.remoterun("run", *words, cwd=cwd, **environ)
    found = re.search(r"^out: (.*)$", done.stdout, re.MULTILINE)
    return done, found and type(project.root)(found[1])


def test_a_command_runs_unchanged_and_its_manifest_says_that_it_is_not_official(project):
    words = ["printf", "%s|", "a b", "", "*", "$HOME"]
    done, run_dir = run(project, "-f", "--tag", "plain", "--", *words)

    assert done.returncode == 0, done.stderr
    manifest = record(run_dir, "manifest.json")
    assert (manifest["official"], manifest["workflow"]) == (False, "adhoc")
    assert manifest["threads"] == 1
    assert "a b||*|$HOME|" in (run_dir / "run.log").read_text()
    assert record(run_dir, "preflight.json")["status"] == "pass"


def test_without_a_tag_it_gets_one_from_the_program_and_each_time_another(project):
    first, one = run(project, "-f", "--", "/bin/true")
    second, two = run(project, "-f", "--", "/bin/true")

    assert first.returncode == second.returncode == 0
    tags = [record(path, "manifest.json")["decision_tag"] for path in (one, two)]
    assert all(re.fullmatch(r"true_[0-9a-f]{6}", tag) for tag in tags)
    assert tags[0] != tags[1]
    assert tags[0] in first.stdout


@pytest.mark.parametrize(("script", "code"), [("exit 3", 3), ("kill -TERM $$", 143)])
def test_followed_to_its_end_it_exits_7_and_records_the_true_code(project, script, code):
    done, run_dir = run(project, "-f", "--", "bash", "-c", script)

    assert done.returncode == 7
    assert record(run_dir, "exit_status.json")["exit_code"] == code


def test_a_command_that_does_not_exist_is_a_failed_run_in_words(project):
    done, run_dir = run(project, "-f", "--", "no_such_program", "x")

    assert done.returncode == 7
    assert record(run_dir, "exit_status.json")["exit_code"] == 127
    assert "cannot start 'no_such_program'" in (run_dir / "run.log").read_text()


def test_a_failed_preflight_is_recorded_and_blocks_only_when_asked(project):
    flags = ("-f", "--set", "preflight.min_cores=4000")
    done, run_dir = run(project, *flags, "--", "true")
    assert done.returncode == 0, done.stderr
    assert record(run_dir, "preflight.json")["status"] == "fail"
    assert "not blocking" in (run_dir / "run.log").read_text()

    done, run_dir = run(project, *flags, "--require-preflight", "--", "true")
    assert done.returncode == 6
    assert not (run_dir / "control/exec").exists()


def test_it_stands_in_the_same_subfolder_as_the_user(project):
    inner = project.root / "sub/folder"
    inner.mkdir(parents=True)
    done, run_dir = run(project, "-f", "--", "pwd", cwd=inner)

    assert done.returncode == 0, done.stderr
    assert str(inner) in (run_dir / "run.log").read_text().splitlines()
    assert record(run_dir, "manifest.json")["cwd"] == "sub/folder"
    assert run_dir.parent == project.root / "audit/workstation_runs"


@pytest.mark.parametrize("place", ["git", "nothing"])
def test_without_a_project_file_it_is_the_top_of_the_repository_or_the_folder(tmp_path, place):
    with a_project(tmp_path) as fresh:
        (fresh.root / "remoterun.yaml").unlink()
        inner = fresh.root / "sub"
        inner.mkdir()
        if place == "nothing":
            (fresh.root / ".git").rename(tmp_path / "away")
        done, run_dir = run(fresh, "-f", "--", "pwd", cwd=inner)

        assert done.returncode == 0, done.stderr
        home = fresh.root if place == "git" else inner
        assert run_dir.parent == home / "audit/workstation_runs"
        assert str(inner) in (run_dir / "run.log").read_text().splitlines()


def test_what_it_writes_is_kept_in_the_digest_list_only_when_it_is_new(project):
    (project.root / "old.out").write_text("before")
    words = ["-f", "--output", "*.out", "--", "bash", "-c", "echo x >new.out"]
    done, run_dir = run(project, *words)

    assert done.returncode == 0, done.stderr
    files = record(run_dir, "artifacts.json")["files"]
    assert [f["path"] for f in files if f["path_base"] == "project_root"] == ["new.out"]


def test_without_a_command_it_is_a_usage_error(project):
    done, _ = run(project, "--")
    assert done.returncode == 2
    assert "there is no command" in done.stderr


def test_json_has_the_envelope_and_says_not_official(project):
    done, _ = run(project, "-f", "-o", "json", "--tag", "as_json", "--", "true")

    said = json.loads(done.stdout)
    assert said["runs"][0]["decision_tag"] == "as_json"
    assert said["runs"][0]["state"] == "succeeded"
    assert said["runs"][0]["official"] is False
