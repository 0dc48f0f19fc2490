"""Start an official run at most once, or answer with the run that exists."""

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import assert_never

from remoterun.model import rundir
from remoterun.model.intent import Intent
from remoterun.model.names import Token
from remoterun.model.project import Project
from remoterun.model.state import Evidence, Lock, State
from remoterun.records.intents import publish_intent, read_intents
from remoterun.rules.manifest import comparable, request_digest
from remoterun.rules.repeat import Course, decide
from remoterun.rules.state import classify
from remoterun.steps.launch import (
    Frames,
    Parcel,
    Taken,
    build_intent,
    build_parcel,
    conflict,
    runs_path,
    send,
)
from remoterun.steps.look import look, stream, viewed
from remoterun.steps.monitor import VIEW_BYTES
from remoterun.steps.request import Prepared


@dataclass(frozen=True)
class Answer:
    """Which run it is, and what happens to it."""

    run_dir: Path
    intent: Intent
    note: str
    """What is special about this launch, for people; empty for a plain new run."""
    new: bool
    """Whether an attempt was launched; else only `resume` can open one."""
    frames: Frames
    """Looks at the run as they come; ends when the gates passed or blocked, or at its end."""


def new_token() -> Token:
    return Token(secrets.token_hex(16))


@contextlib.contextmanager
def start(prepared: Prepared, now: datetime, *, follow: str) -> Iterator[Answer]:
    """Launch, or answer with what exists; `follow`: once, gates or end.

    Doing it again is safe: the intent on disk carries the token, and the claim on the host
    decides who may start.

    Raises:
        Conflict: the tag belongs to another request.
        TryAgain: no answer from the host; the run may have been started, repeating finds out.
    """
    course, intent, note = choose(prepared, now)
    if course is Course.ANSWER:
        with existing(intent, note, follow) as answer:
            yield answer
        return
    with launched(prepared, stand(prepared, intent), note, follow) as answer:
        yield answer


def choose(prepared: Prepared, now: datetime) -> tuple[Course, Intent, str]:
    """What a launch will do, for which attempt, and what is special about it; writes nothing.

    Raises:
        Conflict: the tag belongs to another request.
    """
    intents = read_intents(prepared.project_root, prepared.request.tag)
    if not intents:
        return Course.LAUNCH, first_intent(prepared, now), ""
    last = intents[-1]
    evidence, state = look_at(last)
    if evidence is None and last.only_unstarted and came_to_life(intents[-2]):
        return Course.ANSWER, intents[-2], "this run exists; nothing was started"
    fields = comparable(prepared.request)
    decision = decide(
        last.request,
        fields,
        evidence,
        state,
        ran_before=ran_before(last),
        same_as_earlier=any(intent.request == fields for intent in intents),
    )
    match decision.course:
        case Course.CONFLICT:
            raise conflict(last, prepared.request)
        case Course.ANSWER:
            return decision.course, last, "this run exists; nothing was started"
        case Course.LAUNCH:
            return decision.course, last, ""
        case Course.NEXT:
            note = f"attempt {last.attempt + 1}; attempt {last.attempt} {decision.note}"
            return decision.course, next_intent(prepared, last, now, only_unstarted=True), note
        case never:
            assert_never(never)


def came_to_life(before: Intent) -> bool:
    """Whether an attempt that was taken for abandoned did start, or is about to."""
    evidence, _ = look_at(before)
    return evidence is not None and (evidence.exec_marker or evidence.lock is Lock.HELD)


def stand(prepared: Prepared, intent: Intent) -> Intent:
    """Put an intent on disk; where another launcher was first, its intent stands.

    Raises:
        Conflict: the one that stands is another request's.
    """
    standing = publish_intent(prepared.project_root, intent)
    if standing.request_sha256 != request_digest(comparable(prepared.request)):
        raise conflict(standing, prepared.request)
    return standing


@contextlib.contextmanager
def launched(prepared: Prepared, intent: Intent, note: str, follow: str) -> Iterator[Answer]:
    parcel = build_parcel(prepared.request, intent, _project(prepared))
    try:
        with send(parcel, prepared.request.host_kind, follow=follow) as found:
            yield Answer(Path(found.run_dir), intent, note, True, found.frames)
    except Taken as taken:
        if not taken.same_request:
            raise
        run_path = f"{intent.runs_path}/{taken.run_id}"
        theirs = intent.model_copy(update={"run_id": taken.run_id, "run_path": run_path})
        note = "this run exists; it was launched from somewhere else"
        with existing(theirs, note, follow) as answer:
            yield answer


@contextlib.contextmanager
def existing(intent: Intent, note: str, follow: str) -> Iterator[Answer]:
    run_dir = run_dir_of(intent)
    frames = stream(run_dir, until=follow, log=viewed(VIEW_BYTES))
    with contextlib.closing(frames):
        yield Answer(run_dir, intent, note, False, frames)


def first_intent(prepared: Prepared, now: datetime) -> Intent:
    return build_intent(
        prepared.request,
        prepared.root,
        runs_path(_project(prepared)),
        attempt=1,
        run_id=None,
        token=new_token(),
        now=now,
    )


def next_intent(
    prepared: Prepared, last: Intent, now: datetime, *, only_unstarted: bool = False
) -> Intent:
    return build_intent(
        prepared.request,
        Path(last.root),
        last.runs_path,
        attempt=last.attempt + 1,
        run_id=last.run_id,
        token=new_token(),
        now=now,
        only_unstarted=only_unstarted,
    )


def plan(prepared: Prepared, now: datetime) -> tuple[Parcel | None, str]:
    """What a launch would send, None where it would only answer, and what is special about it;
    nothing is written.

    Raises:
        Conflict: the tag belongs to another request.
    """
    course, intent, note = choose(prepared, now)
    if course is Course.ANSWER:
        return None, note
    return build_parcel(prepared.request, intent, _project(prepared)), note


def plan_of(prepared: Prepared, last: Intent, now: datetime) -> Parcel:
    """What the attempt after `last` would send."""
    return build_parcel(prepared.request, next_intent(prepared, last, now), _project(prepared))


def _project(prepared: Prepared) -> Project | None:
    return prepared.project.settings if prepared.project else None


def look_at(intent: Intent) -> tuple[Evidence | None, State | None]:
    """What is seen of an attempt; nothing when its directory is not there."""
    run_dir = run_dir_of(intent)
    if not rundir.attempt_dir(run_dir, intent.attempt).is_dir():
        return None, None
    evidence = look([run_dir])[0]
    return evidence, classify(evidence)


def ran_before(intent: Intent) -> bool:
    """Whether an earlier attempt of this run started its command."""
    run_dir = run_dir_of(intent)
    earlier = (rundir.attempt_dir(run_dir, number) for number in range(1, intent.attempt))
    return any((folder / rundir.EXEC).exists() for folder in earlier)


def run_dir_of(intent: Intent) -> Path:
    return Path(intent.root) / intent.run_path
