"""What the wrapper saw on the host, right before the command: `context.json`."""

from remoterun.model.names import RunId
from remoterun.model.preflight import Known
from remoterun.model.record import Record
from remoterun.model.timestamp import Utc


class Context(Record):
    schema_version: int
    run_id: RunId
    timestamp: Utc
    hostname: str
    git_branch: Known
    git_commit: Known
    """None outside a repository."""
    workflow: str
    decision_tag: str
    owner: str
    notes: str
    threads: int
    skip_data_quality_check: bool
    data_quality_input_csv: str
    data_quality_report_json: str
    path_base: dict[str, str]
    data_quality_report_sha256: str | None
    data_quality_input_sha256: str | None
