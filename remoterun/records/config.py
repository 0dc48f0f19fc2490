"""What `inventory.yaml` and `remoterun.yaml` say.

Whatever is wrong with a file ends in one `ConfigError` that names file, line and column.
"""

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from remoterun.errors import ConfigError
from remoterun.model.inventory import Inventory
from remoterun.model.names import Digest
from remoterun.model.project import Project
from remoterun.model.settings import Loc, Settings, SettingsFile
from remoterun.records.places import Places, find_files
from remoterun.rules.explain import Problem, dotted, explain

if TYPE_CHECKING:
    from remoterun.records.yaml_source import Document, Mark

MAX_BYTES = 256 * 1024

M = TypeVar("M", bound=Settings)


@dataclass(frozen=True)
class Configuration:
    """Both settings files as they were read."""

    places: Places
    project: SettingsFile[Project] | None
    inventory: SettingsFile[Inventory] | None

    @property
    def project_root(self) -> Path | None:
        """The folder of `remoterun.yaml`, else what -C names."""
        return self.places.folder


def read_configuration(
    cwd: Path, environ: Mapping[str, str], inventory: Path | None, project: Path | None
) -> Configuration:
    """Find and read both files; what is not there is None.

    Raises:
        ConfigError: a file that was named is missing, or a file that is there is wrong.
    """
    places = find_files(cwd, environ, inventory, project)
    return Configuration(
        places,
        read_project(places.project) if places.project else None,
        read_inventory(places.inventory) if places.inventory else None,
    )


def read_inventory(path: Path) -> SettingsFile[Inventory]:
    """Read one inventory. Raises ConfigError."""
    return _read(path, Inventory)


def read_project(path: Path) -> SettingsFile[Project]:
    """Read one project file. Raises ConfigError."""
    return _read(path, Project)


def _read(path: Path, model: type[M]) -> SettingsFile[M]:
    from remoterun.records.yaml_source import BadYaml, parse_yaml

    raw = _read_bytes(path)
    try:
        document = parse_yaml(_decode(path, raw))
    except BadYaml as error:
        raise ConfigError(error.problem, where=_at(path, error.mark), fix=error.fix) from None
    try:
        if not isinstance(document.data, dict):
            raise _not_a_map(path, document)
        settings = model.model_validate(document.data)
    except ValidationError as error:
        raise _first_problem(path, model, document, error) from None
    lines = {loc: mark.line for loc, mark in document.keys.items()}
    return SettingsFile(path, Digest(hashlib.sha256(raw).hexdigest()), settings, lines)


def _read_bytes(path: Path) -> bytes:
    try:
        # Without O_NONBLOCK a named pipe would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            mode = os.fstat(descriptor).st_mode
            raw = b""
            while stat.S_ISREG(mode) and len(raw) <= MAX_BYTES:
                chunk = os.read(descriptor, MAX_BYTES + 1)
                if not chunk:
                    break
                raw += chunk
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot read `{path.name}`", where=str(path), why=why) from error
    if not stat.S_ISREG(mode):
        kind = "a directory" if stat.S_ISDIR(mode) else "no regular file"
        raise ConfigError(f"`{path.name}` is {kind}", where=str(path), why="a file is needed")
    if len(raw) > MAX_BYTES:
        why = f"settings files have at most {MAX_BYTES // 1024} KiB"
        raise ConfigError(f"`{path.name}` is too large", where=str(path), why=why)
    return raw


def _decode(path: Path, raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8-sig", "replace")) + 1
        what = f"byte {raw[error.start]:#04x} is not UTF-8"
        where = f"{path}, line {line}, column {column}"
        raise ConfigError(what, where=where, fix="save the file as UTF-8") from None


def _not_a_map(path: Path, document: "Document") -> ConfigError:
    mark = document.values[()]
    what = f"`{path.name}` is not a map of keys and values"
    read = f"it holds `{mark.word[:40]}`" if mark.word else "it holds a list"
    return ConfigError(what, where=_at(path, mark), why=read, fix="version: 1")


def _first_problem(
    path: Path, model: type[Settings], document: "Document", error: ValidationError
) -> ConfigError:
    """The problem that stands first in the file, and how many more there are."""

    def word(loc: Loc) -> str:
        return document.values[loc].word if loc in document.values else ""

    def place(problem: Problem) -> "Mark":
        marks = document.keys if problem.at_key else document.values
        loc = problem.loc
        while loc and loc not in marks:
            loc, marks = loc[:-1], document.keys
        return marks.get(loc) or document.values[()]

    details = error.errors(include_url=False)
    problems = [explain(detail, model, word) for detail in details]
    first = min(problems, key=lambda problem: (place(problem).line, place(problem).column))
    more = "" if len(problems) == 1 else f"problems in this file: {len(problems)}"
    where = ", ".join(part for part in (_at(path, place(first)), dotted(first.loc)) if part)
    why = "; ".join(part for part in (first.why, more) if part)
    return ConfigError(first.what, where=where, why=why, fix=first.fix)


def _at(path: Path, mark: "Mark | None") -> str:
    return f"{path}, line {mark.line}, column {mark.column}" if mark else str(path)
