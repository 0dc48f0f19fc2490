"""The data-quality engine: one file of Python 3.6, run as the gate runs it, and held against an
oracle that works the same questions out slowly."""

import ast
import csv
import hashlib
import io
import itertools
import json
import os
import random
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from data_quality_oracle import Asked, judge

ENGINE = Path(__file__).parents[2] / "shell_templates" / "data_quality.py"
COMPILED = compile(ENGINE.read_text("utf-8"), str(ENGINE), "exec")
SOAK = int(os.environ.get("REMOTERUN_SOAK", "1"))
NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
FIRST_SIX = (
    "required_columns_present",
    "min_rows",
    "duplicate_ratio",
    "missing_ratio",
    "numeric_integrity",
    "freshness",
)
# The gate as a program whose own memory and reading are told by the kernel, not estimated.
MEASURED = """
import importlib.util, json, sys
def kernel_says(name, key):
    with open("/proc/self/" + name) as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key))
sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location("engine", sys.argv[1])
engine = importlib.util.module_from_spec(spec)
spec.loader.exec_module(engine)
before = kernel_says("io", "rchar:")
code = engine.main(sys.argv[3:])
read = kernel_says("io", "rchar:") - before
with open(sys.argv[2], "w") as file:
    json.dump({"read": read, "peak_kb": kernel_says("status", "VmHWM:")}, file)
sys.exit(code)
"""


def load_engine(**limits: int) -> ModuleType:
    """The engine as a module of its own, its limits small enough for small tables to reach."""
    module = ModuleType("data_quality_engine")
    exec(COMPILED, module.__dict__)
    for name, value in limits.items():
        assert hasattr(module, name)
        setattr(module, name, value)
    return module


def arguments(asked: Asked) -> list[str]:
    def listed(words):
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(words)
        return line.getvalue() if words else ""

    return [
        f"--required-columns={listed(asked.required_columns)}",
        f"--numeric-columns={listed(asked.numeric_columns)}",
        f"--key-columns={listed(asked.key_columns)}",
        f"--date-column={asked.date_column}",
        f"--min-rows={asked.min_rows}",
        f"--max-missing-ratio={asked.max_missing_ratio!r}",
        f"--max-duplicate-ratio={asked.max_duplicate_ratio!r}",
        f"--max-staleness-days={asked.max_staleness_days!r}",
        f"--max-future-days={asked.max_future_days!r}",
        f"--missing-columns={listed(asked.missing_columns)}",
        f"--na-values={listed(asked.na_values)}",
        f"--now={NOW!r}",
    ]


PANEL = Asked(
    required_columns=["date", "ticker", "score"],
    numeric_columns=["score"],
    key_columns=["date", "ticker"],
    date_column="date",
    min_rows=5,
)


def gate(table: Path, *extra: str, asked: Asked = PANEL, out: Path | None = None):
    """Run the engine as a program: (exit code, report or None, stdout, stderr)."""
    out = out or table.parent / "out"
    before = set(out.glob("**/*.json"))
    done = subprocess.run(
        [sys.executable, ENGINE, "--input-csv", table, "--out-dir", out, *arguments(asked), *extra],
        capture_output=True,
        timeout=120,
    )
    new = set(out.glob("**/*.json")) - before
    report = json.loads(new.pop().read_text("utf-8")) if new else None
    assert b"Traceback" not in done.stderr
    return done.returncode, report, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


def measured(table: Path, asked: Asked = PANEL, *extra: str):
    """Run the engine and say what it read and how much memory it took at most."""
    facts, out = table.parent / "facts.json", table.parent / "out"
    options = ["--input-csv", table, "--out-dir", out, "--run-id=r1", *arguments(asked), *extra]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, ENGINE, facts, *options],
        capture_output=True,
        timeout=300,
    )
    assert done.stderr == b""
    report = json.loads((out / "data_quality" / "data_quality_report.json").read_text("utf-8"))
    return done.returncode, report, json.loads(facts.read_text())


