"""That the supervisor looks after the run: `heartbeat.json`, every 30 s while it runs."""

from remoterun.model.names import RunId
from remoterun.model.record import Record
from remoterun.model.timestamp import Utc


class Heartbeat(Record):
    schema_version: int
    run_id: RunId
    written_utc: Utc
    seq: int
    pid: int
    children: int
    cpu_pct: float
    """Of one core, over the time since the last heartbeat."""
    rss_bytes: int
