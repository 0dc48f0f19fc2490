"""One look at any number of runs, and a stream of looks at one.

A run that has ended is read in process; all others are asked in one exec per host.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from remoterun.errors import ConfigError, RemoteRunError
from remoterun.model.run import Run
from remoterun.model.rundir import OUTPUTS
from remoterun.model.state import Evidence, State, StateName
from remoterun.model.views import RunPage
from remoterun.records.reading import read_words
from remoterun.records.rundir import read_run, read_run_briefly, sight_of_ended
from remoterun.records.runs import RunsHome, mentions
from remoterun.rules.log_lines import log_lines
from remoterun.rules.sight import Sight, parse_sights
from remoterun.rules.state import classify
from remoterun.rules.views.run_page import LIVE, Watched, build_page, log_progress

if TYPE_CHECKING:
    from remoterun.records.config import Configuration

# settings files and transports are imported where they are used: what has ended needs neither


@dataclass(frozen=True)
class WatchSettings:
    """How a run is watched; the built-in values where nobody says otherwise."""

    stall_after_s: float = 1800
    patterns: tuple[str, ...] = ()
    milestones: tuple[str, ...] = ()


@dataclass(frozen=True)
class Here:
    """Where a watching verb was typed: the project's runs, the settings, the clock."""

    home: RunsHome
    cwd: Path
    environ: Mapping[str, str]
    inventory: Path | None
    clock: Callable[[], datetime]

    @cached_property
    def configuration(self) -> "Configuration | None":
        """Both settings files; None when one is wrong: a run can be watched all the same."""
        from remoterun.records.config import read_configuration

        try:
            project = self.home.project_file
            return read_configuration(self.cwd, self.environ, self.inventory, project)
        except ConfigError:
            return None

    def settings_of(self, run: Run, *, live: bool) -> WatchSettings:
        """How this run is watched. The files are parsed only where they can matter: of a run
        that has ended only the patterns do, and most projects have none.
        """
        file, manifest = self.home.project_file, run.manifest
        if manifest is None or not (live or (file is not None and mentions(file, b"patterns"))):
            return WatchSettings()
        from remoterun.model.names import HostName
        from remoterun.model.project import ADHOC
        from remoterun.rules.settings import hosts_of, resolve

        found = self.configuration
        if found is None:
            return WatchSettings()
        project = found.project.settings if found.project else None
        workflow = None
        if project and manifest.workflow != ADHOC:
            workflow = next(
                (w for n, w in project.workflows.items() if n == manifest.workflow), None
            )
        host = HostName(manifest.host.name)
        stall_after_s = WatchSettings.stall_after_s
        if host in hosts_of(found.inventory.settings if found.inventory else None):
            stall_after_s = resolve(host, found.inventory, found.project).policy.monitor.stall_after
        if workflow is None:
            return WatchSettings(stall_after_s)
        progress = workflow.progress
        return WatchSettings(stall_after_s, progress.patterns, progress.milestones)


def look(run_dirs: Sequence[Path], *, detail: bool = False, tail_bytes: int = 0) -> list[Evidence]:
    """What the witnesses say about each run, in the order of the question.

    Raises:
        HostUnreachable, TryAgain: no answer; nothing is known.
    """
    sights = look_closely(run_dirs, detail=detail, tail_bytes=tail_bytes)
    return [sight.evidence for sight in sights]


def look_closely(
    run_dirs: Sequence[Path],
    *,
    detail: bool = False,
    tail_bytes: int = 0,
    deadline_s: float = 30,
) -> list[Sight]:
    """The same with the records of the page and the end of the log.

    Args:
        detail: also list the processes of runs that go on.
    """
    sights = {path: sight_of_ended(path, tail_bytes=tail_bytes) for path in run_dirs}
    asked = [path for path, sight in sights.items() if sight is None]
    if asked:
        from remoterun.records.scripts import read_script
        from remoterun.transports import LOCAL, connect

        script = read_script("lib", "look", "evidence")
        words = ["yes" if detail else "no", str(tail_bytes), *map(str, asked)]
        with connect(LOCAL) as transport:
            reply = transport.run(script, words, deadline_s=deadline_s)
        sights.update(zip(asked, parse_sights(reply), strict=True))
    return [sight for path in run_dirs if (sight := sights[path]) is not None]


def look_or_say_why(
    run_dirs: Sequence[Path],
    *,
    offline: bool = False,
    detail: bool = False,
    tail_bytes: int = 0,
) -> tuple[list[Sight], str]:
    """The same for a list: a host that does not answer in time leaves its runs unknown, and
    the second value says why; empty when all answered.
    """
    why = "not asked: --offline"
    if not offline:
        try:
            sights = look_closely(run_dirs, detail=detail, tail_bytes=tail_bytes, deadline_s=5)
        except RemoteRunError as error:
            why = f"{error.what}: {error.why}" if error.why else error.what
        else:
            return sights, ""
    ended = [sight_of_ended(path, tail_bytes=tail_bytes) for path in run_dirs]
    return [
        sight or Sight(Evidence(run_dir=str(path)), not_asked=why)
        for path, sight in zip(run_dirs, ended, strict=True)
    ], why


def stream(
    run_dir: Path, *, until: str = "end", log: str = "", detail: bool = False
) -> Generator[list[bytes], None, None]:
    """Frames of monitor.sh until nothing more can come; closing the iterator ends it there.

    Args:
        until: `once`, `end`, or `gates`: until they passed or blocked.
        log: which bytes of the log come along: none, or what `last_bytes` or `viewed` says.
    """
    from remoterun.records.scripts import read_script
    from remoterun.transports import LOCAL, connect

    words = [str(run_dir), until, log, "yes" if detail else "no"]
    with connect(LOCAL) as transport:
        yield from transport.stream(read_script("lib", "look", "monitor"), words)


def last_bytes(count: int) -> str:
    """The last so many bytes of the log, then every byte."""
    return f"-{count}"


def viewed(count: int) -> str:
    """The same for a viewer, who may miss what is written faster than it is sent."""
    return f"~{count}"


def page_of(
    run_dir: Path,
    sight: Sight,
    here: Here,
    *,
    tail_lines: int = 0,
    after: str = "",
    again: str | None = None,
    whole: bool = False,
) -> RunPage:
    """The page of one run after one look.

    Args:
        whole: of an ended run read every record, so that one that is broken is named.
    """
    live = sight.evidence.ending is None
    run = read_run(run_dir) if whole and not live else read_run_briefly(run_dir)
    lines = log_lines(sight.tail) if sight.tail is not None else None
    asks_log = lines is not None and sight.evidence.progress is None
    settings = here.settings_of(run, live=live) if live or asks_log else WatchSettings()
    state = classify(sight.evidence, stall_after_s=settings.stall_after_s)
    if sight.not_asked:
        state = State(name=StateName.UNKNOWN, basis=None, why=sight.not_asked)
    watched = Watched(
        tail=lines[-tail_lines:] if lines is not None and tail_lines > 0 else None,
        progress=log_progress(sight.evidence, lines or (), settings.patterns),
        writes=writes_of(run) if state.name in LIVE else (),
    )
    return build_page(
        run, sight, state, now=here.clock(), watched=watched, after=after, again=again
    )


def writes_of(run: Run) -> tuple[str, ...]:
    """The directories that a run writes to: its own, and what the workflow declares."""
    if run.manifest is None:
        return ()
    return (run.manifest.out_dir, *read_words(run.attempt_dir / OUTPUTS))