def panel(dates=("2027-01-13", "2027-01-14"), tickers=("A", "B", "NA"), score="0.25") -> str:
    rows = [f"{day},{ticker},{score}\n" for day in dates for ticker in tickers]
    return "date,ticker,score\n" + "".join(rows)


@pytest.fixture
def table(tmp_path):
    def write(content: str | bytes) -> Path:
        path = tmp_path / "table.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def test_the_engine_is_python_3_6_and_imports_only_the_standard_library():
    tree = ast.parse(ENGINE.read_text("utf-8"), feature_version=(3, 6))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(node.module.partition(".")[0])
    assert imported <= sys.stdlib_module_names


# ---- the four verdicts of the original program


def verdict_of(report):
    return [report["checks"][name] for name in FIRST_SIX]


def long_panel(rows=1400, change=lambda at, fields: fields, header="date,ticker,score"):
    lines = [
        ",".join(change(at, ["2026-02-19", f"T{at:04d}", f"{at % 97 - 48}.{at}"]))
        for at in range(rows)
    ]
    return "\n".join([header, *lines]) + "\n"


OLD = Asked(**{**vars(PANEL), "min_rows": 1000, "max_staleness_days": 100000.0})


def test_a_sound_table_passes(table):
    code, report, stdout, _ = gate(table(long_panel()), asked=OLD)
    assert code == 0
    assert report["overall_pass"] is True
    assert set(report["checks"].values()) == {True}
    assert report["failures"] == report["failure_items"] == []
    assert "data quality: PASS" in stdout


def test_all_members_of_a_duplicated_key_are_counted(table):
    rows = long_panel().splitlines(keepends=True)
    code, report, stdout, _ = gate(table("".join(rows + rows[1:201])), asked=OLD)
    assert code == 2
    assert verdict_of(report) == [True, True, False, True, True, True]
    assert report["metrics"]["duplicate_ratio"] == 400 / 1600
    assert [item["check_id"] for item in report["failure_items"]] == ["duplicate_ratio"]
    assert report["failures"] == [report["failure_items"][0]["message"]]
    assert "0.25" in report["failures"][0]
    assert "0.01" in report["failures"][0]
    assert "data quality: FAIL" in stdout


def test_an_infinite_number_breaks_the_integrity_of_its_column(table):
    infinite = long_panel(change=lambda at, row: [row[0], row[1], "inf"] if at == 3 else row)
    code, report, _, _ = gate(table(infinite), asked=OLD)
    assert code == 2
    assert verdict_of(report) == [True, True, True, True, False, True]
    assert report["metrics"]["numeric_issues"] == {"score": "nan_ratio=0.000000, has_inf=True"}
    assert report["metrics"]["numeric_issue_rows"] == {"score": [4]}


def test_a_required_numeric_column_that_is_absent_fails_both_checks(table):
    narrow = long_panel(change=lambda _, row: row[:2], header="date,ticker")
    code, report, _, _ = gate(table(narrow), asked=OLD)
    assert code == 2
    assert verdict_of(report) == [False, True, True, True, False, True]
    assert report["metrics"]["missing_required_columns"] == ["score"]
    assert report["metrics"]["numeric_issues"] == {"score": "column missing"}
    assert report["metrics"]["missing_ratio_by_column"] == {"date": 0.0, "ticker": 0.0}


# ---- against the oracle

