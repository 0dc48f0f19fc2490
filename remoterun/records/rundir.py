"""A run directory on this machine -> `Run`, and the evidence of a run that has ended.

Nothing here decides a state, starts a process or reads more than a bounded number of bytes.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from remoterun.model import rundir
from remoterun.model.context import Context
from remoterun.model.data_quality import DataQualityReport
from remoterun.model.exit_status import ExitStatus, ShimExit, Started
from remoterun.model.heartbeat import Heartbeat
from remoterun.model.manifest import Manifest
from remoterun.model.preflight import Preflight
from remoterun.model.process import Process
from remoterun.model.record import Record
from remoterun.model.result import Result
from remoterun.model.run import Run, Unreadable
from remoterun.model.stop_request import StopRequest
from remoterun.model.waivers import Waivers
from remoterun.records.reading import (
    MAX_RECORD_BYTES,
    UnreadableRecord,
    read_bounded,
    read_record,
    read_tail,
    read_values,
)
from remoterun.rules.evidence import build_evidence
from remoterun.rules.sight import Sight, build_sight

MAX_PROGRESS_BYTES = 65_536

EVIDENCE_RECORDS = (
    rundir.PROCESS,
    rundir.EXEC,
    rundir.SHIM_EXIT,
    rundir.EXIT_STATUS,
    rundir.STOP_REQUEST,
    rundir.HEARTBEAT,
    rundir.PREFLIGHT,
    rundir.WAIVERS,
)
BRIEF_RECORDS = (rundir.EXEC, rundir.EXIT_STATUS, rundir.WAIVERS)
"""What decides the state of a run that has ended, and what marks it for ever."""
EVIDENCE_MARKS = (rundir.STARTED, rundir.RESULT, rundir.CONTEXT, rundir.DATA_QUALITY_LOG)

R = TypeVar("R", bound=Record)


def read_run(run_dir: Path) -> Run:
    """Every record of the attempt in force; one that cannot be read is named, not left out."""
    attempt = attempt_of(run_dir)
    folder = rundir.attempt_dir(run_dir, attempt)
    unreadable: list[Unreadable] = []

    def record(model: type[R], name: str, folder: Path = folder) -> R | None:
        try:
            return read_record(model, folder / name)
        except UnreadableRecord as error:
            unreadable.append(Unreadable(name=name, why=str(error)))
            return None

    return Run(
        run_dir=run_dir,
        attempt=attempt,
        attempt_dir=folder,
        manifest=record(Manifest, rundir.MANIFEST)
        or (record(Manifest, rundir.MANIFEST, run_dir) if folder != run_dir else None),
        preflight=record(Preflight, rundir.PREFLIGHT),
        data_quality=record(DataQualityReport, rundir.DATA_QUALITY_JSON),
        waivers=record(Waivers, rundir.WAIVERS),
        context=record(Context, rundir.CONTEXT),
        process=record(Process, rundir.PROCESS),
        started=record(Started, rundir.EXEC),
        shim_exit=record(ShimExit, rundir.SHIM_EXIT),
        heartbeat=record(Heartbeat, rundir.HEARTBEAT),
        stop_request=record(StopRequest, rundir.STOP_REQUEST),
        exit_status=record(ExitStatus, rundir.EXIT_STATUS),
        result=record(Result, rundir.RESULT),
        finalized=os.path.lexists(folder / rundir.ARTIFACTS),
        unreadable=tuple(unreadable),
    )


def read_run_briefly(run_dir: Path) -> Run:
    """The manifest, and nothing else: enough for a line of a list."""
    attempt = attempt_of(run_dir)
    folder = rundir.attempt_dir(run_dir, attempt)
    manifest, unreadable = None, []
    try:
        manifest = read_record(Manifest, run_dir / rundir.MANIFEST)
    except UnreadableRecord as error:
        unreadable = [Unreadable(name=rundir.MANIFEST, why=str(error))]
    return Run(
        run_dir=run_dir,
        attempt=attempt,
        attempt_dir=folder,
        manifest=manifest,
        unreadable=tuple(unreadable),
    )


def attempt_of(run_dir: Path) -> int:
    """The attempt in force; most runs have one, and then no folder is opened."""
    return rundir.last_attempt(run_dir) if os.path.lexists(f"{run_dir}/attempts") else 1


def has_ended(run_dir: Path) -> float | None:
    """When its end was recorded (a time of the file system, to sort by); None when the record
    or the digest list is missing, so that its host must be asked.
    """
    folder = rundir.attempt_dir(run_dir, attempt_of(run_dir))
    try:
        ended = os.lstat(f"{folder}/{rundir.EXIT_STATUS}").st_mtime
        os.lstat(f"{folder}/{rundir.ARTIFACTS}")
    except OSError:
        return None
    return ended


def sight_of_ended(run_dir: Path, *, brief: bool = False, tail_bytes: int = 0) -> Sight | None:
    """What is left to see of a run that has ended, by reading files only.

    Args:
        brief: only what decides the state; flags and gates are then not known.

    Returns None when it has no end record or no digest list, so that its host must be asked.
    The words are those of look.sh, so that one parser reads both.
    """
    if has_ended(run_dir) is None:
        return None
    folder = rundir.attempt_dir(run_dir, attempt_of(run_dir))
    seen = [("run", str(run_dir)), ("attempt_dir", str(folder)), ("exists", rundir.ARTIFACTS)]
    for name in BRIEF_RECORDS if brief else EVIDENCE_RECORDS:
        _see(seen, name, folder / name)
    if brief:
        return Sight(build_evidence({}, seen).model_copy(update={"gates": ()}))
    _see_the_rest(seen, run_dir, folder)
    sight = build_sight({}, seen)
    if tail_bytes == 0:
        return sight
    try:
        return replace(sight, tail=read_tail(folder / rundir.RUN_LOG, tail_bytes))
    except UnreadableRecord:
        unread = (*sight.evidence.unread, rundir.RUN_LOG)
        return replace(sight, evidence=sight.evidence.model_copy(update={"unread": unread}))


def _see(
    seen: list[tuple[str, str]], name: str, path: Path, *, limit: int = MAX_RECORD_BYTES
) -> None:
    try:
        raw = read_bounded(path, limit)
    except UnreadableRecord:
        seen.append(("unreadable", name))
    else:
        if raw is not None:
            seen.append((name, raw.decode("utf-8", "replace")))


def _see_the_rest(seen: list[tuple[str, str]], run_dir: Path, folder: Path) -> None:
    progress = run_dir / rundir.PROGRESS
    try:
        job = read_values(folder / rundir.JOB_VALUES)
        seen.append(("token", job.get("token", "")))
        progress = run_dir / (job.get("progress_file") or rundir.PROGRESS)
    except UnreadableRecord:
        seen.append(("unreadable", rundir.JOB_VALUES))
    if not progress.exists():
        progress = run_dir / "tables" / rundir.PROGRESS
    _see(seen, "progress", progress, limit=MAX_PROGRESS_BYTES)
    _see(seen, "stragglers", folder / "control/stragglers")
    seen += [("exists", name) for name in EVIDENCE_MARKS if os.path.lexists(folder / name)]
    try:
        log = (folder / rundir.RUN_LOG).stat()
    except OSError:
        return
    seen.append(("log", f"{log.st_size} {int(log.st_mtime)}"))
