"""Which process the supervisor is: `process.json`."""

from pydantic import Field

from remoterun.model.names import RunId
from remoterun.model.record import Record
from remoterun.model.timestamp import Utc


class Process(Record):
    """Alive means: same host, same boot, the pid exists and its start time is equal."""

    schema_version: int
    run_id: RunId
    pid: int
    pgid: int
    sid: int
    start_ticks: int | None
    """Field 22 of `/proc/<pid>/stat`."""
    start_utc: Utc
    boot_id: str | None
    hostname: str
    argv: tuple[str, ...] = Field(strict=False)
    restart_count: int