NUMBERS = ["0", "-1.5", "+2.", ".5", "1e3", "1E-2", " 7 ", "\t8", "1e999", "-inf", "Infinity"]
NO_NUMBERS = [
    "1_0",
    "0x1",
    "1,5",
    "\N{ARABIC-INDIC DIGIT ONE}",
    "1e",
    "+-1",
    "1 2",
    "e5",
    ".",
    "  ",
    "nan",
    "NaN",
    "\x1c1",
]
MISSING = ["", "", "NA", "None", "null", "n/a", "-"]
DATES = ["2027-01-14", "2027/01/13", "20270112", "2027-01-14T07:59:59Z", "2027-01-15 08:00"]
DATES += ["2027-01-16T09:00:00.25+01:00", "2027-01-16T07:59:59.5-0001", "9999-12-31", "0001-01-01"]
NO_DATES = ["2027-13-01", "2027-02-30", "27-01-01", "-1", "9999-12-31T23:59-01:00", "2027-1-4"]
NO_DATES += [
    "2027-01/14",
    "2027-01-14T24:00",
    "2027-01-14T",
    "2027-01-14 Z",
    "\N{FULLWIDTH DIGIT TWO}027-01-14",
    "x",
]
TEXTS = ["A", "B", "NA", "a b", 'quo"te', "com,ma", "two\nlines", "cr\rhere", "é", "=cmd|x", '5"']


def random_value(chance, column):
    if chance.random() < 0.06:
        return chance.choice(MISSING)
    if column == "date":
        return chance.choice(NO_DATES if chance.random() < 0.05 else DATES)
    if column in ("score", "size"):
        if chance.random() < 0.9:
            return chance.choice([*NUMBERS[:8], f"{chance.gauss(0, 1):.6f}"])
        return chance.choice(NUMBERS + NO_NUMBERS)
    return chance.choice([*TEXTS, *(f"T{n}" for n in range(30))])


def random_table(chance):
    """A table of up to 150 rows: sound as a rule, with a fault of each kind now and then."""
    header = chance.sample(["date", "ticker", "score", "size", "a,b", ""], chance.randint(1, 6))
    clean = chance.random() < 0.4
    days = [f"2027-01-{day:02d}" for day in range(1, 15)]
    rows = []
    for _ in range(chance.choice([0, 1, 5, 40, 150])):
        values = {name: random_value(chance, name) for name in header}
        if clean:
            values = {name: f"{chance.randrange(99)}" for name in header}
            values.update({"date": chance.choice(days)} if "date" in header else {})
        rows.append([values[name] for name in header])
        if chance.random() < 0.03:
            rows.append(list(rows[-1]))
    order = chance.choice(["up", "down", "any", "late"])
    if order != "any":
        rows.sort(reverse=order == "down")
    if clean and rows and chance.random() < 0.7:
        at = chance.randrange(len(header))
        chance.choice(rows)[at] = chance.choice(
            [*NUMBERS, *NO_NUMBERS, *MISSING, *DATES, *NO_DATES]
        )
    if order == "late" and rows:
        rows.insert(len(rows), rows[chance.randrange(len(rows))])
    if chance.random() < 0.1:
        for row in chance.sample(rows, min(2, len(rows))):
            del row[chance.randrange(len(row)) + 1 :]
    if chance.random() < 0.03 and rows:
        chance.choice(rows).append("extra")
    if chance.random() < 0.03:
        header = [*header[:-1], header[0]]
    text = io.StringIO()
    quoting = chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    end = chance.choice(["\n", "\n", "\r\n", "\r"])
    writer = csv.writer(text, quoting=quoting, lineterminator=end)
    for row in [header, *rows]:
        writer.writerow(row)
        if chance.random() < 0.02:
            text.write(chance.choice(["\n", "\r\n", end + end]))
    content = text.getvalue()
    if chance.random() < 0.2:
        content = content.rstrip("\r\n")
    if chance.random() < 0.02:
        content += chance.choice(['"open', "\0", '"a"b\n', "\r"])
    data = content.encode("utf-8") + (b"\xff" if chance.random() < 0.01 else b"")
    return (b"\xef\xbb\xbf" if chance.random() < 0.1 else b"") + data


