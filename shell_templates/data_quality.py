"""The data-quality gate: read one CSV table, check it, write a report for people and programs.

usage   data_quality.py --input-csv FILE [--out-dir DIR] [--run-id ID] ...   (--help lists all)
reads   FILE once, whatever its size; again only where `Keys` says that an exact count needs it
writes  DIR/data_quality/data_quality_report.md and .json with --run-id,
        else DIR/data_quality_<UTC stamp>/data_quality_report.md and .json
exit    0 all checks passed; 2 a check failed, or the table cannot be read; 1 the gate cannot run
needs   Python 3.6 or newer, its standard library
"""
# ruff: noqa: B905, PTH100  (Python 3.6 has no zip(strict=); a recorded path keeps its links)

import argparse
import contextlib
import csv
import gc
import hashlib
import html
import io
import json
import math
import os
import re
import stat
import sys
import time
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from datetime import date
from itertools import compress
from operator import add
from pathlib import Path

BLOCK = 256 * 1024  # bytes read at a time; the whole records in them are a part of the table
MAX_RECORD = 8 * 1024 * 1024  # bytes; bounds what one record or an open quote takes of memory
MAX_COLUMNS = 100000
MAX_GROUP = 200000  # key fields of rows with one value of the first key column that are kept ...
MAX_GROUP_SIZE = 32 * 1024 * 1024  # ... and the length of the parts they came from
MAX_DISTINCT = 65536  # different texts of a key column that are numbered ...
MAX_DISTINCT_SIZE = 4 * 1024 * 1024  # ... and their length
MAX_SUSPECTS = 200000  # hashes whose keys one more reading compares
BUCKETS = 251  # a prime: any varying bits of a number spread over the buckets
EXAMPLES = 5  # rows named per column
SHOWN = 20  # names listed in a text

NUMERIC_NA = ("NA", "NaN", "nan", "null", "None")
NUMBER = re.compile(
    r"[ \t\r\n\v\f]*[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
    r"|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?)[ \t\r\n\v\f]*\Z"
)
# What float() reads from these bytes alone, NUMBER matches too: no letters, no underscore.
PLAIN_NUMBER = b"0123456789+-.eE \t"
DAY = re.compile(r"([0-9]{4})(?:-([0-9]{2})-([0-9]{2})|/([0-9]{2})/([0-9]{2})|([0-9]{4}))")
CLOCK = re.compile(
    r"[T ]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(\.[0-9]+)?)?"
    r"(?:Z|([+-])([01][0-9]|2[0-3]):?([0-5][0-9]))?\Z"
)
EPOCH = date(1970, 1, 1).toordinal()
FIRST_SECOND = (date.min.toordinal() - EPOCH) * 86400
LAST_SECOND = (date.max.toordinal() - EPOCH + 1) * 86400


class CannotRun(Exception):
    """The gate can say nothing about the table: exit 1."""


class Unreadable(Exception):
    """The file is not a table that can be judged: the check `input_readable` fails."""


# ---- the table: bytes, texts of whole records, parts


