"""What does it cost to start: help, version, completion, a local verb, every verb's help?

usage   python benchmarks/start_up.py [--quick] [--json FILE]

Peers: `python -c pass`, `import typer` (the unit of help and version) and an empty typer command
(the unit of a local verb). --quick takes 3 rounds and leaves out the help of most verbs. A slow
figure is no failure; one that cannot be taken is.
"""

import argparse
import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from pairs import (
    FEW_ROUNDS,
    ROUNDS,
    Command,
    NoFigure,
    machine,
    median_of,
    print_table,
    ratio_of,
    run_rounds,
    summary_of,
)
from projects import REMOTERUN, a_project, environment

EMPTY_COMMAND = """
import typer
from pathlib import Path
from typing import Annotated
app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
@app.command()
def status(
    runs: Annotated[list[str] | None, typer.Argument()] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag")] = None,
    host: Annotated[str | None, typer.Option("--host")] = None,
    everything: Annotated[bool, typer.Option("--all")] = False,
    tail_lines: Annotated[int, typer.Option("--tail-lines", min=0)] = 25,
    inventory: Annotated[Path | None, typer.Option("--inventory", "-i")] = None,
    project: Annotated[Path | None, typer.Option("--project", "-C")] = None,
) -> None:
    pass
app()
"""
PEERS = {
    "python -c pass": ("-c", "pass"),
    "import typer": ("-c", "import typer"),
    "empty typer command": ("-c", EMPTY_COMMAND),
}
VERBS = (
    "official",
    "run",
    "preflight",
    "dq",
    "status",
    "monitor",
    "logs",
    "wait",
    "stop",
    "resume",
)
HELP, VERB_HELP, LOCAL = 1.5, 2.7, 1.4


def questions(quick: bool) -> dict[str, tuple[tuple[str, ...], str, float]]:
    """Name -> (arguments, the peer that is its unit, goal)."""
    found: dict[str, tuple[tuple[str, ...], str, float]] = {
        "--help": (("--help",), "import typer", HELP),
        "--version": (("--version",), "import typer", HELP),
        "completion": ((), "import typer", VERB_HELP),
        "status, empty project": (("status", "-o", "name"), "empty typer command", LOCAL),
        "hosts list": (("hosts", "list"), "empty typer command", LOCAL),
    }
    for verb in VERBS[:1] if quick else VERBS:
        found[f"{verb} --help"] = ((verb, "--help"), "import typer", VERB_HELP)
    return found


def count_modules(argv: tuple[str, ...], env: dict[str, str], cwd: Path) -> int:
    done = subprocess.run(
        [argv[0], "-X", "importtime", *argv[1:]], cwd=cwd, env=env, capture_output=True, text=True
    )
    return sum(line.startswith("import time:") for line in done.stderr.splitlines()) - 1


def measure(quick: bool) -> tuple[list[list[object]], dict[str, object]]:
    asked = questions(quick)
    with a_project() as root:
        env = environment()
        complete = {
            "_REMOTERUN_COMPLETE": "complete_bash",
            "COMP_WORDS": "remoterun sta",
            "COMP_CWORD": "1",
        }
        commands = [Command(name, (sys.executable, *rest), env=env) for name, rest in PEERS.items()]
        for name, (words, _, _) in asked.items():
            project = ("-C", str(root)) if name.startswith("status,") else ()
            more = complete if name == "completion" else {}
            commands.append(Command(name, (*REMOTERUN, *words, *project), env=env | more))
        samples = run_rounds(commands, rounds=FEW_ROUNDS if quick else ROUNDS)
        modules = {c.name: count_modules(c.argv, dict(c.env or {}), root) for c in commands}
    rows: list[list[object]] = []
    for command in commands:
        taken = samples[command.name]
        row: list[object] = [command.name, f"{median_of(taken, 'seconds') * 1000:.0f}"]
        row += [f"{median_of(taken, 'cpu_s') * 1000:.0f}"]
        row += [f"{median_of(taken, 'peak_kb') / 1000:.0f}", modules[command.name]]
        if command.name in asked:
            _, peer, goal = asked[command.name]
            ratio = ratio_of(taken, samples[peer])
            row += [peer, ratio, f"<= {goal}", "met" if ratio.median <= goal else "missed"]
        else:
            row += ["", "", "", ""]
        rows.append(row)
    return rows, summary_of(samples) | {"modules": modules}


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
    header = ["command", "ms", "cpu ms", "RSS MB", "modules", "unit", "ratio", "goal", ""]
    print_table(header, rows)
    about = machine() | {
        "typer": metadata.version("typer"),
        "pydantic": metadata.version("pydantic"),
    }
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    if asked.json:
        asked.json.write_text(json.dumps({"machine": about, "figures": figures}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