def random_asked(chance):
    columns = ["date", "ticker", "score", "size", "a,b"]

    def some(most):
        return chance.sample(columns, chance.randint(0, most)) if chance.random() < 0.7 else []

    return Asked(
        required_columns=some(2),
        numeric_columns=[name for name in some(3) if name in ("score", "size")],
        key_columns=some(3),
        date_column=chance.choice(["", "date", "date", "ticker"]),
        min_rows=chance.choice([0, 1, 40]),
        max_missing_ratio=chance.choice([0.0, 0.05, 0.2, 1.0]),
        max_duplicate_ratio=chance.choice([0.0, 0.01, 0.25, 1.0]),
        max_staleness_days=chance.choice([0.0, 0.5, 7.0, 1e6]),
        max_future_days=chance.choice([0.0, 1.0, 1e6]),
        missing_columns=some(2),
        na_values=chance.choice([[], [], ["NA", "-"], ["-1.5", "n/a"]]),
    )


@pytest.mark.parametrize("batch", range(10))
def test_generated_tables_get_the_verdicts_of_the_oracle(batch, tmp_path):
    chance = random.Random(batch)
    verdicts = set()
    for case in range(50 * SOAK):
        limits = {
            "BLOCK": chance.choice([16, 64, 1000, 256 * 1024]),
            "MAX_RECORD": 100_000,
            "MAX_GROUP": chance.choice([2, 30, 200_000]),
            "MAX_DISTINCT": chance.choice([1, 8, 65536]),
            "MAX_SUSPECTS": chance.choice([1, 200_000]),
        }
        engine, asked, content = load_engine(**limits), random_asked(chance), random_table(chance)
        path = tmp_path / "table.csv"
        path.write_bytes(content)
        if chance.random() < 0.3:  # keys that are not alike, with hashes that are
            engine.hash = lambda key: hash(key) % 5
        options = ["--input-csv", str(path), *arguments(asked)]
        engine_gate = engine.Gate(engine.parse_options(options))
        engine_gate.read()
        report, _ = engine_gate.report()
        checks, metrics = judge(content, asked, NOW)
        told = f"batch {batch}, case {case}, {limits}, {asked}, {content!r}"
        assert report["checks"] == checks, told
        got = report["metrics"]
        assert got["freshness_days"] == pytest.approx(metrics.pop("freshness_days"), abs=1e-9), told
        assert {name: got[name] for name in metrics} == metrics, told
        assert report["overall_pass"] == all(checks.values()), told
        assert report["input_sha256"] == hashlib.sha256(content).hexdigest(), told
        verdicts.add(tuple(checks.values()))
    assert len(verdicts) > 10  # the tables are not all of one kind


def test_texts_without_quotes_are_read_as_csv_reader_reads_them():
    engine, chance = load_engine(), random.Random(3)
    for _ in range(2000 * SOAK):
        width = chance.randint(1, 4)
        text = "".join(chance.choices(["a", ",", "\n", "bc", " ", "\x0b", "\u2028", "\x85"], k=20))
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
        columns = engine.plain_columns(text, width)
        if columns is not None:
            assert list(zip(*columns, strict=True)) == list(map(tuple, rows)), text
        elif text[0] != "\n" and "\n\n" not in text:
            assert any(len(row) != width for row in rows), text


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_table_of_any_line_ends_may_be_longer_than_the_longest_record(end, table):
    engine = load_engine(BLOCK=64, MAX_RECORD=500)
    lines = [f"{n},x" for n in range(2000)]
    parts = engine.Table(table(end.join(["a,b", *lines]))).parts()
    assert [f"{a},{b}" for columns, _ in parts for a, b in zip(*columns, strict=True)] == lines


@pytest.mark.parametrize("order", ["up", "down"])
def test_of_a_sorted_table_only_the_keys_of_one_group_are_kept(order):
    engine = load_engine()
    days = [f"{day:05d}" for day in range(400)]
    days = days if order == "up" else days[::-1]
    keys = engine.Keys()
    for day, next_day in itertools.pairwise(days):  # a part has the ends of two days
        keys.add([[day] * 50 + [next_day] * 50, [*map(str, range(49)), "0"] * 2], 1000)
        assert len(keys.group) == 50
    assert keys.store is None
    assert keys.count(None) == 2 + 398 * 100 + 2


