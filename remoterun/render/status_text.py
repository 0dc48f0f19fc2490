"""Runs as plain text: the block of one, the table of many, the line of a monitor off a terminal."""

from collections.abc import Sequence
from datetime import datetime

from remoterun.model.gate import GateRecord
from remoterun.model.state import ProcessSeen
from remoterun.model.views import ProgressView, RunPage
from remoterun.render.visible import visible, visible_line

RULE = 88
NOTHING = "-"
HEADS = (
    "TAG",
    "STATE",
    "BASIS",
    "AGE",
    "HOST",
    "WORKFLOW",
    "ELAPSED",
    "PROGRESS",
    "CODE",
    "FLAGS",
)
SHOWN_PROCESSES = 50


def block(page: RunPage) -> str:
    """One run, in the order that docs/run-directory.md gives, closed by the end of its log."""
    log = visible_line(page.log.path) if page.log else "<no run.log yet>"
    lines = ["=" * RULE, f"out: {visible_line(page.out)}"]
    lines += [f"state: {state_words(page)}"]
    lines += [f"why: {visible_line(page.why)}"] if page.why else []
    lines += [f"pid: {page.pid or '<missing>'} running: {page.alive}"]
    lines += process_lines(page)
    if page.end_utc is not None:
        code = "null" if page.exit_code is None else page.exit_code
        signal = f" signal={page.signal}" if page.signal else ""
        lines.append(f"exit: code={code} end_utc={utc(page.end_utc)}{signal}")
    if page.progress is not None:
        lines.append(f"progress: {progress_words(page.progress)}")
    lines += fact_lines(page)
    lines += [f"log: {log}", "-" * RULE]
    if page.tail is not None:
        lines += [visible_line(line) for line in page.tail.split("\n")] if page.tail else []
    return "\n".join(lines)


def fact_lines(page: RunPage) -> list[str]:
    """What is added to the original block: a line for each fact that is known."""
    official = {True: "official", False: "not official", None: "unknown"}[page.official]
    lines = [
        f"run: {visible_line(page.run_id)}",
        f"tag: {visible_line(page.decision_tag or NOTHING)} ({official})",
        f"host: {visible_line(page.host or 'unknown')}",
        f"attempt: {page.attempt}",
    ]
    if page.elapsed_sec is not None:
        lines.append(f"elapsed: {duration(page.elapsed_sec)}")
    if page.cpu_pct is not None:
        memory = f", memory {size(page.rss_bytes)}" if page.rss_bytes is not None else ""
        cores = f"{page.effective_cores:.2f}"
        lines.append(f"cpu: {page.cpu_pct:.1f} % = {cores} effective cores{memory}")
    lines += [f"gate: {gate_words(gate)}" for gate in page.gates]
    if page.flags:
        lines.append(f"flags: {', '.join(page.flags)}")
    lines += [f"waiver: {visible_line(text)}" for text in page.waivers]
    lines += [f"input: {visible_line(page.input)}"] if page.input else []
    if page.stop:
        lines.append(f"stop: {visible_line(page.stop)}")
    if page.writes:
        lines.append(f"writes: {', '.join(visible_line(folder) for folder in page.writes)}")
    lines += [f"unreadable: {visible_line(text)}" for text in page.unread]
    return lines


def process_lines(page: RunPage) -> list[str]:
    """A `ps :` line for each process of the run: PID, elapsed, %CPU, %MEM, command."""
    shown = page.processes[:SHOWN_PROCESSES]
    lines = [f"ps : {_process(process, page.memory_total_bytes)}" for process in shown]
    left = len(page.processes) - len(shown)
    return [*lines, f"ps : … and {left} more"] if left else lines


def table(pages: Sequence[RunPage]) -> str:
    """Many runs, one line each; columns as wide as their widest cell."""
    rows = [HEADS, *(row(page) for page in pages)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
        for cells in rows
    )


