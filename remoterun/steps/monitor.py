"""One stream of looks at a run becomes a stream of pages, until nothing more can come."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from remoterun.model.progress import Progress
from remoterun.model.views import RunPage
from remoterun.records.rundir import read_run_briefly
from remoterun.rules.log_lines import LINE_CHARACTERS, TAIL_BYTES, log_lines
from remoterun.rules.progress import Observation, Pace, milestones, pace
from remoterun.rules.sight import Sight, parse_frame
from remoterun.rules.state import classify
from remoterun.rules.views.run_page import LIVE, Watched, build_page, log_progress
from remoterun.steps.look import Here, WatchSettings, stream, viewed, writes_of

KEPT_MILESTONES = 50
VIEW_BYTES = 16384
"""How much of the log a viewer sees at first."""
PACE_WINDOW_S = 600
"""The rate is taken over the last so many seconds."""


@dataclass
class Memory:
    """What earlier frames told, bounded: the end of the log, milestones, progress over time."""

    log: bytes = b""
    known_to: int = 0
    """Up to which byte of the log we know it."""
    open_line: bytes = b""
    """What stands behind the last line end: its line is not whole yet."""
    reached: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_MILESTONES))
    observed: deque[Observation] = field(default_factory=lambda: deque(maxlen=1000))
    target: float = 0.0
    said: Progress | None = None
    """The last progress out of the log; it stands until the log says otherwise."""

    def add_log(self, sight: Sight, settings: WatchSettings) -> None:
        if not sight.log or sight.log_offset is None:
            return
        if sight.log_offset != self.known_to:
            self.log, self.open_line = b"", b""
        self.known_to = sight.log_offset + len(sight.log)
        self.log = (self.log + sight.log)[-TAIL_BYTES:]
        text = self.open_line + sight.log
        whole, newline, rest = text.rpartition(b"\n")
        self.open_line = rest[-4 * LINE_CHARACTERS :]
        if newline and settings.milestones:
            lines = log_lines(whole, limit=len(whole))
            self.reached.extend(milestones(lines, settings.milestones))

    def pace_of(self, progress: Progress | None, at_s: float) -> Pace | None:
        if progress is None:
            return None
        last = self.observed[-1] if self.observed else None
        if last and (progress.n_target != self.target or progress.n_done < last.n_done):
            self.observed.clear()
            last = None
        self.target = progress.n_target
        if last is None or last.n_done != progress.n_done or at_s - last.at_s >= 1:
            self.observed.append(Observation(at_s, progress.n_done))
        while len(self.observed) > 2 and at_s - self.observed[0].at_s > PACE_WINDOW_S:
            self.observed.popleft()
        return pace(self.observed[0], self.observed[-1], progress.n_target)


def follow(
    run_dir: Path, here: Here, *, tail_lines: int = 10, timeout_s: float | None = None
) -> Iterator[RunPage]:
    """Pages of a run as it goes on, by one stream; the last one is settled.

    Closing the iterator ends the stream on the host; the run goes on. Following again is safe.

    Args:
        timeout_s: stop following after so long; the last page is then not settled.
    """
    until = None if timeout_s is None else time.monotonic() + timeout_s
    with closing(stream(run_dir, log=viewed(VIEW_BYTES))) as frames:
        for page in pages(frames, run_dir, here, tail_lines=tail_lines):
            yield page
            if until is not None and time.monotonic() >= until:
                return


def pages(
    frames: Iterable[list[bytes]],
    run_dir: Path,
    here: Here,
    *,
    tail_lines: int = 10,
    after: str = "monitor",
    again: str | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[RunPage]:
    """Frames of monitor.sh, whoever started it, become pages."""
    run = read_run_briefly(run_dir)
    settings = here.settings_of(run, live=True)
    memory = Memory()
    attempt_dir = ""
    for frame in frames:
        sight = parse_frame(frame)
        if sight is None:
            continue
        evidence = sight.evidence
        if evidence.attempt_dir != attempt_dir:
            attempt_dir, memory = evidence.attempt_dir, Memory()
            run = read_run_briefly(run_dir)
        memory.add_log(sight, settings)
        lines = log_lines(memory.log)
        memory.said = log_progress(evidence, lines, settings.patterns) or memory.said
        state = classify(evidence, stall_after_s=settings.stall_after_s)
        if sight.done and not state.settled and sight.done in ("missing", "idle", "ended"):
            state = state.model_copy(update={"settled": True})
        watched = Watched(
            tail=lines[-tail_lines:] if tail_lines > 0 else [],
            pace=memory.pace_of(evidence.progress or memory.said, monotonic()),
            milestones=tuple(memory.reached),
            progress=memory.said,
            writes=writes_of(run) if state.name in LIVE else (),
        )
        yield build_page(
            run, sight, state, now=here.clock(), watched=watched, after=after, again=again
        )
