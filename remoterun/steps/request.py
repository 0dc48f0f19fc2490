"""What was typed, with both settings files, becomes a request; everything is checked here."""

import os
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from remoterun.errors import UsageError
from remoterun.model.names import HostName, Tag, Text, WorkflowName
from remoterun.model.project import Project, Workflow
from remoterun.model.settings import SettingsFile
from remoterun.records.config import Configuration
from remoterun.records.git import read_git
from remoterun.records.places import no_project_file
from remoterun.rules.command import complete
from remoterun.rules.manifest import Request
from remoterun.rules.overrides import Override, from_contract, from_environment, from_set
from remoterun.rules.settings import Resolved, choose_host, find_workflow, resolve
from remoterun.steps.checked import checked
from remoterun.steps.hosts import root_of
from remoterun.steps.waivers import build_waivers


@dataclass(frozen=True)
class Wishes:
    """What the command line says, unchecked."""

    args: Sequence[bytes] = ()
    workflow: str | None = None
    tag: str | None = None
    owner: str | None = None
    notes: str = ""
    threads: int | None = None
    cpuset: str | None = None
    require_clean: bool = False
    input_csv: str | None = None
    skip_data_quality: bool = False
    reason: str | None = None
    actor: str | None = None
    sets: Sequence[str] = ()
    host: str | None = None


@dataclass(frozen=True)
class Prepared:
    """A checked request, and where it goes."""

    request: Request
    root: Path
    """The project's checkout on the host."""
    project_root: Path
    project: SettingsFile[Project] | None
    resolved: Resolved


def prepare_official(
    configuration: Configuration, wishes: Wishes, environ: Mapping[str, str], now: datetime
) -> Prepared:
    """Check everything that can be checked before a directory exists.

    Raises:
        UsageError, ConfigError: the request makes no sense; nothing was written.
    """
    project, project_root = require_project(configuration)
    name, workflow = choose_workflow(project.settings, wishes.workflow)
    tag = checked(Tag, wishes.tag, "--tag")
    if workflow.identity_args and not wishes.args:
        what = f"`{name}` needs its arguments after `--`"
        fix = f"remoterun official --workflow {name} --tag {tag} -- ARGUMENTS"
        raise UsageError(what, why="the workflow says `identity_args: true`", fix=fix)
    host = choose_host(name, workflow, asked_host(wishes))
    resolved = resolve(host, configuration.inventory, project, name, overrides(wishes, environ))
    owner = checked(Text, wishes.owner or project.settings.owner or "", "--owner")
    notes = checked(Text, wishes.notes, "--notes")
    root = checked_root(resolved, configuration, environ, project_root)
    table = input_path(wishes.input_csv, root)
    dq = resolved.used.data_quality
    if dq.required and table is None and not wishes.skip_data_quality:
        raise UsageError(
            f"`{name}` needs an input table",
            where=f"{project.path.name}, workflows.{name}.data_quality.required",
            why="its data-quality gate is required and no table is named",
            fix="add --dq-input-csv TABLE",
        )
    waivers = build_waivers(wishes, resolved, project.path, owner, now)
    argv = complete(
        [word.encode() for word in workflow.command],
        wishes.args,
        tag=tag,
        owner=owner,
        notes=notes,
        identity=workflow.identity_args,
    )
    request = Request(
        official=True,
        project=project.settings.project,
        workflow=name,
        tag=tag,
        argv=argv,
        given=wishes.args,
        host=host,
        host_kind=resolved.kind,
        owner=owner,
        notes=notes,
        threads=resolved.used.threads,
        cpuset=checked_cpuset(wishes.cpuset),
        cwd=".",
        input=table,
        policy=resolved.policy,
        used=resolved.used,
        waivers=waivers,
        git=read_git(project_root, project.settings),
        project_file_sha256=project.sha256,
        settings=workflow,
        setup=setup_text(resolved.used.setup, workflow.setup),
    )
    return Prepared(request, root, project_root, project, resolved)


def asked_host(wishes: Wishes) -> HostName | None:
    return None if wishes.host is None else checked(HostName, wishes.host, "--host")


def checked_root(
    resolved: Resolved, configuration: Configuration, environ: Mapping[str, str], here: Path
) -> Path:
    """The project's folder on the host.

    Raises:
        UsageError: its path cannot stand in a record.
    """
    text = root_of(resolved, configuration, environ, here)[0]
    return Path(checked(Text, text, "the project's folder"))


def require_project(configuration: Configuration) -> tuple[SettingsFile[Project], Path]:
    if configuration.project is None or configuration.project_root is None:
        raise no_project_file(configuration.places)
    return configuration.project, configuration.project_root


def choose_workflow(project: Project, asked: str | None) -> tuple[WorkflowName, Workflow]:
    """The workflow asked for, else the only one."""
    if asked is None:
        names = list(project.workflows)
        if len(names) != 1:
            why = f"known workflows: {', '.join(f'`{name}`' for name in names) or 'none'}"
            raise UsageError("which workflow?", why=why, fix="add --workflow NAME")
        asked = names[0]
    name = checked(WorkflowName, asked, "--workflow")
    return name, find_workflow(project, name)


def overrides(wishes: Wishes, environ: Mapping[str, str]) -> list[Override]:
    """The environment's, then the flags'; a later one wins."""
    found = from_environment(environ)
    if wishes.threads is not None:
        found.append(from_contract("threads", str(wishes.threads), "--threads"))
    if wishes.require_clean:
        found.append(from_contract("require_clean", "1", "--require-clean"))
    return found + [from_set(text) for text in wishes.sets]


def input_path(given: str | None, root: Path) -> str | None:
    """Relative to the project where it lies inside, else absolute."""
    if given is None:
        return None
    path = checked(Text, given, "--dq-input-csv")
    if not path or path.endswith("/") or posixpath.normpath(path) in (".", str(root)):
        raise UsageError(f"`{path}` names no file", where="--dq-input-csv")
    normal = posixpath.normpath(path)
    if posixpath.isabs(path):
        return inside(Path(path), root) or normal
    if normal.split("/")[0] == "..":
        why = "paths are relative to the project's folder and stay inside it"
        raise UsageError(
            f"`{path}` leaves the project", where="--dq-input-csv", why=why, fix="an absolute path"
        )
    return normal


def inside(path: Path, root: Path) -> str | None:
    """The way from the root to a path; None when it lies outside."""
    way = os.path.relpath(path, root)
    return None if way.split("/")[0] == ".." else way


def setup_text(host: str | None, workflow: str | None) -> str:
    """The host's text, then the workflow's."""
    return "\n".join(text for text in (host, workflow) if text)


def checked_cpuset(given: str | None) -> str | None:
    """`auto`, `all`, or a list like `0-3,8`."""
    if given in (None, "all"):
        return None
    words = (given or "").split(",")
    if given != "auto" and not all(
        part.isascii() and part.isdecimal() and len(part) < 6
        for word in words
        for part in word.split("-", 1)
    ):
        why = "`auto`, `all`, or a list like 0-3,8 is needed"
        raise UsageError(f"`{given}` is no set of CPUs", where="--cpuset", why=why)
    return given
