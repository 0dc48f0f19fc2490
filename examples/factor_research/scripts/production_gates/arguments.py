"""The command line of the workflow. Every argument stands in the report's `inputs`."""

from __future__ import annotations

import argparse
import re

DEFAULT_TABLE = "data/your_input.csv"


def read_arguments(words: list[str]) -> dict:
    """Arguments by name, with underscores; ends the program with 2 when they make no sense."""
    parser = _parser()
    given = vars(parser.parse_args(_joined(words, parser)))
    if given["write_freeze"] and not given["freeze_file"]:
        parser.error("--write-freeze needs --freeze-file")
    # the report is strict UTF-8, bytes of the command line need not be
    return {name: _utf8(value) for name, value in given.items()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run_research_workflow.py --workflow production_gates --",
        description="Measure a factor, judge it, write production_gates_report.json. "
        "Exit 0 when the report was written, whatever its verdict; 3 refused; 2 usage.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--strategy", required=True, metavar="FILE", help="configuration of the strategy")
    add("--factor", required=True, metavar="NAME", help="a factor of that configuration")
    add("--cost-multipliers", type=_multipliers, default=[1.5, 2.0], metavar="X,Y")
    add("--wf-shards", type=_positive, default=1, metavar="N", help="processes to share the years")
    table = f"default {DEFAULT_TABLE}; the variable REMOTERUN_INPUT_CSV wins over both"
    add("--input-csv", default=DEFAULT_TABLE, metavar="FILE", help=table)
    add("--freeze-file", default="", metavar="FILE", help="refuse when it names something else")
    add("--out-dir", default="gate_results", metavar="FOLDER")
    add("--decision-tag", default="", metavar="TAG")
    add("--owner", default="", metavar="NAME")
    add("--notes", default="", metavar="TEXT")
    add("--stat-summary-csv", default="", metavar="FILE", help="other factors that were tried")
    add("--skip-guardrails", action="store_true", help="do not look at the freeze file")
    add("--skip-risk-diagnostics", action="store_true")
    add("--skip-statistical-gates", action="store_true")
    add("--dry-run", action="store_true", help="check everything, compute nothing")
    freeze = "write the freeze file for this configuration and commit, and end"
    add("--write-freeze", action="store_true", help=freeze)
    return parser


def _joined(words: list[str], parser: argparse.ArgumentParser) -> list[str]:
    """`--notes TEXT` as `--notes=TEXT`, so that a text may begin with a dash."""
    takes_value = {
        action.option_strings[0]
        for action in parser._actions
        if action.option_strings and action.nargs is None
    }
    rest, result = list(words), []
    while rest:
        word = rest.pop(0)
        result.append(f"{word}={rest.pop(0)}" if word in takes_value and rest else word)
    return result


def _utf8(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return value


def _multipliers(text: str) -> list[float]:
    if not re.fullmatch(r"\d+(\.\d+)?(,\d+(\.\d+)?)*", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"`{text}` is no list like 1.5,2.0")
    values = [float(part) for part in text.split(",")]
    if len(set(values)) != len(values):
        raise argparse.ArgumentTypeError(f"`{text}` names a multiplier twice")
    return values


def _positive(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,3}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"`{text}` is no number from 1 to 9999")
    return int(text)
