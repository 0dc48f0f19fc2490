"""Panel "Run", the verbs that look: status, monitor, logs, wait."""

from typing import TYPE_CHECKING, Annotated

import typer

from remoterun.cli.options import (
    HostOption,
    InventoryOption,
    JsonFlag,
    OutputOption,
    ProjectOption,
    RunArgument,
    RunDirsOption,
    RunIdsOption,
    RunsArgument,
    TagsOption,
    TextOrJson,
)

if TYPE_CHECKING:
    from remoterun.steps.status import Listed

PANEL = "Run"

StatesOption = Annotated[
    list[str] | None,
    typer.Option("--state", help="Only runs in this state; repeatable.", show_default=False),
]
TagGlobOption = Annotated[
    str | None, typer.Option("--tag-glob", help="Only tags like 'null_*'.", show_default=False)
]
SinceOption = Annotated[
    str | None, typer.Option("--since", help="Created within, like 2d.", show_default=False)
]
OlderOption = Annotated[
    str | None, typer.Option("--older", help="Created longer ago than.", show_default=False)
]
AllOption = Annotated[bool, typer.Option("--all", help="Every run, not the last 20 ended.")]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Read files only, ask no host.")]
TailLinesOption = Annotated[int, typer.Option("--tail-lines", min=0, help="Lines of the log.")]
CheckOption = Annotated[bool, typer.Option("--check", help="Exit by the state of the runs.")]
WatchOption = Annotated[bool, typer.Option("--watch", help="Look again at each interval.")]
IntervalOption = Annotated[
    str, typer.Option("--interval", help="Time between two looks, like 30 or 2m.")
]
TimeoutOption = Annotated[
    str | None, typer.Option("--timeout", help="Leave after so long; exit 75.", show_default=False)
]
FollowLogOption = Annotated[
    bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")
]
LinesOption = Annotated[int, typer.Option("--lines", "-n", min=0, help="How many last lines.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this panel."""
    for verb in (status, monitor, logs, wait):
        app.command(rich_help_panel=PANEL)(verb)


def status(
    runs: RunsArgument = None,
    tag: TagsOption = None,
    run_id: RunIdsOption = None,
    run_dir: RunDirsOption = None,
    state: StatesOption = None,
    host: HostOption = None,
    tag_glob: TagGlobOption = None,
    since: SinceOption = None,
    older: OlderOption = None,
    all_runs: AllOption = False,
    offline: OfflineOption = False,
    tail_lines: TailLinesOption = 25,
    check: CheckOption = False,
    watch: WatchOption = False,
    interval: IntervalOption = "30s",
    output: OutputOption = "text",
    json: JsonFlag = False,
    inventory: InventoryOption = None,
    project: ProjectOption = None,
) -> None:
    """Show what runs do: a table, or the page of each run that is named."""
    from remoterun.cli import watching
    from remoterun.rules.views.runs_table import Filters
    from remoterun.steps.status import list_project, show_runs

    here = watching.here(inventory, project)
    asked = watching.asked(runs, tag, run_id, run_dir)
    filters = Filters(
        states=tuple(state or ()),
        host=host,
        tag_glob=tag_glob,
        since_s=watching.seconds("--since", since),
        older_s=watching.seconds("--older", older),
    )
    watching.refuse_filters_of_named(asked, filters)

    def look() -> "Listed":
        if asked:
            return show_runs(asked, here, tail_lines=tail_lines, offline=offline)
        return list_project(here, filters, everything=all_runs or check, offline=offline)

    shown = "json" if json else output
    if watch:
        watching.keep_showing(look, here, shown, pages=bool(asked), interval=interval)
    watching.show_status(look(), here, shown, pages=bool(asked), check=check)


def monitor(
    run: RunArgument = None,
    tag: TagsOption = None,
    run_id: RunIdsOption = None,
    run_dir: RunDirsOption = None,
    interval: IntervalOption = "30s",
    timeout: TimeoutOption = None,
    output: TextOrJson = "text",
    inventory: InventoryOption = None,
    project: ProjectOption = None,
) -> None:
    """Follow a run to its end and exit by it; Ctrl-C leaves it running."""
    from remoterun.cli import watching
    from remoterun.steps.choose import choose_run
    from remoterun.steps.monitor import follow

    here = watching.here(inventory, project)
    chosen = choose_run(watching.asked([run] if run else [], tag, run_id, run_dir), here)
    pause_s = watching.pause(interval)
    pages = follow(chosen, here, timeout_s=watching.seconds("--timeout", timeout))
    watching.show_monitor(pages, chosen, here, output, interval_s=pause_s)


def logs(
    run: RunArgument = None,
    tag: TagsOption = None,
    run_id: RunIdsOption = None,
    run_dir: RunDirsOption = None,
    follow: FollowLogOption = False,
    lines: LinesOption = 50,
    output: TextOrJson = "text",
    inventory: InventoryOption = None,
    project: ProjectOption = None,
) -> None:
    """Print the end of a run's log; of a refused run the gate's, with the reasons."""
    from remoterun.cli import watching
    from remoterun.errors import UsageError
    from remoterun.steps.choose import choose_run
    from remoterun.steps.logs import follow_log, last_lines

    here = watching.here(inventory, project)
    chosen = choose_run(watching.asked([run] if run else [], tag, run_id, run_dir), here)
    if follow and output == "json":
        raise UsageError("--follow prints text", fix="leave out -o json")
    if follow:
        return watching.print_following(follow_log(chosen, here, lines), chosen)
    return watching.print_log(last_lines(chosen, here, lines), here, output)


def wait(
    runs: RunsArgument = None,
    tag: TagsOption = None,
    run_id: RunIdsOption = None,
    run_dir: RunDirsOption = None,
    timeout: TimeoutOption = None,
    output: TextOrJson = "text",
    inventory: InventoryOption = None,
    project: ProjectOption = None,
) -> None:
    """Block until runs have ended; the exit code says how, the worst wins."""
    from remoterun.cli import watching
    from remoterun.steps.choose import choose_runs
    from remoterun.steps.wait import wait_for_end

    here = watching.here(inventory, project)
    chosen = choose_runs(watching.asked(runs, tag, run_id, run_dir), here)
    timeout_s = watching.seconds("--timeout", timeout)
    try:
        pages = wait_for_end(chosen, here, timeout_s=timeout_s)
    except KeyboardInterrupt:
        watching.leave(None, chosen, "wait")
    watching.show_waited(pages, here, output)
