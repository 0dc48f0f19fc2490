"""One look at some runs, or at the runs of the project that one wants to see."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from remoterun.errors import UsageError
from remoterun.model.views import RunPage
from remoterun.records.rundir import has_ended, sight_of_ended
from remoterun.records.runs import Asked, find_run, list_runs, runs_below
from remoterun.rules.log_lines import TAIL_BYTES
from remoterun.rules.sight import Sight
from remoterun.rules.views.runs_table import Filters, in_order, matches, require_states
from remoterun.steps.look import Here, look_or_say_why, page_of

LAST_ENDED = 20
MANY = 100
"""From so many runs on, of an ended run only its manifest and its ending are read: its flags,
gates and waivers stand on its own page.
"""
NOTED = 1000
"""From so many runs on a list takes noticeable time, and says why."""


@dataclass(frozen=True)
class Listed:
    """Pages, and what is to be said about the list: hosts that did not answer, a long reading."""

    pages: list[RunPage]
    warning: str = ""


def show_runs(
    asked: Sequence[Asked], here: Here, *, tail_lines: int, offline: bool = False
) -> Listed:
    """The pages of the runs that were named; a folder means every run below it.

    Raises:
        UsageError: a name fits no run or several, or no run lies below a folder.
    """
    run_dirs = list(dict.fromkeys(path for name in asked for path in _named(name, here)))
    sights, warning = look_or_say_why(
        run_dirs, offline=offline, detail=True, tail_bytes=TAIL_BYTES if tail_lines else 0
    )
    pages = [
        page_of(run_dir, sight, here, tail_lines=tail_lines, after="status", whole=True)
        for run_dir, sight in zip(run_dirs, sights, strict=True)
    ]
    return Listed(pages, warning)


def list_project(
    here: Here, filters: Filters, *, everything: bool = False, offline: bool = False
) -> Listed:
    """The runs of the project: what is unfinished, then the last that ended.

    Args:
        everything: every run. A filter also looks at every run.

    Raises:
        UsageError: a filter names no state.
    """
    require_states(filters.states)
    ended, unfinished = [], []
    for run_dir in list_runs(here.home):
        ended_at = has_ended(run_dir)
        if ended_at is None:
            unfinished.append(run_dir)
        else:
            ended.append((ended_at, run_dir))
    if not (everything or filters):
        ended = sorted(ended)[-LAST_ENDED:]
    sights, warning = look_or_say_why(unfinished, offline=offline)
    brief = len(ended) > MANY
    if len(ended) > NOTED:
        note = f"{len(ended)} runs were read one by one; there is no index"
        warning = f"{warning}; {note}" if warning else note
    now, shown = here.clock(), []
    # one after the other: of ten thousand runs only the pages that are shown are kept
    for run_dir, sight in chain(zip(unfinished, sights, strict=True), _ended(ended, brief)):
        page = page_of(run_dir, sight, here, after="status")
        age_s = (now - page.created_utc).total_seconds() if page.created_utc else None
        if matches(page, filters, age_s):
            shown.append(page)
    return Listed(in_order(shown), warning)


def _ended(ended: Sequence[tuple[float, Path]], brief: bool) -> Iterator[tuple[Path, Sight]]:
    for _, run_dir in ended:
        sight = sight_of_ended(run_dir, brief=brief)
        if sight is not None:
            yield run_dir, sight


def _named(asked: Asked, here: Here) -> list[Path]:
    folder = here.cwd / Path(asked.text).expanduser()
    is_path = asked.kind == "run_dir" or (asked.kind == "any" and "/" in asked.text)
    if is_path or (asked.kind == "any" and asked.text in (".", "..")):
        found = runs_below(Path(folder)) if asked.text else []
        if not found:
            raise UsageError(f"no run directory was found at `{asked.text}`")
        return found
    try:
        return [find_run(asked, here.home, here.cwd)]
    except UsageError:
        found = runs_below(folder) if asked.kind == "any" and folder.is_dir() else []
        if not found:
            raise
        return found
