"""What does `status` of many finished runs cost, against a bare loop over the same files?

usage   python benchmarks/records.py [--quick] [--json FILE]

100, 1,000 and 10,000 finished runs: `status` (the last 20) and `status --all`. The bare loop lists
the folder, opens of each run the files that the list needs and parses them as JSON; the ratio of
the list of all is (ours - start-up) / (loop - `python -c pass`), start-up being the same verb in an
empty project. The files lie in memory where that is possible. There is no index: beyond 1,000
runs the verb says so. --quick takes 3 rounds. A slow figure is no failure; one that cannot be
taken is.
"""

import argparse
import contextlib
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from launch import quiet
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
    run_rounds,
    summary_of,
)
from projects import REMOTERUN, a_project, environment, launch_one, write_finished_runs

SIZES = (100, 1_000, 10_000)
LAST_GOAL, ALL_GOAL = 1.2, 1.3
NOTHING, EMPTY = "python -c pass", "status, empty project"
LOOP = """
import json, os, sys
runs = sys.argv[1]
lines = []
for name in sorted(os.listdir(runs)):
    folder = f"{runs}/{name}"
    found = []
    for file in ("manifest.json", "control/exec", "exit_status.json"):
        with open(f"{folder}/{file}", "rb") as opened:
            found.append(json.loads(opened.read()))
    os.lstat(f"{folder}/artifacts.json")
    lines.append(f"{found[0]['decision_tag']}  {found[2]['state']}  {found[2]['exit_code']}")
print("\\n".join(lines))
"""


def over(
    ours: Sequence[Sample],
    minus: Sequence[Sample],
    peer: Sequence[Sample],
    peer_minus: Sequence[Sample],
) -> Ratio:
    """(ours - its start-up) / (peer - its start-up), a value a round."""
    values = [
        (a.seconds - b.seconds) / (c.seconds - d.seconds)
        for a, b, c, d in zip(ours, minus, peer, peer_minus, strict=True)
    ]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Ratio(median, low, high)


def ratio_to(ours: Sequence[Sample], peer: Sequence[Sample]) -> Ratio:
    nothing = [Sample(0, 0, 0, "")] * len(ours)
    return over(ours, nothing, peer, nothing)


def measure(quick: bool) -> tuple[list[list[object]], dict[str, object]]:
    env = environment()
    with contextlib.ExitStack() as stack:
        roots = {
            size: stack.enter_context(a_project(git=False, in_memory=True)) for size in (0, *SIZES)
        }
        template = launch_one(roots[0], "template")
        for size in SIZES:
            target = roots[size] / "audit/workstation_runs"
            target.mkdir(parents=True)
            write_finished_runs(template, size, target)
        empty = stack.enter_context(a_project(git=False, in_memory=True))
        commands = [
            Command(NOTHING, (sys.executable, "-c", "pass"), env=env),
            Command(EMPTY, (*REMOTERUN, "status", "-C", str(empty)), env=env),
        ]
        for size in SIZES:
            root = roots[size]
            loop = (sys.executable, "-c", LOOP, str(root / "audit/workstation_runs"))
            status = (*REMOTERUN, "status", "-C", str(root))
            commands += [
                Command(f"bare loop, {size}", loop, env=env),
                Command(f"status, {size}", status, env=env),
                Command(f"status --all, {size}", (*status, "--all"), env=env),
            ]
        with quiet():
            samples = run_rounds(commands, rounds=FEW_ROUNDS if quick else ROUNDS)
    for size in SIZES:
        for name in (f"bare loop, {size}", f"status --all, {size}"):
            # the list of all has a head
            shown = len(samples[name][0].output.splitlines()) - name.startswith("status")
            if shown != size:
                raise NoFigure(f"{name} shows {shown} runs")
    return [row_of(command.name, samples) for command in commands], summary_of(samples)


def row_of(name: str, samples: dict[str, list[Sample]]) -> list[object]:
    taken = samples[name]
    row: list[object] = [name, f"{median_of(taken, 'seconds') * 1000:.0f}"]
    row += [f"{median_of(taken, 'cpu_s') * 1000:.0f}", f"{median_of(taken, 'peak_kb') / 1000:.0f}"]
    kind, _, size = name.partition(", ")
    if kind == "status --all":
        loop = samples[f"bare loop, {size}"]
        ratio = over(taken, samples[EMPTY], loop, samples[NOTHING])
        goal, peer = ALL_GOAL, "bare loop, both without start-up"
    elif kind == "status" and size != "empty project":
        ratio, goal, peer = ratio_to(taken, samples[EMPTY]), LAST_GOAL, EMPTY
    else:
        return [*row, "", "", "", ""]
    when = " with an index" if goal == LAST_GOAL else ""
    return [*row, peer, ratio, f"<= {goal}{when}", "met" if ratio.median <= goal else "missed"]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    try:
        rows, figures = measure(asked.quick)
    except NoFigure as error:
        print(f"no figure: {error}", file=sys.stderr)
        return 1
    print_table(["command", "ms", "cpu ms", "RSS MB", "unit", "ratio", "goal", ""], rows)
    print(", ".join(f"{key} {value}" for key, value in machine().items()))
    if asked.json:
        asked.json.write_text(json.dumps({"machine": machine(), "figures": figures}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
