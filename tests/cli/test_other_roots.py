"""Runs whose host has its root elsewhere: every verb finds them by what was written at launch."""

import pytest

from remoterun.cli.complete import complete_run
from remoterun.model.exit_status import Ending
from tests.given_runs import RUNS, counted, ended_run, launch, project, remoterun, write_json

LENIENT = {"min_cores": 1, "min_memory": "1MiB"}


def inventory(folder, root):
    """Where another host has its checkout; what it must offer is little."""
    host = {"kind": "local", "root": str(root), "preflight": LENIENT}
    write_json(folder / "inventory.yaml", {"version": 1, "hosts": {"other": host}})


@pytest.fixture
def two_roots(tmp_path):
    """A project, and a host whose checkout of it lies in another folder."""
    folder = project(tmp_path / "here", "exit 3")
    other = project(tmp_path / "there", "echo there; sleep 30")
    inventory(folder, other)
    yield folder, other
    remoterun(folder, "stop", "far")


def test_a_run_below_another_root_is_found_by_every_verb(two_roots, monkeypatch):
    folder, other = two_roots
    run = launch(folder, "far", "--host", "other")
    assert run.parent == other / RUNS
    assert remoterun(folder, "status", "-o", "name").out.split() == [run.name]
    for words in (["far"], ["--tag", "far"], ["--run-id", run.name]):
        assert f"out: {run}" in remoterun(folder, "status", *words).out
    assert "there" in remoterun(folder, "logs", "far").out
    assert "did you mean `far`?" in remoterun(folder, "status", "fra").err
    monkeypatch.chdir(folder)
    assert complete_run("f") == ["far"]
    assert remoterun(folder, "wait", "--timeout", "1").code == 75
    stopped = remoterun(folder, "stop", "-m", "enough")
    assert (stopped.code, stopped.out.split()[:2]) == (0, ["far:", "stopped"])
    assert remoterun(folder, "wait", "far").code == 7


def test_a_run_stays_known_when_its_host_or_its_folder_of_runs_is_named_no_more(two_roots):
    folder, _ = two_roots
    run = launch(folder, "far", "--host", "other")
    (folder / "inventory.yaml").unlink()
    for words in (["far"], ["--run-id", run.name]):
        assert f"out: {run}" in remoterun(folder, "status", *words).out


def test_a_root_that_is_the_project_itself_shows_each_run_once(tmp_path):
    folder = project(tmp_path / "here")
    (tmp_path / "link").symlink_to("here")
    inventory(folder, tmp_path / "link")
    run = launch(folder, "t1", "--host", "other")
    assert remoterun(folder, "status", "-o", "name").out.split() == [run.name]
    assert remoterun(folder, "wait", "t1").code == 0


def test_an_intent_that_says_nothing_hides_no_other_run(two_roots):
    folder, _ = two_roots
    run = launch(folder, "far", "--host", "other")
    near = ended_run(folder, "near", ending=Ending.FAIL, exit_code=3)
    intents = folder / ".remoterun/intents"
    (known,) = intents.iterdir()
    (intents / "broken.1.json").write_text("{")
    (intents / "copy.1.json").write_bytes(known.read_bytes())
    names = remoterun(folder, "status", "-o", "name").out.split()
    assert sorted(names) == sorted([run.name, near.name])


def test_without_another_root_no_intent_is_read(tmp_path):
    folder = project(tmp_path)
    launch(folder, "t1")
    remoterun(folder, "wait", "t1")
    for words in (["status"], ["status", "t1"]):
        assert counted(folder, *words, below=".remoterun/intents").opened == 0
    inventory(folder, folder)
    assert counted(folder, "status", below=".remoterun/intents").opened > 0
