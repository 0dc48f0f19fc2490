"""A tag that was launched before: does the same line answer, go on, or open the next attempt?"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from remoterun.model.state import Evidence, Flag, State, StateName

MAY_DIFFER = {"waivers", "thresholds", "require_clean", "remoterun.yaml", "commit"}
"""What an attempt after a blocked one may say otherwise: nothing ran yet."""

ENDED_BEFORE_EXEC = {StateName.BLOCKED, StateName.CLAIMED, StateName.STOPPED, StateName.FAILED}
"""In these states an attempt may be over without a started command."""


class Course(StrEnum):
    LAUNCH = "launch"
    """Send the last attempt again: the host finds what is done already."""
    NEXT = "next"
    """Open the next attempt: every one so far ended before the command was started."""
    ANSWER = "answer"
    """The run exists; say how it stands."""
    CONFLICT = "conflict"


@dataclass(frozen=True)
class Decision:
    course: Course
    note: str = ""


def decide(
    then: Mapping[str, Any],
    now: Mapping[str, Any],
    evidence: Evidence | None,
    state: State | None,
    *,
    ran_before: bool = False,
    same_as_earlier: bool = False,
) -> Decision:
    """What a repeated launch does.

    Args:
        then: what the last attempt was asked for; `now`: what this launch asks for.
        evidence: what is seen of the last attempt; None when its directory is not there yet.
        same_as_earlier: this launch asks for what an earlier attempt was asked for.
        ran_before: an earlier attempt started the command, so that only `resume` may go on.
    """
    same = dict(then) == dict(now)
    if evidence is None or state is None:
        return Decision(Course.LAUNCH if same else Course.CONFLICT)
    started = evidence.exec_marker or ran_before
    if not started and state.settled and state.name in ENDED_BEFORE_EXEC:
        if state.name is StateName.CLAIMED and Flag.ABANDONED not in state.flags and same:
            return Decision(Course.LAUNCH)
        if _without(then) == _without(now):
            return Decision(Course.NEXT, f"was {_what_was(state)}")
        return Decision(Course.CONFLICT)
    return Decision(Course.ANSWER if same or same_as_earlier else Course.CONFLICT)


def _what_was(state: State) -> str:
    if Flag.ABANDONED in state.flags:
        return "abandoned before the command was started"
    return f"{state.name}: {state.why}" if state.why else str(state.name)


def _without(request: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in request.items() if key not in MAY_DIFFER}
