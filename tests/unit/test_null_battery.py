"""The permutation test of examples/null_battery: stopped, killed, resumed."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

FOLDER = Path(__file__).parents[2] / "examples" / "null_battery"
ARGV = [sys.executable, "scripts/permutation_test.py", "--draws", "130", "--size", "50"]


def start(out, *words):
    env = {"PATH": os.environ["PATH"], "OUT_DIR": str(out)}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*ARGV, *words], cwd=FOLDER, env=env, stdout=pipe, stderr=pipe, text=True
    )


def run(out, *words):
    program = start(out, *words)
    printed, errors = program.communicate(timeout=60)
    return program.returncode, printed, errors


def interrupt(out, signum):
    """Start slowly, send the signal after the first 50 draws were saved."""
    program = start(out, "--sleep", "0.02")
    assert program.stdout.readline() == "draw 50/130\n"
    program.send_signal(signum)
    printed, _ = program.communicate(timeout=60)
    return program.returncode, printed


def state_of(out):
    return json.loads((out / "null_partial.json").read_text())["state"]


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_was_ended_and_resumed_gives_the_same_bytes(tmp_path, signum):
    straight, resumed = tmp_path / "straight", tmp_path / "resumed"
    assert run(straight)[0] == 0
    code, printed = interrupt(resumed, signum)
    assert code == -signum
    done = state_of(resumed)["n_done"]
    assert 50 <= done < 130
    if signum == signal.SIGTERM:
        assert f"saved at draw {done}/130" in printed
        progress = json.loads((resumed / "progress.json").read_text())
        assert (progress["n_done"], progress["stage"]) == (done, "stopped")
    assert not (resumed / "null_result.json").exists()
    code, printed, _ = run(resumed)
    assert (code, printed.splitlines()[0]) == (0, f"resumed at draw {done}/130")
    for name in ("null_partial.json", "null_result.json"):
        assert (resumed / name).read_bytes() == (straight / name).read_bytes()


def test_the_result_is_what_the_draws_say_and_depends_on_the_seed(tmp_path):
    results = []
    for seed in ("7", "7", "8"):
        out = tmp_path / str(len(results))
        assert run(out, "--seed", seed)[0] == 0
        results.append(json.loads((out / "null_result.json").read_text()))
    first, again, other = results
    assert first == again
    assert first["observed_difference"] != other["observed_difference"]
    assert first["p_value"] == (1 + first["n_as_large"]) / 131
    assert first["null_std"] == pytest.approx(0.2, rel=0.3)  # sqrt(2 / size)
    progress = json.loads((tmp_path / "0" / "progress.json").read_text())
    assert (progress["n_done"], progress["n_target"], progress["stage"]) == (130, 130, "done")


@pytest.mark.parametrize("partial", ['{"test": {}}', "{", "[]", None])
def test_a_partial_file_of_another_test_is_not_continued(tmp_path, partial):
    out = tmp_path / "out"
    assert run(out, "--seed", "8")[0] == 0
    if partial is not None:
        (out / "null_partial.json").write_text(partial)
    before = (out / "null_partial.json").read_bytes()
    code, _, errors = run(out)
    assert (code, errors.count("\n")) == (3, 1)
    assert (out / "null_partial.json").read_bytes() == before


def test_the_patterns_of_the_project_file_find_the_lines_of_the_program(tmp_path):
    workflow = YAML(typ="safe").load(FOLDER / "remoterun.yaml")["workflows"]["null_battery"]
    lines = interrupt(tmp_path, signal.SIGTERM)[1] + run(tmp_path)[1]
    for milestone in workflow["progress"]["milestones"]:
        assert re.search(milestone, lines), milestone
    (pattern,) = workflow["progress"]["patterns"]
    found = [match for line in lines.splitlines() if (match := re.search(pattern, line))]
    assert (found[-1]["done"], found[-1]["target"]) == ("130", "130")
