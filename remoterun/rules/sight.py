"""What one look brings home beside the evidence: records for the page, and text of the log."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from remoterun.model.exit_status import Started
from remoterun.model.preflight import Preflight
from remoterun.model.process import Process
from remoterun.model.record import Record
from remoterun.model.run import Run
from remoterun.model.rundir import EXEC, PREFLIGHT, PROCESS, STOP_REQUEST
from remoterun.model.state import Evidence
from remoterun.model.stop_request import StopRequest
from remoterun.rules.evidence import build_evidence, pairs, parse_record

R = TypeVar("R", bound=Record)

Seen = Sequence[tuple[str, str]]
"""The words of look.sh about one run."""


@dataclass(frozen=True)
class Sight:
    """One run at one moment."""

    evidence: Evidence
    process: Process | None = None
    started: Started | None = None
    preflight: Preflight | None = None
    stop_request: StopRequest | None = None
    log_modified: datetime | None = None
    tail: bytes | None = None
    """The end of the log, where it was asked for."""
    log_offset: int | None = None
    """Where `log` begins."""
    log: bytes = b""
    """New bytes of the log, in a stream."""
    done: str = ""
    """Why a stream ends with this frame; empty while it goes on."""
    not_asked: str = ""
    """Why nothing was seen; empty when something was."""


def build_sight(looker: Mapping[str, str], seen: Seen) -> Sight:
    """Parse what was seen of one run."""
    said = dict(seen)

    def record(model: type[R], name: str) -> R | None:
        return parse_record(model, said[name]) if name in said else None

    return Sight(
        evidence=build_evidence(looker, seen),
        process=record(Process, PROCESS),
        started=record(Started, EXEC),
        preflight=record(Preflight, PREFLIGHT),
        stop_request=record(StopRequest, STOP_REQUEST),
        log_modified=_modified(said.get("log")),
        tail=_bytes(said["tail"]) if "tail" in said else None,
    )


def parse_sights(words: Sequence[bytes]) -> list[Sight]:
    """A reply of evidence.sh: one sight for each run, in the order of the question."""
    return [sight for sight, _ in _split(words)]


def parse_frame(words: Sequence[bytes]) -> Sight | None:
    """A frame of monitor.sh: one run, and what its log got; None when it holds no run."""
    found = _split(words)
    if not found:
        return None
    sight, rest = found[-1]
    offset = rest.get("log_offset", "")
    return replace(
        sight,
        log_offset=int(offset) if offset.isdecimal() else None,
        log=_bytes(rest.get("log_bytes", "")),
        done=rest.get("done", ""),
    )


def overlay(run: Run, sight: Sight) -> Run:
    """The records that were seen on the host, over those that are here."""
    seen = {
        "process": sight.process,
        "started": sight.started,
        "preflight": sight.preflight,
        "stop_request": sight.stop_request,
        "exit_status": sight.evidence.ending,
        "heartbeat": sight.evidence.heartbeat,
        "shim_exit": sight.evidence.shim_exit,
    }
    return run.model_copy(update={name: value for name, value in seen.items() if value is not None})


def _split(words: Sequence[bytes]) -> list[tuple[Sight, dict[str, str]]]:
    """Each sight with the words behind it that belong to no run."""
    looker: dict[str, str] = {}
    found: list[tuple[Sight, dict[str, str]]] = []
    seen: list[tuple[str, str]] | None = None
    for key, value in pairs(words):
        if key == "run":
            seen = [(key, value)]
        elif seen is None:
            (found[-1][1] if found else looker)[key] = value
        elif key == "end":
            found.append((build_sight(looker, seen), {}))
            seen = None
        else:
            seen.append((key, value))
    return found


def _modified(stat: str | None) -> datetime | None:
    words = (stat or "").split()
    if len(words) < 2 or not words[1].isdecimal() or len(words[1]) > 11:
        return None
    return datetime.fromtimestamp(int(words[1]), UTC)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
