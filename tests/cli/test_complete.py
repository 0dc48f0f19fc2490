"""Names that the shell completes, from local files."""

from remoterun.cli.complete import complete_host, complete_run, complete_workflow
from tests.given_runs import ended_run, project, write_json


def test_runs_hosts_and_workflows_of_the_project_are_completed(tmp_path, monkeypatch):
    folder = project(tmp_path)
    ended_run(folder, "null_1")
    ended_run(folder, "committee_1")
    write_json(tmp_path / "inventory.yaml", {"version": 1, "hosts": {"mine": {"kind": "local"}}})
    monkeypatch.chdir(folder)
    assert complete_run("null") == ["null_1"]
    assert sorted(complete_run("")) == ["committee_1", "null_1"]
    assert sorted(complete_host("")) == ["local", "mine"]
    assert complete_workflow("j") == ["job"]


def test_where_nothing_can_be_read_nothing_is_completed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "remoterun.yaml").write_text("paths: [broken")
    (tmp_path / "inventory.yaml").write_text("\0")
    assert complete_run("") == []
    assert complete_host("") == []
    assert complete_workflow("") == []
