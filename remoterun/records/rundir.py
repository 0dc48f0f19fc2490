"""A run directory on this machine -> `Run`, and the evidence of a run that has ended.

Nothing here decides a state, starts a process or reads more than a bounded number of bytes.
"""

import os
from pathlib import Path
from typing import TypeVar

from remoterun.model import rundir
from remoterun.model.artifacts import Artifacts
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
from remoterun.model.state import Evidence
from remoterun.model.stop_request import StopRequest
from remoterun.model.waivers import Waivers
from remoterun.records.reading import (
    MAX_RECORD_BYTES,
    UnreadableRecord,
    read_bounded,
    read_record,
)
from remoterun.rules.evidence import build_evidence

MAX_ARTIFACTS_BYTES = 256 * 2**20
"""The digest list grows with the number of files: about 200 bytes each."""
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
BRIEF_RECORDS = (rundir.EXEC, rundir.EXIT_STATUS)
"""What decides the state of a run that has ended, and no more."""
EVIDENCE_MARKS = (rundir.STARTED, rundir.ARTIFACTS, rundir.RESULT, rundir.CONTEXT)

R = TypeVar("R", bound=Record)


def read_run(run_dir: Path) -> Run:
    """Every record of the attempt in force; one that cannot be read is named, not left out."""
    attempt = rundir.last_attempt(run_dir)
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
    attempt = rundir.last_attempt(run_dir)
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


def read_artifacts(attempt_dir: Path) -> Artifacts | None:
    """The digest list of an attempt; None when there is none.

    Raises:
        UnreadableRecord: it is there and is no digest list.
    """
    return read_record(Artifacts, attempt_dir / rundir.ARTIFACTS, limit=MAX_ARTIFACTS_BYTES)


def has_ended(run_dir: Path) -> float | None:
    """When its end was recorded (a time of the file system, to sort by); None when the record
    or the digest list is missing, so that its host must be asked.
    """
    folder = rundir.attempt_dir(run_dir, rundir.last_attempt(run_dir))
    try:
        ended = (folder / rundir.EXIT_STATUS).lstat().st_mtime
        (folder / rundir.ARTIFACTS).lstat()
    except OSError:
        return None
    return ended


def evidence_of_ended(run_dir: Path, *, brief: bool = False) -> Evidence | None:
    """What is left to see of a run that has ended, by reading files only.

    Args:
        brief: only what decides the state; flags and gates are then not known.

    Returns None when it has no end record or no digest list: its host must be asked. The words
    are those of look.sh, so that one parser reads both.
    """
    if has_ended(run_dir) is None:
        return None
    folder = rundir.attempt_dir(run_dir, rundir.last_attempt(run_dir))
    seen = [("run", str(run_dir)), ("attempt_dir", str(folder))]
    progress = run_dir / rundir.PROGRESS
    if not brief:
        try:
            job = read_values(folder / rundir.JOB_VALUES)
            seen.append(("token", job.get("token", "")))
            progress = run_dir / (job.get("progress_file") or rundir.PROGRESS)
        except UnreadableRecord:
            seen.append(("unreadable", rundir.JOB_VALUES))
    for name in BRIEF_RECORDS if brief else EVIDENCE_RECORDS:
        _see(seen, name, folder / name)
    marks = (rundir.ARTIFACTS,) if brief else (*EVIDENCE_MARKS, rundir.DATA_QUALITY_LOG)
    seen += [("exists", name) for name in marks if os.path.lexists(folder / name)]
    if not brief:
        if not progress.exists():
            progress = run_dir / "tables" / rundir.PROGRESS
        _see(seen, "progress", progress, limit=MAX_PROGRESS_BYTES)
        seen += _stragglers(folder)
        size = size_of(folder / rundir.RUN_LOG)
        if size is not None:
            seen.append(("log", f"{size} 0"))
    return build_evidence({}, seen).model_copy(update={"log_age_s": None})


def read_values(path: Path) -> dict[str, str]:
    """`control/job`: NUL-ended pairs of name and value; empty when there is no such file.

    Raises:
        UnreadableRecord: it cannot be read.
    """
    words = (read_bounded(path, MAX_RECORD_BYTES) or b"").split(b"\0")[:-1]
    texts = [word.decode("utf-8", "replace") for word in words]
    return dict(zip(texts[::2], texts[1::2], strict=False))


def read_words(path: Path) -> list[str]:
    """A file of NUL-ended words; empty when it is not there or cannot be read."""
    try:
        words = (read_bounded(path, MAX_RECORD_BYTES) or b"").split(b"\0")[:-1]
    except UnreadableRecord:
        return []
    return [word.decode("utf-8", "replace") for word in words]


def size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


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


def _stragglers(folder: Path) -> list[tuple[str, str]]:
    try:
        result = read_record(Result, folder / rundir.RESULT)
    except UnreadableRecord:
        return [("unreadable", rundir.RESULT)]
    return [("stragglers", str(result.stragglers))] if result else []
