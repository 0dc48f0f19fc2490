"""Everything that decides the state of a run is in this file. It reads no clock and no disk."""

from collections.abc import Mapping

from remoterun.errors import Exit
from remoterun.model import rundir
from remoterun.model.exit_status import Ending, ExitStatus, Reason
from remoterun.model.state import Basis, Evidence, Flag, Lock, State, StateName

OF_ENDING: Mapping[Ending, StateName] = {
    Ending.SUCCESS: StateName.SUCCEEDED,
    Ending.FAIL: StateName.FAILED,
    Ending.STOPPED: StateName.STOPPED,
    Ending.PREFLIGHT_FAIL: StateName.BLOCKED,
    Ending.DQ_FAIL: StateName.BLOCKED,
}

OF_REASON: Mapping[tuple[Ending, Reason], StateName] = {
    (Ending.FAIL, Reason.TIME_LIMIT): StateName.TIMED_OUT,
}
"""Where the reason says more than the ending."""

EXIT_OF_STATE: Mapping[StateName, Exit] = {
    StateName.CLAIMED: Exit.NOT_YET,
    StateName.GATING: Exit.NOT_YET,
    StateName.QUEUED: Exit.NOT_YET,
    StateName.RUNNING: Exit.NOT_YET,
    StateName.BLOCKED: Exit.GATE,
    StateName.SUCCEEDED: Exit.OK,
    StateName.FAILED: Exit.RUN_FAILED,
    StateName.STOPPED: Exit.RUN_FAILED,
    StateName.TIMED_OUT: Exit.RUN_FAILED,
    StateName.OUT_OF_MEMORY: Exit.RUN_FAILED,
    StateName.PREEMPTED: Exit.RUN_FAILED,
    StateName.LOST: Exit.UNKNOWN,
    StateName.UNKNOWN: Exit.UNKNOWN,
}

WORST_FIRST = (Exit.UNKNOWN, Exit.RUN_FAILED, Exit.GATE, Exit.NOT_YET, Exit.OK)
"""Which exit code counts when several apply."""

DECISIVE = {rundir.EXIT_STATUS, rundir.EXEC, rundir.SHIM_EXIT, rundir.PROCESS, rundir.JOB_VALUES}
"""Records without which nothing can be said."""


def classify(evidence: Evidence, *, stall_after_s: float = 1800) -> State:
    """Say what the evidence proves about a run; `unknown` where it proves nothing.

    A run is lost only by proof: its command was started, nothing holds its lock, nothing of it
    lives, and nobody recorded how it ended. Source: docs/guarantees.md, table P3.
    """
    state = _decide(evidence)
    flags = _flags(evidence, state.name, stall_after_s)
    return state.model_copy(update={"flags": flags, "age_s": _newest_fact_age_s(evidence)})


def worst(codes: list[Exit]) -> Exit:
    """The one exit code of several runs."""
    return next((code for code in WORST_FIRST if code in codes), Exit.OK)


def _decide(seen: Evidence) -> State:
    if seen.missing:
        return _unknown("the run directory is gone")
    unread = [name for name in seen.unread if name in DECISIVE]
    if unread:
        return _unknown(f"cannot read {', '.join(unread)}")
    if seen.ending is not None:
        return _of_record(seen, seen.ending)
    if not seen.same_host:
        return _unknown("another host ran it: ask that host")
    if seen.moved_from is not None:
        return _unknown(f"this directory was copied or moved: it was started in {seen.moved_from}")
    if seen.lock is Lock.UNREADABLE:
        return _unknown("the lock cannot be read")
    if seen.exec_marker:
        return _of_started(seen)
    return _of_unstarted(seen)


def _of_record(seen: Evidence, ending: ExitStatus) -> State:
    settled = seen.finalized or seen.lock is not Lock.HELD
    if ending.state is Ending.SUCCESS and not seen.exec_marker:
        return _unknown("`success` is recorded for a command that was never started")
    name = OF_ENDING[ending.state]
    if ending.reason is not None:
        name = OF_REASON.get((ending.state, ending.reason), name)
    return State(name=name, basis=Basis.RECORD, settled=settled, why=_words(ending))


