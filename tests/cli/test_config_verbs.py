"""`hosts`, `config` and `init`, as a user types them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

INVENTORY = """\
version: 1
defaults: {monitor: {interval: 10s}}
hosts:
  ws1:
    kind: local
    root: $SCRATCH/x
"""
PROJECT = "version: 1\nproject: p\npreflight: {min_cores: 3}\n"


@pytest.fixture
def remoterun(tmp_path):
    """Run the command line in a folder of its own."""
    home = tmp_path / "home"
    home.mkdir()
    where = tmp_path / "project"
    where.mkdir()

    def run(*args: str, cwd: Path = where, **environ: str) -> subprocess.CompletedProcess[str]:
        given = {"PATH": os.environ["PATH"], "HOME": str(home), "USER": "hui", "LC_ALL": "C.UTF-8"}
        return subprocess.run(
            [sys.executable, "-m", "remoterun", *args],
            cwd=cwd,
            env=given | environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    run.project = where
    return run


def answer(result: subprocess.CompletedProcess[str], kind: str) -> dict:
    assert result.returncode == 0, result.stderr
    data = json.loads(result.stdout)
    assert (data["schema_version"], data["kind"]) == (1, kind)
    assert data["checked_utc"].endswith("Z")
    return data


def test_a_first_project_is_written_checked_and_started_with_what_init_says(remoterun):
    first = remoterun("init")
    assert first.returncode == 0, first.stderr
    assert "next: remoterun official --workflow first_run --tag first_1" in first.stderr
    assert (
        remoterun.project / ".gitignore"
    ).read_text() == ".remoterun/\naudit/workstation_runs/\n"

    checked = answer(remoterun("config", "check", "-o", "json"), "config_check")
    assert checked["workflows"] == ["first_run"]
    assert checked["project"] == str(remoterun.project / "remoterun.yaml")
    assert checked["inventory"] is None
    assert checked["hosts"] == ["local"]


def test_the_command_that_init_writes_works_at_once(remoterun):
    from remoterun.records.config import read_project

    remoterun("init")
    workflow = read_project(remoterun.project / "remoterun.yaml").settings.workflows["first_run"]
    argv = [sys.executable, *workflow.command[1:], "--steps", "2", "--decision-tag", "t1"]
    ran = subprocess.run(argv, cwd=remoterun.project, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert "step 2/2" in ran.stdout
    (report,) = remoterun.project.glob(workflow.report)
    assert json.loads(report.read_text())["decision_tag"] == "t1"


def test_init_again_changes_nothing_and_never_overwrites(remoterun):
    remoterun("init")
    before = {path.name: path.read_bytes() for path in remoterun.project.iterdir()}
    again = remoterun("init", "-o", "json")
    assert answer(again, "init")["written"] is False
    assert {path.name: path.read_bytes() for path in remoterun.project.iterdir()} == before

    (remoterun.project / "remoterun.yaml").write_text(PROJECT)
    (remoterun.project / ".gitignore").unlink()
    refused = remoterun("init")
    assert refused.returncode == 10
    assert "never overwritten" in refused.stderr
    assert [path.name for path in remoterun.project.iterdir()] == ["remoterun.yaml"]
    assert (remoterun.project / "remoterun.yaml").read_text() == PROJECT


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("*.pyc", "*.pyc\n.remoterun/\naudit/workstation_runs/\n"),
        ("/.remoterun\n", "/.remoterun\naudit/workstation_runs/\n"),
        ("audit/workstation_runs/\n.remoterun/\n", "audit/workstation_runs/\n.remoterun/\n"),
    ],
)
def test_init_adds_only_the_lines_that_gitignore_lacks(remoterun, before, after):
    (remoterun.project / ".gitignore").write_text(before)
    assert remoterun("init").returncode == 0
    assert (remoterun.project / ".gitignore").read_text() == after


@pytest.mark.parametrize("user", ["", 'a"b\\c: {x}', "\x1b[31m", "Jörg # no comment", "$owner"])
def test_init_writes_a_file_that_is_right_whatever_folder_and_user_are_called(
    remoterun, tmp_path, user
):
    from remoterun.records.config import read_project

    folder = tmp_path / "ein Projekt: $project #1"
    folder.mkdir()
    assert remoterun("init", cwd=folder, USER=user).returncode == 0
    project = read_project(folder / "remoterun.yaml").settings
    assert project.project == "ein-Projekt-project-1"
    assert project.owner == (user or None)


def test_hosts_are_listed_with_local_always_among_them(remoterun):
    (remoterun.project / "inventory.yaml").write_text(INVENTORY)
    text = remoterun("hosts", "list")
    assert [line.split()[0] for line in text.stdout.splitlines()] == ["NAME", "local", "ws1"]
    rows = answer(remoterun("hosts", "list", "-o", "json"), "hosts")["hosts"]
    assert [(row["name"], row["listed"], row["root"]) for row in rows] == [
        ("local", False, None),
        ("ws1", True, "$SCRATCH/x"),
    ]
    assert remoterun("hosts", "list", "-o", "name").stdout == "local\nws1\n"
    lines = remoterun("hosts", "list", "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == rows


def test_a_host_is_shown_merged_and_expanded_with_the_origin_of_every_value(remoterun):
    (remoterun.project / "inventory.yaml").write_text(INVENTORY)
    (remoterun.project / "remoterun.yaml").write_text(PROJECT)
    shown = remoterun("hosts", "show", "ws1", "--origins", SCRATCH="/scratch/hui")
    assert shown.returncode == 0, shown.stderr
    rows = {line.split()[0]: line.split(maxsplit=2)[1:] for line in shown.stdout.splitlines()}
    assert rows["root"] == ["/scratch/hui/x", "inventory.yaml:6 hosts.ws1"]
    assert rows["monitor.interval"] == ["10s", "inventory.yaml:2 defaults"]
    assert rows["preflight.min_cores"] == ["3", "remoterun.yaml:3"]
    assert rows["preflight.min_memory"] == ["60GiB", "built-in"]
    plain = remoterun("hosts", "show", "ws1", SCRATCH="/scratch/hui").stdout
    assert "built-in" not in plain


def test_the_root_of_local_is_the_folder_of_the_project(remoterun):
    (remoterun.project / "remoterun.yaml").write_text(PROJECT)
    (remoterun.project / "sub").mkdir()
    host = answer(
        remoterun("hosts", "show", "local", "-o", "json", cwd=remoterun.project / "sub"), "host"
    )["host"]
    assert host["root"] == str(remoterun.project)


def test_a_variable_that_is_not_set_ends_with_3_and_is_named(remoterun):
    (remoterun.project / "inventory.yaml").write_text(INVENTORY)
    for verb in (["hosts", "show", "ws1"], ["config", "check"]):
        refused = remoterun(*verb)
        assert refused.returncode == 3
        assert "`SCRATCH` is not set" in refused.stderr
        assert "inventory.yaml:6" in refused.stderr
        assert refused.stdout == ""


def test_an_unknown_host_ends_with_2_and_the_nearest_name(remoterun):
    (remoterun.project / "inventory.yaml").write_text(INVENTORY)
    for name in ("ws2", "ws 1", "\x1b[31mws1"):
        refused = remoterun("hosts", "show", name)
        assert refused.returncode == 2
        assert "no host" in refused.stderr
        assert "\x1b" not in refused.stderr


def test_config_path_shows_every_place_and_which_file_is_in_force(remoterun, tmp_path):
    (remoterun.project / "remoterun.yaml").write_text(PROJECT)
    folder = tmp_path / "home/.config/remoterun"
    folder.mkdir(parents=True)
    (folder / "inventory.yaml").write_text("version: 1\n")
    data = answer(remoterun("config", "path", "-o", "json"), "config_path")
    assert data["project"] == str(remoterun.project / "remoterun.yaml")
    assert data["inventory"] == str(folder / "inventory.yaml")
    assert [look["found"] for look in data["looked"]].count(True) == 2
    assert str(folder / "inventory.yaml") in remoterun("config", "path").stdout


def test_a_broken_file_ends_with_3_and_one_error_without_a_traceback(remoterun):
    path = remoterun.project / "remoterun.yaml"
    path.write_text(PROJECT + "ownr: x\n")
    refused = remoterun("config", "check")
    assert refused.returncode == 3
    assert refused.stdout == ""
    lines = refused.stderr.splitlines()
    assert lines[0] == "error: `ownr` is not a key of this file"
    assert lines[1] == f"where: {path}, line 4, column 1, ownr"
    assert lines[2].startswith("why:   known keys: version, project, owner")
    assert lines[3] == "fix:   did you mean `owner`?"


def test_no_control_character_of_a_settings_file_reaches_the_terminal(remoterun):
    (remoterun.project / "remoterun.yaml").write_text(PROJECT + '"\\e[31mowner\\u202e": x\n')
    refused = remoterun("config", "check")
    assert refused.returncode == 3
    assert "\\x1b[31mowner\\u202e" in refused.stderr
    assert not {"\x1b", "\u202e"} & set(refused.stderr)


def test_no_control_character_of_a_value_reaches_the_terminal_in_any_form(remoterun):
    root = '"/x/\\e[31m\\u202e\\x7f\\x9b"'
    hosts = f"hosts: {{ws1: {{kind: local, root: {root}}}}}\n"
    (remoterun.project / "inventory.yaml").write_text("version: 1\n" + hosts)
    for form in ("text", "json", "jsonl"):
        listed = remoterun("hosts", "list", "-o", form)
        assert listed.returncode == 0, listed.stderr
        assert "31m" in listed.stdout
        assert not {"\x1b", "\u202e", "\x7f", "\x9b"} & set(listed.stdout), form


@pytest.mark.parametrize("name", ["a" * 300, "~nobody-of-that-name/x", "x/y/z", "loop/x", "file/x"])
@pytest.mark.parametrize("option", ["-i", "-C"])
def test_a_named_file_that_cannot_be_reached_ends_with_3(remoterun, option, name):
    (remoterun.project / "loop").symlink_to("loop")
    (remoterun.project / "file").write_text("")
    refused = remoterun("config", "path", option, name)
    assert refused.returncode == 3, refused.stderr
    assert option in refused.stderr


def test_hosts_of_a_workflow_that_the_inventory_lacks_are_a_warning_and_no_error(remoterun):
    workflows = "workflows: {w: {command: [a], hosts: [local, hpc]}}\n"
    (remoterun.project / "remoterun.yaml").write_text(PROJECT + workflows)
    checked = remoterun("config", "check")
    assert checked.returncode == 0
    assert "hpc" in checked.stderr


@pytest.mark.parametrize("which", ["inventory", "project"])
def test_the_json_schema_describes_every_key_and_allows_no_other(remoterun, which):
    printed = remoterun("config", "schema", which)
    assert printed.returncode == 0, printed.stderr
    schema = json.loads(printed.stdout)
    objects = [part for part in (schema, *schema["$defs"].values()) if "properties" in part]
    assert len(objects) >= 5
    for part in objects:
        assert part["additionalProperties"] is False
        for key, described in part["properties"].items():
            assert described.get("description"), key
