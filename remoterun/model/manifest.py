"""Identity and bookkeeping of a run: `manifest.json`, the first file, never changed."""

from typing import Any

from pydantic import Field

from remoterun.model.names import Digest, HostName, ProjectName, RunId, Tag, Text, Token
from remoterun.model.record import Record
from remoterun.model.timestamp import Utc


class HostFacts(Record):
    name: HostName
    kind: str
    target: str
    """What a transport connects to; `local` for this machine."""


class GitFacts(Record):
    """The work tree as seen from where the run was launched; all null outside a repository."""

    commit: str | None
    branch: str | None
    """None on a detached HEAD."""
    dirty: bool | None
    dirty_count: int | None
    """Lines of `git status --porcelain`, untracked files among them."""
    untracked_count: int | None
    diff_sha256: Digest | None
    """None when no tracked file differs from the commit."""
    note: str | None = None
    """Why the facts are null, when they are."""


class LauncherFacts(Record):
    version: str
    actor: str
    hostname: str


class Manifest(Record):
    """What was asked for, with its identity."""

    schema_version: int = 1
    run_id: RunId
    decision_tag: Tag
    workflow: str
    created_utc: Utc
    """Equal to the stamp in the name of the run, for attempt 1."""
    attempt: int = Field(ge=1)
    token: Token
    official: bool
    project: ProjectName
    host: HostFacts
    owner: Text
    notes: Text
    argv: tuple[str, ...] = Field(strict=False)
    """A byte that is no UTF-8 is shown as `\\xNN`; then `argv_exact` is false."""
    argv_exact: bool
    argv_sha256: Digest
    argv_count: int
    cwd: str
    out_dir: str
    path_base: str = "project_root"
    threads: int
    cpuset: str | None
    env: dict[str, str]
    """Only variables that remoterun set."""
    git: GitFacts
    parameters: dict[str, Any]
    launcher: LauncherFacts
    parent_run_id: RunId | None = None
    input: str | None
    """The gated table, relative to the project or absolute."""
    request_sha256: Digest
    request: dict[str, Any]
    """What two launches must share to be the same request, as it entered `request_sha256`."""
    project_file_sha256: Digest | None
    wrappers: dict[str, Digest]
    policy: dict[str, Any]
    """The thresholds that inventory and project ask for."""
    thresholds: dict[str, Any]
    """The thresholds that were used; a waiver stands behind each looser one."""
    limits: dict[str, Any]
    preflight_blocks: bool = True
    outputs: tuple[str, ...] = Field(default=(), strict=False)
    report: str | None = None
