"""The same line again, the next attempt, and where one stands: what an acting verb does then."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.projects import Project, a_project, lines_of, record

FAILS = "exit 3\n"


@pytest.fixture
def project(tmp_path):
    with a_project(tmp_path) as made:
        made.configure(data_quality={})
        made.commit()
        yield made


def failed(project: Project, *tags: str) -> None:
    (project.root / "then.sh").write_text(FAILS)
    project.commit()
    for tag in tags:
        assert project.official(tag).returncode == 7
        project.remoterun("wait", tag)


def test_resume_takes_several_runs_and_exits_by_the_worst(project):
    failed(project, "one", "two")

    done = project.remoterun("resume", "one", "two", "-f")

    assert done.returncode == 7, done.stderr
    assert [lines_of(project.run_dir(tag) / "ran") for tag in ("one", "two")] == [
        ["ran 1", "ran 2"]
    ] * 2


def test_no_run_is_resumed_when_one_of_them_may_not_be(project):
    assert project.official("good").returncode == 0
    failed(project, "bad")

    done = project.remoterun("resume", "bad", "good", "-f")

    assert done.returncode == 10
    assert lines_of(project.run_dir("bad") / "ran") == ["ran 1"]


def test_only_resume_goes_on_with_a_run_whose_command_was_started(project):
    failed(project, "one")
    blocked = project.remoterun("resume", "one", "--set", "preflight.min_cores=100000")
    assert blocked.returncode == 6, blocked.stderr

    intent = json.loads(next((project.root / ".remoterun/intents").glob("*.2.json")).read_bytes())
    thresholds = intent["request"]["thresholds"]["preflight"]
    assert thresholds["min_cores"] == 100000
    again = project.official("one", "--set", "preflight.min_cores=100000")

    assert again.returncode == 6
    assert "this run exists; nothing was started" in again.stderr
    assert again.stderr.splitlines()[-1] == "next: remoterun resume one"
    assert not (project.run_dir("one") / "attempts/3").exists()


def test_a_dry_run_of_a_line_whose_run_exists_sends_nothing(project):
    assert project.official("one").returncode == 0

    done = project.official("one", "-n", follow=False)

    assert done.returncode == 0
    assert "this run exists" in done.stderr
    assert done.stdout == ""


def test_an_intent_that_names_another_attempt_starts_nothing(project):
    assert project.official("one").returncode == 0
    (path,) = (project.root / ".remoterun/intents").glob("*.json")
    path.write_text(path.read_text().replace('"attempt": 1', '"attempt": 2'))

    done = project.official("one")

    assert done.returncode == 74
    assert lines_of(project.run_dir("one") / "ran") == ["ran 1"]


def test_a_run_whose_manifest_is_gone_can_be_stopped(project):
    (project.root / "then.sh").write_text("sleep 60\n")
    project.commit()
    assert project.official("one", "-d", follow=False).returncode == 0
    run_dir = project.run_dir("one")
    (run_dir / "manifest.json").unlink()

    done = project.remoterun("stop", str(run_dir))

    assert done.returncode == 0, done.stderr
    assert record(run_dir, "exit_status.json")["state"] == "stopped"


@pytest.mark.parametrize("words", [["official", "--tag", "one"], ["run", "--", "true"]])
def test_a_project_whose_path_is_no_utf8_is_refused_before_anything_is_written(
    project, tmp_path, words
):
    place = Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff"))
    place.mkdir()
    (place / "remoterun.yaml").write_text((project.root / "remoterun.yaml").read_text())

    done = project.remoterun(*words, cwd=place)

    assert done.returncode == 2, done.stderr
    assert os.listdir(place) == ["remoterun.yaml"]  # noqa: PTH208


def test_a_run_that_blocks_names_no_waiver_that_run_does_not_take(project):
    flags = ["--set", "preflight.min_cores=100000", "--require-preflight"]
    done = project.remoterun("run", *flags, "-f", "--", "true")

    assert done.returncode == 6
    assert "asked: preflight.min_cores=100000 comes from --set" in done.stderr
    assert "--reason" not in done.stderr


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_closed_stream_changes_neither_the_run_nor_the_code(project, closed):
    number = {"stdout": "1", "stderr": "2"}[closed]
    line = [sys.executable, "-m", "remoterun", "official", "--tag", "one", "-f", "--", "--x", "y"]

    code = subprocess.run(
        ["bash", "-c", f'"$@" {number}>&-', "x", *line],
        cwd=project.root,
        env=project.environ,
        capture_output=True,
        timeout=60,
    ).returncode

    assert code == 0
    assert lines_of(project.run_dir("one") / "ran") == ["ran 1"]