class Table:
    """A CSV file, read in parts: lists of columns of one length, about BLOCK bytes of text.

    Raises CannotRun when there is no regular file, Unreadable where a file stops being a table.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.header = []
        self.rows = 0
        self.ragged = 0  # rows too short: their last fields count as missing
        self.size = 0
        self.digest = hashlib.sha256()
        self.identity = None
        try:
            # Asked before it is opened: opening a device or a pipe may act, or wait.
            if not stat.S_ISREG(self.path.stat().st_mode):
                raise CannotRun(f"{self.path}: not a regular file")
        except (OSError, ValueError) as error:
            raise CannotRun(f"{self.path}: {why(error)}") from error

    def parts(self, again=False):
        """Yield (columns, length of their text). Reading `again` counts and hashes nothing."""
        try:
            with self.path.open("rb", buffering=0) as file:
                opened = identity(file)
                if self.identity not in (None, opened):
                    raise Unreadable("the file changed while it was read")
                self.identity = opened
                yield from self._parts(self._blocks(file, again), again)
                if identity(file) != opened or opened[0] != self.size:
                    raise Unreadable("the file changed while it was read")
        except OSError as error:
            raise Unreadable(why(error)) from error

    def finish(self):
        """Read on after an early end, so that size and digest are those of the whole file."""
        try:
            with self.path.open("rb", buffering=0) as file:
                file.seek(self.size)
                for _ in self._blocks(file, again=False):
                    pass
        except OSError:
            self.digest = None
            self.size = self.path.stat().st_size

    def _blocks(self, file, again):
        while True:
            block = file.read(BLOCK)
            if not again:
                self.digest.update(block)
                self.size += len(block)
            if not block:
                return
            yield block

    def _parts(self, blocks, again):
        header = None
        for line, text, rows in whole_records(blocks):
            columns = None
            if header is None:
                rows = parse(text)[0] if rows is None else rows
                if not rows:
                    continue
                header = rows.pop(0)
                check_header(header, line)
                self.header = header
            elif rows is None:
                columns = plain_columns(text, len(header))
            if columns is None:
                rows = parse(text)[0] if rows is None else rows
                columns, short = columns_of(rows, len(header), line, text)
                self.ragged += 0 if again else short
            if columns and columns[0]:
                self.rows += 0 if again else len(columns[0])
                yield columns, len(text)
        if header is None:
            raise Unreadable("no header line: the file is empty or blank")


def identity(file):
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev


def whole_records(blocks):
    """Yield (number of the first line, text, rows) of pieces that end where a record ends.

    rows is None where the text has no quotes and only newlines end its lines: there a split at
    commas and newlines says the same as csv.reader, in a third of the time.
    """
    line, rest, tried, first = 1, b"", 0, True
    for block in blocks:
        if first and block[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise Unreadable("line 1: this is UTF-16; only UTF-8 is read")
        if first and block[:3] == b"\xef\xbb\xbf":
            block = block[3:]
        first = False
        rest += block
        full = len(rest) > MAX_RECORD
        # A carriage return at the very end may be half of a line's end.
        cut = max(rest.rfind(b"\n"), rest.rfind(b"\r", 0, len(rest) - 1)) + 1
        if full and not cut:
            raise Unreadable(f"line {line}: a record of more than {MAX_RECORD} bytes")
        if not cut or (tried and not full and not may_end_now(rest, tried, cut)):
            continue
        text = decode(rest[:cut], line)
        try:
            text, rows, lines = piece(text)
        except csv.Error as error:
            # It may be cut inside quotes; more text will show whether it is.
            if full:
                raise Unreadable(f"{where(text, line)}: {error}, or too long") from error
            tried = cut
        else:
            yield line, text, rows
            line, rest, tried = line + lines, rest[cut:], 0
    if rest:
        text = decode(rest, line)
        try:
            text, rows, _ = piece(text)
        except csv.Error as error:
            raise Unreadable(f"{where(text, line)}: {error}") from error
        yield line, text, rows


def may_end_now(rest, tried, cut):
    """Whether to look again at a text that had no end at `tried`; twice as much, to look seldom."""
    return cut >= 2 * tried and rest.find(b'"', tried, cut) >= 0


def decode(data, line):
    if b"\0" in data:
        line += data.count(b"\n", 0, data.index(b"\0"))
        raise Unreadable(f"line {line}: a NUL byte (is this UTF-16, or no text?)")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line += data.count(b"\n", 0, error.start)
        raise Unreadable(f"line {line}: not UTF-8 (byte 0x{data[error.start]:02x})") from error


def piece(text):
    if '"' not in text:
        if "\r" in text:
            text = text.replace("\r\n", "\n")
        if "\r" not in text:
            return text, None, text.count("\n")
    rows, lines = parse(text)
    return text, rows, lines


def parse(text):
    """Rows and the number of lines, as csv.reader reads them; a blank line is no row."""
    reader = csv_reader(text)
    return list(filter(None, reader)), reader.line_num


def where(text, line):
    """The line where the record begins at which csv.reader stops."""
    reader, ended = csv_reader(text), 0
    with contextlib.suppress(csv.Error):
        for _ in reader:
            ended = reader.line_num
    return f"line {line + ended}: in the record that begins there"


def csv_reader(text):
    return csv.reader(io.StringIO(text, newline=""), strict=True)


def plain_columns(text, width):
    """The columns of a text without quotes, or None unless each line has `width` fields."""
    if text[-1] != "\n":
        text += "\n"
    lines = text.count("\n")
    cells = text.replace("\n", ",\n,").split(",")
    step = width + 1
    # With a newline as every step-th cell, and nowhere else, all lines have `width` cells.
    if len(cells) != lines * step + 1 or cells[width::step].count("\n") != lines:
        return None
    if width == 1 and (text[0] == "\n" or "\n\n" in text):
        return None  # a blank line, not a row with an empty field
    return [cells[i:-1:step] for i in range(width)]


def columns_of(rows, width, line, text):
    """The columns of parsed rows, and how many of these were too short."""
    widths = set(map(len, rows))
    if not widths or widths == {width}:
        return list(zip(*rows)), 0
    if max(widths) > width:
        reader = csv_reader(text)
        long = next(row for row in reader if len(row) > width)
        at = line + reader.line_num - 1
        raise Unreadable(f"line {at}: {len(long)} fields, the header has {width}")
    short = [row for row in rows if len(row) < width]
    for row in short:
        row.extend([""] * (width - len(row)))
    return list(zip(*rows)), len(short)


def check_header(header, line):
    if len(header) > MAX_COLUMNS:
        raise Unreadable(f"line {line}: more than {MAX_COLUMNS} columns")
    if len(set(header)) < len(header):
        twice = [name for name, times in Counter(header).items() if times > 1]
        raise Unreadable(f"line {line}: repeated column names: {listed(twice)}")


# ---- the checks: what each remembers while the parts go by


class Blanks:
    """How many values of a column are missing."""

    def __init__(self, words):
        self.words = words
        self.missing = 0

    def add(self, cells, rows):
        self.missing += sum(map(cells.count, self.words))


class Numbers:
    """What of a declared numeric column is missing, infinite or no number."""

    def __init__(self, words):
        self.words = frozenset(words)
        self.number_words = [text for text in words if text and is_plain(text)]
        self.missing = self.infinite = self.wrong = 0
        self.rows = []  # the first rows with an issue, counted from 1

    def add(self, cells, rows):
        if self._all_numbers(cells):
            return
        for row, text in enumerate(cells, rows - len(cells) + 1):
            if text in self.words:
                self.missing += 1
            elif not NUMBER.match(text):
                self.wrong += 1
            elif math.isinf(float(text)):
                self.infinite += 1
            else:
                continue
            if len(self.rows) < EXAMPLES:
                self.rows.append(row)

    def _all_numbers(self, cells):
        """True only if no cell is missing, infinite or no number; quick for ordinary columns."""
        if any(map(cells.count, self.number_words)):
            return False
        try:
            # A sum with an infinite number in it is not finite.
            return is_plain("".join(cells)) and math.isfinite(sum(map(float, cells)))
        except ValueError:
            return False

    def issue(self, rows):
        if not rows:
            return "no rows"
        if not (self.missing or self.infinite or self.wrong):
            return None
        ratio = (self.missing + self.wrong) / rows
        return f"nan_ratio={ratio:.6f}, has_inf={self.infinite > 0}"


def is_plain(text):
    return not text.encode("utf-8").translate(None, PLAIN_NUMBER)


class Dates:
    """The latest date of a column, and how many lie after `limit` (seconds since 1970, UTC)."""

    REMEMBERED = 1024 * 1024  # characters

    def __init__(self, limit):
        self.limit = limit
        self.latest = None
        self.future = self.unparsed = 0
        self.known, self.size = {}, 0
        self.days = {}

    def add(self, cells, rows):
        texts, known = set(cells), self.known
        new = texts.difference(known)
        self.size += sum(map(len, new))
        if self.size > self.REMEMBERED:
            known.clear()
            self.days.clear()
            self.size, new = 0, texts
        for text in new:
            known[text] = self.seconds(text)
        odd = set()
        for text in texts:
            seconds = known[text]
            if seconds is None or seconds > self.limit:
                odd.add(text)
            if seconds is not None and (self.latest is None or seconds > self.latest):
                self.latest = seconds
        for text, times in Counter(filter(odd.__contains__, cells)).items() if odd else ():
            if known[text] is not None:
                self.future += times
            elif text:
                self.unparsed += times

    def seconds(self, text):
        """Seconds since 1970 of a date as the gate reads it, else None."""
        match = DAY.match(text)
        if not match:
            return None
        day = match.group()
        if day not in self.days:
            self.days[day] = days_of(match)
        days = self.days[day]
        if days is None or match.end() == len(text):
            return days and days * 86400
        clock = CLOCK.match(text, match.end())
        if not clock:
            return None
        hour, minute, second, fraction, sign, off_hour, off_minute = clock.groups()
        value = days * 86400 + int(hour) * 3600 + int(minute) * 60 + int(second or 0)
        if sign:
            offset = int(off_hour) * 3600 + int(off_minute) * 60
            value += offset if sign == "-" else -offset
        if not FIRST_SECOND <= value < LAST_SECOND:
            return None
        return value + float(fraction) if fraction else value


def days_of(match):
    year, month, day, slash_month, slash_day, digits = match.groups()
    month = month or slash_month or digits[:2]
    day = day or slash_day or digits[2:]
    try:
        return date(int(year), int(month), int(day)).toordinal() - EPOCH
    except ValueError:
        return None


class Keys:
    """How many rows have a key that another row has too: an exact count, in little memory.

    While the first key column is sorted, up or down, equal keys lie in one group of rows, and
    only the keys of the group at hand are kept. In any other order each key becomes a number
    made of the numbers of its texts (4 or 8 bytes a row, no two keys alike). Where a key column
    has too many different texts for that, the number is a 64-bit hash; keys whose hashes are
    alike are then compared in one more reading of the table. What lay in groups before the
    order broke is read again too.
    """

    def __init__(self):
        self.repeated = 0  # rows, while in groups
        self.closed = 0  # rows of groups that have ended
        self.up = self.down = True
        self.last = None
        self.group = []
        self.group_size = 0
        self.store = None

    def add(self, columns, size):
        if self.store is None:
            if self._add_in_groups(columns, size):
                return
            self.store = KeyStore(len(columns))
            if self.group:
                self.store.add(columns_of_keys(self.group, len(columns)))
                self.group = []
        self.store.add(columns)

    def _add_in_groups(self, columns, size):
        first, last, rows = columns[0], columns[0][-1], len(columns[0])
        ordered, as_list = sorted(first), list(first)
        up = self.up and ordered == as_list and (self.last is None or self.last <= first[0])
        as_list.reverse()
        down = self.down and ordered == as_list and (self.last is None or self.last >= first[0])
        if not (up or down):
            return False
        tail = rows - bisect_left(ordered, last) if up else bisect_right(ordered, last)
        goes_on = tail == rows and self.last == last
        kept = tail + len(self.group) if goes_on else tail
        group_size = size + self.group_size if goes_on else size
        if kept * len(columns) > MAX_GROUP or group_size > MAX_GROUP_SIZE:
            return False
        keys = keys_of(columns)
        if goes_on:
            self.group += keys
        else:
            self._close(self.group + keys[: rows - tail])
            self.group = keys[rows - tail :]
        self.up, self.down, self.last, self.group_size = up, down, last, group_size
        return True

    def _close(self, keys):
        self.closed += len(keys)
        if len(set(keys)) < len(keys):
            self.repeated += sum(times for times in Counter(keys).values() if times > 1)

    def count(self, parts_again):
        """Rows with a repeated key. `parts_again()` reads the key columns from the start."""
        if self.store is None:
            self._close(self.group)
            self.group = []
            return self.repeated
        left = self.closed
        if left:
            for columns in parts_again():
                self.store.add([cells[:left] for cells in columns])
                left -= len(columns[0])
                if left <= 0:
                    break
        return self.store.count(parts_again)


def keys_of(columns):
    return list(columns[0]) if len(columns) == 1 else list(zip(*columns))


def columns_of_keys(keys, width):
    return [keys] if width == 1 else list(zip(*keys))


class Codes(dict):
    """Numbers the texts of a column in the order of their coming."""

    def __init__(self, shift, limit):
        super().__init__()
        self.shift, self.limit, self.size = shift, limit, 0

    def __missing__(self, text):
        self.size += len(text)
        if len(self) >= self.limit or self.size > MAX_DISTINCT_SIZE:
            raise OverflowError
        self[text] = code = len(self) << self.shift
        return code


class KeyStore:
    """The keys of all rows as numbers, in buckets that are counted one by one."""

    def __init__(self, width):
        self.bits = 16 if width <= 2 else 63 // width
        limit = min(MAX_DISTINCT, 1 << self.bits)
        # Beyond four columns too few numbers are left for each.
        places = range(width) if width <= 4 else ()
        self.codes = [Codes(self.bits * place, limit) for place in places]
        self._open("I" if width <= 2 else "Q" if places else "q")

    def _open(self, typecode):
        self.buckets = [array(typecode) for _ in range(BUCKETS)]
        self.push = [bucket.append for bucket in self.buckets]

    def add(self, columns):
        if self.codes:
            try:
                numbers = map(self.codes[0].__getitem__, columns[0])
                for codes, cells in zip(self.codes[1:], columns[1:]):
                    numbers = map(add, numbers, map(codes.__getitem__, cells))
                numbers = list(numbers)
            except OverflowError:
                self._turn_to_hashes()
        if not self.codes:
            numbers = map(hash, keys_of(columns))
        push = self.push
        for number in numbers:
            push[number % BUCKETS](number)

    def _turn_to_hashes(self):
        places = [(list(codes), codes.shift) for codes in self.codes]
        mask = (1 << self.bits) - 1
        old = self.buckets
        self.codes = []
        self._open("q")
        for at, bucket in enumerate(old):
            old[at] = None
            if len(places) == 1:
                keys = map(places[0][0].__getitem__, bucket)
            else:
                keys = [
                    tuple([texts[number >> shift & mask] for texts, shift in places])
                    for number in bucket
                ]
            for number in map(hash, keys):
                self.push[number % BUCKETS](number)

    def count(self, parts_again):
        if self.codes:
            return sum(sum(repeated(bucket).values()) for bucket in self.buckets)
        return sum(count_among(suspects, parts_again()) for suspects in self._suspects())

    def _suspects(self):
        suspects = set()
        for bucket in self.buckets:
            suspects.update(repeated(bucket))
            if len(suspects) > MAX_SUSPECTS:
                yield suspects
                suspects = set()
        if suspects:
            yield suspects


def repeated(numbers):
    return {number: times for number, times in Counter(numbers).items() if times > 1}


def count_among(suspects, parts):
    """Rows with a repeated key among the rows whose key has one of these hashes."""
    times = Counter()
    for columns in parts:
        keys = keys_of(columns)
        times.update(map(short_key, compress(keys, map(suspects.__contains__, map(hash, keys)))))
    return sum(repeated_times for repeated_times in times.values() if repeated_times > 1)


def short_key(key):
    """The key itself, or its digest when it is long."""
    text = repr(key)
    return key if len(text) < 200 else hashlib.sha256(text.encode("utf-8")).digest()


# ---- the verdict


class Gate:
    """One table against one set of thresholds."""

    def __init__(self, options):
        self.options = options
        self.now = options.now
        self.table = Table(options.input_csv)
        self.unreadable = None
        self.words = []  # of each column: the texts that count as missing
        self.judged = []  # the columns whose missing values are counted
        self.blanks, self.numbers, self.dates = {}, {}, None
        self.key_places = []
        self.repeated = None

    def read(self):
        try:
            self._read()
        except Unreadable as error:
            self.unreadable = str(error)
            self.table.finish()

    def _read(self):
        table, keys, watchers = self.table, Keys(), None
        for columns, size in table.parts():
            if watchers is None:
                watchers = self._watchers(table.header)
            for at, watcher in watchers:
                watcher.add(columns[at], table.rows)
            if self.key_places:
                keys.add(self._key_columns(columns), size)
        if watchers is None:
            self._watchers(table.header)
        if self.key_places and table.rows:
            self.repeated = keys.count(self._key_columns_again)

    def _watchers(self, header):
        """What has to see which column."""
        want, places = self.options, {name: at for at, name in enumerate(header)}
        numeric = set(want.numeric_columns)
        self.judged = want.missing_columns or header
        for name in header:
            words = ["", *(NUMERIC_NA if name in numeric else ()), *want.na_values]
            self.words.append(tuple(dict.fromkeys(words)))
        watchers = []
        for name in numeric.intersection(places):
            self.numbers[name] = Numbers(self.words[places[name]])
            watchers.append((places[name], self.numbers[name]))
        for name in self.judged:
            if name in places and name not in numeric:
                self.blanks[name] = Blanks(self.words[places[name]])
                watchers.append((places[name], self.blanks[name]))
        if want.date_column and want.date_column in places:
            self.dates = Dates(self.now + want.max_future_days * 86400)
            watchers.append((places[want.date_column], self.dates))
        if all(name in places for name in want.key_columns):
            self.key_places = [places[name] for name in want.key_columns or header]
        return watchers

    def _key_columns(self, columns):
        chosen = []
        for at in self.key_places:
            cells, words = columns[at], self.words[at]
            if len(words) > 1 and any(map(cells.count, words[1:])):
                # All words for "missing" are one value, as two empty fields are.
                cells = ["" if text in words else text for text in cells]
            chosen.append(cells)
        return chosen

    def _key_columns_again(self):
        for columns, _ in self.table.parts(again=True):
            yield self._key_columns(columns)

    def metrics(self):
        want, table, readable = self.options, self.table, not self.unreadable
        # What was counted up to an unreadable line says nothing about the table.
        header, rows = (table.header, table.rows) if readable else ([], 0)
        present = set(header)
        by, issues, dates = {}, {}, readable and self.dates
        for name in self.judged if readable else ():
            if name in present:
                missing = (self.numbers.get(name) or self.blanks[name]).missing
                by[name] = missing / rows if rows else 0.0
        for name in want.numeric_columns if readable else ():
            issue = self.numbers[name].issue(rows) if name in present else "column missing"
            if issue:
                issues[name] = issue
        age = (self.now - dates.latest) / 86400 if dates and dates.latest is not None else None
        return {
            "row_count": rows,
            "column_count": len(header),
            "input_csv": want.recorded["input_csv"],
            "missing_required_columns": [n for n in want.required_columns if n not in present],
            "min_rows_threshold": want.min_rows,
            "duplicate_ratio": self.repeated / rows
            if readable and self.repeated is not None
            else None,
            "max_duplicate_ratio_threshold": want.max_duplicate_ratio,
            "missing_ratio_by_column": by,
            "max_missing_ratio_threshold": want.max_missing_ratio,
            "missing_ratio_violations": [
                name
                for name in (self.judged if readable else ())
                if by.get(name, math.inf) > want.max_missing_ratio
            ],
            "numeric_issues": issues,
            "numeric_issue_rows": {n: self.numbers[n].rows for n in issues if n in self.numbers},
            "freshness_days": age,
            "max_staleness_days_threshold": want.max_staleness_days,
            "max_date_utc": None if age is None else utc(dates.latest),
            "future_rows": dates.future if dates else 0,
            "max_future_days_threshold": want.max_future_days,
            "unparsed_dates": dates.unparsed if dates else 0,
            "ragged_rows": table.ragged if readable else 0,
        }

    def verdicts(self, metrics):
        """Yield (check, passed, measured, required): all that the reports say of a check."""
        for name, asked, passed, measured, required in self._measured(metrics):
            if not asked:
                yield name, True, "not asked for", "nothing"
            elif self.unreadable and name != "input_readable":
                # Nothing was measured, so nothing that was asked has passed.
                yield name, False, "not measured", required
            else:
                yield name, passed, measured, required

    def _measured(self, metrics):
        want, rows, by = self.options, metrics["row_count"], metrics["missing_ratio_by_column"]
        name, lacking = "required_columns_present", metrics["missing_required_columns"]
        asked = want.required_columns
        yield name, asked, not lacking, f"missing: {listed(lacking)}", f"all of {listed(asked)}"

        yield "min_rows", True, rows >= want.min_rows, f"{rows} rows", f">= {want.min_rows}"

        ratio, most = metrics["duplicate_ratio"], want.max_duplicate_ratio
        text = "no rows, or no such key column" if ratio is None else f"{ratio:.7g} of the rows"
        yield "duplicate_ratio", True, ratio is not None and ratio <= most, text, f"<= {most!r}"

        above, most = metrics["missing_ratio_violations"], want.max_missing_ratio
        text = f"above: {listed([f'{name} {by.get(name)}' for name in above])}"
        if not above:
            text = f"{max(by.values(), default=0.0):.7g} at most, in {len(by)} columns"
        yield "missing_ratio", True, not above, text, f"<= {most!r}"

        issues, asked = metrics["numeric_issues"], want.numeric_columns
        text = f"issues: {listed([f'{name} ({issue})' for name, issue in issues.items()])}"
        yield "numeric_integrity", asked, not issues, text, f"finite numbers in {listed(asked)}"

        days, most = metrics["freshness_days"], want.max_staleness_days
        text = "no date, or no such column" if days is None else f"{days:.7g} days"
        fresh = days is not None and days <= most
        yield "freshness", want.date_column, fresh, text, f"<= {most!r} days"

        text = self.unreadable or f"read, {metrics['ragged_rows']} rows too short"
        yield "input_readable", True, not self.unreadable, text, "a CSV table with a header line"

        late = metrics["future_rows"]
        text = f"none later than now + {want.max_future_days!r} days"
        yield "no_future_dates", want.date_column, not late, f"{late} rows", text

    def report(self):
        options, table, metrics = self.options, self.table, self.metrics()
        verdicts = list(self.verdicts(metrics))
        items = [
            {"check_id": name, "message": f"{name}: {measured}; required: {required}"}
            for name, passed, measured, required in verdicts
            if not passed
        ]
        report = {
            "schema_version": 1,
            "run_id": options.run_id,
            "generated_at": utc(self.now),
            "inputs": options.recorded,
            "path_base": options.bases,
            "input_sha256": table.digest.hexdigest() if table.digest else None,
            "input_bytes": table.size,
            "checks": {name: passed for name, passed, _, _ in verdicts},
            "metrics": metrics,
            "overall_pass": not items,
            "failures": [item["message"] for item in items],
            "failure_items": items,
        }
        if options.token is not None:
            report["token"] = options.token
        return report, verdicts


# ---- the command line


class Parser(argparse.ArgumentParser):
    def error(self, message):
        # Not argparse's exit code: 2 would say that the table failed.
        raise CannotRun(message)


def number(text, most=1e9):
    if not re.match(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    if float(text) > most:
        raise argparse.ArgumentTypeError(f"{text} is more than {most:g}")
    return float(text)


def ratio(text):
    return number(text, most=1)


def moment(text):
    return number(text, most=LAST_SECOND - 1)


def whole_number(text):
    if not re.match(r"[0-9]{1,18}\Z", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def words(text, **form):
    """A comma-separated list; a word with a comma in it is quoted as in CSV."""
    try:
        rows = list(csv.reader([text], strict=True, **form))
    except csv.Error as error:
        raise CannotRun(f"{text!r} is not a list: {error}") from error
    return list(dict.fromkeys(word for row in rows for word in row if word))


def parse_options(argv):
    parser = Parser(
        prog="data_quality.py",
        description="Check one CSV table. A LIST is separated by commas.",
        allow_abbrev=False,
    )
    option = parser.add_argument
    option("--input-csv", required=True, metavar="FILE")
    option("--required-columns", default="", metavar="LIST")
    option("--numeric-columns", default="", metavar="LIST")
    option("--key-columns", default="", metavar="LIST", help="default: whole rows")
    option("--date-column", default="", metavar="NAME")
    option("--min-rows", type=whole_number, default=1000, metavar="N")
    option("--max-missing-ratio", type=ratio, default=0.05, metavar="R")
    option("--max-duplicate-ratio", type=ratio, default=0.01, metavar="R")
    option("--max-staleness-days", type=number, default=7.0, metavar="D")
    option("--max-future-days", type=number, default=1.0, metavar="D")
    option("--missing-columns", default="", metavar="LIST", help="default: all columns")
    option("--na-values", default="", metavar="LIST", help="further words for a missing value")
    option("--out-dir", default="gate_results/data_quality", metavar="DIR")
    option("--run-id", help="the run whose directory DIR is")
    option("--token", help="kept in the report")
    option("--now", type=moment, default=time.time(), metavar="EPOCH", help="default: the clock")
    option("--recorded-path", metavar="P", help="the input's path as the report says it")
    option("--path-base", choices=("project_root", "host"), default="host", help="base of P")
    options = parser.parse_args(argv)
    recorded = {name: text_of(value) for name, value in vars(options).items()}
    for name in ("run_id", "token", "now", "recorded_path", "path_base"):
        del recorded[name]
    recorded["input_csv"] = text_of(options.recorded_path or os.path.abspath(options.input_csv))
    options.bases = {"input_csv": options.path_base, "out_dir": "host"}
    recorded["out_dir"] = text_of(os.path.abspath(options.out_dir))
    if options.run_id is not None:
        # A run directory can be moved: its report names it by itself.
        recorded["out_dir"], options.bases["out_dir"] = ".", "run_dir"
    options.recorded = recorded
    options.run_id, options.token = text_of(options.run_id), text_of(options.token)
    for name in ("required_columns", "numeric_columns", "key_columns", "missing_columns"):
        setattr(options, name, words(recorded[name], skipinitialspace=True))
    options.na_values = words(recorded["na_values"])
    options.date_column = recorded["date_column"].strip()
    return options


# ---- texts


def text_of(value):
    """The value; in a text, bytes of the command line that are no UTF-8 become \\xNN."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def why(error):
    return getattr(error, "strerror", None) or str(error)


