"""What the data-quality gate must say of a table, worked out slowly from the words of the rules.

Shares nothing with the engine: the whole table in memory, one row and one value at a time.
"""

import csv
import io
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

NUMERIC_WORDS = {"NA", "NaN", "nan", "null", "None"}


@dataclass
class Asked:
    required_columns: list[str] = field(default_factory=list)
    numeric_columns: list[str] = field(default_factory=list)
    key_columns: list[str] = field(default_factory=list)
    date_column: str = ""
    min_rows: int = 0
    max_missing_ratio: float = 0.05
    max_duplicate_ratio: float = 0.01
    max_staleness_days: float = 7.0
    max_future_days: float = 1.0
    missing_columns: list[str] = field(default_factory=list)
    na_values: list[str] = field(default_factory=list)


def judge(content: bytes, asked: Asked, now: float) -> tuple[dict[str, bool], dict[str, object]]:
    """The checks, and those metrics that are numbers of the table."""
    try:
        header, rows, ragged = read(content)
    except ValueError:
        return unreadable(asked), {"row_count": 0, "freshness_days": None}
    count = len(rows)
    checks, metrics = {}, {"row_count": count, "ragged_rows": ragged}
    checks["required_columns_present"] = all(name in header for name in asked.required_columns)
    checks["min_rows"] = count >= asked.min_rows

    ratio = duplicate_ratio(header, rows, asked)
    metrics["duplicate_ratio"] = ratio
    checks["duplicate_ratio"] = ratio is not None and ratio <= asked.max_duplicate_ratio

    ratios = {}
    for name in asked.missing_columns or header:
        if name in header:
            at = header.index(name)
            missing = [row for row in rows if is_missing(row[at], name, asked)]
            ratios[name] = len(missing) / count if count else 0.0
    metrics["missing_ratio_by_column"] = ratios
    checks["missing_ratio"] = all(r <= asked.max_missing_ratio for r in ratios.values()) and all(
        name in header for name in asked.missing_columns
    )
    checks["numeric_integrity"] = all(
        is_sound(header, rows, name, asked) for name in asked.numeric_columns
    )
    checks["freshness"] = checks["no_future_dates"] = True
    metrics["future_rows"], metrics["freshness_days"] = 0, None
    if asked.date_column:
        dates = []
        if asked.date_column in header:
            at = header.index(asked.date_column)
            dates = [moment for row in rows if (moment := date_of(row[at])) is not None]
        metrics["freshness_days"] = (now - max(dates)) / 86400 if dates else None
        checks["freshness"] = bool(dates) and (now - max(dates)) / 86400 <= asked.max_staleness_days
        late = [moment for moment in dates if moment > now + asked.max_future_days * 86400]
        metrics["future_rows"] = len(late)
        checks["no_future_dates"] = not late
    checks["input_readable"] = True
    return checks, metrics


def unreadable(asked: Asked) -> dict[str, bool]:
    return {
        "required_columns_present": not asked.required_columns,
        "min_rows": False,
        "duplicate_ratio": False,
        "missing_ratio": False,
        "numeric_integrity": not asked.numeric_columns,
        "freshness": not asked.date_column,
        "input_readable": False,
        "no_future_dates": not asked.date_column,
    }


def read(content: bytes) -> tuple[list[str], list[list[str]], int]:
    if b"\0" in content:
        raise ValueError("NUL")
    text = content.decode("utf-8-sig")
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise ValueError(str(error)) from error
    if not rows:
        raise ValueError("empty")
    header, rows = rows[0], rows[1:]
    if len(set(header)) != len(header) or any(len(row) > len(header) for row in rows):
        raise ValueError("no table")
    ragged = sum(len(row) < len(header) for row in rows)
    return header, [row + [""] * (len(header) - len(row)) for row in rows], ragged


def is_missing(value: str, column: str, asked: Asked) -> bool:
    if value == "" or value in asked.na_values:
        return True
    return column in asked.numeric_columns and value in NUMERIC_WORDS


def duplicate_ratio(header: list[str], rows: list[list[str]], asked: Asked) -> float | None:
    if not rows or any(name not in header for name in asked.key_columns):
        return None
    places = [header.index(name) for name in asked.key_columns] or range(len(header))
    keys = [
        tuple(None if is_missing(row[at], header[at], asked) else row[at] for at in places)
        for row in rows
    ]
    times = Counter(keys)
    return sum(times[key] > 1 for key in keys) / len(rows)


def is_sound(header: list[str], rows: list[list[str]], name: str, asked: Asked) -> bool:
    if name not in header or not rows:
        return False
    at = header.index(name)
    return not any(is_missing(row[at], name, asked) for row in rows) and all(
        number_of(row[at]) not in (None, float("inf"), float("-inf")) for row in rows
    )


def number_of(value: str) -> float | None:
    """A decimal or exponent form or an infinity, in ASCII, with blanks around it."""
    value = value.strip(" \t\r\n\v\f")
    unsigned = value[1:] if value[:1] in ("+", "-") else value
    if unsigned.lower() in ("inf", "infinity"):
        return float(value)
    if not unsigned or any(character not in "0123456789.eE+-" for character in unsigned):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def date_of(value: str) -> float | None:
    """Seconds since 1970 of a date with or without a time and a zone."""
    for separator in ("-", "/", ""):
        length = 8 + 2 * len(separator)
        day, rest = value[:length], value[length:]
        parts = [day[:4], day[4 + len(separator) : 6 + len(separator)], day[-2:]]
        if separator.join(parts) != day or not all(digits(part) for part in parts):
            continue
        if len(day) != length or [len(part) for part in parts] != [4, 2, 2]:
            continue
        moment = with_clock(tuple(map(int, parts)), rest)
        if moment is not None:
            return moment
    return None


def with_clock(day: tuple[int, ...], rest: str) -> float | None:
    hour = minute = second = 0
    fraction, zone = 0.0, UTC
    if rest:
        if rest[0] not in "T ":
            return None
        clock = rest[1:]
        if clock.endswith("Z"):
            clock = clock[:-1]
        else:
            for sign in "+-":
                if sign in clock:
                    clock, offset = clock.split(sign, 1)
                    if len(offset) == 5 and offset[2] == ":":
                        offset = offset[:2] + offset[3:]
                    if len(offset) != 4 or not digits(offset):
                        return None
                    hours, minutes = int(offset[:2]), int(offset[2:])
                    if hours > 23 or minutes > 59:
                        return None
                    zone = timezone(timedelta(hours=hours, minutes=minutes) * (1, -1)[sign == "-"])
                    break
        if "." in clock:
            clock, digits_after = clock.split(".", 1)
            if not digits(digits_after) or clock.count(":") != 2:
                return None
            fraction = float("0." + digits_after)
        numbers = clock.split(":")
        if len(numbers) not in (2, 3) or any(len(n) != 2 or not digits(n) for n in numbers):
            return None
        hour, minute, second = [*map(int, numbers), 0][:3]
    try:
        moment = datetime(*day, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() + fraction


def digits(text: str) -> bool:
    return text != "" and all(character in "0123456789" for character in text)
