"""What the witnesses said about a run, and what follows from it."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from remoterun.model.exit_status import ExitStatus, ShimExit
from remoterun.model.gate import GateRecord
from remoterun.model.heartbeat import Heartbeat
from remoterun.model.progress import Progress


class StateName(StrEnum):
    CLAIMED = "claimed"
    """The tag is taken, the command was not started; provably so."""
    GATING = "gating"
    BLOCKED = "blocked"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    PREEMPTED = "preempted"
    LOST = "lost"
    """Proof that nobody knows how it ended."""
    UNKNOWN = "unknown"
    """We could not find out."""


class Basis(StrEnum):
    RECORD = "record"
    LOCK = "lock"
    HEARTBEAT = "heartbeat"
    SCHEDULER = "scheduler"


class Flag(StrEnum):
    STALLED = "stalled"
    """Alive, and nothing of it has moved for the configured time."""
    UNSUPERVISED = "unsupervised"
    """Goes on without its supervisor."""
    ABANDONED = "abandoned"
    """Begun and left before the command was started."""
    STRAGGLERS = "stragglers"
    """Processes were left behind."""
    DONE_WITHOUT_END = "done_without_end"
    """Progress is at 100 % and there is no end record."""
    CONTRADICTION = "contradiction"
    """Witnesses disagree."""


class Lock(StrEnum):
    HELD = "held"
    FREE = "free"
    NONE = "none"
    """There is no lock file yet."""
    UNREADABLE = "unreadable"


class ProcessSeen(BaseModel):
    model_config = ConfigDict(frozen=True)

    pid: int
    ppid: int
    elapsed_s: float
    cpu_pct: float
    """Of one core, over its life."""
    rss_bytes: int
    state: str
    command: str


class Evidence(BaseModel):
    """What was seen of one attempt, at one moment, on its host. Ages are in seconds."""

    model_config = ConfigDict(frozen=True)

    run_dir: str
    attempt_dir: str = ""
    missing: bool = False
    """The run directory is not there."""
    unread: tuple[str, ...] = ()
    """Files that exist and could not be read or understood."""
    same_host: bool = True
    same_boot: bool = True
    """Whether the looker sits on the host, and in the boot, of the recorded process."""
    moved_from: str | None = None
    """Where the supervisor was started, when that is not this directory: a copy, or moved."""
    started: bool = False
    exec_marker: bool = False
    program: str | None = None
    lock: Lock = Lock.NONE
    supervisor_pid: int | None = None
    supervisor_alive: bool = False
    processes: tuple[ProcessSeen, ...] = ()
    processes_left: int | None = None
    """How many processes of the run live; None when nobody counted."""
    ending: ExitStatus | None = None
    shim_exit: ShimExit | None = None
    shim_lost: bool = False
    stop_requested: bool = False
    finalized: bool = False
    """The digest list is written."""
    stragglers: int = 0
    gate: str | None = None
    """The gate at work, while gating."""
    gates: tuple[GateRecord, ...] = ()
    waived: tuple[str, ...] = ()
    heartbeat: Heartbeat | None = None
    heartbeat_age_s: float | None = None
    log_bytes: int | None = None
    log_age_s: float | None = None
    progress: Progress | None = None
    progress_age_s: float | None = None
    elapsed_s: float | None = None
    """Since the supervisor began."""


class State(BaseModel):
    """What the evidence proves, on what basis, and how old the newest fact is."""

    model_config = ConfigDict(frozen=True)

    name: StateName
    basis: Basis | None
    age_s: float | None = None
    flags: tuple[Flag, ...] = ()
    why: str = ""
    """One sentence for people."""
    settled: bool = False
    """Nothing more will come from this attempt by itself."""
