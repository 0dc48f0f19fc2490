"""What the same line does again, for every state of the attempt that is there."""

import pytest

from remoterun.model.state import Evidence, Flag, State, StateName
from remoterun.rules.repeat import MAY_DIFFER, Course, decide

THEN = {
    "argv": ["x"],
    "host": "local",
    "waivers": [],
    "thresholds": {"a": 1},
    "require_clean": False,
    "remoterun.yaml": "f",
    "commit": "c",
}
OTHER = {**THEN, "argv": ["y"]}
ENDED_BEFORE_EXEC = {StateName.BLOCKED, StateName.STOPPED, StateName.FAILED}


def seen(*, started: bool) -> Evidence:
    return Evidence(run_dir="/r", exec_marker=started)


def state(name: StateName, *, settled: bool, flags: tuple[Flag, ...] = ()) -> State:
    return State(name=name, basis=None, age_s=1, flags=flags, why="", settled=settled)


@pytest.mark.parametrize("name", StateName)
@pytest.mark.parametrize("settled", [True, False])
def test_a_started_attempt_is_never_launched_again(name, settled):
    there = seen(started=True), state(name, settled=settled)

    assert decide(THEN, dict(THEN), *there).course is Course.ANSWER
    assert decide(THEN, OTHER, *there).course is Course.CONFLICT


@pytest.mark.parametrize("name", [n for n in StateName if n is not StateName.CLAIMED])
@pytest.mark.parametrize("settled", [True, False])
def test_only_an_attempt_that_ended_before_its_command_opens_the_next(name, settled):
    decision = decide(THEN, dict(THEN), seen(started=False), state(name, settled=settled))

    may = settled and name in ENDED_BEFORE_EXEC
    assert decision.course is (Course.NEXT if may else Course.ANSWER)
    assert (name in decision.note) is may


@pytest.mark.parametrize("key", sorted(THEN))
def test_after_a_block_only_what_concerns_the_gates_may_differ(key):
    now = {**THEN, key: "changed"}
    blocked = state(StateName.BLOCKED, settled=True)

    course = decide(THEN, now, seen(started=False), blocked).course

    assert course is (Course.NEXT if key in MAY_DIFFER else Course.CONFLICT)
    assert not {"argv", "host", "owner", "notes", "input", "project"} & MAY_DIFFER


def test_a_claim_without_a_directory_is_sent_again_by_the_same_request_only():
    assert decide(THEN, dict(THEN), None, None).course is Course.LAUNCH
    assert decide(THEN, OTHER, None, None).course is Course.CONFLICT


def test_an_abandoned_attempt_is_replaced_and_a_fresh_claim_is_sent_again():
    fresh = state(StateName.CLAIMED, settled=True)
    abandoned = state(StateName.CLAIMED, settled=True, flags=(Flag.ABANDONED,))

    assert decide(THEN, dict(THEN), seen(started=False), fresh).course is Course.LAUNCH
    decision = decide(THEN, dict(THEN), seen(started=False), abandoned)
    assert decision.course is Course.NEXT
    assert "abandoned" in decision.note
