"""Times and sizes as people write them: `30s`, `1h30m`, `60GiB`; GB is 10^9, GiB is 2^30."""

import re
from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from remoterun.model.names import shown

SECONDS: Mapping[str, int] = {"d": 86400, "h": 3600, "m": 60, "s": 1}
BYTES: Mapping[str, int] = {
    "TiB": 2**40,
    "GiB": 2**30,
    "MiB": 2**20,
    "KiB": 2**10,
    "TB": 10**12,
    "GB": 10**9,
    "MB": 10**6,
    "kB": 10**3,
    "B": 1,
}
GIB = 2**30

MAX_SECONDS = 365_000 * 86400
MAX_BYTES = 2**60  # bash counts in 64 bits

SECONDS_ALLOWED = "a time like 30s, 5m, 12h, 7d or 1h30m; a bare number is seconds"
BYTES_ALLOWED = "a size like 60GiB, 500MiB or 2GB; a bare number is bytes"

_NUMBER = r"[0-9]{1,19}(?:\.[0-9]{1,9})?"
_TIME = re.compile(rf"(?:({_NUMBER})d)?(?:({_NUMBER})h)?(?:({_NUMBER})m)?(?:({_NUMBER})s)?")
_SIZE = re.compile(rf"({_NUMBER}) ?([A-Za-z]+)?")
_SIZE_UNITS = {unit.lower(): factor for unit, factor in BYTES.items()}


def parse_seconds(value: object) -> int:
    """Read a time in whole seconds.

    Raises:
        ValueError: says what is allowed.
    """
    if type(value) is int or (isinstance(value, str) and re.fullmatch(_NUMBER, value)):
        total = Decimal(value)
    elif isinstance(value, str) and value and (found := _TIME.fullmatch(value)):
        parts = zip(found.groups(), SECONDS.values(), strict=True)
        total = sum((Decimal(n) * factor for n, factor in parts if n), Decimal(0))
    else:
        raise ValueError(_refusal(value, SECONDS_ALLOWED))
    return _whole(value, total, MAX_SECONDS, SECONDS_ALLOWED, "whole seconds up to 1000 years")


def parse_bytes(value: object) -> int:
    """Read a size in bytes, a fraction rounded up. Upper and lower case do not matter.

    Raises:
        ValueError: says what is allowed.
    """
    if type(value) is int:
        total = Decimal(value)
    elif isinstance(value, str) and (found := _SIZE.fullmatch(value)):
        number, unit = found.groups(default="B")
        if unit.lower() not in _SIZE_UNITS:
            raise ValueError(_refusal(value, BYTES_ALLOWED))
        exact = Decimal(number) * _SIZE_UNITS[unit.lower()]
        total = exact.to_integral_value(ROUND_CEILING)
    else:
        raise ValueError(_refusal(value, BYTES_ALLOWED))
    return _whole(value, total, MAX_BYTES, BYTES_ALLOWED, "whole bytes up to 1 EiB")


def format_seconds(seconds: int) -> str:
    """The shortest form that `parse_seconds` reads back as the same number: `1h30m`."""
    text = ""
    for unit, factor in SECONDS.items():
        count, seconds = divmod(seconds, factor)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def format_bytes(size: int) -> str:
    """The form in the largest unit that loses nothing: `60GiB`, `2GB`, `12345B`."""
    whole = [unit for unit, factor in BYTES.items() if size and size % factor == 0]
    unit = max(whole, key=lambda unit: BYTES[unit], default="B")
    return f"{size // BYTES[unit]}{unit}"


def gib_ceil(size: int) -> int:
    """Whole GiB, rounded up: how sizes are compared and shown in gate records."""
    return -(-size // GIB)


def _whole(value: object, total: Decimal, most: int, allowed: str, range_: str) -> int:
    if total < 0 or total > most or total != total.to_integral_value():
        raise ValueError(f"{_refusal(value, allowed)} ({range_})")
    return int(total)


def _refusal(value: object, allowed: str) -> str:
    return f"`{shown(str(value).lower() if isinstance(value, bool) else value)}` is not {allowed}"


Seconds = Annotated[
    int,
    BeforeValidator(parse_seconds),
    PlainSerializer(format_seconds, return_type=str, when_used="json"),
    WithJsonSchema({"type": ["string", "integer"], "description": SECONDS_ALLOWED}),
]
Bytes = Annotated[
    int,
    BeforeValidator(parse_bytes),
    PlainSerializer(format_bytes, return_type=str, when_used="json"),
    WithJsonSchema({"type": ["string", "integer"], "description": BYTES_ALLOWED}),
]
