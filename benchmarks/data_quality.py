"""What does the data-quality gate cost, as a multiple of iterating the table with csv.reader?

usage   python benchmarks/data_quality.py [--quick] [--json FILE]

Tables of 100 thousand, 1 million and 5 million rows, sorted by date and in no order, 1 %
duplicates; --quick leaves out the last and takes 3 rounds, not 9. Peers: csv.reader alone (the
unit), and mawk, gawk, polars and duckdb with the same checks, but without digest and report. A
slow figure is no failure; one that cannot be taken is, and so is a peer that counts other rows or
duplicates than the gate.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata, util
from pathlib import Path

from generate import write_table
from pairs import (
    FEW_ROUNDS,
    ROUNDS,
    Command,
    NoFigure,
    Ratio,
    Sample,
    machine,
    median_of,
    print_table,
    ratio_of,
    run_rounds,
    summary_of,
)

ENGINE = Path(__file__).resolve().parent.parent / "shell_templates" / "data_quality.py"
CSV_READER = """
import csv, sys
with open(sys.argv[1], encoding="utf-8", newline="") as file:
    rows = -1
    for _ in csv.reader(file):
        rows += 1
print(rows)
"""
AWK = r"""
NR == 1 { next }
{
  rows++
  for (i = 1; i <= 3; i++) if ($i == "") missing[i]++
  if ($3 !~ /^[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*$/) wrong++
  if ($1 > latest) latest = $1
  times[$1 "," $2]++
}
END {
  for (key in times) if (times[key] > 1) repeated += times[key]
  print rows, repeated, wrong + 0, missing[1] + missing[2] + missing[3], latest
}
"""
POLARS = """
import polars, sys
table = polars.read_csv(sys.argv[1], schema_overrides={"date": polars.String})
missing = table.null_count().sum_horizontal().item()
wrong = table.select((~polars.col("score").cast(polars.Float64).is_finite()).sum()).item()
latest = table["date"].str.to_date("%Y-%m-%d").max()
print(table.height, table.select("date", "ticker").is_duplicated().sum(), wrong, missing, latest)
"""
DUCKDB = """
import duckdb, sys
found = duckdb.sql(
    "with rows as (select * from read_csv(?, header=true, columns="
    "{'date': 'DATE', 'ticker': 'VARCHAR', 'score': 'DOUBLE'})), "
    "keys as (select count(*) as times from rows group by date, ticker) "
    "select count(*), (select sum(times) from keys where times > 1)::bigint, "
    "count(*) filter (not isfinite(score)), 3 * count(*) - count(date) - count(ticker) "
    "- count(score), max(date) from rows",
    params=[sys.argv[1]],
).fetchall()[0]
print(*found)
"""
# Bytes read by a second run of the gate in one process, by the kernel's count: the first one has
# read those modules that Python loads late.
BYTES_READ = """
import importlib.util, sys
def rchar():
    with open("/proc/self/io") as file:
        return int(file.readline().split()[1])
sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location("engine", sys.argv[1])
engine = importlib.util.module_from_spec(spec)
spec.loader.exec_module(engine)
engine.main(sys.argv[2:])
before = rchar()
engine.main(sys.argv[2:])
print(rchar() - before)
"""
RATIO_GOAL = {"sorted": 3.0, "shuffled": 3.5}
RSS_GOAL_MB = {"sorted": 40, "shuffled": 80}


def gate_arguments(table: Path, out: Path) -> list[str]:
    return [
        *("--input-csv", str(table), "--out-dir", str(out), "--run-id", "benchmark"),
        *("--required-columns", "date,ticker,score", "--numeric-columns", "score"),
        *("--key-columns", "date,ticker", "--date-column", "date"),
        *("--max-staleness-days", "100000"),
    ]


def peers(table: Path) -> dict[str, Command | None]:
    """Each peer, None where it is not installed."""
    found: dict[str, Command | None] = {}
    for name in ("mawk", "gawk"):
        program = shutil.which(name)
        found[name] = program and Command(name, (program, "-F,", AWK, str(table)))
    for name, text in (("polars", POLARS), ("duckdb", DUCKDB)):
        argv = (sys.executable, "-c", text, str(table))
        found[name] = Command(name, argv) if util.find_spec(name) else None
    return found


def versions() -> dict[str, str]:
    found = {}
    for name, option in (("mawk", "-W version"), ("gawk", "--version")):
        if program := shutil.which(name):
            done = subprocess.run([program, *option.split()], capture_output=True, text=True)
            found[name] = (done.stdout or done.stderr).splitlines()[0]
    for name in ("polars", "duckdb"):
        if util.find_spec(name):
            found[name] = metadata.version(name)
    return found


def check_agreement(report: Path, taken: dict[str, list[Sample]]) -> None:
    """A peer that counts something else is no measure."""
    metrics = json.loads(report.read_text("utf-8"))["metrics"]
    repeated = round(metrics["duplicate_ratio"] * metrics["row_count"])
    ours = [str(metrics["row_count"]), str(repeated), "0", "0", metrics["max_date_utc"][:10]]
    for name in set(taken) & {"mawk", "gawk", "polars", "duckdb"}:
        if taken[name][0].output.split() != ours:
            raise NoFigure(f"{name} counts {taken[name][0].output!r}, the gate {ours}")


def bytes_read(table: Path, out: Path) -> int:
    argv = [sys.executable, "-c", BYTES_READ, str(ENGINE), *gate_arguments(table, out)]
    done = subprocess.run(argv, capture_output=True, text=True)
    try:
        return int(done.stdout.split()[-1])
    except (IndexError, ValueError):
        raise NoFigure(f"bytes read: {done.stderr}") from None


def measure(rows: int, order: str, folder: Path, *, quick: bool) -> dict[str, object]:
    """One condition: print its table, return its figures."""
    table, out = folder / "table.csv", folder / "out"
    size = write_table(table, rows, shuffled=order == "shuffled")
    found = peers(table)
    commands = [
        Command("the gate", (sys.executable, str(ENGINE), *gate_arguments(table, out))),
        Command("csv.reader", (sys.executable, "-c", CSV_READER, str(table))),
        *filter(None, found.values()),
        Command("python -c pass", (sys.executable, "-c", "pass")),
    ]
    taken = run_rounds(commands, rounds=FEW_ROUNDS if quick else ROUNDS)
    check_agreement(out / "data_quality" / "data_quality_report.json", taken)
    unit, gate = taken["csv.reader"], taken["the gate"]
    ratio = ratio_of(gate, unit)
    rss_mb = max(sample.peak_kb for sample in gate) / 1024
    read = bytes_read(table, out) / size
    goals = {
        f"ratio to csv.reader <= {RATIO_GOAL[order]}": ratio.median <= RATIO_GOAL[order],
        f"RSS <= {RSS_GOAL_MB[order]} MB": rss_mb <= RSS_GOAL_MB[order],
        "bytes read / size <= 1.01": read <= 1.01,
    }
    shown = []
    for name in [command.name for command in commands] + [n for n, c in found.items() if c is None]:
        if name not in taken:
            shown.append([name, "not installed", *[""] * 4])
            continue
        ours: Ratio | str = ratio_of(gate, taken[name]) if name != "the gate" else ""
        shown.append(
            [
                name,
                f"{median_of(taken[name], 'seconds'):.3f}",
                f"{median_of(taken[name], 'cpu_s'):.3f}",
                f"{max(sample.peak_kb for sample in taken[name]) / 1024:.1f}",
                str(ratio_of(taken[name], unit)),
                str(ours),
            ]
        )
    print(f"\n{rows:,} rows, {order}, {size / 1e6:.0f} MB, {len(gate)} rounds")
    print_table(["", "s", "cpu s", "RSS MB", "/ csv.reader", "gate / this"], shown)
    print(f"bytes read / size: {read:.4f}")
    for goal, met in goals.items():
        print(f"goal {goal}: {'met' if met else 'NOT MET'}")
    return {
        "rows": rows,
        "order": order,
        "bytes": size,
        "ratio": [ratio.low, ratio.median, ratio.high],
        "rss_mb": rss_mb,
        "bytes_read_ratio": read,
        "goals": goals,
        "samples": summary_of(taken),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 rounds, no 5 million rows")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    facts = {**machine(), "versions": versions()}
    print(f"data_quality: {facts}")
    for names, line in (
        (("mawk", "gawk"), "apt-get install mawk gawk"),
        (("polars", "duckdb"), "pip install -r benchmarks/requirements.txt"),
    ):
        if missing := [name for name in names if name not in facts["versions"]]:
            print(f"not installed: {', '.join(missing)} ({line})")
    figures = []
    try:
        for rows in (100_000, 1_000_000) if options.quick else (100_000, 1_000_000, 5_000_000):
            for order in ("sorted", "shuffled"):
                with tempfile.TemporaryDirectory() as folder:
                    figures.append(measure(rows, order, Path(folder), quick=options.quick))
    except (NoFigure, OSError) as error:
        print(f"error: no figure: {error}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps({**facts, "figures": figures}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
