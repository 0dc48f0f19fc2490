"""How `stop` and `resume` are called and answered."""

import getpass
from collections.abc import Sequence
from pathlib import Path

import typer

from remoterun.cli.launching import Manner, World, head_line, say, show_plan, watch
from remoterun.cli.watching import here
from remoterun.errors import Exit, UsageError
from remoterun.records.runs import Asked
from remoterun.render.messages import next_text
from remoterun.render.visible import visible_line
from remoterun.rules.next_command import next_command
from remoterun.rules.state import classify, worst
from remoterun.steps.look import choose_runs
from remoterun.steps.resume import ResumeWishes


def find(asked: Sequence[Asked], world: World) -> list[Path]:
    """The runs that are meant; left out, the only unfinished one."""
    return choose_runs(asked, here(world.inventory, world.project))


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
    from remoterun.steps.resume import read_manifest
    from remoterun.steps.stop import stop as stop_run

    try:
        grace_s = parse_seconds(grace)
    except ValueError as error:
        raise UsageError(str(error), where="--grace") from None
    codes, answers = [], []
    for run_dir in find(asked, world):
        manifest = read_manifest(run_dir)
        tag = manifest.decision_tag
        if dry_run:
            typer.echo(
                f"would ask {run_dir} to stop: TERM to its processes, KILL after {grace_s} s"
            )
            continue
        say(f"stopping {visible_line(tag)} on {manifest.host.name}")
        done = stop_run(
            run_dir,
            manifest.run_id,
            reason=reason,
            actor=actor or _user(),
            grace_s=grace_s,
            now=world.now,
        )
        state = classify(done.evidence)
        line = f"{tag}: {state.name} ({state.why}), {done.left} of its processes left"
        answers.append(
            {"run_id": manifest.run_id, "decision_tag": tag, "state": state.name, "left": done.left}
        )
        if output == "text":
            typer.echo(visible_line(line))
        codes.append(Exit.NOT_YET if done.left or not state.settled else Exit.OK)
        say(next_text(next_command(state, tag, after="stop")))
    if output == "json" and not dry_run:
        from remoterun.render.envelope import envelope_json

        typer.echo(envelope_json("stop", answers, world.now))
    raise typer.Exit(worst(codes))


def resume(asked: Sequence[Asked], world: World, wishes: ResumeWishes, manner: Manner) -> None:
    from remoterun.steps.official import plan_of
    from remoterun.steps.resume import prepare_resume
    from remoterun.steps.resume import resume as resume_run

    for run_dir in find(asked, world):
        resumable = prepare_resume(run_dir, world.configuration, wishes, world.environ, world.now)
        say(head_line(resumable.prepared))
        if manner.dry_run:
            parcel = plan_of(resumable.prepared, resumable.last, world.now)
            show_plan(parcel, resumable.prepared.request.host_kind)
            continue
        with resume_run(resumable, world.now, follow=manner.until) as answer:
            again = f"remoterun resume {answer.intent.tag}"
            watch(answer, manner, resumable.prepared, again=again)


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None
