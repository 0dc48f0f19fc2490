"""The input table: scores and forward returns, one row per date and ticker."""

from __future__ import annotations

import csv
import hashlib
import math
import re
from pathlib import Path
from typing import NamedTuple

from production_gates.refusal import Refusal

DATE = re.compile(r"(\d{4})([-/]?)(\d{2})\2(\d{2})(?:[T ].*)?", re.ASCII)
RETURN = "forward_return"
# read when the table has them; the risk diagnostics need them
OPTIONAL_NUMBERS = ("log_mcap", "spy_return")
INDUSTRY = "industry"


class Day(NamedTuple):
    """One date; the values stand in the order of `tickers`, None where nothing is known."""

    date: str
    tickers: list[str]
    numbers: dict[str, list[float | None]]
    industries: list[str]


class Table(NamedTuple):
    """All dates in order, and what was found on the way."""

    path: str
    sha256: str
    rows: int
    rows_skipped: int
    duplicates_skipped: int
    columns: list[str]
    days: list[Day]


def read_table(path: Path, score_column: str) -> Table:
    """Read the table. Of two rows with one date and ticker the first counts; a row without a
    date or a ticker is skipped; both are counted.

    Raises:
        Refusal: the file cannot be read, a needed column is missing, or no row is usable.
    """
    try:
        with path.open("rb") as raw:
            sha256 = hashlib.sha256()
            for block in iter(lambda: raw.read(1 << 20), b""):
                sha256.update(block)
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            rows = csv.reader(file)
            columns = [name.strip() for name in next(rows, [])]
            return _collect(str(path), sha256.hexdigest(), columns, rows, score_column)
    except (OSError, csv.Error) as error:
        raise Refusal(f"cannot read the table {path}: {error}") from error


def _collect(path: str, sha256: str, columns: list[str], rows, score_column: str) -> Table:
    for name in ("date", "ticker", score_column, RETURN):
        if name not in columns:
            found = ", ".join(columns) or "nothing"
            raise Refusal(f"the table {path} has no column `{name}`; its columns: {found}")
    names = [score_column, RETURN, *(name for name in OPTIONAL_NUMBERS if name in columns)]
    places = {name: columns.index(name) for name in names}
    date_at, ticker_at = columns.index("date"), columns.index("ticker")
    industry_at = columns.index(INDUSTRY) if INDUSTRY in columns else None

    days: dict[str, Day] = {}
    seen: set[tuple[str, str]] = set()
    count = skipped = duplicates = 0
    for row in rows:
        count += 1
        match = DATE.fullmatch(row[date_at].strip()) if len(row) == len(columns) else None
        if match is None or not row[ticker_at].strip():
            skipped += 1
            continue
        date, ticker = "-".join(match.group(1, 3, 4)), row[ticker_at].strip()
        if (date, ticker) in seen:
            duplicates += 1
            continue
        seen.add((date, ticker))
        day = days.get(date)
        if day is None:
            day = days[date] = Day(date, [], {name: [] for name in names}, [])
        day.tickers.append(ticker)
        for name, place in places.items():
            day.numbers[name].append(_number(row[place]))
        day.industries.append(row[industry_at].strip() if industry_at is not None else "")
    if not days:
        raise Refusal(f"the table {path} has no row with a date and a ticker")
    ordered = [days[date] for date in sorted(days)]
    return Table(path, sha256, count, skipped, duplicates, columns, ordered)


def _number(text: str) -> float | None:
    if "_" in text or not text.isascii():  # float() takes them, the data-quality gate does not
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
