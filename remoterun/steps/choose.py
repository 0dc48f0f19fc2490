"""Which runs a verb means: those that were named, else the only one that it can be about."""

from collections.abc import Sequence
from pathlib import Path

from remoterun.errors import UsageError
from remoterun.model.state import State
from remoterun.records.rundir import has_ended, read_run_briefly, sight_of_ended
from remoterun.records.runs import Asked, find_run, list_runs
from remoterun.rules.resuming import refusal
from remoterun.rules.state import classify
from remoterun.rules.views.run_page import LIVE
from remoterun.steps.look import Here, look

LISTED = 10
"""How many runs a message names at most, the newest."""


def choose_runs(asked: Sequence[Asked], here: Here) -> list[Path]:
    """The runs that were named; without a name the only unfinished one.

    Raises:
        UsageError: a name fits no run or several, or nothing was named and the number of
            unfinished runs is not one.
    """
    if asked:
        return _named(asked, here)
    open_runs = [path for path in list_runs(here.home) if has_ended(path) is None]
    found = [path for path, state in _states(open_runs).items() if state.name in LIVE]
    return [_only(found, "unfinished", here)]


def choose_run(asked: Sequence[Asked], here: Here) -> Path:
    """The same for a verb that takes one run."""
    chosen = choose_runs(asked, here)
    if len(chosen) > 1:
        raise UsageError("several runs were named", why="this verb takes one", fix="name one run")
    return chosen[0]


def choose_to_resume(asked: Sequence[Asked], here: Here) -> list[Path]:
    """The runs that were named; without a name the only one that can be resumed, which is the
    only one that ended without success.

    Raises:
        UsageError: a name fits no run or several, or nothing was named and the number of such
            runs is not one.
    """
    if asked:
        return _named(asked, here)
    states = _states(list_runs(here.home))
    found = [path for path, state in states.items() if refusal(path.name, state) is None]
    return [_only(found, "to be resumed", here)]


def _named(asked: Sequence[Asked], here: Here) -> list[Path]:
    return list(dict.fromkeys(find_run(name, here.home, here.cwd) for name in asked))


def _states(run_dirs: Sequence[Path]) -> dict[Path, State]:
    """Of each run, in this order; of one that has ended only what decides its state is read."""
    ended = {path: sight_of_ended(path, brief=True) for path in run_dirs}
    seen = {path: sight.evidence for path, sight in ended.items() if sight}
    asked = [path for path in run_dirs if path not in seen]
    seen.update(zip(asked, look(asked), strict=True))
    return {path: classify(seen[path]) for path in run_dirs}


def _only(found: Sequence[Path], which: str, here: Here) -> Path:
    if len(found) == 1:
        return found[0]
    names = [f"`{read_run_briefly(path).name}`" for path in found[-LISTED:]]
    more = f" and {len(found) - LISTED} before them" if len(found) > LISTED else ""
    what = f"{len(found)} runs are {which}" if found else f"no run is {which}"
    raise UsageError(
        f"{what}, and none was named",
        where=str(here.home.runs),
        why=", ".join(names) + more,
        fix="name one of them" if found else "name a run: remoterun status --all",
    )
