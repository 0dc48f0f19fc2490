"""What is shipped: sdist and wheel, installed in a clean environment, outside the repository."""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SCRIPTS = {
    path.name: path.read_bytes()
    for path in (REPOSITORY / "shell_templates").iterdir()
    if path.is_file()
}


def call(*words: object, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The sdist, and the wheel that is built from it."""
    out = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "build", "--no-isolation", "-o", out, REPOSITORY, cwd=out)
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """A clean virtual environment with the wheel and what it asks for, and nothing else."""
    venv = tmp_path_factory.mktemp("clean") / "venv"
    call(sys.executable, "-m", "venv", venv, cwd=venv.parent)
    call(venv / "bin/python", "-m", "pip", "install", "-q", built[1], cwd=venv.parent)
    return venv / "bin"


def test_sdist_and_wheel_carry_every_script_as_it_is_and_no_caches(built):
    sdist, wheel = built
    with tarfile.open(sdist) as archive:
        top = archive.getnames()[0].split("/")[0]
        members = {m.name.removeprefix(f"{top}/"): m for m in archive.getmembers()}
        for name, text in SCRIPTS.items():
            member = archive.extractfile(members[f"shell_templates/{name}"])
            assert member is not None
            assert member.read() == text
    assert [m.name for m in members.values() if not m.isfile()] == []
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        for name, text in SCRIPTS.items():
            assert archive.read(f"remoterun/shell_templates/{name}") == text
    shipped = [name for name in names if name.startswith("remoterun/shell_templates/")]
    assert len(shipped) == len(SCRIPTS)
    assert [name for name in [*names, *members] if "__pycache__" in name] == []
    assert "remoterun/py.typed" in names


def test_a_wheel_built_from_the_work_tree_equals_the_one_from_the_sdist(built, tmp_path):
    words = (sys.executable, "-m", "build", "--no-isolation", "--wheel", "-o", tmp_path, REPOSITORY)
    call(*words, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(built[1]) as theirs, zipfile.ZipFile(wheel) as ours:
        assert sorted(theirs.namelist()) == sorted(ours.namelist())


def test_the_installed_wheel_does_an_official_run_from_another_folder(installed, tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    command = {"command": ["bash", "-c", 'echo "$@" >"$OUT_DIR/received"', "job"]}
    settings = {"version": 1, "project": "far", "owner": "hui", "workflows": {"gates": command}}
    (project / "remoterun.yaml").write_text(json.dumps(settings))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environ = {"PYTHONPATH": "", "PATH": f"{installed}:/usr/bin:/bin"}

    found = call(
        "python", "-c", "import remoterun; print(remoterun.__file__)", cwd=elsewhere, **environ
    )
    assert Path(found.stdout).is_relative_to(installed.parent)
    line = ("remoterun", "official", "-C", project, "--workflow", "gates", "--tag", "far_run1")
    done = call(*line, "--follow", "--", "one", "two words", cwd=elsewhere, **environ)

    assert "far_run1 succeeded" in done.stdout
    (run_dir,) = (project / "audit/workstation_runs").iterdir()
    assert json.loads((run_dir / "exit_status.json").read_text())["state"] == "success"
    assert (run_dir / "received").read_text() == "one two words\n"
    manifest = json.loads((run_dir / "manifest.json").read_text())
    job = SCRIPTS["lib.sh"] + SCRIPTS["gating.sh"] + SCRIPTS["official_run.sh"]
    for name, digest in manifest["wrappers"].items():
        text = job if name == "job.sh" else SCRIPTS[name]
        assert digest == hashlib.sha256(text).hexdigest()
