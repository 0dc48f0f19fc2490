"""`-C DIR`: the folder that is named is the project, with and without remoterun.yaml."""

import shlex
import subprocess
import sys

from tests.given_runs import RUNS, project, remoterun


def test_run_in_a_named_folder_without_remoterun_yaml_belongs_to_that_folder(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "named").mkdir()
    (tmp_path / "here").mkdir()
    words = ["-C", "../named"]
    done = remoterun(tmp_path / "here", "run", *words, "--tag", "t1", "-f", "--", "pwd")
    assert done.code == 0, done.err
    (run,) = (tmp_path / "named" / RUNS).iterdir()
    assert f"\n{tmp_path}/named\n" in remoterun(tmp_path / "here", "logs", *words, "t1").out
    assert remoterun(tmp_path / "named", "status", "-C", ".", "-o", "name").out.split() == [
        run.name
    ]
    shown = remoterun(tmp_path, "hosts", "show", "local", "-C", "named", "--origins").out
    assert f"{tmp_path}/named" in shown
    assert "the folder of -C" in shown


def test_official_says_how_to_make_the_missing_file_where_it_is_missing(tmp_path):
    folder = tmp_path / "a folder"
    folder.mkdir()
    done = remoterun(tmp_path, "official", "-C", str(folder), "--tag", "t1")
    assert done.code == 3
    (fix,) = [line for line in done.err.splitlines() if line.startswith("fix:")]
    words = shlex.split(fix.removeprefix("fix:"))
    subprocess.run([sys.executable, "-m", *words], cwd=tmp_path, check=True)
    assert (folder / "remoterun.yaml").exists()


def test_a_folder_that_a_variable_names_must_have_the_file(tmp_path):
    project(tmp_path / "p")
    environ = {"REMOTERUN_PROJECT": str(tmp_path)}
    for verb in ("status", "run"):
        words = [] if verb == "status" else ["--", "true"]
        done = remoterun(tmp_path / "p", verb, *words, environ=environ)
        assert done.code == 3
        assert "REMOTERUN_PROJECT names it" in done.err
