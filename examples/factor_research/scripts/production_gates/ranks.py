"""Ranks and the rank information coefficient of one date."""

from __future__ import annotations

from math import sqrt
from operator import mul


def ranks(values: list[float]) -> list[float]:
    """Ranks from 1, the smallest first; equal values share the average of their ranks."""
    order = sorted(range(len(values)), key=values.__getitem__)
    result = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for position in order[start:end]:
            result[position] = (start + 1 + end) / 2
        start = end
    return result


def unit_ranks(values: list[float]) -> list[float] | None:
    """Ranks moved to mean 0 and scaled to length 1, so that a product of two is their
    correlation; None when all values are equal, since there is no order then."""
    mean = (len(values) + 1) / 2
    centred = [rank - mean for rank in ranks(values)]
    length = sqrt(sum(map(mul, centred, centred)))
    return [value / length for value in centred] if length > 0 else None


def rank_ic(scores: list[float], returns: list[float]) -> float | None:
    """Spearman's correlation, ties averaged; None when scores or returns are all equal."""
    x, y = unit_ranks(scores), unit_ranks(returns)
    return None if x is None or y is None else sum(map(mul, x, y))


def known_pairs(first: list, second: list) -> tuple[list[float], list[float]]:
    """The values of both lists where both are known."""
    both = [at for at, value in enumerate(first) if value is not None and second[at] is not None]
    return [first[at] for at in both], [second[at] for at in both]


def date_ic(scores: list, returns: list, min_names: int) -> float | None:
    """The coefficient of one date over the names whose score and return are known; None when
    those are fewer than `min_names`."""
    x, y = known_pairs(scores, returns)
    return rank_ic(x, y) if len(x) >= min_names else None


def mean(values: list) -> float | None:
    """Mean of what is known; None when nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def deviation(values: list[float]) -> float | None:
    """Standard deviation of the sample; None for fewer than two values."""
    if len(values) < 2:
        return None
    centre = sum(values) / len(values)
    return sqrt(sum((value - centre) ** 2 for value in values) / (len(values) - 1))


def positive_ratio(values: list[float]) -> float | None:
    """Share of values above zero; None without values."""
    return sum(value > 0 for value in values) / len(values) if values else None
