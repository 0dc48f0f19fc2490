"""Random kills of everything a run consists of: no success that was not, a true end for each."""

import contextlib
import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import given
import pytest

from remoterun.errors import RemoteRunError
from remoterun.model.state import StateName

# Writes down what it does before it does it: nothing of ours has a part in that.
COMMAND = r"""
exec perl -e '
  open my $diary, ">>", $ARGV[0] or exit 99;
  syswrite $diary, "began $$\n";
  select undef, undef, undef, $ARGV[1];
  syswrite $diary, "exits $ARGV[2]\n";
  exit $ARGV[2];
' "$@"
"""
SIGNALS = (signal.SIGTERM, signal.SIGKILL, signal.SIGHUP, signal.SIGINT)
ENDS = {StateName.SUCCEEDED, StateName.FAILED, StateName.STOPPED, StateName.LOST}


@dataclass(frozen=True)
class Plan:
    """One run and one kill."""

    tag: str
    target: str
    signal: signal.Signals
    after_s: float
    lasts_s: float
    exits: int


@dataclass(frozen=True)
class Outcome:
    plan: Plan
    state: StateName
    exit_code: int | None
    signal: int | None
    diary: list[str]
    hit: int
    """How many processes the signal was sent to."""


def plans(seed: int, count: int, targets: tuple[str, ...]) -> list[Plan]:
    chance = random.Random(seed)
    return [
        Plan(
            tag=f"k{seed}_{number}",
            target=targets[number % len(targets)],
            signal=SIGNALS[number // len(targets) % len(SIGNALS)],
            after_s=chance.choice((0, chance.uniform(0, 0.5), chance.uniform(0, 1.5))),
            lasts_s=chance.choice((0, 0.3, 1.0)),
            exits=chance.choice((0, 0, 7)),
        )
        for number in range(count)
    ]


def targets_of(plan: Plan, run_dir: Path, diary: Path) -> list[int]:
    """The processes that the plan means, as soon as there are any."""
    if plan.target == "job":
        return [int(line.split()[1]) for line in lines(diary) if line.startswith("began")]
    name = "control/exec" if plan.target == "shim" else "process.json"
    try:
        pid = int(given.record(run_dir, name)["pid"])
    except FileNotFoundError:
        return []
    return given.in_session(pid) if plan.target == "session" else [pid]


def shoot(plan: Plan, run_dir: Path, diary: Path, mark: str) -> int:
    """Wait for the target as long as the run goes on; how many were hit."""
    time.sleep(plan.after_s)
    until = time.monotonic() + 20
    while time.monotonic() < until and not (run_dir / "artifacts.json").exists():
        if found := targets_of(plan, run_dir, diary):
            return sum(given.kill(pid, plan.signal, mark=mark) for pid in found)
        time.sleep(0.005)
    return 0


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def one_kill(lab: given.Lab, plan: Plan) -> Outcome:
    diary = lab.root.parent / f"diary_{plan.tag}"
    args = (str(diary), str(plan.lasts_s), str(plan.exits))
    hit = 0
    if plan.target == "launcher":
        launcher = fork_launcher(lab, plan, args)
        time.sleep(plan.after_s)
        hit = sum(given.kill(pid, plan.signal) for pid in {launcher, *launch_session(launcher)})
        os.waitpid(launcher, 0)
        # what a person does next: the same line again
        run_dir = again(lab, plan, args)
    else:
        run_dir = lab.official(COMMAND, plan.tag, *args)
        hit = shoot(plan, run_dir, diary, lab.mark)
    state = given.settled(run_dir)
    if state.name in (StateName.CLAIMED, StateName.BLOCKED):
        assert not diary.exists(), f"{plan}: it ran, and is said not to have been started"
        run_dir = again(lab, plan, args)
        state = given.settled(run_dir)
    evidence = given.see(run_dir)[0]
    ending = evidence.ending or evidence.shim_exit
    return Outcome(
        plan,
        state.name,
        ending.exit_code if ending else None,
        ending.signal if ending else None,
        lines(diary),
        hit,
    )


def again(lab: given.Lab, plan: Plan, args: tuple[str, ...]) -> Path:
    return given.wait_until(lambda: _again(lab, plan, args), 30)


def _again(lab: given.Lab, plan: Plan, args: tuple[str, ...]) -> Path | None:
    with contextlib.suppress(RemoteRunError):
        return lab.official(COMMAND, plan.tag, *args)
    return None


def fork_launcher(lab: given.Lab, plan: Plan, args: tuple[str, ...]) -> int:
    """A launching process of its own, with its imports done: the kill meets the launch."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            for number in SIGNALS:
                if number is not signal.SIGKILL:
                    signal.signal(number, signal.SIG_DFL)
            lab.official(COMMAND, plan.tag, *args)
        finally:
            os._exit(0)
    return pid


def launch_session(launcher: int) -> list[int]:
    """The bash that the launcher started: its transport gives it a session of its own."""
    return [pid for child in given.children_of(launcher) for pid in given.in_session(child)]


def judge(outcome: Outcome) -> str:
    """What is wrong with an outcome; empty when all is as it was."""
    plan, diary = outcome.plan, outcome.diary
    began = sum(line.startswith("began") for line in diary)
    finished = f"exits {plan.exits}" in diary
    if outcome.state not in ENDS:
        return f"it ended {outcome.state}"
    if began > 1:
        return f"it was executed {began} times"
    if outcome.state is StateName.SUCCEEDED and not (finished and plan.exits == 0):
        return "a success that was not"
    if outcome.state is StateName.LOST:
        could_be = plan.signal is signal.SIGKILL and plan.target in ("shim", "session")
        return "" if could_be else "lost, though its witnesses lived"
    if not diary:
        # hit before its first line, or never started
        early = (outcome.exit_code, outcome.signal) in {(128 + n, int(n)) for n in SIGNALS}
        return "" if early or outcome.exit_code is None else "a code of a command that never ran"
    allowed = set()
    if finished:
        allowed.add((plan.exits, None))
    killers = {plan.signal, signal.SIGTERM, signal.SIGKILL}
    if plan.target != "launcher":
        allowed |= {(128 + n, int(n)) for n in killers}
    if (outcome.exit_code, outcome.signal) not in allowed:
        return f"exit code {outcome.exit_code}, signal {outcome.signal}"
    return ""


def shoot_all(lab: given.Lab, wanted: list[Plan]) -> list[Outcome]:
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda plan: one_kill(lab, plan), wanted))


@pytest.mark.parametrize("target", ["job", "shim", "supervisor", "session"])
def test_no_kill_makes_a_success_and_every_run_ends_truly(lab, soak, target):
    outcomes = shoot_all(lab, plans(len(target), 20 * soak, (target,)))

    wrong = [(judge(outcome), outcome) for outcome in outcomes if judge(outcome)]
    assert wrong == []
    # the shots must have met something, else this proves nothing
    assert sum(outcome.hit > 0 for outcome in outcomes) > len(outcomes) // 2


def test_a_killed_launch_is_finished_by_the_same_line_again(lab, soak):
    outcomes = [one_kill(lab, plan) for plan in plans(99, 20 * soak, ("launcher",))]

    wrong = [(judge(outcome), outcome) for outcome in outcomes if judge(outcome)]
    assert wrong == []
    assert {outcome.state for outcome in outcomes} <= {StateName.SUCCEEDED, StateName.FAILED}
