"""`remoterun.yaml`, the project's, committed and hashed into every run: workflows, gates,
thresholds and paths.
"""

import math
import re
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from remoterun.model.inventory import MonitorSettings, PreflightPolicy, misplaced
from remoterun.model.names import Glob, HostName, ProjectName, RelativePath, Text, WorkflowName
from remoterun.model.rundir import DEFAULT_RUNS
from remoterun.model.settings import Settings
from remoterun.model.units import GIB, Bytes, Seconds

ADHOC = "adhoc"
"""The workflow of a run that was started without one; no workflow may have this name."""

Scalar = str | int | float | bool | None


def _parameter(value: object) -> Scalar | tuple[Scalar, ...]:
    if isinstance(value, list | tuple):
        return tuple(_scalar(item) for item in value)
    return _scalar(value)


def _scalar(value: object) -> Scalar:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number that JSON cannot hold; write it as text, in quotes")
    if isinstance(value, str):
        return str(Text(value))
    if isinstance(value, int | float | None):
        return value
    raise ValueError("a parameter is text, a number, true, false, null, or a list of these")


Parameter = Annotated[
    Scalar | tuple[Scalar, ...],
    PlainValidator(_parameter),
    PlainSerializer(lambda value: list(value) if isinstance(value, tuple) else value),
    WithJsonSchema({"type": ["string", "number", "boolean", "null", "array"]}),
]
Column = Annotated[Text, Field(min_length=1)]


def _different(columns: tuple[Text, ...]) -> tuple[Text, ...]:
    twice = next((name for place, name in enumerate(columns) if name in columns[:place]), None)
    if twice is not None:
        raise ValueError(f"`{twice}` stands here twice")
    return columns


Columns = Annotated[tuple[Column, ...], Field(strict=False), AfterValidator(_different)]


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"`{text[:80]}` is not a regular expression: {error}") from None
    return text


def _progress_regex(text: str) -> str:
    groups = set(re.compile(text).groupindex)
    if "pct" not in groups and not {"done", "target"} <= groups:
        needed = "(?P<done>…) and (?P<target>…), or (?P<pct>…)"
        raise ValueError(f"`{text[:80]}` lacks the named groups {needed}")
    return text


Regex = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_regex)]
ProgressRegex = Annotated[Regex, AfterValidator(_progress_regex)]


class Paths(Settings):
    """Where the project keeps what remoterun writes. Changes below these paths never make the
    work tree dirty.
    """

    runs: RelativePath = RelativePath(DEFAULT_RUNS)
    """The folder of the run directories."""
    stage_ledger: RelativePath | None = None
    """The stage ledger, a Markdown file."""
    registry: RelativePath | None = None
    """The folder of the experiment registry."""
    slurm_ledger: RelativePath | None = None
    """The ledger of SLURM jobs, a Markdown file."""


class Limits(Settings):
    """What ends a run from outside."""

    time: Seconds | None = Field(None, gt=0)
    """The run is ended after so long; absent: never."""
    stop_grace: Seconds = Field(30, ge=0)
    """Time between TERM and KILL."""


class DataQualityPolicy(Settings):
    """What the input table must be before a run may start on it. All bounds are inclusive."""

    required: bool = False
    """A launch without an input table is refused."""
    required_columns: Columns = ()
    """Columns that must exist."""
    numeric_columns: Columns = ()
    """Columns in which every value must be a finite number."""
    key_columns: Columns = ()
    """Columns that together name a row; empty: the whole row."""
    date_column: Column | None = None
    """The column judged for freshness; absent or null: freshness is not judged."""
    min_rows: int = Field(1000, ge=0)
    """Rows without the header."""
    max_missing_ratio: float = Field(0.05, ge=0, le=1)
    """Largest share of missing values in a column."""
    max_duplicate_ratio: float = Field(0.01, ge=0, le=1)
    """Largest share of rows whose key occurs more than once."""
    max_staleness: Seconds = Field(7 * 86400, ge=0)
    """Largest age of the latest date."""
    max_future: Seconds = Field(86400, ge=0)
    """How far a date may lie ahead."""
    missing_columns: Columns = ()
    """Columns judged for missing values; empty: all."""
    na_values: Annotated[tuple[Text, ...], Field(strict=False)] = ()
    """Words that count as missing in every column, beside the empty field."""
    pin_limit: Bytes = 2 * GIB
    """Up to this size the checked table is copied for the run where the file system cannot
    clone it."""
    deadline: Seconds = Field(3600, gt=0)
    """How long the gate may take."""


