"""What a host printed about its runs -> Evidence. What does not parse is `unread`."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from pydantic import ValidationError

from remoterun.model import rundir
from remoterun.model.exit_status import Ending, ExitStatus, ShimExit, Started
from remoterun.model.gate import GateRecord, GateResult
from remoterun.model.heartbeat import Heartbeat
from remoterun.model.preflight import Preflight
from remoterun.model.process import Process
from remoterun.model.record import Record
from remoterun.model.state import Evidence, Lock, ProcessSeen
from remoterun.model.waivers import WaiverKind, Waivers
from remoterun.rules.progress import parse_progress

R = TypeVar("R", bound=Record)

TICKS_PER_S = 100
"""USER_HZ, which Linux shows to every program. Source: proc(5)."""


def parse_record(model: type[R], text: str) -> R | None:
    """None when the text is no valid record of this kind; bare NaN and Infinity mean null."""
    try:
        return model.model_validate(json.loads(text, parse_constant=lambda _: None))
    except (ValueError, ValidationError, RecursionError):
        return None


def pairs(words: Sequence[bytes]) -> Iterator[tuple[str, str]]:
    """The words of look.sh, two by two, as text."""
    texts = [word.decode("utf-8", "replace") for word in words]
    yield from zip(texts[::2], texts[1::2], strict=False)


def parse_evidence(words: Sequence[bytes]) -> list[Evidence]:
    """One Evidence for each run that was looked at, in the order of the question."""
    looker: dict[str, str] = {}
    found: list[Evidence] = []
    seen: list[tuple[str, str]] | None = None
    for key, value in pairs(words):
        if key == "run":
            seen = [(key, value)]
        elif seen is None:
            looker[key] = value
        elif key == "end":
            found.append(build_evidence(looker, seen))
            seen = None
        else:
            seen.append((key, value))
    return found


def build_evidence(looker: Mapping[str, str], seen: Iterable[tuple[str, str]]) -> Evidence:
    """Put together what was seen of one run; `looker` says where and when it was looked at."""
    facts = [(k, v) for k, v in seen if k not in ("exists", "unreadable", "process")]
    one = dict(facts)
    lists = {
        name: [v for k, v in seen if k == name] for name in ("exists", "unreadable", "process")
    }
    unread = list(lists["unreadable"])

    def record(model: type[R], name: str) -> R | None:
        if name not in one:
            return None
        parsed = parse_record(model, one[name])
        if parsed is None:
            unread.append(name)
        return parsed

    process = record(Process, rundir.PROCESS)
    exec_marker = record(Started, rundir.EXEC)
    ending = record(ExitStatus, rundir.EXIT_STATUS)
    shim_exit = record(ShimExit, rundir.SHIM_EXIT)
    heartbeat = record(Heartbeat, rundir.HEARTBEAT)
    waivers = record(Waivers, rundir.WAIVERS)
    preflight = record(Preflight, rundir.PREFLIGHT)
    token = one.get("token") or None
    for name, owned in ((rundir.EXEC, exec_marker), (rundir.EXIT_STATUS, ending)):
        if owned is not None and token is not None and owned.token not in (None, token):
            unread.append(name)

    now, uptime_s = _number(looker.get("now")), _number(looker.get("uptime"))
    log, progress_stat = _stat(one.get("log")), _stat(one.get("progress_stat"))
    same_boot = process is None or process.boot_id in (None, looker.get("boot_id"))
    same_host = process is None or process.hostname == looker.get("hostname")
    elapsed_s = None
    if process and process.start_ticks is not None and uptime_s is not None and same_boot:
        elapsed_s = max(0.0, uptime_s - process.start_ticks / TICKS_PER_S)
    living = tuple(p for p in (_process(w, uptime_s) for w in lists["process"]) if p is not None)
    lock = Lock(one["lock"]) if one.get("lock") in set(Lock) else Lock.NONE
    gates = gate_records(preflight, waivers, ending, lists["exists"], rundir.EXEC in one)
    gate = None
    if rundir.EXEC not in one and ending is None:
        gate = next((g.name for g in gates if g.result is GateResult.GOING_ON), None)
    return Evidence(
        run_dir=one["run"],
        attempt_dir=one.get("attempt_dir", one["run"]),
        missing="missing" in one,
        unread=tuple(unread),
        same_host=same_host,
        same_boot=same_boot,
        moved_from=_moved_from(process, one.get("real_dir")),
        started=rundir.STARTED in lists["exists"],
        exec_marker=rundir.EXEC in one,
        program=exec_marker.program if exec_marker else None,
        lock=lock,
        supervisor_pid=process.pid if process else None,
        supervisor_alive=one.get("supervisor_alive") == "yes",
        processes=living,
        processes_left=len(living) if "processes_counted" in one else None,
        ending=ending,
        shim_exit=shim_exit,
        shim_lost=rundir.SHIM_LOST in one,
        stop_requested=rundir.STOP_REQUEST in one,
        finalized=rundir.ARTIFACTS in lists["exists"],
        stragglers=_count(one.get("stragglers")),
        gate=gate,
        gates=gates,
        waived=_waived(waivers),
        heartbeat=heartbeat,
        heartbeat_age_s=_age(now, _stat(one.get("heartbeat_stat"))),
        log_bytes=int(log[0]) if log else None,
        log_age_s=_age(now, log),
        progress=parse_progress(one["progress"], rundir.PROGRESS) if "progress" in one else None,
        progress_age_s=_age(now, progress_stat),
        elapsed_s=elapsed_s,
    )


def gate_records(
    preflight: Preflight | None,
    waivers: Waivers | None,
    ending: ExitStatus | None,
    exists: Sequence[str],
    started: bool,
) -> tuple[GateRecord, ...]:
    """What each gate said; a gate that did not speak neither passed nor failed."""
    refused = ending.gate if ending and ending.state is not Ending.SUCCESS else None
    reasons = ending.reasons if ending else ()
    skipped = {w.gate for w in waivers.waivers if w.kind is WaiverKind.SKIP} if waivers else set()
    records = []
    for name, spoke in (
        ("preflight", preflight is not None),
        ("data_quality", rundir.DATA_QUALITY_LOG in exists),
    ):
        texts: tuple[str, ...] = ()
        if refused == name:
            result = GateResult.FAILED
            texts = (preflight.reasons if name == "preflight" and preflight else ()) or reasons
        elif name in skipped:
            result = GateResult.WAIVED
        elif name == "preflight" and spoke:
            failed = preflight is not None and preflight.status != "pass"
            result = GateResult.FAILED if failed else GateResult.PASSED
            texts = preflight.reasons if preflight and failed else ()
        elif name == "data_quality" and spoke and started:
            result = GateResult.PASSED
        elif name == "data_quality" and not spoke and (started or ending):
            continue
        elif ending is not None:
            result = GateResult.NOT_REACHED
        elif name == "data_quality" and not spoke:
            continue
        else:
            result = GateResult.GOING_ON
        records.append(GateRecord(name=name, result=result, reasons=texts))
    return tuple(records)


def _waived(waivers: Waivers | None) -> tuple[str, ...]:
    if waivers is None:
        return ()
    return tuple(
        f"{w.gate} {'skipped' if w.kind is WaiverKind.SKIP else f'{w.setting}={w.used_value}'}"
        f" ({w.actor}: {w.reason})"
        for w in waivers.waivers
    )


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _moved_from(process: Process | None, here: str | None) -> str | None:
    if process is None or not process.argv or not here:
        return None
    started_in = process.argv[-1].removesuffix("/job.sh")
    return started_in if started_in.startswith("/") and started_in != here else None


def _count(text: str | None) -> int:
    word = (text or "").strip()
    return int(word) if word.isdecimal() and word.isascii() else 0


def _stat(text: str | None) -> tuple[float, float] | None:
    """Size and time of change out of `size mtime inode device`."""
    words = (text or "").split()
    if len(words) < 2 or not all(word.isdecimal() for word in words[:2]):
        return None
    return float(words[0]), float(words[1])


def _age(now: float | None, stat: tuple[float, float] | None) -> float | None:
    return None if now is None or stat is None else max(0.0, now - stat[1])


def _process(text: str, uptime_s: float | None) -> ProcessSeen | None:
    """`pid ppid ticks cpu_ticks rss_bytes state command`."""
    words = text.split(" ", 6)
    if len(words) < 6 or not all(word.isdecimal() for word in words[:5]):
        return None
    pid, ppid, ticks, cpu, rss = (int(word) for word in words[:5])
    elapsed = max(0.0, (uptime_s or 0.0) - ticks / TICKS_PER_S)
    return ProcessSeen(
        pid=pid,
        ppid=ppid,
        elapsed_s=elapsed,
        cpu_pct=100.0 * (cpu / TICKS_PER_S) / elapsed if elapsed > 0 else 0.0,
        rss_bytes=rss,
        state=words[5],
        command=words[6] if len(words) > 6 else "",
    )
