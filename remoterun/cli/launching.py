"""What the acting verbs share: where one stands, how one launches, what one is told."""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from remoterun.cli.working_directory import working_directory
from remoterun.errors import Exit

if TYPE_CHECKING:
    from remoterun.records.config import Configuration
    from remoterun.steps.gate import GateAnswer
    from remoterun.steps.launch import Parcel
    from remoterun.steps.official import Answer
    from remoterun.steps.request import Prepared


@dataclass(frozen=True)
class Manner:
    """How a launch is watched and answered."""

    follow: bool
    detach: bool
    dry_run: bool
    output: str

    @property
    def until(self) -> str:
        return "once" if self.detach else "end" if self.follow else "gates"


class World:
    """Where one stands: folder, environment, time and settings files; read once, at the edge."""

    def __init__(self, inventory: Path | None, project: Path | None) -> None:
        self.here = working_directory()
        self.environ = dict(os.environ)
        self.now = datetime.now(UTC)
        self.inventory = inventory
        self.project = project

    @cached_property
    def configuration(self) -> "Configuration":
        from remoterun.records.config import read_configuration

        return read_configuration(self.here, self.environ, self.inventory, self.project)


@contextlib.contextmanager
def interruptible(sentence: str, command: str) -> Iterator[None]:
    """Ctrl-C inside says what may be true now, and the command that finds out."""
    from remoterun.render.messages import next_text

    try:
        yield
    except KeyboardInterrupt:
        say(sentence)
        say(next_text(command))
        raise typer.Exit(Exit.DETACHED) from None


def words(args: Sequence[str] | None) -> list[bytes]:
    """The arguments byte for byte, as the shell gave them."""
    return [os.fsencode(word) for word in args or ()]


def launch(prepared: "Prepared", world: World, manner: Manner) -> None:
    """Start or answer, watch as asked, and exit by what is known then."""
    from remoterun.rules.command import shell_line
    from remoterun.steps.official import plan, start

    say(head_line(prepared))
    if manner.dry_run:
        parcel, note = plan(prepared, world.now)
        if note:
            say(note)
        if parcel:
            show_plan(parcel, prepared.request.host_kind, manner)
        return
    come_back = f"remoterun status {prepared.request.tag}"
    with (
        interruptible("interrupted; the run may have been started", come_back),
        start(prepared, world.now, follow=manner.until) as answer,
    ):
        # quoted so that it can be typed, whatever is in it
        again = shell_line([b"remoterun", *words(sys.argv[1:])])
        code = watch(answer, manner, prepared, again=again)
    raise typer.Exit(code)


def watch(answer: "Answer", manner: Manner, prepared: "Prepared", *, again: str) -> Exit:
    """Show what happens to a launched run until it was asked to be left; the code says how it
    stands then.
    """
    from remoterun.cli.watching import show_launch
    from remoterun.records.runs import RunsHome
    from remoterun.rules.refusal import mending
    from remoterun.steps.look import Here

    official, resolved = prepared.request.official, prepared.resolved

    def mend(reasons: Sequence[str]) -> list[str]:
        return mending(reasons, resolved, waived=official)

    project_file = prepared.project.path if prepared.project else None
    home = RunsHome(prepared.project_root, answer.run_dir.parent, project_file)
    here = Here(home, prepared.project_root, os.environ, None, lambda: datetime.now(UTC))
    if answer.note:
        say(answer.note)
    if not answer.new:
        again = f"remoterun resume {answer.intent.tag}"
    return show_launch(answer, here, manner.output, follow=manner.follow, again=again, mending=mend)


def show_plan(parcel: "Parcel", host_kind: str, manner: Manner) -> None:
    """The exact argv, request and files of a launch that is not made."""
    from remoterun.model import rundir
    from remoterun.render.dry_run import parcel_text
    from remoterun.steps.launch import launch_words

    command = parcel.files[rundir.COMMAND].decode().rstrip()
    request = launch_words(parcel, host_kind, manner.until)
    typer.echo(parcel_text(["bash", "-s"], request, parcel.files, command))


def head_line(prepared: "Prepared") -> str:
    """The first line of every launch: where it goes and which code that is."""
    from remoterun.render.visible import visible_line

    git = prepared.request.git
    commit = git.commit[:12] if git.commit else f"none ({git.note})"
    dirt = f", {git.dirty_count} changed or untracked" if git.dirty else ""
    host, root = prepared.request.host, prepared.root
    return visible_line(f"host {host} · root {root} · commit {commit}{dirt}")


def show_gate(name: str, answer: "GateAnswer", output: str) -> None:
    """A gate's own record or summary; exit 0 or 6."""
    import json

    from remoterun.render.visible import visible, visible_line

    if output == "json":
        typer.echo(json.dumps(json.loads(answer.record_json), indent=2))
    elif answer.preflight:
        for check, result in answer.preflight.checks.items():
            word = {True: "pass", False: "FAIL", None: "not asked"}[result]
            typer.echo(f"{visible_line(check):12} {word}")
        for reason in answer.preflight.reasons:
            typer.echo(f"  {visible_line(reason)}")
        typer.echo(f"{name}: {visible_line(answer.preflight.status)}")
    else:
        typer.echo(visible(answer.summary).rstrip())
    say(f"thresholds of {answer.settings_from}")
    raise typer.Exit(Exit.OK if answer.passed else Exit.GATE)


def say(text: str) -> None:
    """Everything that is not the answer."""
    from remoterun.render.visible import visible

    typer.echo(visible(text), err=True)