class ProgressSettings(Settings):
    """Where the progress of a run is read from."""

    file: RelativePath | None = None
    """A JSON file that the program replaces, relative to the run directory."""
    patterns: tuple[ProgressRegex, ...] = Field((), strict=False, max_length=50)
    """Regular expressions for lines of the log, with the groups `done` and `target`, or `pct`."""
    milestones: tuple[Regex, ...] = Field((), strict=False, max_length=50)
    """Regular expressions; a line of the log that matches one is a milestone."""


class Workflow(Settings):
    """A named command of the project, with its gates, its outputs and its limits."""

    command: tuple[Text, ...] = Field(strict=False, min_length=1)
    """The words of the command. A first word `python` is found in `.venv/bin`, else on PATH."""
    hosts: tuple[HostName, ...] = Field((), strict=False)
    """Hosts on which it may run; empty: any."""
    default_host: HostName | None = None
    """The host when none is named."""
    identity_args: bool = False
    """Append `--decision-tag`, `--owner` and `--notes` to the command."""
    threads: int = Field(8, ge=1, le=65536)
    """What the thread variables (OMP_NUM_THREADS and its kind) are set to."""
    setup: Text | None = None
    """Shell text, sourced after the host's, before the gates and the command."""
    parameters: dict[Text, Parameter] = Field({})
    """Free values for the record of the run."""
    limits: Limits = Limits()
    """What ends a run from outside."""
    preflight: PreflightPolicy = PreflightPolicy()
    """Overrides the project's and the host's."""
    data_quality: DataQualityPolicy = DataQualityPolicy()
    """The data-quality gate."""
    report: Glob | None = None
    """The report that the command writes; bound to the run that wrote it."""
    outputs: tuple[Glob, ...] = Field((), strict=False)
    """What else the command writes and the run keeps in its digest list."""
    progress: ProgressSettings = ProgressSettings()
    """Where progress is read from."""

    @model_validator(mode="after")
    def _has_a_program(self) -> Self:
        if not self.command[0].strip():
            raise misplaced(("command", 0), "the first word of `command` names no program", "")
        return self

    @model_validator(mode="after")
    def _default_host_is_one_of_the_hosts(self) -> Self:
        if self.default_host is not None and self.hosts and self.default_host not in self.hosts:
            problem = f"`{self.default_host}` is not one of `hosts`: {', '.join(self.hosts)}"
            raise misplaced(("default_host",), problem, self.default_host, self.hosts)
        return self


class Project(Settings):
    """`remoterun.yaml`: one project."""

    version: Literal[1]
    """Version of the format of this file."""
    project: ProjectName
    """The name of the project, as it stands in every record."""
    owner: Text | None = Field(None, min_length=1)
    """Who answers for a run when `--owner` is not given."""
    paths: Paths = Paths()
    """Where the project keeps what remoterun writes."""
    preflight: PreflightPolicy = PreflightPolicy()
    """Overrides what the inventory asks of a host."""
    workflows: dict[WorkflowName, Workflow] = Field({})
    """The workflows by name."""

    @model_validator(mode="after")
    def _adhoc_is_taken(self) -> Self:
        for name in self.workflows:
            if name == ADHOC:
                problem = f"`{ADHOC}` is the workflow of runs without one; take another name"
                raise misplaced(("workflows", name), problem, name)
        return self


class ResolvedSettings(Settings):
    """What holds for one host and one workflow once all layers are merged. The defaults here
    are the built-in ones.
    """

    root: Text | None = Field(None, min_length=1)
    """As it was written; expanded where it is used."""
    setup: Text | None = None
    """The host's; the workflow's own is sourced after it."""
    preflight: PreflightPolicy = PreflightPolicy()
    """The preflight gate."""
    monitor: MonitorSettings = MonitorSettings()
    """Watching a run."""
    data_quality: DataQualityPolicy = DataQualityPolicy()
    """The data-quality gate."""
    threads: int = Field(8, ge=1, le=65536)
    """What the thread variables are set to."""
