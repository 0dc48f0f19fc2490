"""A run as it goes on: kept up to date on a terminal, plain lines everywhere else."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import IO, TYPE_CHECKING

from remoterun.model.gate import GateRecord
from remoterun.model.rundir import RUN_LOG
from remoterun.model.views import RunPage
from remoterun.render.status_text import (
    duration,
    gate_words,
    monitor_line,
    number,
    rate,
    size,
    state_words,
)
from remoterun.render.visible import visible_line

if TYPE_CHECKING:
    from rich.console import Group, RenderableType

SHOWN_MILESTONES = 5


def plain_lines(
    pages: Iterable[RunPage],
    *,
    interval_s: float,
    clock: Callable[[], datetime],
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[tuple[RunPage, list[str]]]:
    """Each page with the lines to print for it: some when something changed, one at each
    interval, none otherwise.
    """
    before: RunPage | None = None
    spoke_at = float("-inf")
    for page in pages:
        lines, at_s = [], monotonic()
        if before is None or _told(page) != _told(before) or page.settled:
            lines.append(monitor_line(page, clock()))
            lines += [f"  gate: {gate_words(g)}" for g in _new_gates(page, before)]
        elif at_s - spoke_at >= interval_s:
            lines.append(monitor_line(page, clock()))
        lines += [f"  milestone: {visible_line(text)}" for text in _new_milestones(page, before)]
        if lines:
            spoke_at = at_s
        before = page
        yield page, lines


def show_live(
    pages: Iterable[RunPage],
    *,
    interval_s: float,
    clock: Callable[[], datetime],
    terminal: IO[str] | None,
    write: Callable[[str], object],
) -> RunPage | None:
    """Show a run until its pages end; the last page comes back, None when there was none.

    Ctrl-C passes through: the caller says how to come back.

    Args:
        terminal: where the view is drawn; None where nobody looks: then lines go to `write`.
    """
    last = None
    if terminal is None:
        for page, lines in plain_lines(pages, interval_s=interval_s, clock=clock):
            last = page
            if lines:
                write("\n".join(lines))
        return last

    from rich.console import Console
    from rich.live import Live

    shown_at = time.monotonic()
    with Live(
        get_renderable=lambda: "" if last is None else panel(last, time.monotonic() - shown_at),
        console=Console(file=terminal, emoji=False, markup=False, highlight=False),
        refresh_per_second=4,
        vertical_overflow="crop",
    ) as live:
        for page in pages:
            last, shown_at = page, time.monotonic()
            live.refresh()
    return last


def panel(page: RunPage, passed_s: float = 0.0) -> "Group":
    """The live view: state with its basis, gates, elapsed, progress, milestones, log, resources."""
    from rich.console import Group
    from rich.rule import Rule
    from rich.text import Text

    from remoterun.render.terminal import STYLES

    def line(head: str, words: str, style: str = "") -> Text:
        return Text.assemble(
            (f"{head:10}", "bold"), (words, style), no_wrap=True, overflow="ellipsis"
        )

    name = visible_line(page.decision_tag or page.run_id)
    parts: list[RenderableType] = [
        line("run", f"{name} on {visible_line(page.host or '?')}, attempt {page.attempt}"),
        line("state", state_words(page), STYLES[page.state]),
    ]
    if page.why:
        parts.append(line("", visible_line(page.why)))
    parts += [line("gate", gate_words(gate)) for gate in page.gates]
    parts += [line("waiver", visible_line(text), "yellow") for text in page.waivers]
    if page.flags:
        parts.append(line("flags", ", ".join(page.flags), "yellow"))
    if page.elapsed_sec is not None:
        parts.append(line("elapsed", duration(page.elapsed_sec + (passed_s if page.alive else 0))))
    if page.progress is not None:
        parts.append(_progress(page))
    if page.alive and page.cpu_pct is not None:
        cores = f"{page.cpu_pct / 100:.1f} cores, {size(page.rss_bytes)}"
        parts.append(line("cpu, mem", cores))
    parts += [line("reached", visible_line(text)) for text in page.milestones[-SHOWN_MILESTONES:]]
    if page.log is not None:
        head = Text(f"{RUN_LOG}, {size(page.log.bytes)}")
        parts.append(Rule(head, style="dim", align="left"))
    for text in (page.tail or "").split("\n"):
        parts.append(Text(visible_line(text), no_wrap=True, overflow="ellipsis"))
    return Group(*parts)


def _progress(page: RunPage) -> "RenderableType":
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    progress = page.progress
    assert progress is not None
    words = f"{number(progress.n_done)}/{number(progress.n_target)} ({progress.pct:.1f}%)"
    if progress.stage:
        words += f" {visible_line(progress.stage, limit=40)}"
    if progress.rate_per_s is not None:
        words += f" · {rate(progress.rate_per_s)} · {duration(progress.left_s)} left"
    if progress.earlier_attempt:
        words += " · of the earlier attempt"
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=9)
    grid.add_column(width=30)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    done = min(progress.n_done, progress.n_target)
    bar = ProgressBar(total=progress.n_target, completed=done)
    grid.add_row(Text("progress", "bold"), bar, Text(words))
    return grid


def _told(page: RunPage) -> tuple[object, ...]:
    """What is worth a line when it changes."""
    return page.state, page.flags, page.gate, page.gates, page.attempt, page.stop


def _new_gates(page: RunPage, before: RunPage | None) -> list[GateRecord]:
    known = before.gates if before else ()
    return [gate for gate in page.gates if gate not in known]


def _new_milestones(page: RunPage, before: RunPage | None) -> list[str]:
    """Milestones are kept in a window: what stands behind the last known one is new."""
    known = list(before.milestones) if before else []
    now = list(page.milestones)
    for overlap in range(min(len(known), len(now)), 0, -1):
        if known[-overlap:] == now[:overlap]:
            return now[overlap:]
    return now
