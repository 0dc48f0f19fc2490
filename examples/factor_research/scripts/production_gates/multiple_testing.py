"""Statistics over the whole family: a bootstrap p value each, then Benjamini-Hochberg."""

from __future__ import annotations

import csv
import random
from itertools import accumulate
from pathlib import Path

from production_gates.ranks import mean, positive_ratio
from production_gates.refusal import Refusal
from production_gates.variants import Variant

COLUMNS = ["factor", "ic_mean", "ic_pos_ratio", "n_dates", "p_value", "q_value_bh", "gate_pass"]


def benjamini_hochberg(p_values: list[float]) -> list[float]:
    """The q value of each: the smallest false discovery rate at which it would be called a
    discovery, min over larger p of p x m / rank. Source: Benjamini and Hochberg (1995)."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__, reverse=True)
    result = [1.0] * len(p_values)
    smallest = 1.0
    for place, at in enumerate(order):
        smallest = min(smallest, p_values[at] * len(p_values) / (len(p_values) - place))
        result[at] = smallest
    return result


def bootstrap_p_value(ics: list[float], draws: int, block: int, seed: str) -> float | None:
    """One-sided: how often the mean of resampled, centred coefficients reaches the measured
    mean. Blocks of neighbouring dates are drawn (around the end), since neighbours resemble
    each other. None when there are fewer dates than two blocks."""
    if len(ics) < 2 * block:
        return None
    observed = sum(ics) / len(ics)
    centred = [ic - observed for ic in ics]
    sums = [0.0, *accumulate([*centred, *centred[: block - 1]])]
    blocks = [sums[at + block] - sums[at] for at in range(len(ics))]
    count = -(-len(ics) // block)
    chance = random.Random(seed)
    needed = observed * count * block
    as_large = sum(sum(chance.choices(blocks, k=count)) >= needed for _ in range(draws))
    return (1 + as_large) / (1 + draws)


def describe(variant: Variant, dates: list[str], configuration: dict) -> dict:
    """The row of one variant; `ic_pos_ratio` is the share of months with a positive mean."""
    known = [ic for ic in variant.ics if ic is not None]
    months: dict[str, list[float]] = {}
    for at, ic in enumerate(variant.ics):
        if ic is not None:
            months.setdefault(dates[at][:7], []).append(ic)
    settings = configuration["statistics"]
    draws, block = settings["bootstrap_draws"], settings["block_dates"]
    return {
        "factor": variant.name,
        "ic_mean": mean(known),
        "ic_pos_ratio": positive_ratio([sum(ics) / len(ics) for ics in months.values()]),
        "n_dates": len(known),
        "p_value": bootstrap_p_value(
            known, draws, block, f"{configuration['seed']}/{variant.name}"
        ),
    }


def judge(rows: list[dict], limits: dict) -> list[dict]:
    """Add `q_value_bh` and `gate_pass`; a row without a p value is no member of the family."""
    family = [row for row in rows if row["p_value"] is not None]
    q_values = benjamini_hochberg([row["p_value"] for row in family])
    by_name = {row["factor"]: q_values[at] for at, row in enumerate(family)}
    judged = []
    for row in rows:
        q = by_name.get(row["factor"])
        passed = (
            q is not None
            and q <= limits["max_q_value"]
            and (row["ic_pos_ratio"] or 0) >= limits["min_stat_pos_ratio"]
            and (row["ic_mean"] or 0) > 0
        )
        judged.append({**row, "q_value_bh": q, "gate_pass": passed})
    return judged


def read_other_tries(path: Path) -> list[dict]:
    """Factors that were tried elsewhere and belong to the same family: a table with the
    columns `factor,ic_mean,ic_pos_ratio,p_value`."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        numbers = ("ic_mean", "ic_pos_ratio", "p_value")
        found = [
            {
                "factor": row["factor"],
                **{name: float(row[name]) for name in numbers},
                "n_dates": None,
            }
            for row in rows
        ]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise Refusal(f"cannot read the summary of other factors {path}: {error!r}") from error
    if not all(0 <= row["p_value"] <= 1 for row in found):
        raise Refusal(f"a p value of {path} is not between 0 and 1")
    return found
