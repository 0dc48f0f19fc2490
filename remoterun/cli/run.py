"""Panel "Run", the verbs that act: start, gate, stop and resume runs."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from remoterun.cli.options import (
    ActorOption,
    CpusetOption,
    DetachOption,
    DryRunOption,
    FollowOption,
    HostOption,
    InputOption,
    InventoryOption,
    NewTagOption,
    NotesOption,
    OwnerOption,
    ProjectOption,
    ReasonOption,
    RequireCleanOption,
    RunDirsOption,
    RunIdsOption,
    RunsArgument,
    SetOption,
    SkipDataQualityOption,
    TagsOption,
    TextOrJson,
    ThreadsOption,
    WorkflowOption,
)

if TYPE_CHECKING:
    from remoterun.rules.overrides import Override

PANEL = "Run"
ArgsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="-- ARGS…", help="Words for the command.", show_default=False),
]


def register(app: typer.Typer) -> None:
    for verb in (official, run, preflight, dq, stop, resume):
        app.command(rich_help_panel=PANEL)(verb)


def official(
    args: ArgsArgument = None,
    workflow: WorkflowOption = None,
    tag: NewTagOption = None,
    owner: OwnerOption = None,
    notes: NotesOption = "",
    host: HostOption = None,
    threads: ThreadsOption = None,
    cpuset: CpusetOption = None,
    require_clean: RequireCleanOption = False,
    dq_input_csv: InputOption = None,
    skip_data_quality_check: SkipDataQualityOption = False,
    reason: ReasonOption = None,
    actor: ActorOption = None,
    sets: SetOption = None,
    follow: FollowOption = False,
    detach: DetachOption = False,
    dry_run: DryRunOption = False,
    output: TextOrJson = "text",
    inventory: InventoryOption = None,
    project: ProjectOption = None,
) -> None:
    """Gate and launch an official run; return when the gates have passed or blocked."""
    from remoterun.cli import launching
    from remoterun.steps.request import Wishes, prepare_official

    wishes = Wishes(
        args=launching.words(args),
        workflow=workflow,
        tag=tag,
        owner=owner,
        notes=notes,
        threads=threads,
        cpuset=cpuset,
        require_clean=require_clean,
        input_csv=dq_input_csv,
        skip_data_quality=skip_data_quality_check,
        reason=reason,
        actor=actor,
        sets=sets or (),
        host=host,
    )
    world = launching.World(inventory, project)
    prepared = prepare_official(world.configuration, wishes, world.environ, world.now)
    launching.launch(prepared, world, launching.Manner(follow, detach, dry_run, output))


def run(
    args: ArgsArgument = None,
    tag: NewTagOption = None,
    owner: OwnerOption = None,
    notes: NotesOption = "",
    host: HostOption = None,
    threads: ThreadsOption = None,
    cpuset: CpusetOption = None,
    require_preflight: Annotated[
        bool, typer.Option("--require-preflight", help="A failed preflight blocks.")
    ] = False,
    outputs: Annotated[
        list[str] | None,
        typer.Option("--output-glob", "--output", help="What the command writes in the project."),
    ] = None,
    sets: SetOption = None,
    follow: FollowOption = False,
    detach: DetachOption = False,
    dry_run: DryRunOption = False,
    output: Annotated[
        Literal["text", "json"], typer.Option("-o", "--format", help="How the answer is printed.")
    ] = "text",
    inventory: InventoryOption = None,
    project: ProjectOption = None,
) -> None:
    """Start any command as an inspectable run, never an official one."""
    from remoterun.cli import launching
    from remoterun.steps.request import Wishes
    from remoterun.steps.run import RunWishes, prepare_run

    wishes = Wishes(
        args=launching.words(args),
        tag=tag,
        owner=owner,
        notes=notes,
        threads=threads,
        cpuset=cpuset,
        sets=sets or (),
        host=host,
    )
    world = launching.World(inventory, project)
    asked = RunWishes(wishes, require_preflight, tuple(outputs or ()))
    prepared = prepare_run(world.configuration, asked, world.environ, world.here)
    launching.launch(prepared, world, launching.Manner(follow, detach, dry_run, output))


def preflight(
    host: HostOption = None,
    workflow: WorkflowOption = None,
    require_clean: RequireCleanOption = False,
    sets: SetOption = None,
    output: TextOrJson = "text",
    inventory: InventoryOption = None,
    project: ProjectOption = None,
) -> None:
    """Ask whether a host is fit, without a run."""
    from remoterun.cli import launching
    from remoterun.steps.gate import check_host
    from remoterun.steps.request import Wishes

    world = launching.World(inventory, project)
    wishes = Wishes(host=host, workflow=workflow, require_clean=require_clean, sets=sets or ())
    answer = check_host(world.configuration, wishes, world.environ, world.here, [])
    launching.show_gate("preflight", answer, output)


def dq(
    input_csv: InputOption = None,
    host: HostOption = None,
    workflow: WorkflowOption = None,
    required_columns: Annotated[str | None, typer.Option(help="Columns that must exist.")] = None,
    numeric_columns: Annotated[str | None, typer.Option(help="Columns of numbers.")] = None,
    key_columns: Annotated[str | None, typer.Option(help="Columns that name a row.")] = None,
    date_column: Annotated[str | None, typer.Option(help="The column of dates.")] = None,
    min_rows: Annotated[str | None, typer.Option(help="Least number of rows.")] = None,
    max_missing_ratio: Annotated[str | None, typer.Option(help="Largest share missing.")] = None,
    max_duplicate_ratio: Annotated[str | None, typer.Option(help="Largest share doubled.")] = None,
    max_staleness_days: Annotated[str | None, typer.Option(help="Age of the latest date.")] = None,
    max_future_days: Annotated[
        str | None, typer.Option(help="How far ahead a date may lie.")
    ] = None,
    missing_columns: Annotated[str | None, typer.Option(help="Columns judged for missing.")] = None,
    na_values: Annotated[str | None, typer.Option(help="Words that count as missing.")] = None,
    out_dir: Annotated[
        str, typer.Option(help="Where the report goes.")
    ] = "gate_results/data_quality",
    sets: SetOption = None,
    output: TextOrJson = "text",
    inventory: InventoryOption = None,
    project: ProjectOption = None,
) -> None:
    """Check one table on a host, without a run; writes a report."""
    from remoterun.cli import launching
    from remoterun.steps.gate import check_table
    from remoterun.steps.request import Wishes

    said = {
        "required_columns": required_columns,
        "numeric_columns": numeric_columns,
        "key_columns": key_columns,
        "date_column": date_column,
        "min_rows": min_rows,
        "max_missing_ratio": max_missing_ratio,
        "max_duplicate_ratio": max_duplicate_ratio,
        "max_staleness_days": max_staleness_days,
        "max_future_days": max_future_days,
        "missing_columns": missing_columns,
        "na_values": na_values,
    }
    world = launching.World(inventory, project)
    wishes = Wishes(host=host, workflow=workflow, input_csv=input_csv, sets=sets or ())
    flags = _flags(said)
    answer = check_table(world.configuration, wishes, world.environ, world.here, flags, out_dir)
    launching.show_gate("data_quality", answer, output)


def stop(
    runs: RunsArgument = None,
    tag: TagsOption = None,
    run_id: RunIdsOption = None,
    run_dir: RunDirsOption = None,
    reason: ReasonOption = None,
    actor: ActorOption = None,
    grace: Annotated[str, typer.Option("--grace", help="Time between TERM and KILL.")] = "30s",
    dry_run: DryRunOption = False,
    output: TextOrJson = "text",
    inventory: InventoryOption = None,
    project: ProjectOption = None,
) -> None:
    """End every process of a run, and no other."""
    from remoterun.cli import ending, launching, watching

    asked = watching.asked(runs, tag, run_id, run_dir)
    world = launching.World(inventory, project)
    ending.stop(asked, world, reason or "", actor, grace, dry_run, output)


def resume(
    runs: RunsArgument = None,
    tag: TagsOption = None,
    run_id: RunIdsOption = None,
    run_dir: RunDirsOption = None,
    skip_data_quality_check: SkipDataQualityOption = False,
    allow_code_change: Annotated[
        bool, typer.Option("--allow-code-change", help="A recorded waiver; needs --reason.")
    ] = False,
    reason: ReasonOption = None,
    actor: ActorOption = None,
    sets: SetOption = None,
    follow: FollowOption = False,
    detach: DetachOption = False,
    dry_run: DryRunOption = False,
    output: TextOrJson = "text",
    inventory: InventoryOption = None,
    project: ProjectOption = None,
) -> None:
    """Open the next attempt of a run that ended without success."""
    from remoterun.cli import ending, launching, watching
    from remoterun.steps.request import Wishes
    from remoterun.steps.resume import ResumeWishes

    wishes = Wishes(
        skip_data_quality=skip_data_quality_check, reason=reason, actor=actor, sets=sets or ()
    )
    asked = watching.asked(runs, tag, run_id, run_dir)
    world = launching.World(inventory, project)
    manner = launching.Manner(follow, detach, dry_run, output)
    ending.resume(asked, world, ResumeWishes(wishes, allow_code_change), manner)


def _flags(said: dict[str, str | None]) -> "list[Override]":
    from remoterun.rules.overrides import from_contract

    return [
        from_contract(name, text, f"--{name.replace('_', '-')}")
        for name, text in said.items()
        if text is not None
    ]
