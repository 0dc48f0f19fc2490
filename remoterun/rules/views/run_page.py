"""Records and evidence of one run -> its page. Every screen shows what is put together here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from remoterun.model.progress import Progress
from remoterun.model.run import Run
from remoterun.model.rundir import RUN_LOG
from remoterun.model.state import Evidence, State, StateName
from remoterun.model.views import LogView, ProgressView, RunPage
from remoterun.rules.next_command import next_command
from remoterun.rules.progress import Pace, progress_from_log
from remoterun.rules.sight import Sight, overlay

LIVE = {StateName.CLAIMED, StateName.GATING, StateName.QUEUED, StateName.RUNNING}
GIB = 2**30


@dataclass(frozen=True)
class Watched:
    """What a look adds to the evidence: text of the log, and what earlier looks remember."""

    tail: Sequence[str] | None = None
    """Lines to show, the last one last."""
    pace: Pace | None = None
    milestones: Sequence[str] = ()
    progress: Progress | None = None
    """From the log, where no file tells it."""
    writes: Sequence[str] = ()


def build_page(
    run: Run,
    sight: Sight,
    state: State,
    *,
    now: datetime,
    watched: Watched | None = None,
    after: str = "",
    again: str | None = None,
) -> RunPage:
    """Put together what is shown of a run.

    Args:
        now: for the ages of times that stand in records; decides nothing.
        after: the verb that was just done; it is not proposed again.
        again: the launch line, where it is known.
    """
    watched = watched or Watched()
    evidence, run = sight.evidence, overlay(run, sight)
    manifest, ending = run.manifest, evidence.ending
    seen = evidence.processes
    started = run.process.start_utc if run.process else None
    end = ending.end_utc if ending else (evidence.shim_exit.end_utc if evidence.shim_exit else None)
    cpu_pct = sum(p.cpu_pct for p in seen) if seen else None
    rss = sum(p.rss_bytes for p in seen) if seen else None
    live = state.name in LIVE
    if live and not seen and evidence.heartbeat is not None and evidence.heartbeat.children:
        cpu_pct, rss = evidence.heartbeat.cpu_pct, evidence.heartbeat.rss_bytes
    gate = evidence.gate
    if state.name is StateName.BLOCKED and ending is not None:
        gate = ending.gate
    unread = {item.name: item.why for item in run.unreadable}
    unread = {**dict.fromkeys(evidence.unread, "not understood"), **unread}
    return RunPage(
        run_id=run.run_id,
        decision_tag=run.tag,
        state=state.name,
        flags=state.flags,
        basis=state.basis,
        age_s=_age_s(state, end, now),
        why=state.why,
        settled=state.settled,
        host=manifest.host.name if manifest else None,
        workflow=manifest.workflow if manifest else None,
        owner=manifest.owner if manifest else None,
        official=manifest.official if manifest else None,
        attempt=run.attempt,
        run_dir=str(run.run_dir),
        out=evidence.attempt_dir or str(run.attempt_dir),
        created_utc=manifest.created_utc if manifest else None,
        started_utc=started,
        pid=_pid(evidence),
        alive=live and (evidence.supervisor_alive or bool(evidence.processes_left)),
        cpu_pct=None if cpu_pct is None else round(cpu_pct, 1),
        effective_cores=None if cpu_pct is None else round(cpu_pct / 100, 2),
        rss_bytes=rss,
        elapsed_sec=_elapsed_s(evidence, started, end),
        exit_code=ending.exit_code if ending else None,
        signal=ending.signal if ending else None,
        end_utc=ending.end_utc if ending else None,
        gate=gate,
        gates=evidence.gates,
        waivers=evidence.waived,
        input=_input(run),
        stop=_stop(run),
        progress=_progress(run, evidence, watched, live),
        milestones=tuple(watched.milestones),
        processes=seen,
        host_load=_host_load(run),
        memory_total_bytes=run.preflight.memory_gb * GIB if run.preflight else None,
        writes=tuple(watched.writes),
        log=_log(run, sight),
        tail=None if watched.tail is None else "\n".join(watched.tail),
        unread=tuple(f"{name}: {why}" for name, why in unread.items()),
        next=next_command(state, run.name, after=after, again=again),
    )


def log_progress(
    evidence: Evidence, lines: Sequence[str], patterns: Sequence[str]
) -> Progress | None:
    """Progress out of the log, where no file tells it and the command was started."""
    if evidence.progress is not None or not evidence.exec_marker:
        return None
    return progress_from_log([line for line in lines if not line.startswith("[job]")], patterns)


def _age_s(state: State, end: datetime | None, now: datetime) -> float | None:
    if state.age_s is not None or end is None:
        return state.age_s
    return round(max(0.0, (now - end).total_seconds()), 1)


def _elapsed_s(evidence: Evidence, started: datetime | None, end: datetime | None) -> float | None:
    if end is None:
        return evidence.elapsed_s
    return None if started is None else max(0.0, (end - started).total_seconds())


def _progress(run: Run, evidence: Evidence, watched: Watched, live: bool) -> ProgressView | None:
    said = evidence.progress or watched.progress
    if said is None:
        return None
    from_file = evidence.progress is not None
    age_s, since_s = evidence.progress_age_s, evidence.elapsed_s
    older = from_file and live and age_s is not None and since_s is not None and age_s > since_s
    return ProgressView(
        n_done=_plain(said.n_done),
        n_target=_plain(said.n_target),
        pct=round(said.pct, 1),
        updated_utc=said.updated_utc,
        source=said.source,
        stage=said.stage,
        age_s=age_s if from_file else None,
        rate_per_s=watched.pace.rate_per_s if watched.pace else None,
        left_s=watched.pace.left_s if watched.pace else None,
        earlier_attempt=older and run.attempt > 1,
    )


def _plain(number: float) -> int | float:
    """Whole numbers without `.0`, as they were written."""
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _log(run: Run, sight: Sight) -> LogView | None:
    evidence = sight.evidence
    if evidence.log_bytes is None:
        return None
    path = f"{evidence.attempt_dir or run.attempt_dir}/{RUN_LOG}"
    return LogView(path=path, bytes=evidence.log_bytes, modified_utc=sight.log_modified)


def _pid(evidence: Evidence) -> int | None:
    """The supervisor's; where that is gone and the run goes on, its first process that lives."""
    if evidence.processes and not evidence.supervisor_alive:
        return evidence.processes[0].pid
    return evidence.supervisor_pid


def _input(run: Run) -> str | None:
    found, table = run.result, run.manifest.input if run.manifest else None
    if found is None or table is None or found.input_check != "sha256":
        return None
    if found.input_sha256_end is None:
        return f"{table} was gone when the run ended"
    if found.input_sha256_end != found.input_sha256_start:
        return f"{table} was changed while the run went on"
    return None


def _host_load(run: Run) -> str | None:
    found = run.preflight
    if found is None or found.load_1m is None:
        return None
    others = len(found.other_runs or ())
    runs = "1 other run" if others == 1 else f"{others} other runs"
    return f"{runs}, load {found.load_1m:g} on {found.cores} cores"


def _stop(run: Run) -> str | None:
    request = run.stop_request
    if request is None:
        return None
    return f"{request.actor or 'a signal'}: {request.reason}"