def listed(items):
    if not items:
        return "none"
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    shown = [repr(item if len(item) <= 100 else item[:100] + "...") for item in items[:SHOWN]]
    return f"[{', '.join(shown)}]{more}"


def utc(seconds):
    days, rest = divmod(math.floor(seconds), 86400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    fraction = f"{int(seconds % 1 * 1e6):06d}".rstrip("0")
    dot = "." if fraction else ""
    return f"{date.fromordinal(days + EPOCH).isoformat()}T{clock}{dot}{fraction}Z"


def visible(text):
    """The text on one line, its control and format characters shown instead of sent."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def markdown(text):
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", html.escape(visible(text), quote=False))


def summary(report, verdicts, path):
    lines = [f"data quality: {'PASS' if report['overall_pass'] else 'FAIL'}"]
    lines += [f"input:  {report['metrics']['input_csv']}"]
    for name, passed, measured, required in verdicts:
        lines += [f"  {'ok  ' if passed else 'FAIL'}  {name:<24}  {measured}  ({required})"]
    lines += [f"report: {text_of(str(path))}"]
    return "".join(visible(line) + "\n" for line in lines)


def markdown_report(report, verdicts):
    metrics = report["metrics"]
    lines = [
        f"# Data quality: {'PASS' if report['overall_pass'] else 'FAIL'}",
        "",
        f"- input: {markdown(metrics['input_csv'])}",
        f"- sha256: {report['input_sha256']}, {report['input_bytes']} bytes",
        f"- {metrics['row_count']} rows, {metrics['column_count']} columns,"
        f" latest date {metrics['max_date_utc'] or 'unknown'}",
        f"- checked: {report['generated_at']}",
    ]
    if report["run_id"] is not None:
        lines += [f"- run: {markdown(report['run_id'])}"]
    lines += ["", "| check | passed | measured | required |", "|---|---|---|---|"]
    for name, passed, measured, required in verdicts:
        mark = "yes" if passed else "**no**"
        lines += [f"| {name} | {mark} | {markdown(measured)} | {markdown(required)} |"]
    return "\n".join(lines) + "\n"


# ---- files


def make_directory(options):
    """The report's directory; one of a stand-alone call is new, also in the same second."""
    out_dir = Path(options.out_dir)
    stamp = time.strftime("data_quality_%Y-%m-%d_%H%M%S", time.gmtime(options.now))
    try:
        if options.run_id is not None:
            directory = out_dir / "data_quality"
            directory.mkdir(parents=True, exist_ok=True)
            return directory
        out_dir.mkdir(parents=True, exist_ok=True)
        for name in [stamp, *(f"{stamp}_{n}" for n in range(2, 1000))]:
            with contextlib.suppress(FileExistsError):
                (out_dir / name).mkdir()
                return out_dir / name
    except (OSError, ValueError) as error:
        raise CannotRun(f"no directory in {out_dir}: {why(error)}") from error
    raise CannotRun(f"no free name like {stamp} in {out_dir}")


def replace(path, text):
    """A reader sees the old file or the whole new one, also after a crash."""
    temp = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temp.open("wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        temp.replace(path)
        folder = os.open(str(path.parent), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            temp.unlink()
        raise CannotRun(f"cannot write {path}: {why(error)}") from error


def run(argv):
    options = parse_options(argv)
    csv.field_size_limit(2 * MAX_RECORD)
    gate = Gate(options)
    gate.read()
    report, verdicts = gate.report()
    directory = make_directory(options)
    replace(directory / "data_quality_report.md", markdown_report(report, verdicts))
    path = directory / "data_quality_report.json"
    # Last: where this file lies, the other one does too.
    replace(path, json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    say(1, summary(report, verdicts, path))
    return 0 if report["overall_pass"] else 2


def say(stream, text):
    # Past Python's own buffers: where nobody reads any more, the exit code stays ours.
    data = text.encode("utf-8")
    with contextlib.suppress(OSError):
        while data:
            data = data[os.write(stream, data) :]


def main(argv):
    gc.disable()  # the rows hold no cycles; the collector would look at them all, again and again
    try:
        return run(argv)
    except CannotRun as error:
        text = str(error)
    except MemoryError:
        text = "out of memory"
    except KeyboardInterrupt:
        text = "interrupted"
    except Exception as error:
        # No traceback, and what was not foreseen is no pass.
        text = f"unexpected: {type(error).__name__}: {error}"
    say(2, f"error: the data-quality gate did not run: {visible(text_of(text))}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
