"""Walk-forward: choose by the past, measure on the quarter that follows.

For each calendar quarter the variant of the factor and its sign are chosen by the mean
coefficient of all dates before it (less an embargo), and then measured inside the quarter.
How likely such a value is by luck is asked of the quarter itself: the scores of each date
are shuffled among its names, many times.
"""

from __future__ import annotations

import random
from operator import mul
from typing import Callable, NamedTuple

from production_gates.ranks import deviation, known_pairs, mean, positive_ratio, unit_ranks
from production_gates.variants import Variant

BATCH = 50  # draws between two reports of progress
COLUMNS = [
    "window",
    "shard",
    "train_first_date",
    "train_last_date",
    "test_first_date",
    "test_last_date",
    "variant",
    "sign",
    "train_ic",
    "test_ic",
    "test_dates",
    "p_value",
]


class Window(NamedTuple):
    """A quarter; train is [0, train_end), test is [first, end), as places in the dates."""

    name: str
    year: str
    train_end: int
    first: int
    end: int


class Research(NamedTuple):
    """What every window needs: the dates, their returns, and the family of variants."""

    dates: list[str]
    returns: list[list[float | None]]
    variants: list[Variant]
    seed: int
    draws: int


def build_windows(dates: list[str], ics: list[float | None], settings: dict) -> list[Window]:
    """The test quarters that have enough dates before them and in them."""
    start = settings["min_train_dates"] + settings["embargo_dates"]
    quarters: dict[str, list[int]] = {}
    for at in range(start, len(dates)):
        name = f"{dates[at][:4]}Q{(int(dates[at][5:7]) + 2) // 3}"
        quarters.setdefault(name, []).append(at)
    windows = []
    for name, places in quarters.items():
        if sum(ics[at] is not None for at in places) >= settings["min_test_dates"]:
            train_end = places[0] - settings["embargo_dates"]
            windows.append(Window(name, name[:4], train_end, places[0], places[-1] + 1))
    return windows


def evaluate(research: Research, window: Window, tell: Callable[[int], None]) -> dict:
    """One row of the summary, with `test_ics`, the coefficients of its dates, added; `tell`
    is called after each batch of draws with how many batches that was."""
    chosen, train_ic = _choose(research.variants, window.train_end)
    sign = -1 if train_ic < 0 else 1
    places = range(window.first, window.end)
    ics = [sign * chosen.ics[at] for at in places if chosen.ics[at] is not None]
    row = {
        "window": window.name,
        "shard": window.year,
        "train_first_date": research.dates[0],
        "train_last_date": research.dates[window.train_end - 1],
        "test_first_date": research.dates[window.first],
        "test_last_date": research.dates[window.end - 1],
        "variant": chosen.name,
        "sign": sign,
        "train_ic": sign * train_ic,
        "test_ic": mean(ics),
        "test_dates": len(ics),
        "test_ics": ics,
    }
    pairs = []
    for at in places:
        if chosen.ics[at] is not None:
            x, y = known_pairs(chosen.scores[at], research.returns[at])
            pairs.append((unit_ranks(x), [sign * value for value in unit_ranks(y)]))
    chance = random.Random(f"{research.seed}/{window.name}")
    row["p_value"] = shuffled_p_value(pairs, research.draws, chance, tell)
    return row


def shuffled_p_value(pairs: list, draws: int, chance: random.Random, tell: Callable) -> float:
    """How often shuffling the scores of every date gives at least the measured mean: the
    observed order counts as one draw, so the answer is never zero. `pairs` holds the unit
    ranks of scores and returns of each date; the scores are shuffled in place."""
    observed = sum(sum(map(mul, x, y)) for x, y in pairs)
    as_large = 0
    for draw in range(draws):
        total = 0.0
        for x, y in pairs:
            chance.shuffle(x)
            total += sum(map(mul, x, y))
        as_large += total >= observed - 1e-12
        if (draw + 1) % BATCH == 0 or draw + 1 == draws:
            tell(1)
    return (1 + as_large) / (1 + draws)


def summarise(rows: list[dict]) -> dict:
    """Over the windows, and over all test dates together (`overall`)."""
    windows = [row["test_ic"] for row in rows if row["test_ic"] is not None]
    dates = [ic for row in rows for ic in row["test_ics"]]
    return {
        "test_ic_mean": mean(windows),
        "test_ic_std": deviation(windows),
        "test_ic_pos_ratio": positive_ratio(windows),
        "test_ic_n": len(windows),
        "test_ic_overall_mean": mean(dates),
        "test_ic_overall_std": deviation(dates),
        "test_ic_overall_pos_ratio": positive_ratio(dates),
        "test_ic_overall_n": len(dates),
    }


def _choose(variants: list[Variant], train_end: int) -> tuple[Variant, float]:
    """The variant with the largest mean so far, up or down; the first of equal ones."""
    means = [mean(variant.ics[:train_end]) or 0.0 for variant in variants]
    best = max(range(len(variants)), key=lambda at: abs(means[at]))
    return variants[best], means[best]
