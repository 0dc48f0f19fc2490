"""The best and the worst names of a date, what they earn and how often they change."""

from __future__ import annotations

from typing import NamedTuple

from production_gates.ranks import mean
from production_gates.table import RETURN, Day


class Sides(NamedTuple):
    """Long and short side of one date; `spread` is the mean return of long minus short."""

    date: str
    long: set[str]
    short: set[str]
    spread: float | None


def build_sides(days: list[Day], column: str, top_share: float, min_names: int) -> list[Sides]:
    """The sides of every date that has enough names with a known score, in order."""
    result = []
    for day in days:
        scores = day.numbers[column]
        known = [at for at, score in enumerate(scores) if score is not None]
        if len(known) < max(min_names, 2):
            continue
        known.sort(key=lambda at: (scores[at], day.tickers[at]))
        size = max(1, int(len(known) * top_share))
        low, high = known[:size], known[-size:]
        gains = [mean([day.numbers[RETURN][at] for at in side]) for side in (high, low)]
        spread = None if None in gains else gains[0] - gains[1]
        names = [{day.tickers[at] for at in side} for side in (high, low)]
        result.append(Sides(day.date, names[0], names[1], spread))
    return result


def overlap(before: set[str], after: set[str]) -> float:
    """Share of a side's names that were in it on the date before."""
    return len(before & after) / len(after)
