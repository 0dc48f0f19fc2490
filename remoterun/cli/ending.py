"""How `stop` and `resume` are called and answered."""

import shlex
from collections.abc import Sequence

import typer

from remoterun.cli.launching import Manner, World, head_line, interruptible, say, show_plan, watch
from remoterun.cli.watching import here
from remoterun.errors import Exit, UsageError
from remoterun.model.state import State, StateName
from remoterun.records.runs import Asked
from remoterun.render.messages import next_text
from remoterun.render.visible import visible_line
from remoterun.rules.next_command import next_command
from remoterun.rules.state import classify, worst
from remoterun.steps.choose import choose_runs, choose_to_resume
from remoterun.steps.resume import ResumeWishes


def stop(
    asked: Sequence[Asked],
    world: World,
    reason: str,
    actor: str | None,
    grace: str,
    dry_run: bool,
    output: str,
) -> None:
    from remoterun.model.units import parse_seconds
    from remoterun.records.rundir import read_run_briefly
    from remoterun.steps.launch import user_name
    from remoterun.steps.stop import stop as stop_run

    try:
        grace_s = parse_seconds(grace)
    except ValueError as error:
        raise UsageError(str(error), where="--grace") from None
    codes, answers = [], []
    for run_dir in choose_runs(asked, here(world.inventory, world.project)):
        # a run whose manifest is gone can be ended all the same
        run = read_run_briefly(run_dir)
        if dry_run:
            typer.echo(
                f"would ask {run_dir} to stop: TERM to its processes, KILL after {grace_s} s"
            )
            continue
        where = f" on {run.manifest.host.name}" if run.manifest else ""
        say(f"stopping {visible_line(run.name)}{where}")
        sentence = "interrupted; the request to stop may have arrived, and is not taken back"
        with interruptible(sentence, shlex.join(["remoterun", "status", run.name])):
            done = stop_run(
                run_dir,
                run.run_id,
                reason=reason,
                actor=actor or user_name(),
                grace_s=grace_s,
                now=world.now,
            )
        state = classify(done.evidence)
        line = f"{run.name}: {state.name} ({state.why}), {done.left} of its processes left"
        answers.append(
            {
                "run_id": run.run_id,
                "decision_tag": run.tag,
                "state": state.name,
                "left": done.left,
            }
        )
        if output == "text":
            typer.echo(visible_line(line))
        codes.append(exit_of_stop(state, done.left))
        say(next_text(next_command(state, run.name, after="stop")))
    if output == "json" and not dry_run:
        from remoterun.render.envelope import envelope_json

        typer.echo(envelope_json("stop", answers, world.now))
    raise typer.Exit(worst(codes))


def exit_of_stop(state: State, left: int) -> Exit:
    """0 where nothing of the run goes on, however it ended."""
    if state.name is StateName.UNKNOWN:
        return Exit.UNKNOWN
    return Exit.NOT_YET if left or not state.settled else Exit.OK


def resume(asked: Sequence[Asked], world: World, wishes: ResumeWishes, manner: Manner) -> None:
    from remoterun.steps.official import plan_of
    from remoterun.steps.resume import prepare_resume
    from remoterun.steps.resume import resume as resume_run

    codes = []
    # all are checked before the first one is started
    for resumable in [
        prepare_resume(run_dir, world.configuration, wishes, world.environ, world.now)
        for run_dir in choose_to_resume(asked, here(world.inventory, world.project))
    ]:
        say(head_line(resumable.prepared))
        if manner.dry_run:
            parcel = plan_of(resumable.prepared, resumable.last, world.now)
            show_plan(parcel, resumable.prepared.request.host_kind, manner)
            continue
        come_back = f"remoterun status {resumable.prepared.request.tag}"
        with (
            interruptible("interrupted; the next attempt may have been started", come_back),
            resume_run(resumable, world.now, follow=manner.until) as answer,
        ):
            again = f"remoterun resume {answer.intent.tag}"
            codes.append(watch(answer, manner, resumable.prepared, again=again))
        if codes[-1] is Exit.DETACHED:
            raise typer.Exit(Exit.DETACHED)
    raise typer.Exit(worst(codes))