def _of_started(seen: Evidence) -> State:
    if not seen.same_boot:
        if seen.shim_exit is not None:
            return _of_shim(seen, seen.shim_exit.exit_code, seen.shim_exit.signal)
        why = "the host was started anew while it ran"
        return State(name=StateName.LOST, basis=Basis.LOCK, settled=True, why=why)
    if seen.lock is Lock.HELD:
        why = "its lock is held"
        if seen.shim_exit is not None:
            why = "its end is being recorded"
        elif not seen.supervisor_alive:
            why = "its supervisor is gone, the shim goes on and will record the end"
        return State(name=StateName.RUNNING, basis=Basis.LOCK, why=why)
    if seen.processes_left is None:
        return _unknown("its lock is free and nobody counted its processes")
    if seen.processes_left > 0:
        why = f"its lock is free, {seen.processes_left} of its processes live"
        return State(name=StateName.RUNNING, basis=Basis.LOCK, why=why)
    if seen.shim_exit is not None:
        return _of_shim(seen, seen.shim_exit.exit_code, seen.shim_exit.signal)
    why = "it was started, nothing of it lives and nobody recorded how it ended"
    return State(name=StateName.LOST, basis=Basis.LOCK, settled=True, why=why)


def _of_shim(seen: Evidence, exit_code: int, signal: int | None) -> State:
    if seen.stop_requested:
        name = StateName.STOPPED
    elif exit_code == 0 and signal is None:
        name = StateName.SUCCEEDED
    else:
        name = StateName.FAILED
    why = f"the shim waited for exit code {exit_code}; the supervisor did not record it"
    return State(name=name, basis=Basis.RECORD, settled=True, why=why)


def _of_unstarted(seen: Evidence) -> State:
    if seen.lock is Lock.HELD:
        gate = f": {seen.gate}" if seen.gate else ""
        return State(name=StateName.GATING, basis=Basis.LOCK, why=f"the gates are at work{gate}")
    if seen.stop_requested:
        why = "it was stopped before the command was started"
        return State(name=StateName.STOPPED, basis=Basis.RECORD, settled=True, why=why)
    why = "the command was not started"
    return State(name=StateName.CLAIMED, basis=Basis.LOCK, settled=True, why=why)


def _flags(seen: Evidence, name: StateName, stall_after_s: float) -> tuple[Flag, ...]:
    going_on = name in (StateName.RUNNING, StateName.GATING)
    moved = [age for age in (seen.log_age_s, seen.progress_age_s) if age is not None]
    done = seen.progress is not None and seen.progress.n_done >= seen.progress.n_target
    raised = {
        Flag.STALLED: name is StateName.RUNNING and bool(moved) and min(moved) > stall_after_s,
        Flag.UNSUPERVISED: going_on and not seen.supervisor_alive,
        Flag.ABANDONED: name is StateName.CLAIMED and seen.started,
        Flag.STRAGGLERS: seen.stragglers > 0
        or (seen.ending is not None and seen.finalized and bool(seen.processes_left)),
        Flag.DONE_WITHOUT_END: done and name in (StateName.RUNNING, StateName.LOST),
        Flag.CONTRADICTION: _contradicts(seen),
    }
    return tuple(flag for flag, up in raised.items() if up)


def _contradicts(seen: Evidence) -> bool:
    """Two witnesses of one fact that say different things."""
    if seen.ending is None:
        return False
    if seen.ending.state is Ending.SUCCESS and not seen.exec_marker:
        return True
    waited = seen.shim_exit.exit_code if seen.shim_exit else None
    return waited is not None and seen.ending.exit_code not in (None, waited)


def _newest_fact_age_s(seen: Evidence) -> float | None:
    if seen.ending is not None:
        return None
    ages = (seen.heartbeat_age_s, seen.log_age_s, seen.progress_age_s)
    return min((age for age in ages if age is not None), default=None)


def _words(ending: ExitStatus) -> str:
    if ending.reasons:
        return "; ".join(ending.reasons)
    if ending.exit_code is None:
        return f"the command was not started: {ending.reason or ending.state}"
    killed = ending.signal == 9 or ending.exit_code == 137
    if killed and ending.oom_kills > 0:
        ended = "SIGKILL, probably out of memory: the host killed for want of it meanwhile"
    elif ending.signal is not None:
        ended = f"ended by signal {ending.signal}"
    elif ending.exit_code == 137:
        ended = "exit code 137, usually SIGKILL"
    else:
        ended = f"exit code {ending.exit_code}"
    if ending.reason is Reason.TIME_LIMIT:
        return f"its time limit was over; {ended}"
    if ending.reason is Reason.STOP_REQUESTED:
        return f"a stop was requested; {ended}"
    return ended


def _unknown(why: str) -> State:
    return State(name=StateName.UNKNOWN, basis=None, why=why)
