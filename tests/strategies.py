"""Hypothesis strategies: whatever witnesses may say, also what they never should."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from remoterun.model.exit_status import Ending, ExitStatus, Reason, ShimExit
from remoterun.model.names import RunId, Token
from remoterun.model.progress import Progress
from remoterun.model.state import Evidence, Lock

WHEN = datetime(2026, 3, 1, 10, tzinfo=UTC)
TOKEN = Token("ab" * 16)
RUN_ID = RunId("2026-03-01_093000_job_t")
FILES = (
    "exit_status.json",
    "control/exec",
    "control/shim_exit",
    "process.json",
    "control/job",
    "heartbeat.json",
    "preflight.json",
)


def ages() -> st.SearchStrategy[float | None]:
    return st.none() | st.floats(0, 1e6)


@st.composite
def shim_exits(draw: st.DrawFn) -> ShimExit:
    number = draw(st.none() | st.integers(1, 64))
    code = 128 + number if number else draw(st.integers(0, 255))
    return ShimExit(exit_code=code, signal=number, end_utc=WHEN, token=TOKEN)


@st.composite
def endings(draw: st.DrawFn) -> ExitStatus:
    """What a valid file could say, of whoever wrote it."""
    state = draw(st.sampled_from(Ending))
    success = state is Ending.SUCCESS
    return ExitStatus.model_construct(
        schema_version=1,
        run_id=RUN_ID,
        token=TOKEN,
        state=state,
        reason=draw(st.none() | st.sampled_from(Reason)),
        exit_code=0 if success else draw(st.none() | st.just(0) | st.integers(0, 255)),
        signal=None if success else draw(st.none() | st.integers(1, 64)),
        end_utc=WHEN,
        recorded_by=draw(st.sampled_from(("supervisor", "shim"))),
        gate=draw(st.none() | st.sampled_from(("preflight", "data_quality"))),
        reasons=(),
    )


@st.composite
def evidence(draw: st.DrawFn) -> Evidence:
    """Any combination of witnesses."""
    return Evidence.model_construct(
        run_dir="/p/run",
        missing=draw(st.booleans()),
        unread=tuple(draw(st.lists(st.sampled_from(FILES), max_size=2))),
        same_host=draw(st.booleans()),
        same_boot=draw(st.booleans()),
        started=draw(st.booleans()),
        exec_marker=draw(st.booleans()),
        lock=draw(st.sampled_from(Lock)),
        supervisor_alive=draw(st.booleans()),
        processes_left=draw(st.none() | st.integers(0, 3)),
        ending=draw(st.none() | endings()),
        shim_exit=draw(st.none() | shim_exits()),
        shim_lost=draw(st.booleans()),
        stop_requested=draw(st.booleans()),
        finalized=draw(st.booleans()),
        stragglers=draw(st.integers(0, 2)),
        gate=draw(st.none() | st.sampled_from(("preflight", "data_quality"))),
        heartbeat_age_s=draw(ages()),
        log_age_s=draw(ages()),
        progress=draw(st.none() | st.just(Progress(n_done=1, n_target=1))),
        progress_age_s=draw(ages()),
    )
