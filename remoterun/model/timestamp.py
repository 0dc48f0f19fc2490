"""Moments: aware, in UTC, written as `2026-03-01T09:30:00Z`."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from remoterun.model.names import shown


def parse_utc(text: str) -> datetime:
    """Read ISO-8601 with `Z` or an offset, with or without a fraction.

    Raises:
        ValueError: it is no moment, or its zone is not said.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("no zone")
        return moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError) as error:
        allowed = "a time with its zone, like 2026-03-01T09:30:00Z"
        raise ValueError(f"`{shown(text)}` is not {allowed}") from error


def format_utc(moment: datetime) -> str:
    """Write an aware moment in UTC with `Z`; a fraction only when there is one."""
    return _utc(moment).replace(tzinfo=None).isoformat() + "Z"


def stamp(moment: datetime) -> str:
    """`YYYY-MM-DD_HHMMSS` in UTC, as in a run id."""
    return _utc(moment).strftime("%Y-%m-%d_%H%M%S")


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment.astimezone(UTC)


def _read(value: object) -> datetime:
    return _utc(value) if isinstance(value, datetime) else parse_utc(value)  # type: ignore[arg-type]


Utc = Annotated[
    datetime,
    BeforeValidator(_read),
    PlainSerializer(format_utc, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""Reads every ISO form with a zone; serialises to JSON with `Z`."""
