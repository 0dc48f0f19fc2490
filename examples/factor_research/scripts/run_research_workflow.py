#!/usr/bin/env python3
"""Run a workflow of this project: run_research_workflow.py --workflow NAME -- ARGUMENTS.

Only the Python standard library is used, so nothing needs to be installed on a host.
"""

from __future__ import annotations

import sys

from production_gates.workflow import main as production_gates

WORKFLOWS = {"production_gates": production_gates}
USAGE = "usage: run_research_workflow.py --workflow {} -- ARGUMENTS (or -- --help)"


def main(words: list[str]) -> int:
    """Start the workflow that stands before `--` with the words that stand after it."""
    before = words[: words.index("--")] if "--" in words else words
    if len(before) != 2 or before[0] != "--workflow" or before[1] not in WORKFLOWS:
        print(USAGE.format("|".join(WORKFLOWS)), file=sys.stderr)
        return 2
    return WORKFLOWS[before[1]](words[len(before) + 1 :])


if __name__ == "__main__":  # the processes of the walk-forward may import this file again
    sys.exit(main(sys.argv[1:]))
