"""Every option once: the same word has the same type and the same help everywhere."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from remoterun.cli.complete import complete_host, complete_run, complete_workflow

InventoryOption = Annotated[
    Path | None,
    typer.Option("--inventory", "-i", help="The inventory file.", show_default=False),
]
ProjectOption = Annotated[
    Path | None,
    typer.Option("--project", "-C", help="The project's folder.", show_default=False),
]
OutputOption = Annotated[
    Literal["text", "json", "jsonl", "name"],
    typer.Option("--output", "-o", help="How the answer is printed."),
]
TextOrJson = Annotated[
    Literal["text", "json"],
    typer.Option("--output", "-o", help="How the answer is printed."),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="The same as -o json.")]

RunArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN",
        help="A tag, a run id or a directory.",
        autocompletion=complete_run,
        show_default=False,
    ),
]
RunsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RUN…",
        help="Tags, run ids or directories.",
        autocompletion=complete_run,
        show_default=False,
    ),
]
TagsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tag", help="A run by its tag.", autocompletion=complete_run, show_default=False
    ),
]
RunIdsOption = Annotated[
    list[str] | None, typer.Option("--run-id", help="A run by its id.", show_default=False)
]
RunDirsOption = Annotated[
    list[str] | None, typer.Option("--run-dir", help="A run by its directory.", show_default=False)
]

HostOption = Annotated[
    str | None,
    typer.Option(
        "--host", help="A host of the inventory.", autocompletion=complete_host, show_default=False
    ),
]
WorkflowOption = Annotated[
    str | None,
    typer.Option(
        "--workflow",
        help="A workflow of remoterun.yaml.",
        autocompletion=complete_workflow,
        show_default=False,
    ),
]
NewTagOption = Annotated[
    str | None,
    typer.Option("--tag", help="The exact, unique name of the run.", show_default=False),
]
OwnerOption = Annotated[
    str | None, typer.Option("--owner", help="Who answers for the run.", show_default=False)
]
NotesOption = Annotated[str, typer.Option("--notes", help="Free text.", show_default=False)]
ThreadsOption = Annotated[
    int | None,
    typer.Option("--threads", min=1, help="Threads of the program.", show_default=False),
]
CpusetOption = Annotated[
    str | None,
    typer.Option(
        "--cpuset",
        help="CPUs to pin to: `auto` (as many as threads), a list like 0-3,8, or `all` we may use.",
        show_default=False,
    ),
]
RequireCleanOption = Annotated[
    bool, typer.Option("--require-clean", help="Refuse a work tree with uncommitted changes.")
]
InputOption = Annotated[
    str | None,
    typer.Option(
        "--dq-input-csv",
        "--input-csv",
        help="The table for the data-quality gate, relative to the project.",
        show_default=False,
    ),
]
SkipDataQualityOption = Annotated[
    bool,
    typer.Option("--skip-data-quality-check", help="A recorded waiver; needs --reason."),
]
ReasonOption = Annotated[
    str | None, typer.Option("--reason", "-m", help="Why.", show_default=False)
]
ActorOption = Annotated[
    str | None,
    typer.Option(
        "--actor", help="Who decides. [default: the configured owner]", show_default=False
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="GATE.KEY=VALUE",
        help="A threshold for this run; looser than policy needs --reason.",
        show_default=False,
    ),
]
FollowOption = Annotated[
    bool, typer.Option("--follow", "-f", help="Stay to the end and exit by it.")
]
DetachOption = Annotated[
    bool, typer.Option("--detach", "-d", help="Return as soon as the host has answered.")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", "-n", help="Print what would be sent; change nothing.")
]