def test_a_part_ends_soon_after_a_quote_that_a_block_has_cut(table):
    engine = load_engine(BLOCK=64)
    rows = [f'{n},"a\nb"' for n in range(500)]
    parts = list(engine.Table(table("n,text\n" + "\n".join(rows))).parts())
    assert sum(len(columns[0]) for columns, _ in parts) == 500
    assert max(size for _, size in parts) < 500


@pytest.mark.parametrize(
    ("latest", "failed"),
    [
        ("2027-01-14T08:00:00Z", set()),
        ("2027-01-14T07:59:59Z", {"freshness"}),
        ("2027-01-16T08:00:00Z", set()),
        ("2027-01-16T08:00:01Z", {"no_future_dates"}),
    ],
)
def test_the_bounds_of_dates_belong_to_what_passes(latest, failed, table):
    asked = Asked(**{**vars(PANEL), "max_staleness_days": 1.0, "max_future_days": 1.0})
    _, report, _, _ = gate(table(panel(dates=["2026-01-01", latest])), asked=asked)
    assert set(failing(report)) == failed


def test_the_groups_of_a_table_whose_order_breaks_late_are_read_again(table):
    days = [f"2026-{month:02d}-01" for month in range(1, 13)]
    rows = [f"{day},{n}" for day in days for n in range(100)] + [f"{days[0]},7"]
    engine = load_engine(BLOCK=1000)
    options = engine.parse_options(
        ["--input-csv", str(table("date,n\n" + "\n".join(rows))), "--key-columns=date,n"]
    )
    gate = engine.Gate(options)
    gate.read()
    assert gate.repeated == 2


# ---- hostile tables

MIB = 1024 * 1024
UNREADABLE = {
    "empty": (b"", "empty"),
    "blank lines only": (b"\n\r\n\n", "no header line"),
    "only a byte order mark": (b"\xef\xbb\xbf", "no header line"),
    "UTF-16 with its mark": (panel().encode("utf-16"), "UTF-16"),
    "UTF-16 without a mark": (panel().encode("utf-16-le"), "NUL"),
    "a NUL byte": (panel().encode() + b"2027-01-14,\0,1\n", "line 8: a NUL"),
    "not UTF-8": (panel().encode() + b"2027-01-14,\xe9,1\n", "line 8: not UTF-8"),
    "a repeated column": (b"date,score,date\n", "repeated column names: ['date']"),
    "a row too long": (panel().encode() + b"2027-01-14,A,1,2\n", "line 8: 4 fields"),
    "an open quote": (
        panel().encode() + b'2027-01-14,"A,1\nx,y,z\n',
        "line 8: in the record that begins there: unexpected end",
    ),
    "text after a quote": (panel().encode() + b'2027-01-14,"A"x,1\n', "line 8: "),
    "a quote bomb": (panel().encode() + b'"' + b"a,b\n" * (5 * MIB), "line 8: "),
    "a bomb of quoted fields": (b'date,"' + b'\n","' * (5 * MIB), "line 1: "),
    "a field of 64 MiB": (
        panel().encode() + b"2027-01-14," + b"A" * (64 * MIB),
        "line 8: a record",
    ),
    "a quoted field of 64 MiB": (b'date,"' + b"A" * (64 * MIB) + b'"\n', "line 1: a record"),
    "16 MiB of commas": (panel().encode() + b"," * (16 * MIB), "line 8: a record"),
    "7 MiB of commas": (panel().encode() + b"," * (7 * MIB), "line 8: 7340033 fields"),
    "a million columns": (",".join(f"c{n}" for n in range(10**6)).encode(), "100000 columns"),
}


