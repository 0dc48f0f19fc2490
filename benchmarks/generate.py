"""What benchmarks read: generated, seeded, the same on every machine."""

import random
from datetime import date, timedelta
from pathlib import Path

TICKERS = 3000  # a day
LAST_DAY = date(2026, 2, 19)
STEP = 7_368_787  # a prime: multiples of it, modulo the number of rows, visit each row once


def write_table(path: Path, rows: int, *, shuffled: bool, seed: int = 7) -> int:
    """Write a panel `date,ticker,score`, sorted by date or in no order; return its size in bytes.

    Of every 200 rows two have the same date and ticker: 1 % are duplicates.
    """
    chance = random.Random(seed)
    days = rows // TICKERS + 1
    dates = [str(LAST_DAY - timedelta(days=days - day)) for day in range(days + 1)]
    tickers = [f"T{number:04d}" for number in range(TICKERS)]
    step = STEP if shuffled else 1
    if rows % STEP == 0:
        raise ValueError(f"{rows} rows cannot be shuffled by steps of {STEP}")
    with path.open("w", encoding="utf-8") as file:
        file.write("date,ticker,score\n")
        for start in range(0, rows, 10_000):
            lines = []
            for at in range(start, min(rows, start + 10_000)):
                row = at * step % rows
                if row % 200 == 1:
                    row -= 1
                day, ticker = divmod(row, TICKERS)
                lines.append(f"{dates[day]},{tickers[ticker]},{chance.gauss(0, 1):.16f}\n")
            file.writelines(lines)
    return path.stat().st_size
