"""Risk diagnostics: what else the factor may be a bet on.

A value whose column the table lacks is null and has its reason beside it; its gate fails,
because what was not measured cannot be shown to be harmless.
"""

from __future__ import annotations

from production_gates.portfolio import Sides, build_sides, overlap
from production_gates.ranks import date_ic, mean
from production_gates.table import INDUSTRY, Day

KEYS = ("beta_vs_spy", "turnover_top_pct_overlap", "size_signal_corr_log_mcap", "industry_coverage")
TOO_FEW = "too few dates with enough names"


def diagnose(days: list[Day], column: str, columns: list[str], configuration: dict) -> dict:
    """The four values, `reasons` for those that are null, and `beta_vs_equal_weight`, which
    needs no further column and decides nothing."""
    portfolio = configuration["portfolio"]
    min_names = portfolio["min_names"]
    sides = build_sides(days, column, portfolio["top_share"], min_names)
    pairs = [overlap(sides[at - 1].long, sides[at].long) for at in range(1, len(sides))]
    values = {
        "beta_vs_spy": _beta(sides, {day.date: mean(day.numbers["spy_return"]) for day in days})
        if "spy_return" in columns
        else None,
        "turnover_top_pct_overlap": mean(pairs),
        "size_signal_corr_log_mcap": mean(
            [date_ic(day.numbers[column], day.numbers["log_mcap"], min_names) for day in days]
        )
        if "log_mcap" in columns
        else None,
        "industry_coverage": mean([bool(word) for day in days for word in day.industries])
        if INDUSTRY in columns
        else None,
    }
    needed = {
        "beta_vs_spy": "spy_return",
        "size_signal_corr_log_mcap": "log_mcap",
        "industry_coverage": INDUSTRY,
    }
    reasons = {}
    for key in KEYS:
        if values[key] is None:
            lacking = key in needed and needed[key] not in columns
            reasons[key] = f"the table has no column `{needed[key]}`" if lacking else TOO_FEW
    market = {day.date: mean(day.numbers["forward_return"]) for day in days}
    return {**values, "beta_vs_equal_weight": _beta(sides, market), "reasons": reasons}


def _beta(sides: list[Sides], market: dict[str, float | None]) -> float | None:
    """Slope of the long-short return on the market's return of the same dates."""
    points = [
        (market[side.date], side.spread)
        for side in sides
        if side.spread is not None and market[side.date] is not None
    ]
    if len(points) < 3:
        return None
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    variance = sum((x - mean_x) ** 2 for x, _ in points)
    if variance == 0:
        return None
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / variance