def failing(report):
    return {item["check_id"]: item["message"] for item in report["failure_items"]}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_table_fails_with_its_reason_in_little_memory(name, table):
    content, reason = UNREADABLE[name]
    code, report, facts = measured(table(content))
    assert code == 2
    assert set(report["checks"].values()) == {False}
    assert reason in failing(report)["input_readable"]
    assert report["input_sha256"] == hashlib.sha256(content).hexdigest()
    assert report["input_bytes"] == len(content)
    assert facts["peak_kb"] < 512 * 1024
    assert facts["read"] < 1.01 * len(content) + 300_000  # and modules of Python's own


HARMLESS = {
    "formulas and markup": panel(tickers=["=cmd|'/c calc'!A0", "<b>|x", "`$(id)`"]),
    "a byte order mark": "\ufeff" + panel(),
    "mixed line ends": panel().replace("\n", "\r\n", 2).replace("13,B,0.25\n", "13,B,0.25\r"),
    "blank lines": panel().replace("\n", "\n\n\r\n"),
    "no newline at the end": panel().rstrip("\n"),
    "lines that only some think are lines": panel(tickers=["a\x0bb", "a\x1cb", "a\u2028b"]),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_looks_dangerous_passes(name, table):
    code, report, stdout, _ = gate(table(HARMLESS[name]))
    assert code == 0, stdout
    assert report["metrics"]["row_count"] == 6


def test_100_000_columns_are_judged_in_bounded_memory(table):
    header = ",".join(f"c{n}" for n in range(100_000))
    content = header + "\n" + (",".join(["7"] * 100_000) + "\n") * 20
    code, report, facts = measured(table(content), Asked(max_duplicate_ratio=1.0))
    assert code == 0
    assert len(report["metrics"]["missing_ratio_by_column"]) == 100_000
    assert facts["peak_kb"] < 512 * 1024


def test_a_header_alone_is_a_table_without_rows(table):
    code, report, _, _ = gate(table("date,ticker,score\n"))
    assert code == 2
    assert set(failing(report)) == {"min_rows", "duplicate_ratio", "numeric_integrity", "freshness"}
    assert report["metrics"]["duplicate_ratio"] is None
    assert report["metrics"]["freshness_days"] is None


@pytest.mark.parametrize("day", ["9999-12-31", "2027-01-16T08:00:00.5Z"])
def test_a_date_in_the_future_is_fresh_and_fails_its_own_check(day, table):
    code, report, _, _ = gate(table(panel(dates=["2027-01-14", day])))
    assert code == 2
    assert set(failing(report)) == {"no_future_dates"}
    assert report["metrics"]["future_rows"] == 3
    assert report["metrics"]["freshness_days"] < 0


@pytest.mark.parametrize(
    "value", ["nan", "inf", "-Infinity", "1e999", "1_0", "", "NA", "0x10", "x"]
)
def test_a_value_that_is_no_finite_number_is_never_a_pass(value, table):
    code, report, _, _ = gate(table(panel() + f"2027-01-14,C,{value}\n"))
    assert code == 2
    assert "numeric_integrity" in failing(report)
    assert report["metrics"]["numeric_issue_rows"] == {"score": [7]}


def test_a_file_that_changes_while_it_is_read_is_no_table(table):
    engine = load_engine(BLOCK=16)
    path = table(panel())
    parts = engine.Table(path).parts()
    next(parts)
    with path.open("a") as file:
        file.write("2027-01-14,C,1\n")
    with pytest.raises(engine.Unreadable, match="changed"):
        list(parts)


def test_a_file_that_gives_an_input_error_is_unreadable(tmp_path):
    out = tmp_path / "out"
    code, report, _, _ = gate(Path("/proc/self/mem"), out=out)
    assert code == 2
    assert "Input/output error" in failing(report)["input_readable"]
    assert report["input_sha256"] is None


# ---- what it reads, and in how much memory


def write_panel(path: Path, rows: int, shuffled: bool) -> int:
    """Rows of 1,000 tickers a day; a step that shares no factor with `rows` visits each once."""
    step = 611_953 if shuffled else 1
    with path.open("w") as file:
        file.write("date,ticker,score\n")
        for start in range(0, rows, 100_000):
            numbers = [at * step % rows for at in range(start, min(rows, start + 100_000))]
            file.writelines(
                f"{2000 + n // 336_000}-{n // 28_000 % 12 + 1:02d}-{n // 1000 % 28 + 1:02d}"
                f",T{n % 1000:03d},{n % 8191 / 100}\n"
                for n in numbers
            )
    return path.stat().st_size


@pytest.mark.parametrize(("shuffled", "growth_kb"), [(False, 4096), (True, 20480)])
def test_a_table_is_read_once_and_memory_hardly_grows_with_it(shuffled, growth_kb, tmp_path):
    peaks = []
    for rows in (200_000, 2_000_000):
        path = tmp_path / f"{rows}.csv"
        size = write_panel(path, rows, shuffled)
        asked = Asked(**{**vars(PANEL), "max_staleness_days": 1e5})
        code, report, facts = measured(path, asked)
        assert code == 0, report["failures"]
        assert report["metrics"]["row_count"] == rows
        peaks.append(facts["peak_kb"])
    assert size <= facts["read"] <= 1.01 * size
    assert peaks[1] <= peaks[0] + growth_kb
    assert peaks[1] <= (80 if shuffled else 40) * 1024


# ---- the program


@pytest.mark.parametrize(
    "extra",
    [
        ["--max-missing-ratio=nan"],
        ["--max-duplicate-ratio=1.5"],
        ["--max-duplicate-ratio=-0.1"],
        ["--max-staleness-days=inf"],
        ["--max-staleness-days=1_0"],
        ["--min-rows=-1"],
        ["--min-rows=1e3"],
        ["--min-rows="],
        ["--min=3"],
        ["--key-columns", '"open'],
        ["--path-base=run_dir"],
        ["--unknown"],
    ],
)
def test_a_bad_argument_is_exit_1_without_a_report(extra, table):
    code, report, stdout, stderr = gate(table(panel()), *extra)
    assert (code, report, stdout) == (1, None, "")
    assert stderr.startswith("error: ")


def make_fifo(path):
    os.mkfifo(path)


@pytest.mark.parametrize("make", [make_fifo, os.mkdir, lambda path: path.symlink_to("nowhere"), id])
def test_what_is_no_regular_file_is_exit_1(make, tmp_path):
    path = tmp_path / "table.csv"
    make(path)
    code, report, _, stderr = gate(path)
    assert (code, report) == (1, None)
    assert "table.csv" in stderr


def test_the_gate_of_a_run_writes_into_the_run_directory_and_replaces_what_is_there(
    table, tmp_path
):
    run = tmp_path / "run"
    extra = ["--run-id=2027-01-15_080000_w_t", "--token=abc"]
    extra += ["--recorded-path=data/in.csv", "--path-base=project_root"]
    reports = []
    for _ in range(2):
        code, *_ = gate(table(panel()), *extra, out=run)
        assert code == 0
        names = sorted(path.name for path in (run / "data_quality").iterdir())
        assert names == ["data_quality_report.json", "data_quality_report.md"]
        reports.append((run / "data_quality" / "data_quality_report.json").read_bytes())
    assert reports[0] == reports[1]
    report = json.loads(reports[0])
    assert report["run_id"] == "2027-01-15_080000_w_t"
    assert report["token"] == "abc"
    assert report["inputs"]["input_csv"] == report["metrics"]["input_csv"] == "data/in.csv"
    assert report["inputs"]["out_dir"] == "."
    assert report["path_base"] == {"input_csv": "project_root", "out_dir": "run_dir"}


def test_two_calls_of_one_second_write_two_reports(table):
    path = table(panel())
    for _ in range(2):
        gate(path)
    names = sorted(directory.name for directory in (path.parent / "out").iterdir())
    assert names == ["data_quality_2027-01-15_080000", "data_quality_2027-01-15_080000_2"]


def test_the_report_has_every_field_and_its_json_is_strict(table):
    path = table(panel() + "2027-01-14,C,nan\n")
    gate(path)
    (written,) = path.parent.glob("out/*/data_quality_report.json")

    def refuse(constant):
        raise AssertionError(constant)

    report = json.loads(written.read_text("utf-8"), parse_constant=refuse)
    assert report["schema_version"] == 1
    assert report["run_id"] is None
    assert "token" not in report
    assert report["generated_at"] == "2027-01-15T08:00:00Z"
    assert report["inputs"]["key_columns"] == "date,ticker"
    assert report["inputs"]["input_csv"] == str(path)
    assert report["metrics"]["max_date_utc"] == "2027-01-14T00:00:00Z"
    assert report["metrics"]["freshness_days"] == pytest.approx(4 / 3)
    assert report["metrics"]["numeric_issues"] == {"score": "nan_ratio=0.142857, has_inf=False"}
    assert report["metrics"]["missing_ratio_violations"] == ["score"]


def test_no_control_character_reaches_the_screen_or_the_page(table):
    name = "\x1b[31mscore\u202e\x9b"
    path = table(f"date,ticker,{name}|<b>\n")
    asked = Asked(required_columns=[f"{name}x"], numeric_columns=[f"{name}|<b>"])
    code, report, stdout, _ = gate(path, asked=asked)
    assert code == 2
    assert report["metrics"]["missing_required_columns"] == [f"{name}x"]
    (page,) = path.parent.glob("out/*/data_quality_report.md")
    for text in (stdout, page.read_text("utf-8")):
        assert all(character.isprintable() or character == "\n" for character in text)
    assert "<b>" not in page.read_text("utf-8")


def test_a_path_that_is_no_utf_8_is_shown_with_its_bytes(tmp_path):
    path = tmp_path / os.fsdecode(b"t\xff.csv")
    path.write_text(panel())
    code, report, _, _ = gate(path)
    assert code == 0
    assert report["inputs"]["input_csv"] == f"{tmp_path}/t\\xff.csv"


@pytest.mark.parametrize("closed", [True, False])
def test_the_exit_code_stands_when_nobody_reads_the_summary(closed, table):
    reader, writer = os.pipe()
    os.close(reader)
    path = table(panel())
    argv = [sys.executable, ENGINE, "--input-csv", path, "--out-dir", path.parent]
    close = (lambda: os.close(1)) if closed else None
    done = subprocess.run([*argv, *arguments(PANEL)], stdout=writer, stderr=-1, preexec_fn=close)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_report_that_cannot_be_written_is_exit_1_and_leaves_no_half_file(table):
    path = table(panel())
    options = ["--input-csv", path, "--out-dir", path.parent, "--run-id=r", *arguments(PANEL)]
    done = subprocess.run(
        [sys.executable, ENGINE, *options],
        capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
    )
    assert done.returncode == 1
    assert b"cannot write" in done.stderr
    assert list((path.parent / "data_quality").iterdir()) == []


def pythons():
    names = [f"python3.{minor}" for minor in range(6, 16)]
    found = [path for path in map(shutil.which, names) if path]
    return [p for p in found if subprocess.run([p, "-c", ""], capture_output=True).returncode == 0]


def test_every_python_at_hand_writes_the_same_report(table):
    path = table(panel() + '2027-01-14,"C\nD",1\n')
    reports = set()
    for python in {sys.executable, *pythons()}:
        options = ["--input-csv", path, "--out-dir", path.parent, "--run-id=r", *arguments(PANEL)]
        done = subprocess.run([python, ENGINE, *options], capture_output=True)
        assert (done.returncode, done.stderr) == (0, b""), python
        reports.add((path.parent / "data_quality" / "data_quality_report.json").read_bytes())
    assert len(reports) == 1
