"""Whatever somebody types, names or prints stays data, and no control byte reaches a terminal."""

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from hostile import control_bytes, hostile, hostile_bytes
from projects import Project, a_project, received, record

from remoterun.errors import UsageError
from remoterun.records.config import read_configuration
from remoterun.render.messages import error_text
from remoterun.steps.request import Wishes, prepare_official

COUNT = 1000
SAMPLE = ["a'b", '"', "\x1b[31m", "$(touch CANARY)", "a\nb", "-rf", "\x9b2J", "\u202ex", "é" * 90]
PROGRAMS = {
    *("python", "python3", "python3.11", "bash", "git", "setsid", "flock", "taskset", "true"),
    *("tar", "gzip", "cat", "head", "tail", "tr", "sed", "sort", "comm", "du", "stat", "sync"),
    *("sha256sum", "openssl", "base64", "ln", "rm", "mv", "cp", "mkdir", "chmod", "date", "df"),
    *("nproc", "getconf", "sleep", "dd", "env", "perl", "mktemp", "dirname", "readlink"),
    *("uname", "nvidia-smi", "git-remote-https"),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with a_project(tmp_path_factory.mktemp("hostile")) as made:
        made.configure(
            data_quality={"min_rows": 2}, outputs=["results"], limits={"stop_grace": "1s"}
        )
        made.commit()
        yield made
        assert not list(made.root.parent.rglob("CANARY*")), "a value was run"


def assert_harmless(done: subprocess.CompletedProcess[str]) -> None:
    assert control_bytes(done.stdout) == []
    assert control_bytes(done.stderr) == []
    assert "Traceback" not in done.stderr
    assert "a bug in remoterun" not in done.stderr


def assert_shown_harmlessly(project: Project, tag: str) -> None:
    for words in (
        ["status"],
        ["status", tag],
        ["status", tag, "-o", "json"],
        ["status", "-o", "jsonl", "--all"],
        ["status", "-o", "name"],
        ["logs", tag, "-n", "2000"],
        ["logs", tag, "-o", "json"],
        ["monitor", tag],
        ["wait", tag],
    ):
        done = project.remoterun(*words)
        assert done.stdout
        assert_harmless(done)


def test_every_hostile_tag_is_refused_before_anything_is_touched(project):
    configuration = read_configuration(project.root, project.environ, None, None)
    before = project.runs()
    allowed = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
    tags = [text for text in hostile(COUNT) if not allowed.fullmatch(text)]
    assert len(tags) > COUNT * 0.9
    for tag in tags:
        with pytest.raises(UsageError) as raised:
            prepare_official(
                configuration, Wishes([b"x"], tag=tag), project.environ, datetime.now(UTC)
            )
        assert control_bytes(error_text(raised.value)) == []
    assert project.runs() == before


@pytest.mark.parametrize("value", SAMPLE)
def test_what_is_typed_in_place_of_a_name_is_refused_without_a_control_byte(project, value):
    for words in (["official", f"--tag={value}", "--", "x"], ["status", "--", value]):
        done = project.remoterun(*words)
        assert done.returncode == 2, (words, done)
        assert_harmless(done)


@pytest.mark.parametrize(
    "words",
    [
        ["{}"],
        ["--{}"],
        ["official", "--workflow={}", "--tag", "a", "--", "x"],
        ["official", "--host={}", "--tag", "a", "--", "x"],
        ["official", "--set={}", "--tag", "a", "--", "x"],
        ["official", "--set=preflight.{}=1", "--tag", "a", "--", "x"],
        ["official", "--threads={}", "--tag", "a", "--", "x"],
        ["official", "--cpuset={}", "--tag", "a", "--", "x"],
        ["official", "--x{}", "--tag", "a", "--", "x"],
        ["status", "--since={}"],
        ["status", "--state={}"],
        ["status", "-o", "{}"],
        ["-i", "{}", "status"],
        ["status", "-C", "/tmp/{}"],
        ["hosts", "show", "{}"],
        ["hosts", "list", "-i", "/tmp/{}"],
        ["config", "schema", "{}"],
        ["preflight", "--host", "{}"],
        ["dq", "--input-csv", "{}"],
        ["logs", "{}"],
        ["stop", "{}"],
        ["stop", "--grace={}", "x"],
        ["resume", "{}"],
        ["wait", "x", "--timeout={}"],
        ["monitor", "{}"],
    ],
)
def test_no_error_repeats_a_control_byte(project, words):
    done = project.remoterun(*(word.format("\x1b[31m\x9b\u202e\x07\r") for word in words))
    assert done.returncode in (2, 3, 6), done
    assert_harmless(done)


def test_a_thousand_arguments_reach_the_command_byte_for_byte(project):
    values = [b"--x", *hostile_bytes(COUNT), b"", b"last"]
    done = project.official("arguments", args=values)

    assert done.returncode == 0, done.stderr
    assert_harmless(done)
    run_dir = project.run_dir("arguments")
    identity = [b"--decision-tag", b"arguments", b"--owner", b"hui"]
    assert received(run_dir) == values + identity
    manifest = record(run_dir, "manifest.json")
    assert manifest["argv_exact"] is False
    assert len(manifest["argv"]) == manifest["argv_count"] == len(values) + 6
    command = (run_dir / "command.sh").read_bytes()
    assert command.isascii()
    assert command.count(b"\n") == 1
    script = 'set -f; eval "set -- $(cat command.sh)"; printf "%s\\0" "$@"'
    words = subprocess.run(["bash", "-c", script], cwd=run_dir, capture_output=True, check=True)
    assert words.stdout.split(b"\0")[2:-1] == values + identity
    assert_shown_harmlessly(project, "arguments")


def test_owner_and_notes_with_a_thousand_hostile_strings_come_back_from_every_record(project):
    texts = hostile(COUNT, longest=80)
    owner, notes = "".join(texts[:400]), "\n".join(texts)

    done = project.official("texts", f"--owner={owner}", f"--notes={notes}")

    assert done.returncode == 0, done.stderr
    assert_harmless(done)
    run_dir = project.run_dir("texts")
    words = received(run_dir)
    assert words[words.index(b"--owner") + 1] == owner.encode()
    assert words[words.index(b"--notes") + 1] == notes.encode()
    for name in ("manifest.json", "context.json"):
        said = record(run_dir, name)
        assert (said["owner"], said["notes"]) == (owner, notes)
    assert_shown_harmlessly(project, "texts")


def test_reason_and_actor_of_a_waiver_come_back_and_are_shown_harmlessly(project):
    reason = "".join(hostile(200, seed=5)) + "."
    done = project.official(
        *("waived", "--dq-input-csv", "table.csv", "--skip-data-quality-check"),
        f"--reason={reason}",
        "--actor=\x1b]0;x\x07",
    )

    assert done.returncode == 0, done.stderr
    assert_harmless(done)
    (waiver,) = record(project.run_dir("waived"), "waivers.json")["waivers"]
    assert (waiver["reason"], waiver["actor"]) == (reason.strip(), "\x1b]0;x\x07")
    assert_shown_harmlessly(project, "waived")


@pytest.mark.parametrize("option", ["--owner", "--notes", "--reason", "--actor", "--dq-input-csv"])
def test_text_that_is_no_utf8_is_refused(project, option):
    given = os.fsencode(option) + b"=a\xff\xfe"
    more = ["--skip-data-quality-check"]
    more += [] if option == "--reason" else ["--reason", "looked at it"]

    done = project.official("no_utf8", *more, given)

    assert done.returncode == 2, done
    assert option in done.stderr
    assert not list(project.root.glob("audit/*/*_no_utf8"))


def test_a_log_full_of_hostile_lines_reaches_no_terminal(project):
    lines = b"\n".join(hostile_bytes(COUNT, seed=9))
    (project.root / "lines").write_bytes(lines)
    progress = json.dumps({"n_done": 3, "n_target": 9, "message": "\x1b[2J", "stage": "\x9b[/x]"})
    (project.root / "then.sh").write_text(
        f"cat lines; printf '%s' '{progress}' >\"$OUT_DIR/progress.json\"\nexit 3\n"
    )
    done = project.official("lines")
    (project.root / "then.sh").unlink()

    assert done.returncode == 7
    assert_harmless(done)
    assert lines in (project.run_dir("lines") / "run.log").read_bytes()
    assert_shown_harmlessly(project, "lines")
    # on a terminal the views of rich are drawn as well
    for words in (["status"], ["status", "lines"], ["monitor", "lines"], ["logs", "lines"]):
        drawn = on_a_terminal(project, *words)
        assert drawn
        rest = strip_our_sequences(drawn.decode("utf-8", "surrogateescape"))
        assert control_bytes(rest.replace("\r\n", "\n").replace("\r", "\n")) == []


def test_a_stop_with_a_hostile_reason_is_recorded_and_shown_harmlessly(project):
    reason = "".join(hostile(60, seed=4))
    (project.root / "then.sh").write_text("sleep 60\n")
    project.official("stopped", follow=False)
    (project.root / "then.sh").unlink()

    done = project.remoterun("stop", "stopped", "-m", reason, "--grace", "1s")

    assert done.returncode == 0, done.stderr
    assert_harmless(done)
    assert record(project.run_dir("stopped"), "stop_request.json")["reason"] == reason
    assert_shown_harmlessly(project, "stopped")


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_no_program_is_started_that_a_harmless_run_would_not_start(project, tmp_path):
    trace = tmp_path / "trace"
    values = [text for text in hostile(200, seed=2) if not text.startswith("--decision-tag")]
    words = ["official", "--tag", "traced", "-f", f"--owner={''.join(values[:50])}"]
    words += [f"--notes={''.join(values[50:])}", "--dq-input-csv", "table.csv"]
    project.write_table()
    subprocess.run(
        [
            *("strace", "-f", "-qq", "-s", "300", "-e", "trace=execve", "-o", str(trace)),
            *(sys.executable, "-m", "remoterun", *words, "--", *values),
        ],
        cwd=project.root,
        env=project.environ | {"PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        timeout=120,
    )
    started = [
        line.split('execve("')[1].split('"')[0].rpartition("/")[2]
        for line in trace.read_text(errors="replace").splitlines()
        if 'execve("' in line and line.rstrip().endswith("= 0")
    ]
    assert len(started) > 20
    assert set(started) <= PROGRAMS
    assert received(project.run_dir("traced"))[: len(values)] == [v.encode() for v in values]


def on_a_terminal(project: Project, *words: str) -> bytes:
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "remoterun", *words],
        cwd=project.root,
        env=project.environ | {"TERM": "xterm-256color"},
        stdin=child,
        stdout=child,
        stderr=child,
    )
    os.close(child)
    drawn, until = b"", time.monotonic() + 30
    while time.monotonic() < until:
        if not select.select([parent], [], [], 0.2)[0]:
            if process.poll() is not None:
                break
            continue
        try:
            piece = os.read(parent, 65536)
        except OSError:
            break
        if not piece:
            break
        drawn += piece
    process.kill()
    process.wait()
    os.close(parent)
    return drawn


def strip_our_sequences(text: str) -> str:
    """What rich sends: colours, cursor moves and visibility, erased lines."""
    return re.sub(r"\x1b\[[0-9;]*[mAKJGH]|\x1b\[\?(25|1049)[hl]", "", text)
