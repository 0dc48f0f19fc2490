"""Any number of launchers of one tag at once: one execution, and every answer is the same run."""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import given
import pytest

from remoterun.errors import TryAgain
from remoterun.steps.official import first_intent, launched, next_intent, stand

LAUNCHERS = 32
COMMAND = r"""printf 'ran %s\n' "$$" >>"$1"; sleep 0.2; exit 0"""


def answers_of(lab: given.Lab, tag: str, counter: Path) -> list[str]:
    """What each launcher said. They are forked with their imports done and wait for one word."""
    said_read, said_write = os.pipe()
    go_read, go_write = os.pipe()
    children = []
    for _ in range(LAUNCHERS):
        pid = os.fork()
        if pid == 0:
            os.close(go_write)
            try:
                os.read(go_read, 1)
                answer = str(lab.official(COMMAND, tag, str(counter)))
            except BaseException as error:
                answer = f"{type(error).__name__}: {error}"
            finally:
                os.write(said_write, answer.replace("\n", " ")[:1000].encode() + b"\n")
                os._exit(0)
        children.append(pid)
    os.close(go_write)
    os.close(said_write)
    with os.fdopen(said_read) as said:
        answers = said.read().splitlines()
    for pid in children:
        os.waitpid(pid, 0)
    os.close(go_read)
    return answers


def is_as_listed(root: Path, run_dir: Path) -> list[str]:
    """Files that differ from the digest list."""
    bases = {"run_dir": run_dir, "project_root": root}
    return [
        entry["path"]
        for entry in json.loads((run_dir / "artifacts.json").read_bytes())["files"]
        if hashlib.sha256((bases[entry["path_base"]] / entry["path"]).read_bytes()).hexdigest()
        != entry["sha256"]
    ]


def test_one_of_many_launchers_starts_the_run_and_all_answer_with_it(lab, tmp_path, soak):
    for number in range(9 * soak):
        counter = tmp_path / f"counter_{number}"
        answers = answers_of(lab, f"t{number}", counter)
        (run_dir,) = [path for path in lab.runs() if path.name.endswith(f"_t{number}")]
        state = given.settled(run_dir)

        assert answers == [str(run_dir)] * LAUNCHERS
        assert counter.read_text().count("ran") == 1
        assert state.name == "succeeded"
        # nobody came late and wrote into a run that was closed
        assert is_as_listed(lab.root, run_dir) == []
        assert given.record(run_dir, "result.json")["stragglers"] == 0
    assert [path.name for path in lab.runs() if path.name.startswith(".")] == []


def test_the_same_race_by_the_command_line(lab, tmp_path):
    counter = tmp_path / "counter"
    line = ["official", "--workflow", "job", "--tag", "cli", "--detach", "-o", "json"]
    words = [sys.executable, "-m", "remoterun", *line, "--", COMMAND, "job", str(counter)]
    launchers = [
        subprocess.Popen(words, cwd=lab.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(LAUNCHERS)
    ]
    told = [launcher.communicate(timeout=120) for launcher in launchers]
    state = given.settled(lab.runs()[0])

    assert counter.read_text().count("ran") == 1
    assert [launcher.returncode for launcher in launchers] == [0] * LAUNCHERS, told
    assert {json.loads(out)["runs"][0]["run_id"] for out, _ in told} == {lab.runs()[0].name}
    assert state.name == "succeeded"
    assert is_as_listed(lab.root, lab.runs()[0]) == []


def test_an_attempt_that_comes_to_life_is_never_overtaken_and_an_overtaken_one_stays_dead(
    lab, tmp_path
):
    counter = tmp_path / "counter"
    prepared = lab.prepare(COMMAND, "slow", str(counter))
    now = datetime.now(UTC)
    # attempt 1 was placed, and its supervisor is slow to come to life
    first = stand(prepared, first_intent(prepared, now))
    run_dir = lab.place(prepared, first)
    (run_dir / "control/started").write_text("{}\n")
    # meanwhile somebody took it for abandoned
    second = stand(prepared, next_intent(prepared, first, now, only_unstarted=True))

    def open_second():
        with launched(prepared, second, "", "once") as answer:
            list(answer.frames)

    with (run_dir / "control/lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(TryAgain, match="came to life"):
            open_second()
    (run_dir / "control/exec").write_text("{}\n")
    with pytest.raises(TryAgain, match="came to life"):
        open_second()
    assert not (run_dir / "attempts/2").exists()
    assert lab.official(COMMAND, "slow", str(counter)) == run_dir
    assert not counter.exists()

    # it did not: the next attempt runs, and the slow supervisor finds that it was overtaken
    (run_dir / "control/exec").unlink()
    open_second()
    late = subprocess.run(["bash", run_dir / "job.sh"], capture_output=True, check=False)
    assert late.returncode == 75
    assert given.settled(run_dir).name == "succeeded"
    assert counter.read_text().count("ran") == 1


def test_another_request_for_a_taken_tag_is_a_conflict_and_starts_nothing(lab, tmp_path):
    counter = tmp_path / "counter"
    run_dir = lab.official(COMMAND, "taken", str(counter), follow="end")
    with pytest.raises(Exception, match="belongs to another request"):
        lab.official(COMMAND, "taken", str(counter), "more")
    assert lab.official(COMMAND, "taken", str(counter)) == run_dir
    assert counter.read_text().count("ran") == 1
