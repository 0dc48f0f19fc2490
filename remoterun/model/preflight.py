"""What the host offered, and whether that was enough: `preflight.json`."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from remoterun.model.record import Record
from remoterun.model.timestamp import Utc

NOT_KNOWN = ("", "unknown")
"""How older records say that there is none."""
Known = Annotated[str | None, BeforeValidator(lambda said: None if said in NOT_KNOWN else said)]
"""A fact about the work tree."""


class Preflight(Record):
    schema_version: int | None = None
    run_id: str | None = None
    token: str | None = None
    timestamp: Utc
    hostname: str
    root_dir: str
    git_branch: Known
    git_commit: Known
    """None outside a repository."""
    git_dirty_count: int | None
    diff_sha256: str | None = None
    cores: int
    memory_gb: int
    min_cores: int
    min_memory_gb: int
    require_clean: int
    status: str
    reasons: tuple[str, ...] = Field(strict=False)
    """One text per failed condition, with the measured and the required value."""
    load_1m: float | None = None
    other_runs: tuple[str, ...] | None = Field(default=None, strict=False)
    """Run ids of runs whose supervisor held its lock."""
    checks: dict[str, bool | None] = Field(default={})
    """None: not asked, or not measurable and not required."""
