"""Where `remoterun.yaml` and `inventory.yaml` are; neither is read here, and no model is needed."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from remoterun.errors import ConfigError

PROJECT_FILE = "remoterun.yaml"
INVENTORY_FILE = "inventory.yaml"


@dataclass(frozen=True)
class Look:
    """One place that was looked at."""

    kind: Literal["project", "inventory"]
    path: Path
    source: str
    """What named the place: an option, a variable, or the rule of search."""
    found: bool


@dataclass(frozen=True)
class Places:
    """The settings files in force, None where there is none, and every place looked at."""

    project: Path | None
    inventory: Path | None
    looked: tuple[Look, ...]
    folder: Path | None
    """The project's folder: that of `remoterun.yaml`, else what -C names; None when nothing
    says which it is.
    """


def find_files(
    cwd: Path, environ: Mapping[str, str], inventory: Path | None, project: Path | None
) -> Places:
    """Look for both files: what an option names, else what a variable names, else upwards from
    here; the inventory then in the configuration folder of the user.

    Raises:
        ConfigError: what an option or a variable names does not exist.
    """
    looked: list[Look] = []
    file, folder = find_project(cwd, environ, project, looked)
    found_inventory = find_inventory(cwd, environ, inventory, folder, looked)
    return Places(file, found_inventory, tuple(looked), folder)


def find_project(
    cwd: Path, environ: Mapping[str, str], project: Path | None, looked: list[Look]
) -> tuple[Path | None, Path | None]:
    """`remoterun.yaml` and the project's folder; every place looked at is added to the list.
    A folder that -C names is the project, also without the file.

    Raises:
        ConfigError: what is named does not exist.
    """
    named = _named(cwd, environ, project, "-C/--project", "REMOTERUN_PROJECT")
    if named is None:
        file = _search("project", _upwards(cwd, PROJECT_FILE), looked)
        return file, file and file.parent
    path, source = named
    is_folder = _is_folder(path)
    if path.name != PROJECT_FILE or is_folder:
        path = path / PROJECT_FILE
    look = Look("project", path, source, os.path.lexists(path))
    if project is not None and is_folder and not look.found:
        looked.append(look)
        return None, path.parent
    return _require(look, looked), path.parent


def find_inventory(
    cwd: Path,
    environ: Mapping[str, str],
    inventory: Path | None,
    folder: Path | None,
    looked: list[Look],
) -> Path | None:
    """`inventory.yaml`, upwards from the project; every place looked at is added to the list.

    Raises:
        ConfigError: the one that is named does not exist.
    """
    named = _named(cwd, environ, inventory, "-i/--inventory", "REMOTERUN_INVENTORY")
    if named is None:
        places = _upwards(folder or cwd, INVENTORY_FILE) + _user_folder(environ)
        return _search("inventory", places, looked)
    path, source = named
    return _require(Look("inventory", path, source, os.path.lexists(path)), looked)


def no_project_file(places: Places) -> ConfigError:
    """That a verb needs `remoterun.yaml`, where it was looked for, and what writes one there."""
    first = next(look for look in places.looked if look.kind == "project")
    what = f"there is no {PROJECT_FILE}"
    if first.source == "upwards":
        return ConfigError(what, where="here and in the folders above", fix="remoterun init")
    return ConfigError(what, where=str(first.path.parent), fix=_init_there(first.path))


def _init_there(file: Path) -> str:
    return shlex.join(["remoterun", "init", "-C", str(file.parent)])


def _named(
    cwd: Path, environ: Mapping[str, str], given: Path | None, option: str, variable: str
) -> tuple[Path, str] | None:
    source = option
    if given is None and environ.get(variable):
        given, source = Path(environ[variable]), variable
    if given is None:
        return None
    # The folder may be reached by links; a file that is a link stays where it is.
    path = cwd / given
    folder = path if _is_folder(path) else path.parent
    return Path(os.path.realpath(folder)) / path.relative_to(folder), source


def _require(look: Look, looked: list[Look]) -> Path:
    looked.append(look)
    if not look.found:
        may_init = look.kind == "project" and _is_folder(look.path.parent)
        fix = _init_there(look.path) if may_init else ""
        why = f"{look.source} names it: {_why_missing(look.path)}"
        raise ConfigError(f"no `{look.path.name}`", where=str(look.path), why=why, fix=fix)
    return look.path


def _why_missing(path: Path) -> str:
    try:
        path.lstat()
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return "it was not there a moment ago"


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _search(
    kind: Literal["project", "inventory"], places: list[tuple[Path, str]], looked: list[Look]
) -> Path | None:
    for path, source in places:
        looked.append(Look(kind, path, source, os.path.lexists(path)))
        if looked[-1].found:
            return path
    return None


def _upwards(start: Path, name: str) -> list[tuple[Path, str]]:
    return [(folder / name, "upwards") for folder in (start, *start.parents)]


def _user_folder(environ: Mapping[str, str]) -> list[tuple[Path, str]]:
    folder, source = environ.get("XDG_CONFIG_HOME", ""), "XDG_CONFIG_HOME"
    if not folder.startswith("/"):  # a relative one is to be ignored, says the XDG specification
        if not environ.get("HOME"):
            return []
        folder, source = f"{environ['HOME']}/.config", "HOME"
    return [(Path(folder) / "remoterun" / INVENTORY_FILE, source)]