def row(page: RunPage) -> tuple[str, ...]:
    """The cells of one run, harmless to any screen."""
    marks = [*page.flags, *(["waived"] if page.waivers else [])]
    done = page.progress
    gate = f" ({page.gate})" if page.gate else ""
    return (
        visible_line(page.decision_tag or page.run_id, limit=80),
        f"{page.state}{visible_line(gate, limit=30)}",
        page.basis or "none",
        duration(page.age_s),
        visible_line(page.host or "?", limit=40),
        visible_line(page.workflow or NOTHING, limit=40),
        duration(page.elapsed_sec) if page.elapsed_sec is not None else NOTHING,
        f"{number(done.n_done)}/{number(done.n_target)} ({done.pct:.1f}%)" if done else NOTHING,
        NOTHING if page.exit_code is None else str(page.exit_code),
        ", ".join(marks),
    )


def monitor_line(page: RunPage, now: datetime) -> str:
    """One moment of a run on one line."""
    words = [local_time(now), visible_line(page.decision_tag or page.run_id), state_words(page)]
    if page.elapsed_sec is not None:
        words.append(f"elapsed {duration(page.elapsed_sec)}")
    if page.progress is not None:
        words.append(progress_words(page.progress))
    if page.alive and page.cpu_pct is not None:
        words.append(f"cpu {page.cpu_pct / 100:.1f} cores, memory {size(page.rss_bytes)}")
    if page.flags:
        words.append(", ".join(page.flags))
    return " · ".join(words)


def state_words(page: RunPage) -> str:
    """`running (lock, 4 s ago)`: never a state without its basis and its age."""
    basis = page.basis or "nothing proves it"
    age = f", {duration(page.age_s)} ago" if page.age_s is not None else ""
    gate = f" at {visible_line(page.gate)}" if page.gate else ""
    return f"{page.state}{gate} ({basis}{age})"


def gate_words(gate: GateRecord) -> str:
    reasons = f": {'; '.join(gate.reasons)}" if gate.reasons else ""
    return visible_line(f"{gate.name} {gate.result.replace('_', ' ')}{reasons}")


def progress_words(progress: ProgressView) -> str:
    done, target = number(progress.n_done), number(progress.n_target)
    words = f"{done}/{target} ({progress.pct:.1f}%)"
    if progress.updated_utc:
        words += f" [updated={visible_line(progress.updated_utc)}]"
    if progress.stage:
        words += f" [{visible_line(progress.stage)}]"
    if progress.rate_per_s is not None and progress.left_s is not None:
        words += f" {rate(progress.rate_per_s)}, {duration(progress.left_s)} left"
    if progress.earlier_attempt:
        words += " [of the earlier attempt]"
    return words


def duration(seconds: float | None) -> str:
    """`4 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    if seconds is None:
        return NOTHING
    whole = int(seconds)
    for unit_s, unit, next_s, next_unit in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= unit_s:
            rest = whole % unit_s // next_s
            return f"{whole // unit_s} {unit}" + (f" {rest} {next_unit}" if rest else "")
    return f"{whole} s"


def rate(per_s: float) -> str:
    if per_s >= 1:
        return f"{per_s:.3g}/s"
    return f"{per_s * 60:.3g}/min" if per_s * 60 >= 1 else f"{per_s * 3600:.3g}/h"


def size(count: int | None) -> str:
    """Bytes in powers of 1000, as GB is meant everywhere."""
    if count is None:
        return NOTHING
    value, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


def number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:g}"


def utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def local_time(moment: datetime) -> str:
    """The user's own clock, with its zone."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def log_text(lines: Sequence[str]) -> str:
    return visible("\n".join(visible_line(line) for line in lines))


def _process(process: ProcessSeen, memory_bytes: int | None) -> str:
    memory = f"{100 * process.rss_bytes / memory_bytes:.1f}" if memory_bytes else NOTHING
    command = visible_line(process.command, limit=300)
    return f"{process.pid} {_clock(process.elapsed_s)} {process.cpu_pct:.1f} {memory} {command}"


def _clock(seconds: float) -> str:
    """`[[D-]HH:]MM:SS`, as ps prints it."""
    whole = int(seconds)
    days, hours, minutes, left = whole // 86400, whole // 3600 % 24, whole // 60 % 60, whole % 60
    if days:
        return f"{days}-{hours:02}:{minutes:02}:{left:02}"
    return f"{hours:02}:{minutes:02}:{left:02}" if hours else f"{minutes:02}:{left:02}"
