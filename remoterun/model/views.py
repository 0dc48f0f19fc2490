"""What a screen shows, as plain data: text, JSON and the live view show the same facts.

Described for readers of the JSON in docs/output.md.
"""

from pydantic import BaseModel, ConfigDict

from remoterun.model.gate import GateRecord
from remoterun.model.state import Basis, Flag, ProcessSeen, StateName
from remoterun.model.timestamp import Utc


class View(BaseModel):
    # built when the first page is: a verb that shows none does not pay for it
    model_config = ConfigDict(frozen=True, defer_build=True)


class ProgressView(View):
    n_done: int | float
    n_target: int | float
    pct: float
    updated_utc: str | None = None
    source: str
    """The file, or how it was read from the log."""
    stage: str | None = None
    age_s: float | None = None
    rate_per_s: float | None = None
    left_s: float | None = None
    earlier_attempt: bool = False
    """It was written before this attempt began."""


class LogView(View):
    path: str
    bytes: int
    modified_utc: Utc | None = None


class RunPage(View):
    """All that is shown of one run; a line of a list knows less and leaves it null."""

    run_id: str
    decision_tag: str | None
    state: StateName
    flags: tuple[Flag, ...] = ()
    basis: Basis | None
    age_s: float | None
    """Age of the newest fact."""
    why: str = ""
    settled: bool = False
    """Nothing more comes from this attempt by itself."""
    host: str | None
    workflow: str | None = None
    owner: str | None = None
    official: bool | None = None
    attempt: int = 1
    run_dir: str
    out: str
    """The directory of the attempt in force."""
    created_utc: Utc | None = None
    started_utc: Utc | None = None
    pid: int | None = None
    alive: bool = False
    """The supervisor or any process of the run."""
    cpu_pct: float | None = None
    """Of one core: 400 is four cores at work."""
    effective_cores: float | None = None
    rss_bytes: int | None = None
    elapsed_sec: float | None = None
    exit_code: int | None = None
    signal: int | None = None
    end_utc: Utc | None = None
    gate: str | None = None
    """The gate at work, or the one that refused."""
    gates: tuple[GateRecord, ...] = ()
    waivers: tuple[str, ...] = ()
    input: str | None = None
    """What happened to the input table while the run went on; None when nothing did."""
    stop: str | None = None
    """Who asked for the end, and why."""
    progress: ProgressView | None = None
    milestones: tuple[str, ...] = ()
    processes: tuple[ProcessSeen, ...] = ()
    memory_total_bytes: int | None = None
    host_load: str | None = None
    """What else the host had to do when the run began."""
    writes: tuple[str, ...] = ()
    """Directories that the run writes to, relative to the project."""
    log: LogView | None = None
    tail: str | None = None
    unread: tuple[str, ...] = ()
    """Records that exist and could not be understood, with the reason."""
    next: str | None = None
    """The command that comes next."""
