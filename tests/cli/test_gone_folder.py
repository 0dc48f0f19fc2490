"""A command line that is typed in a folder that somebody deleted."""

import shlex
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "words",
    ["status", "logs t1", "stop t1", "resume t1", "run -- true", "hosts list", "config path"],
)
def test_every_verb_says_the_same_when_its_working_directory_is_gone(tmp_path, words):
    gone = tmp_path / "gone"
    gone.mkdir()
    program = shlex.join([sys.executable, "-P", "-m", "remoterun", *words.split()])
    done = subprocess.run(
        ["bash", "-c", f'rmdir -- "$PWD" && exec {program}'],
        cwd=gone,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 74
    assert done.stderr.splitlines()[0] == "error: the working directory is gone"
    assert "stdout" not in done.stderr
