"""That somebody asked for the end of a run: `stop_request.json`, written before any signal."""

from pydantic import Field

from remoterun.model.names import RunId, Text
from remoterun.model.record import Record
from remoterun.model.timestamp import Utc


class StopRequest(Record):
    schema_version: int = 1
    run_id: RunId
    requested_utc: Utc
    actor: Text | None
    """None when a plain `kill` of the supervisor asked for it."""
    reason: Text
    signal: str = "TERM"
    grace_sec: int = Field(default=30, ge=0)
