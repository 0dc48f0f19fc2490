import pytest
from hypothesis import given
from hypothesis import strategies as st

from remoterun.model.units import (
    GIB,
    MAX_BYTES,
    MAX_SECONDS,
    format_bytes,
    format_seconds,
    gib_ceil,
    parse_bytes,
    parse_seconds,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("12h", 43200),
        ("7d", 604800),
        ("1h30m", 5400),
        ("1d1h1m1s", 90061),
        ("1.5h", 5400),
        ("90", 90),
        (90, 90),
        (0, 0),
    ],
)
def test_a_time_is_read_in_whole_seconds(text, seconds):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            " ",
            "30 s",
            "s",
            "30S",
            "30x",
            "-5s",
            "1m1h",
            "1:30:00",
            "0.5s",
            "1e3",
            "²s",
            "5m\n",
        ),
        *(True, None, 1.5, [], "9" * 400 + "s", MAX_SECONDS + 1, -1),
    ],
)
def test_what_is_no_time_is_refused_with_what_is_allowed(value):
    with pytest.raises(ValueError, match="is not a time like 30s"):
        parse_seconds(value)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("60GiB", 60 * 2**30),
        ("60gib", 60 * 2**30),
        ("2GB", 2 * 10**9),
        ("1.5 GiB", 3 * 2**29),
        ("59.1GiB", 63458141799),
        ("500MiB", 500 * 2**20),
        ("3kB", 3000),
        ("7B", 7),
        ("1024", 1024),
        (1024, 1024),
    ],
)
def test_a_size_is_read_in_bytes_and_gb_is_not_gib(text, size):
    assert parse_bytes(text) == size


@pytest.mark.parametrize(
    "value",
    [
        *("", "GiB", "60G", "60Gib/s", "-1GiB", "1..5GB", "1e9", "60GiB\n", "٣GB"),
        *(True, None, 1.5, {}, "9" * 400, MAX_BYTES + 1, -1),
    ],
)
def test_what_is_no_size_is_refused_with_what_is_allowed(value):
    with pytest.raises(ValueError, match="is not a size like 60GiB"):
        parse_bytes(value)


@given(st.integers(0, MAX_SECONDS))
def test_a_time_is_printed_so_that_it_reads_back_the_same(seconds):
    assert parse_seconds(format_seconds(seconds)) == seconds


@given(
    st.integers(0, MAX_BYTES)
    | st.builds(lambda n, unit: n * unit, st.integers(0, 999), st.sampled_from([GIB, 10**9, 10**6]))
)
def test_a_size_is_printed_so_that_it_reads_back_the_same(size):
    assert parse_bytes(format_bytes(size)) == size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0B"),
        (60 * GIB, "60GiB"),
        (2 * 10**9, "2GB"),
        (1500 * 2**20, "1500MiB"),
        (12345, "12345B"),
    ],
)
def test_a_size_is_printed_in_the_largest_unit_that_loses_nothing(size, text):
    assert format_bytes(size) == text


@given(st.integers(0, MAX_BYTES))
def test_gib_are_rounded_up(size):
    assert (gib_ceil(size) - 1) * GIB < size <= gib_ceil(size) * GIB
