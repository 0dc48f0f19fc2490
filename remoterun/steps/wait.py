"""Block until runs have ended, or until nothing more comes from them by itself."""

import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from remoterun.model.state import State, StateName
from remoterun.model.views import RunPage
from remoterun.rules.sight import parse_frame
from remoterun.rules.state import classify
from remoterun.steps.look import Here, look_closely, page_of, stream

LONGEST_FRAME_GAP_S = 7
"""monitor.sh speaks at least so often; less time than this is waited out by looks."""
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0


def wait_for_end(
    run_dirs: Sequence[Path], here: Here, *, timeout_s: float | None = None
) -> list[RunPage]:
    """The page of each run once it is settled, or when the time is over. Starts nothing, changes
    nothing, and may be done again.

    Raises:
        HostUnreachable, TryAgain: nothing is known; the runs go on.
    """
    until = None if timeout_s is None else time.monotonic() + timeout_s
    for run_dir in run_dirs:
        # one after the other: the last to end is waited for in any case
        _wait_for(run_dir, until)
    sights = look_closely(run_dirs)
    return [
        page_of(run_dir, sight, here, after="wait")
        for run_dir, sight in zip(run_dirs, sights, strict=True)
    ]


def _wait_for(run_dir: Path, until: float | None) -> None:
    state = _look(run_dir)
    # a run that is only claimed may be about to begin: the stream looks more than once
    if state.settled and state.name is not StateName.CLAIMED:
        return
    if until is None or until - time.monotonic() > LONGEST_FRAME_GAP_S:
        _follow(run_dir, until)
        state = _look(run_dir)
        if state.settled or state.name is StateName.UNKNOWN:
            return
    pause_s = FIRST_PAUSE_S
    while until is None or time.monotonic() < until:
        left_s = pause_s if until is None else min(pause_s, until - time.monotonic())
        time.sleep(max(left_s, 0.01))
        state = _look(run_dir)
        if state.settled and state.name is not StateName.CLAIMED:
            return
        pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)


def _follow(run_dir: Path, until: float | None) -> None:
    with closing(stream(run_dir)) as frames:
        for frame in frames:
            sight = parse_frame(frame)
            if sight is not None and sight.done:
                return
            if until is not None and until - time.monotonic() <= LONGEST_FRAME_GAP_S:
                return


def _look(run_dir: Path) -> State:
    (sight,) = look_closely([run_dir])
    return classify(sight.evidence)
