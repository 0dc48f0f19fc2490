"""Decisions to skip or loosen a gate: `waivers.json`, written before anything starts."""

from enum import StrEnum

from pydantic import Field

from remoterun.model.names import RunId, Text
from remoterun.model.record import Record
from remoterun.model.timestamp import Utc


class WaiverKind(StrEnum):
    SKIP = "skip"
    LOOSEN = "loosen"


class Waiver(Record):
    id: str
    """`WV-001` and on."""
    gate: str
    kind: WaiverKind
    setting: str | None
    """Which threshold was loosened, as in the settings; None for a skip."""
    policy_value: str | None
    used_value: str | None
    reason: Text
    actor: Text
    recorded_utc: Utc


class Waivers(Record):
    """All waivers of one attempt; they are never inherited by another run."""

    schema_version: int
    run_id: RunId
    waivers: tuple[Waiver, ...] = Field(strict=False)
