"""Which runs a project has, and which of them is meant by a tag, a run id or a directory."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from remoterun.errors import ConfigError, UsageError
from remoterun.model.names import RunId
from remoterun.model.rundir import DEFAULT_RUNS, MANIFEST, MARKS_OF_A_RUN
from remoterun.records.intents import read_run_dirs
from remoterun.records.places import find_inventory, find_project
from remoterun.records.reading import MAX_RECORD_BYTES, UnreadableRecord, read_bounded

# the models of the settings files are imported where one is really parsed: most looks need none

MAX_DEPTH = 4
"""How far below a given folder runs are looked for."""


@dataclass(frozen=True)
class RunsHome:
    """Where the runs of the project at hand lie."""

    root: Path
    runs: Path
    project_file: Path | None
    elsewhere: bool = False
    """Whether runs may lie below other roots as well, as far as the inventory says."""


@dataclass(frozen=True)
class Asked:
    """How a run was named on the command line."""

    text: str
    kind: Literal["any", "tag", "run_id", "run_dir"] = "any"


def find_runs_home(
    cwd: Path, environ: Mapping[str, str], project: Path | None, inventory: Path | None = None
) -> RunsHome:
    """The project is the folder of `remoterun.yaml`, else what -C names, else the top of the git
    repository, else the working directory. The file is parsed only when it says something about
    paths, and the inventory never.

    Raises:
        ConfigError: what was named does not exist, or the file in force is wrong.
    """
    file, folder = find_project(cwd, environ, project, [])
    elsewhere = _may_have_other_roots(cwd, environ, inventory, folder)
    if file is None:
        above = (f for f in (cwd, *cwd.parents) if (f / ".git").exists())
        root = folder or next(above, cwd)
        return RunsHome(root, root / DEFAULT_RUNS, None, elsewhere)
    runs = DEFAULT_RUNS
    if mentions(file, b"paths"):
        from remoterun.records.config import read_project

        runs = read_project(file).settings.paths.runs
    return RunsHome(file.parent, file.parent / runs, file, elsewhere)


def _may_have_other_roots(
    cwd: Path, environ: Mapping[str, str], inventory: Path | None, folder: Path | None
) -> bool:
    """Whether the inventory in force names a `root`. One that cannot be read may."""
    try:
        file = find_inventory(cwd, environ, inventory, folder, [])
        return file is not None and mentions(file, b"root")
    except ConfigError:
        return True


def mentions(file: Path, key: bytes) -> bool:
    r"""Whether a YAML file may say something under a key; parsing it would cost more than all
    else that a local verb does. A key may also be spelled with escapes.
    """
    try:
        raw = read_bounded(file, MAX_RECORD_BYTES) or b""
    except UnreadableRecord as error:
        raise ConfigError(f"cannot read `{file.name}`", where=str(file), why=str(error)) from None
    return key in raw or b"\\x" in raw or b"\\u" in raw or b"\\U" in raw or b"\0" in raw


def is_run(path: Path) -> bool:
    """A run is visible from its first file on."""
    return any(os.path.lexists(f"{path}/{mark}") for mark in MARKS_OF_A_RUN)


def list_runs(home: RunsHome) -> list[Path]:
    """The run directories of the project, by name, which is by time."""
    found = [path for path in _folders(home.runs) if is_run(path)]
    if home.elsewhere:
        found += runs_elsewhere(home)
    return sorted(found, key=lambda path: (path.name, str(path)))


def runs_elsewhere(home: RunsHome) -> list[Path]:
    """The runs that were launched from this project and lie outside its folder of runs: below
    the `root` of a host, or where `paths.runs` once pointed.
    """
    here = os.path.realpath(home.runs)
    return [
        path
        for path in read_run_dirs(home.root)
        if os.path.realpath(path.parent) != here and is_run(path)
    ]


def runs_below(path: Path) -> list[Path]:
    """A run directory itself, else every run below the folder, by path."""
    if is_run(path):
        return [path]
    return sorted(_search(path, MAX_DEPTH))


def find_run(asked: Asked, home: RunsHome, cwd: Path) -> Path:
    """The one run that is meant. Tags and run ids are compared whole, with what the manifest
    says; nothing is guessed, and "the newest" is never meant.

    Raises:
        UsageError: there is none, or more than one.
    """
    found: dict[Path, str] = {}
    if asked.kind != "run_dir" and "/" not in asked.text:
        found = _by_identity(asked, home)
    if asked.kind in ("any", "run_dir") and not found:
        folder = cwd / Path(asked.text).expanduser()
        if asked.text and is_run(folder):
            found = {Path(os.path.normpath(folder)): folder.name}
    if len(found) == 1:
        return next(iter(found))
    if found:
        names = ", ".join(f"`{run_id}`" for run_id in sorted(found.values()))
        fix = "name one by its run id"
        raise UsageError(
            f"`{asked.text}` is the name of {len(found)} runs",
            where=str(home.runs),
            why=names,
            fix=fix,
        )
    raise no_such_run(asked.text, home)


def no_such_run(text: str, home: RunsHome) -> UsageError:
    """That a name is unknown, and the nearest that is known."""
    from remoterun.rules.explain import did_you_mean

    known = known_names(home)
    why = "" if known else "there are no runs yet"
    return UsageError(
        f"no run `{text}`",
        where=str(home.runs),
        why=why,
        fix=did_you_mean(text, known) or "remoterun status --all",
    )


def known_names(home: RunsHome, limit: int = 200) -> list[str]:
    """What the newest runs can be named by, for suggestions and completion: the tag, or the run
    id where no manifest says a tag.
    """
    newest = list_runs(home)[: -limit - 1 : -1]
    return list(dict.fromkeys(tag or run_id for run_id, tag in map(read_identity, newest)))


def read_identity(run_dir: Path) -> tuple[str, str | None]:
    """Run id and tag as the manifest says; without a readable one the name of the directory
    and None.
    """
    import json

    try:
        said = json.loads(read_bounded(run_dir / MANIFEST, MAX_RECORD_BYTES) or b"null")
    except (UnreadableRecord, ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        return run_dir.name, None
    run_id, tag = said.get("run_id"), said.get("decision_tag")
    return (
        run_id if isinstance(run_id, str) else run_dir.name,
        tag if isinstance(tag, str) else None,
    )


def _by_identity(asked: Asked, home: RunsHome) -> dict[Path, str]:
    found = _named(asked, list_runs(home))
    return found if found or home.elsewhere else _named(asked, runs_elsewhere(home))


def _named(asked: Asked, run_dirs: Iterable[Path]) -> dict[Path, str]:
    found = {}
    for path in run_dirs:
        if not _may_be(path.name, asked.text):
            continue
        run_id, tag = read_identity(path)
        by_tag = asked.kind in ("any", "tag") and tag == asked.text
        by_id = asked.kind in ("any", "run_id") and run_id == asked.text
        if by_tag or by_id:
            found[path] = run_id
    return found


def _may_be(name: str, text: str) -> bool:
    """Whether it is worth opening the manifest: a run id ends with its tag. A directory with
    another kind of name is always opened.
    """
    return name == text or name.endswith(f"_{text}") or RunId.grammar.fullmatch(name) is None


def _folders(folder: Path) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                    yield folder / entry.name
    except OSError:
        return


def _search(folder: Path, depth: int) -> Iterator[Path]:
    for path in _folders(folder):
        if is_run(path):
            yield path
        elif depth > 1:
            yield from _search(path, depth - 1)
