"""`init`: the first files of a project, enough for a first official run."""

import re
from dataclasses import dataclass
from pathlib import Path
from string import Template

from remoterun.errors import Conflict
from remoterun.model.names import ProjectName, Text
from remoterun.model.rundir import DEFAULT_RUNS
from remoterun.records.files import publish
from remoterun.records.first_files import add_lines, holds
from remoterun.records.places import PROJECT_FILE

IGNORED = (".remoterun/", f"{DEFAULT_RUNS}/")
"""What remoterun writes into a project and git has no need of."""


@dataclass(frozen=True)
class Initialised:
    """What `init` wrote; False and empty where it was there before."""

    project_file: Path
    written: bool
    ignored: tuple[str, ...]


def init(folder: Path, owner: str | None) -> Initialised:
    """Write a commented `remoterun.yaml` and the lines of `.gitignore`.

    Doing it again is safe: an unchanged file stays, and no line is added twice.

    Raises:
        Conflict: another `remoterun.yaml` stands there; nothing was written.
    """
    path = folder / PROJECT_FILE
    text = build_project_file(project_name(folder.name), owner)
    written = publish(path, text.encode())
    if not written and not holds(path, text.encode()):
        why = "it is never overwritten"
        fix = "remoterun config check"
        raise Conflict(f"`{PROJECT_FILE}` exists already", where=str(path), why=why, fix=fix)
    return Initialised(path, written, add_lines(folder / ".gitignore", IGNORED))


def project_name(folder: str) -> ProjectName:
    """The name of a folder with `-` for what a project's name cannot hold."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", folder).lstrip("._-")[:64]
    return ProjectName(name or "project")


def build_project_file(project: ProjectName, owner: str | None) -> str:
    """The text of a first `remoterun.yaml`; every key that is not commented out is in use."""
    try:
        line = f"owner: {quoted(Text(owner))}" if owner else "# owner: your-name"
    except ValueError:
        line = "# owner: your-name"
    return TEMPLATE.substitute(project=quoted(project), owner=line, runs=DEFAULT_RUNS)


def quoted(text: str) -> str:
    """A YAML scalar that is read as text whatever it holds."""
    escapes = {"\\": "\\\\", '"': '\\"'}
    shown = (escapes.get(c, c if c.isprintable() else f"\\U{ord(c):08x}") for c in text)
    return '"' + "".join(shown) + '"'


TEMPLATE = Template("""\
# remoterun.yaml: what this project runs, and what must hold before it may run.
# Commit this file: its digest is in the record of every run. `remoterun config check` reads it,
# `remoterun config schema project` prints every key that may stand here.

version: 1                       # of the format of this file
project: $project
$owner                    # answers for a run when --owner is not given

paths:
  runs: $runs   # one directory per run

# preflight:                     # what a host must offer; overrides the inventory
#   min_cores: 8
#   min_memory: 60GiB            # GiB is 2^30, GB is 10^9
#   require_clean: true          # uncommitted changes block an official run

workflows:
  # remoterun official --workflow first_run --tag first_1 -- --steps 3
  first_run:
    command:                     # its words; `python` is .venv/bin/python if there is one
      - python
      - -c
      - |
        import argparse, json, os, pathlib, time

        parser = argparse.ArgumentParser()
        parser.add_argument("--steps", type=int, default=3)
        parser.add_argument("--decision-tag")
        parser.add_argument("--owner")
        parser.add_argument("--notes")
        args = parser.parse_args()
        for step in range(1, args.steps + 1):
            time.sleep(0.2)
            print(f"step {step}/{args.steps}", flush=True)
        folder = pathlib.Path("results") / f"first_run_{args.decision_tag}"
        folder.mkdir(parents=True, exist_ok=True)
        report = {"decision_tag": args.decision_tag, "steps": args.steps, "overall_pass": True}
        (folder / "report.json").write_text(json.dumps(report) + "\\n")
        print("saved", folder / "report.json", flush=True)
    hosts: [local]               # where it may run; [] is anywhere
    default_host: local          # when --host is not given
    identity_args: true          # append --decision-tag, --owner and --notes to the command
    threads: 1                   # OMP_NUM_THREADS and its kind
    # setup: source ~/miniconda3/bin/activate research     # before the gates and the command
    # parameters: {seed: 7}      # free values for the record
    limits:
      time: 10m                  # the run is ended after so long
      stop_grace: 30s            # between TERM and KILL
    # data_quality:              # what the table of --dq-input-csv must be
    #   required: true           # no launch without a table
    #   required_columns: [date, ticker, score]
    #   numeric_columns: [score]
    #   key_columns: [date, ticker]
    #   date_column: date
    #   min_rows: 1000
    #   max_staleness: 7d
    report: results/first_run_*/report.json                # bound to the run that wrote it
    outputs: [results/first_run_*/]                        # listed with their digests
    progress:
      patterns: ['step (?P<done>\\d+)/(?P<target>\\d+)']     # in the log
      milestones: ['saved']
""")
