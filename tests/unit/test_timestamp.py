from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from remoterun.model.record import Record
from remoterun.model.timestamp import Utc, format_utc, parse_utc, stamp

NINE_THIRTY = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01T09:30:00Z", NINE_THIRTY),
        ("2026-03-01T17:30:00+08:00", NINE_THIRTY),
        ("2026-03-01T17:30:00+0800", NINE_THIRTY),
        ("2026-03-01T09:30:00.250Z", NINE_THIRTY + timedelta(milliseconds=250)),
        ("2026-03-01T09:30:00.123456789Z", NINE_THIRTY + timedelta(microseconds=123456)),
    ],
)
def test_every_form_with_a_zone_is_read_as_utc(text, moment):
    assert parse_utc(text) == moment
    assert parse_utc(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-03-01",
        "2026-03-01T09:30:00",
        "2026-13-01T09:30:00Z",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_a_time_without_a_zone_or_outside_the_calendar_is_refused(text):
    with pytest.raises(ValueError, match="a time with its zone"):
        parse_utc(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_ends_with_z_and_reads_back_the_same(moment):
    assert format_utc(moment).endswith("Z")
    assert parse_utc(format_utc(moment)) == moment


def test_a_stamp_is_in_utc_whatever_the_zone_of_the_moment():
    tokyo = NINE_THIRTY.astimezone(timezone(timedelta(hours=9)))
    assert stamp(tokyo) == "2026-03-01_093000"
    assert format_utc(tokyo) == "2026-03-01T09:30:00Z"


class Moment(Record):
    at: Utc


def test_a_record_writes_z_and_refuses_a_moment_without_zone():
    assert (
        Moment(at="2026-03-01T17:30:00+08:00").model_dump_json() == '{"at":"2026-03-01T09:30:00Z"}'
    )
    for value in (datetime(2026, 3, 1), 1772357400, None):
        with pytest.raises(ValidationError):
            Moment(at=value)
