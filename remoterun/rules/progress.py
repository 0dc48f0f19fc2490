"""How far a run is, read from what programs write: a JSON file, or lines of the log.

Advisory: nothing here ever decides a state.
"""

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from remoterun.model.progress import Progress
from remoterun.model.timestamp import format_utc

VOCABULARIES = (
    ("n_done", "n_target"),
    ("n_done", "n_cases_total"),
    ("anchors_done", "anchors_total"),
    ("chunks_done", "chunks_total"),
    ("done_events", "n_events"),
    ("done", "nsim"),
    ("done", "steps_total"),
)
"""Keys of done and target, in this order. Source: docs/run-directory.md, "progress.json"."""

STAGES = ("stage", "current_case", "current_anchor_z", "last_ok_step", "message")
UPDATED = ("updated_utc", "timestamp_utc")

I_OF_N = re.compile(r"(?<![\w/.,+-])(\d{1,15}) ?/ ?(\d{1,15})(?![\w/-]|[.,:]\d)")
PERCENT = re.compile(r"(?<![\w.,+-])(\d{1,3}(?:\.\d{1,6})?) ?%")
TELLS_PROGRESS = re.compile(
    r"(?i)progress|\bdone\b|complete|finish|processed|heartbeat|%\||^\W*\d{1,3}(?:\.\d+)? ?%\W*$"
)
"""A percentage is progress only in such a line: `accuracy 93.5%` is not."""
COMPACT_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)UTC")


@dataclass(frozen=True)
class Observation:
    """How much was done at one moment of a clock that never steps."""

    at_s: float
    n_done: float


@dataclass(frozen=True)
class Pace:
    rate_per_s: float
    left_s: float


def parse_progress(text: str, source: str) -> Progress | None:
    """Read a progress file of any known vocabulary; None when it says nothing usable.

    Bare NaN and Infinity are read as null, and a number that is not there is never guessed.
    """
    try:
        said = json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    for done_key, target_key in VOCABULARIES:
        done, target = said.get(done_key), _number(said.get(target_key))
        done = float(len(done)) if isinstance(done, list) else _number(done)
        if done is not None and target is not None and done >= 0 and target > 0:
            return Progress(
                n_done=done,
                n_target=target,
                updated_utc=_first_time(said.get(key) for key in UPDATED),
                stage=_first_word(said.get(key) for key in STAGES),
                source=source,
            )
    return None


def progress_from_log(lines: Sequence[str], patterns: Sequence[str] = ()) -> Progress | None:
    """The newest progress that lines of a log tell.

    Args:
        lines: already cut to a bounded length.
        patterns: the workflow's own, with the groups `done` and `target`, or `pct`. Where
            there are some, only they count: `loaded 3/3 files` is not the progress of a run.
    """
    compiled = [re.compile(pattern) for pattern in patterns]
    for line in reversed(lines):
        if compiled:
            found = next((p for p in (_by_pattern(line, regex) for regex in compiled) if p), None)
        else:
            found = _by_habit(line)
        if found is not None:
            return found
    return None


def milestones(lines: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """The lines that the workflow calls milestones, in their order."""
    compiled = [re.compile(pattern) for pattern in patterns]
    return [line for line in lines if any(regex.search(line) for regex in compiled)]


def pace(first: Observation, last: Observation, n_target: float) -> Pace | None:
    """Rate and time left between two moments; None while nothing was done between them."""
    passed, done = last.at_s - first.at_s, last.n_done - first.n_done
    if passed <= 0 or done <= 0:
        return None
    return Pace(done / passed, max(n_target - last.n_done, 0.0) * passed / done)


def read_time(text: str) -> str | None:
    r"""A time as programs write it, in our own form.

    Accepts `20260209_061720UTC`, ISO with `Z`, an offset with or without colon, a fraction,
    and a stray leading backslash. Without a zone it is kept and marked.
    """
    bare = text.strip().lstrip("\\")[:64]
    if found := COMPACT_TIME.fullmatch(bare):
        bare = "{}-{}-{}T{}:{}:{}Z".format(*found.groups())
    try:
        moment = datetime.fromisoformat(bare)
        if moment.tzinfo is None:
            return f"{moment.isoformat()} (zone unknown)"
        return format_utc(moment.astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def _by_pattern(line: str, regex: re.Pattern[str]) -> Progress | None:
    last = None
    for last in regex.finditer(line):  # noqa: B007 - the last one on the line is the newest
        pass
    if last is None:
        return None
    groups = last.groupdict()
    source = f"log: {regex.pattern}"
    if groups.get("pct") is not None:
        return _progress(groups["pct"].rstrip("% "), "100", source)
    return _progress(groups.get("done"), groups.get("target"), source)


def _by_habit(line: str) -> Progress | None:
    """`i/N` before a percentage: it says more."""
    for found in I_OF_N.finditer(line):
        said = _progress(found.group(1), found.group(2), "log: i/N")
        if said is not None and said.n_done <= said.n_target:
            return said
    if TELLS_PROGRESS.search(line):
        for found in PERCENT.finditer(line):
            said = _progress(found.group(1), "100", "log: %")
            if said is not None and said.n_done <= 100:
                return said
    return None


def _progress(done: str | None, target: str | None, source: str) -> Progress | None:
    try:
        n_done, n_target = float(done or ""), float(target or "")
    except ValueError:
        return None
    if not (math.isfinite(n_done) and math.isfinite(n_target) and n_done >= 0 and n_target > 0):
        return None
    return Progress(n_done=n_done, n_target=n_target, source=source)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _first_time(values: Iterable[object]) -> str | None:
    times = (read_time(value) for value in values if isinstance(value, str))
    return next((time for time in times if time is not None), None)


def _first_word(values: Iterable[object]) -> str | None:
    for value in values:
        if isinstance(value, str) and value:
            return value[:200]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return f"{value:g}"
    return None
