"""What the gated table is like: `data_quality/data_quality_report.json`."""

from typing import Any

from pydantic import Field

from remoterun.model.record import Record
from remoterun.model.timestamp import Utc


class DataQualityReport(Record):
    schema_version: int | None = None
    run_id: str | None = None
    token: str | None = None
    generated_at: Utc
    inputs: dict[str, Any]
    checks: dict[str, bool]
    metrics: dict[str, Any]
    overall_pass: bool
    failures: tuple[str, ...] = Field(strict=False)
    input_sha256: str | None = None
    input_bytes: int | None = None
