"""The digest list that ends a run: `artifacts.json`, the last file."""

from pydantic import Field

from remoterun.model.names import Digest, RunId
from remoterun.model.record import Record
from remoterun.model.timestamp import Utc


class Artifact(Record):
    path: str
    path_base: str
    """`run_dir` or `project_root`."""
    bytes: int
    sha256: Digest


class Artifacts(Record):
    schema_version: int
    run_id: RunId
    attempt: int
    written_utc: Utc
    files: tuple[Artifact, ...] = Field(strict=False)
