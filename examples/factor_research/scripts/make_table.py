#!/usr/bin/env python3
"""Make a table of scores and forward returns, the same for the same seed and last date.

Scores move slowly and know a little about the return that follows; the rest is luck. The
return after the newest date is not known yet, as in life, and stays empty. `--spoil` makes
a table that the data-quality gate must refuse.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import os
import random
import sys
from pathlib import Path

PERSISTENCE = 0.95  # of a score, from one date to the next
KNOWLEDGE = 0.06  # correlation of a score with the return that follows
NAME_VOLATILITY, MARKET_VOLATILITY, DRIFT = 0.02, 0.01, 0.0003
INDUSTRIES = ("energy", "finance", "health", "industry", "retail", "technology")
COLUMNS = ["date", "ticker", "score", "forward_return"]
RISK_COLUMNS = ["log_mcap", "industry", "spy_return"]
STALE_DAYS = 60


def business_days(last: datetime.date, count: int) -> list[str]:
    """The last `count` days from Monday to Friday up to `last`, in order."""
    days: list[str] = []
    while len(days) < count:
        if last.weekday() < 5:
            days.append(last.isoformat())
        last -= datetime.timedelta(days=1)
    return days[::-1]


def make_rows(dates: list[str], names: int, seed: int) -> list[list]:
    """All rows with all columns, date by date."""
    chance = random.Random(seed)
    tickers = [f"T{at:03d}" for at in range(names)]
    scores = [chance.gauss(0, 1) for _ in tickers]
    sizes = [chance.gauss(23, 1.5) for _ in tickers]
    news = (1 - PERSISTENCE**2) ** 0.5
    luck = (1 - KNOWLEDGE**2) ** 0.5
    rows = []
    for date in dates:
        market = chance.gauss(DRIFT, MARKET_VOLATILITY)
        for at, ticker in enumerate(tickers):
            scores[at] = PERSISTENCE * scores[at] + news * chance.gauss(0, 1)
            own = KNOWLEDGE * scores[at] + luck * chance.gauss(0, 1)
            gain = market + NAME_VOLATILITY * own
            sizes[at] += 0.1 * gain
            known = ("", "") if date == dates[-1] else (f"{gain:.8f}", f"{market:.8f}")
            industry = INDUSTRIES[at % len(INDUSTRIES)]
            rows.append(
                [
                    date,
                    ticker,
                    f"{scores[at]:.8f}",
                    known[0],
                    f"{sizes[at]:.6f}",
                    industry,
                    known[1],
                ]
            )
    return rows


def spoil(rows: list[list], how: str) -> list[list]:
    """Break the table in one way that the data-quality gate looks for."""
    if how == "duplicates":  # one row in twenty stands there twice
        return [copy for at, row in enumerate(rows) for copy in [row] * (2 if at % 20 == 0 else 1)]
    if how == "missing":  # one score in ten is lost
        return [[*row[:2], "" if at % 10 == 0 else row[2], *row[3:]] for at, row in enumerate(rows)]
    return rows  # "stale": the dates end long ago


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("data/your_input.csv"), metavar="FILE")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--days", type=int, default=1250, help="business days (default 1250)")
    parser.add_argument("--tickers", type=int, default=40, help="names per day (default 40)")
    parser.add_argument(
        "--end", type=datetime.date.fromisoformat, metavar="YYYY-MM-DD", help="default: today, UTC"
    )
    parser.add_argument("--spoil", choices=["duplicates", "stale", "missing"])
    parser.add_argument(
        "--risk-columns", action="store_true", help=f"also write {', '.join(RISK_COLUMNS)}"
    )
    args = parser.parse_args()

    end = args.end or datetime.datetime.now(datetime.timezone.utc).date()
    if args.spoil == "stale":
        end -= datetime.timedelta(days=STALE_DAYS)
    dates = business_days(end, args.days)
    rows = spoil(make_rows(dates, args.tickers, args.seed), args.spoil)
    columns = COLUMNS + RISK_COLUMNS if args.risk_columns else COLUMNS

    args.out.parent.mkdir(parents=True, exist_ok=True)
    temp = args.out.with_name(f".{args.out.name}.{os.getpid()}.tmp")
    with temp.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([columns, *(row[: len(columns)] for row in rows)])
    temp.replace(args.out)
    print(f"{args.out}: {len(rows)} rows, {dates[0]} to {dates[-1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
