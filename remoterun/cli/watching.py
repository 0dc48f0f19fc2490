"""What the verbs that look share: how runs are named, how pages are printed, how it exits."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from remoterun.cli.working_directory import working_directory
from remoterun.errors import Exit, UsageError
from remoterun.model.state import StateName
from remoterun.records.runs import Asked, find_runs_home, list_runs
from remoterun.render.envelope import run_names, runs_json, runs_lines
from remoterun.render.messages import next_text
from remoterun.render.status_text import block, gate_words, log_text, state_words, table
from remoterun.render.visible import visible_line
from remoterun.rules.state import EXIT_OF_STATE, worst
from remoterun.rules.views.run_page import LIVE
from remoterun.steps.look import Here
from remoterun.steps.status import Listed

if TYPE_CHECKING:
    from remoterun.model.views import RunPage
    from remoterun.rules.views.runs_table import Filters
    from remoterun.steps.logs import LogPage
    from remoterun.steps.official import Answer

CLEAR = "\x1b[H\x1b[2J"
SHORTEST_PAUSE_S = 1


def here(inventory: Path | None, project: Path | None) -> Here:
    """Where one stands, read once."""
    cwd = working_directory()
    home = find_runs_home(cwd, os.environ, project, inventory)
    return Here(home, cwd, os.environ, inventory, lambda: datetime.now(UTC))


def asked(
    runs: Sequence[str] | None,
    tags: Sequence[str] | None,
    run_ids: Sequence[str] | None,
    run_dirs: Sequence[str] | None,
) -> list[Asked]:
    """Every way of naming a run, in one list."""
    return [
        *(Asked(text) for text in runs or ()),
        *(Asked(text, "tag") for text in tags or ()),
        *(Asked(text, "run_id") for text in run_ids or ()),
        *(Asked(text, "run_dir") for text in run_dirs or ()),
    ]


def seconds(option: str, text: str | None) -> float | None:
    """A time as the settings write it; a bare number is seconds."""
    from remoterun.model.units import parse_seconds

    if text is None:
        return None
    try:
        return parse_seconds(int(text) if text.isdecimal() and text.isascii() else text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def pause(interval: str) -> float:
    """The time between two looks: what was asked, and never less than a second."""
    return max(seconds("--interval", interval) or 0, SHORTEST_PAUSE_S)


def refuse_filters_of_named(asked: Sequence[Asked], filters: "Filters") -> None:
    if asked and filters:
        what = "runs are named, and filters are given"
        raise UsageError(what, why="a filter narrows the list of all runs", fix="leave one out")


def show_status(listed: Listed, here: Here, output: str, *, pages: bool, check: bool) -> NoReturn:
    """Print a table or blocks, then exit."""
    _print_status(listed, here, output, pages=pages)
    if pages and output == "text":
        for page in listed.pages:
            say_next(page)
    codes = [EXIT_OF_STATE[page.state] for page in listed.pages]
    raise typer.Exit(worst(codes) if check else Exit.OK)


def keep_showing(
    look: Callable[[], Listed], here: Here, output: str, *, pages: bool, interval: str
) -> NoReturn:
    """Look again at each interval, until Ctrl-C."""
    pause_s = pause(interval)
    try:
        while True:
            listed = look()
            if output == "text" and sys.stdout.isatty():
                typer.echo(CLEAR, nl=False)
            _print_status(listed, here, output, pages=pages)
            time.sleep(pause_s)
    except KeyboardInterrupt:
        raise typer.Exit(Exit.DETACHED) from None


def show_monitor(
    pages: "Iterable[RunPage]", run_dir: Path, here: Here, output: str, *, interval_s: float
) -> NoReturn:
    """Show a run until its end, or until somebody leaves, and exit by it."""
    from remoterun.render.live import show_live

    text = output == "text"
    last: RunPage | None = None

    def kept() -> "Iterator[RunPage]":
        nonlocal last
        for page in pages:
            last = page
            yield page

    try:
        show_live(
            kept(),
            interval_s=interval_s,
            clock=here.clock,
            terminal=sys.stdout if text and sys.stdout.isatty() else None,
            write=typer.echo if text else _ignore,
        )
    except KeyboardInterrupt:
        leave(last, [run_dir], "monitor")
    if last is None:
        raise UsageError(f"nothing is seen of `{run_dir}`")
    if output == "json":
        typer.echo(runs_json("monitor", [last], here.clock()))
    elif last.why:
        typer.echo(ending_text(last))
    say_next(last)
    raise typer.Exit(EXIT_OF_STATE[last.state] if last.settled else Exit.NOT_YET)


def show_launch(
    answer: "Answer",
    place: Here,
    output: str,
    *,
    follow: bool,
    again: str,
    mending: Callable[[Sequence[str]], list[str]],
) -> Exit:
    """Watch a launched run until it may be left, say what is known then, and answer by that: 0
    while it goes on, unless it was to be followed to its end.

    Args:
        mending: for the reasons of a refusal, what one can do about them.
    """
    from remoterun.render.live import show_live
    from remoterun.steps.look import look_closely, page_of
    from remoterun.steps.monitor import pages

    run_dir = answer.run_dir
    last: RunPage | None = None

    def kept() -> "Iterator[RunPage]":
        nonlocal last
        for page in pages(answer.frames, run_dir, place, after="official", again=again):
            last = page
            yield page

    try:
        show_live(
            kept(),
            interval_s=30,
            clock=place.clock,
            terminal=sys.stderr if sys.stderr.isatty() else None,
            write=lambda text: typer.echo(text, err=True),
        )
    except KeyboardInterrupt:
        return say_detached(last, [run_dir], "monitor")
    if last is None:
        (sight,) = look_closely([run_dir])
        last = page_of(run_dir, sight, place, after="official", again=again)
    if output == "json":
        typer.echo(runs_json("launch", [last], place.clock()))
    else:
        typer.echo(f"run: {visible_line(last.run_id)}\nout: {visible_line(last.out)}")
        typer.echo(ending_text(last))
    if last.host_load:
        typer.echo(visible_line(f"host: {last.host_load}"), err=True)
    if last.state is StateName.BLOCKED:
        for line in mending([reason for gate in last.gates for reason in gate.reasons]):
            typer.echo(visible_line(line), err=True)
    say_next(last)
    goes_on = last.state in LIVE and last.state is not StateName.CLAIMED
    return Exit.OK if goes_on and not follow else EXIT_OF_STATE[last.state]


def leave(page: "RunPage | None", run_dirs: Sequence[Path], verb: str) -> NoReturn:
    """Ctrl-C leaves the runs alone and says how to come back."""
    raise typer.Exit(say_detached(page, run_dirs, verb))


def say_detached(page: "RunPage | None", run_dirs: Sequence[Path], verb: str) -> Exit:
    import shlex

    from remoterun.records.rundir import read_run_briefly

    names = shlex.join(read_run_briefly(run_dir).name for run_dir in run_dirs)
    goes_on = page is None or page.state in LIVE
    typer.echo(f"\ndetached; {'the run goes on' if goes_on else 'the run has ended'}", err=True)
    typer.echo(next_text(f"remoterun {verb} {names}"), err=True)
    return Exit.DETACHED


def print_log(found: "LogPage", here: Here, output: str) -> None:
    if output == "json":
        page = found.page.model_copy(update={"why": "\n".join([found.page.why, *found.reasons])})
        return typer.echo(runs_json("logs", [page], here.clock()))
    if found.lines or found.reasons:
        typer.echo(log_text([*found.lines, *found.reasons]))
    return None


def print_following(batches: Iterable[list[str]], run_dir: Path) -> None:
    """Lines as they come; Ctrl-C leaves the run alone."""
    try:
        for lines in batches:
            if lines:
                typer.echo(log_text(lines))
    except KeyboardInterrupt:
        leave(None, [run_dir], "logs -f")


def show_waited(pages: "Sequence[RunPage]", here: Here, output: str) -> NoReturn:
    """One line a run; the worst exit code."""
    if output == "json":
        typer.echo(runs_json("wait", pages, here.clock()))
    else:
        typer.echo("\n".join(ending_text(page) for page in pages))
    for page in pages:
        say_next(page)
    raise typer.Exit(worst([EXIT_OF_STATE[page.state] for page in pages]))


def ending_text(page: "RunPage") -> str:
    """How it stands with a run, on one line; the reasons of a refusing gate below."""
    name = visible_line(page.decision_tag or page.run_id)
    why = f": {visible_line(page.why)}" if page.why else ""
    lines = [f"{name} {state_words(page)}{why}"]
    lines += [f"  {gate_words(gate)}" for gate in page.gates if gate.reasons]
    return "\n".join(lines)


def say_next(page: "RunPage") -> None:
    if page.next:
        typer.echo(next_text(page.next), err=True)


def _print_status(listed: Listed, here: Here, output: str, *, pages: bool) -> None:
    found = listed.pages
    if listed.warning:
        typer.echo(f"warning: {visible_line(listed.warning)}", err=True)
    if output == "json":
        return typer.echo(runs_json("status", found, here.clock()))
    if output in ("jsonl", "name"):
        lines = runs_lines(found) if output == "jsonl" else run_names(found)
        return typer.echo(lines) if lines else None
    if pages:
        return typer.echo("\n\n".join(block(page) for page in found))
    if not found:
        return typer.echo(visible_line(nothing_listed(here)), err=True)
    if sys.stdout.isatty():
        return _print_rich(found)
    return typer.echo(table(found))


def nothing_listed(here: Here) -> str:
    """Why a list is empty: no run is there, none fits, or this is no project."""
    if list_runs(here.home):
        return f"no run in {here.home.runs} fits"
    where = "" if here.home.project_file else " (no remoterun.yaml here or above; -C names one)"
    return f"no runs in {here.home.runs}{where}"


def _print_rich(pages: "Sequence[RunPage]") -> None:
    from rich.console import Console

    from remoterun.render.terminal import runs_table

    Console(emoji=False, markup=False, highlight=False).print(runs_table(pages))


def _ignore(text: str) -> None:
    """Where only the last page is the answer."""
