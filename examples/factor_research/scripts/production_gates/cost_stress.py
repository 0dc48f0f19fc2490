"""Is there anything left of the factor after trading costs, at several multiples of them?

A name's position is its rank, scaled from -1 (worst) to 1 (best). Holding it from one date
to the next costs the change of the position times `bps_per_turnover` times the multiplier.
What the position earns after that is the return lowered by the cost for a long position and
raised by it for a short one, and the net coefficient is the rank correlation of the score
with that. The first part of the dates is called train, the rest test; nothing is fitted, so
both are measurements, and the gate looks at the later one.
"""

from __future__ import annotations

from math import copysign

from production_gates.portfolio import build_sides, overlap
from production_gates.ranks import mean, rank_ic, ranks
from production_gates.table import RETURN, Day


def stress(days: list[Day], column: str, multiplier: float, configuration: dict) -> dict:
    """Net coefficients and net long-short returns of train and test at one multiplier.

    A value is None when no date of its part has enough names.
    """
    min_names = configuration["portfolio"]["min_names"]
    cost = multiplier * configuration["costs"]["bps_per_turnover"] / 10_000
    ics = net_ics(days, column, cost, min_names)
    spreads = _net_spreads(days, column, cost, configuration)
    cut = int(len(days) * configuration["split"]["train_share"])
    train, test = [day.date for day in days[:cut]], [day.date for day in days[cut:]]
    return {
        "cost_multiplier": multiplier,
        "cost_per_unit_traded": cost,
        "train_first_date": train[0] if train else None,
        "train_last_date": train[-1] if train else None,
        "test_first_date": test[0] if test else None,
        "test_last_date": test[-1] if test else None,
        "train_ic": mean(ics[:cut]),
        "test_ic": mean(ics[cut:]),
        "train_net_long_short": mean([spreads.get(date) for date in train]),
        "test_net_long_short": mean([spreads.get(date) for date in test]),
    }


def net_ics(days: list[Day], column: str, cost: float, min_names: int) -> list[float | None]:
    """The coefficient of every date after a cost per unit of position traded."""
    result: list[float | None] = []
    held: dict[str, float] = {}
    for day in days:
        scores, returns = day.numbers[column], day.numbers[RETURN]
        known = [at for at, score in enumerate(scores) if score is not None]
        if len(known) < min_names:
            result.append(None)
            continue
        order = ranks([scores[at] for at in known])
        scale = (len(known) - 1) / 2
        wanted = {
            day.tickers[at]: order[place] / scale - 1 - 1 / scale for place, at in enumerate(known)
        }
        x, net = [], []
        for at in known:
            position = wanted[day.tickers[at]]
            paid = cost * abs(position - held.get(day.tickers[at], 0.0))
            if returns[at] is not None:
                x.append(scores[at])
                net.append(returns[at] - (copysign(paid, position) if position else 0.0))
        result.append(rank_ic(x, net) if len(x) >= min_names else None)
        held = wanted
    return result


def _net_spreads(
    days: list[Day], column: str, cost: float, configuration: dict
) -> dict[str, float]:
    """By date: long minus short, less the cost of the names that were sold and bought."""
    portfolio = configuration["portfolio"]
    result = {}
    before = None
    for sides in build_sides(days, column, portfolio["top_share"], portfolio["min_names"]):
        traded = 2.0
        if before is not None:
            traded = 2 * (2 - overlap(before.long, sides.long) - overlap(before.short, sides.short))
        if sides.spread is not None:
            result[sides.date] = sides.spread - cost * traded
        before = sides
    return result
