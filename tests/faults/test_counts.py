"""Processes are the cost of a look and of a tick: they are counted, not timed."""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import time

import given
import pytest

from remoterun.records.scripts import read_script
from remoterun.transports.frame import build_request

MOST_OF_A_LOOK = 6
MOST_OF_A_TICK = 3
needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace is missing")


def programs_of_a_look(runs, trace):
    """How many programs one look at these runs starts, its bash among them."""
    script = read_script("lib", "look", "evidence")
    request = script.text + build_request("ab" * 16, ["no", "0", *map(str, runs)])
    watch = ["strace", "--seccomp-bpf", "-f", "-o", str(trace), "-e", "trace=execve"]
    done = subprocess.run([*watch, "bash", "-s"], input=request, capture_output=True, check=True)
    assert b"RR1 " in done.stdout
    return len(re.findall(r"execve\(.* = 0$|execve resumed>.* = 0$", trace.read_text(), re.M))


@needs_strace
def test_a_look_at_a_hundred_runs_starts_as_many_processes_as_a_look_at_one(lab, tmp_path):
    template = lab.attempt("sleep 1", "t")
    fields = given.stat_of(os.getpid())
    runs = []
    with contextlib.ExitStack() as locks:
        for number in range(100):
            run_dir = template.with_name(f"{template.name}_{number}")
            shutil.copytree(template, run_dir)
            # their supervisor lives and holds each lock: it is this test
            said = f'{{"pid": {os.getpid()}, "start_ticks": {fields[19]}}}\n'
            (run_dir / "process.json").write_text(said)
            (run_dir / "control/exec").write_text(said)
            lock = locks.enter_context((run_dir / "control/lock").open("ab"))
            fcntl.flock(lock, fcntl.LOCK_EX)
            runs.append(run_dir)
        one = programs_of_a_look(runs[:1], tmp_path / "one")
        # locks that come and go while the kernel lists them can hide one, which is then asked for
        tries = [programs_of_a_look(runs, tmp_path / "hundred") for _ in range(3)]
        hundred = min(tries)
    assert one == hundred
    assert hundred <= MOST_OF_A_LOOK


@needs_strace
def test_a_beat_of_the_supervisor_starts_three_processes_and_a_plain_tick_none(lab, tmp_path):
    run_dir = lab.official("sleep 99", "ticking")
    given.wait_until(lambda: (run_dir / "control/exec").exists())
    pid = given.record(run_dir, "process.json")["pid"]
    trace = tmp_path / "trace"
    watch = ["strace", "-f", "-o", str(trace), "-e", "trace=execve", "-p", str(pid)]
    beat = given.record(run_dir, "heartbeat.json")["seq"]
    with subprocess.Popen(watch, stderr=subprocess.PIPE) as strace:
        assert strace.stderr is not None
        strace.stderr.readline()
        given.wait_until(
            lambda: given.record(run_dir, "heartbeat.json")["seq"] > beat, 40, every=0.2
        )
        time.sleep(2)
        strace.send_signal(signal.SIGINT)
    programs = re.findall(r'execve\("([^"]+)"', trace.read_text())
    started = [line for line in trace.read_text().splitlines() if line.endswith(" = 0")]
    assert 1 <= len(started) <= MOST_OF_A_TICK, programs
    given.end(run_dir)
