"""What a run left behind: `result.json`, once, after `exit_status.json`."""

from pydantic import Field

from remoterun.model.exit_status import Ending
from remoterun.model.names import RunId
from remoterun.model.record import Record
from remoterun.model.timestamp import Utc


class ReportCandidate(Record):
    path: str
    bytes: int
    sha256: str


class Result(Record):
    schema_version: int
    run_id: RunId
    workflow: str
    decision_tag: str
    attempt: int
    exit_code: int | None
    audit_dir: str
    state: Ending
    started_utc: Utc | None
    completed_utc: Utc
    report_json: str | None
    """The report that belongs to this run; never "the newest"."""
    report_json_sha256: str | None
    report_json_bytes: int | None
    report_missing_reason: str | None
    """`none_written`, `ambiguous`, `tag_mismatch`, or None."""
    report_candidates: tuple[ReportCandidate, ...] = Field(default=(), strict=False)
    stragglers: int = 0
    """Processes that the command left behind and the supervisor ended."""
    input_sha256_start: str | None = None
    input_sha256_end: str | None = None
    input_check: str = "none"
    path_base: str
