"""How `stop` and `resume` are called and answered."""

import getpass
from pathlib import Path

import typer

from remoterun.cli.launching import Manner, Named, World, head_line, say, show_plan, watch
from remoterun.errors import Exit, UsageError
from remoterun.records.runs import Asked, find_runs_home
from remoterun.render.messages import next_text
from remoterun.render.visible import visible_line
from remoterun.rules.next_command import next_command
from remoterun.rules.state import classify, worst
from remoterun.steps.resume import ResumeWishes


def find(named: Named, world: World) -> list[Path]:
    """The runs that are meant; left out, the only unfinished one."""
    from remoterun.steps.look import Here, choose_runs

    asked = [Asked(text) for text in named.runs or ()]
    asked += [Asked(text, "tag") for text in named.tags or ()]
    asked += [Asked(text, "run_id") for text in named.run_ids or ()]
    asked += [Asked(text, "run_dir") for text in named.run_dirs or ()]
    home = find_runs_home(world.here, world.environ, world.project)
    here = Here(home, world.here, world.environ, world.inventory, lambda: world.now)
    return choose_runs(asked, here)


def stop(
    named: Named,
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
    for run_dir in find(named, world):
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


def resume(named: Named, world: World, asked: ResumeWishes, manner: Manner) -> None:
    from remoterun.steps.official import plan_of
    from remoterun.steps.resume import prepare_resume
    from remoterun.steps.resume import resume as resume_run

    for run_dir in find(named, world):
        resumable = prepare_resume(run_dir, world.configuration, asked, world.environ, world.now)
        say(head_line(resumable.prepared))
        if manner.dry_run:
            parcel = plan_of(resumable.prepared, resumable.last, world.now)
            show_plan(parcel, resumable.prepared.request.host_kind)
            continue
        with resume_run(resumable, world.now, follow=manner.until) as answer:
            watch(answer, manner, again=f"remoterun resume {answer.intent.tag}")


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None
