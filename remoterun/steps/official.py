"""Start an official run at most once, or answer with the run that exists."""

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from remoterun.model import rundir
from remoterun.model.intent import Intent
from remoterun.model.names import Token
from remoterun.model.project import Project
from remoterun.model.state import Evidence, State
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
    request = prepared.request
    fields = comparable(request)
    intents = read_intents(prepared.project_root, request.tag)
    if not intents:
        intent = publish_intent(prepared.project_root, first_intent(prepared, now))
        if intent.request_sha256 != request_digest(fields):
            raise conflict(intent, request)
        with launched(prepared, intent, "", follow) as answer:
            yield answer
        return
    last = intents[-1]
    evidence, state = look_at(last)
    decision = decide(last.request, fields, evidence, state)
    match decision.course:
        case Course.CONFLICT:
            raise conflict(last, request)
        case Course.ANSWER:
            with existing(last, "this run exists; nothing was started", follow) as answer:
                yield answer
        case Course.LAUNCH:
            with launched(prepared, last, "", follow) as answer:
                yield answer
        case Course.NEXT:
            note = f"attempt {last.attempt + 1}; attempt {last.attempt} {decision.note}"
            intent = publish_intent(prepared.project_root, next_intent(prepared, last, now))
            if intent.request_sha256 != request_digest(fields):
                raise conflict(intent, request)
            with launched(prepared, intent, note, follow) as answer:
                yield answer


@contextlib.contextmanager
def launched(prepared: Prepared, intent: Intent, note: str, follow: str) -> Iterator[Answer]:
    parcel = build_parcel(prepared.request, intent, _project(prepared))
    try:
        with send(parcel, prepared.request.host_kind, follow=follow) as found:
            yield Answer(Path(found.run_dir), intent, note, True, found.frames)
    except Taken as taken:
        if not taken.same_request:
            raise
        elsewhere = intent.model_copy(
            update={"run_id": taken.run_id, "run_path": _beside(intent, taken.run_id)}
        )
        with existing(
            elsewhere, "this run exists; it was launched from somewhere else", follow
        ) as answer:
            yield answer


@contextlib.contextmanager
def existing(intent: Intent, note: str, follow: str) -> Iterator[Answer]:
    run_dir = run_dir_of(intent)
    frames = stream(run_dir, until=follow, log=viewed(VIEW_BYTES))
    yield Answer(run_dir, intent, note, False, frames)


def first_intent(prepared: Prepared, now: datetime) -> Intent:
    return build_intent(
        prepared.request,
        prepared.root,
        runs_path(prepared),
        attempt=1,
        run_id=None,
        token=new_token(),
        now=now,
    )


def next_intent(prepared: Prepared, last: Intent, now: datetime) -> Intent:
    return build_intent(
        prepared.request,
        Path(last.root),
        last.run_path.rsplit("/", 1)[0],
        attempt=last.attempt + 1,
        run_id=last.run_id,
        token=new_token(),
        now=now,
    )


def plan(prepared: Prepared, now: datetime) -> Parcel:
    """What a launch would send; nothing is written."""
    intents = read_intents(prepared.project_root, prepared.request.tag)
    same = request_digest(comparable(prepared.request))
    if intents and intents[-1].request_sha256 != same:
        return plan_of(prepared, intents[-1], now)
    intent = intents[-1] if intents else first_intent(prepared, now)
    return build_parcel(prepared.request, intent, _project(prepared))


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


def run_dir_of(intent: Intent) -> Path:
    return Path(intent.root) / intent.run_path


def runs_path(prepared: Prepared) -> str:
    return str(prepared.project.settings.paths.runs) if prepared.project else DEFAULT_RUNS


DEFAULT_RUNS = "audit/workstation_runs"


def _beside(intent: Intent, run_id: str) -> str:
    return f"{intent.run_path.rsplit('/', 1)[0]}/{run_id}"
