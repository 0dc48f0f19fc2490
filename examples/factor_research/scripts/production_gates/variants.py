"""The family of variants of a factor that were looked at, and their daily coefficients.

Whoever looks at five variants and reports one has made five tries; the statistics count all
of them, and the walk-forward may only choose among them by what the past showed.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from production_gates.ranks import date_ic
from production_gates.table import RETURN, Day

LONGEST = 6  # dates of a ticker's history that a variant may look at, today included


class Variant(NamedTuple):
    """Scores of a variant and its rank information coefficient, one entry per date."""

    name: str
    scores: list[list[float | None]]
    ics: list[float | None]


def _lag(history: deque, dates: int) -> float | None:
    return history[-1 - dates] if len(history) > dates else None


def _mean5(history: deque) -> float | None:
    last = list(history)[-5:]
    return sum(last) / 5 if len(last) == 5 and None not in last else None


def _change(history: deque) -> float | None:
    today, before = _lag(history, 0), _lag(history, 1)
    return None if today is None or before is None else today - before


# from the scores of one ticker, the newest last, to the value of today
RULES = {
    "": lambda history: history[-1],
    "_lag1": lambda history: _lag(history, 1),
    "_lag5": lambda history: _lag(history, 5),
    "_mean5": _mean5,
    "_change1": _change,
}


def build_variant(days: list[Day], column: str, factor: str, rule: str, min_names: int) -> Variant:
    """One variant over all dates. A ticker's history is the dates on which it is listed."""
    compute = RULES[rule]
    histories: dict[str, deque] = {}
    scores: list[list[float | None]] = []
    for day in days:
        values = []
        for at, ticker in enumerate(day.tickers):
            history = histories.setdefault(ticker, deque(maxlen=LONGEST))
            history.append(day.numbers[column][at])
            values.append(compute(history))
        scores.append(values)
    ics = [date_ic(scores[at], day.numbers[RETURN], min_names) for at, day in enumerate(days)]
    return Variant(factor + rule, scores, ics)
