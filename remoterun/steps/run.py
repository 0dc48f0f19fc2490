"""Any command as an inspectable run that is never official."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from remoterun.errors import UsageError
from remoterun.model.names import Glob, ProjectName, Tag, Text
from remoterun.model.project import ADHOC, Workflow
from remoterun.records.config import Configuration
from remoterun.records.git import git_top, read_git
from remoterun.rules.command import show_word
from remoterun.rules.manifest import Request
from remoterun.rules.settings import LOCAL, resolve
from remoterun.steps.checked import checked
from remoterun.steps.official import new_token
from remoterun.steps.request import (
    Prepared,
    Wishes,
    asked_host,
    checked_cpuset,
    checked_root,
    inside,
    overrides,
)

PLAIN_THREADS = 1


@dataclass(frozen=True)
class RunWishes:
    """What `run` takes beside what every launch takes."""

    wishes: Wishes
    require_preflight: bool = False
    outputs: Sequence[str] = ()


def prepare_run(
    configuration: Configuration, asked: RunWishes, environ: Mapping[str, str], here: Path
) -> Prepared:
    """The project is the folder of remoterun.yaml, else the top of the repository, else here.

    Raises:
        UsageError: there is no command, or a flag makes no sense.
    """
    wishes = asked.wishes
    if not wishes.args or not wishes.args[0].strip():
        raise UsageError("there is no command", fix="remoterun run -- COMMAND ARGUMENTS")
    project = configuration.project
    project_root = configuration.project_root or git_top(here) or here
    host = asked_host(wishes) or LOCAL
    resolved = resolve(host, configuration.inventory, project, None, overrides(wishes, environ))
    root = checked_root(resolved, configuration, environ, project_root)
    words = list(wishes.args)
    outputs = tuple(checked(Glob, text, "--output") for text in asked.outputs)
    settings = Workflow.model_validate({"command": (show_word(words[0]),), "outputs": outputs})
    request = Request(
        official=False,
        project=project.settings.project if project else _project_name(project_root),
        workflow=ADHOC,
        tag=checked(Tag, wishes.tag, "--tag") if wishes.tag else default_tag(words[0]),
        argv=words,
        given=words[1:],
        host=host,
        host_kind=resolved.kind,
        owner=checked(Text, wishes.owner or (project and project.settings.owner) or "", "--owner"),
        notes=checked(Text, wishes.notes, "--notes"),
        threads=wishes.threads or PLAIN_THREADS,
        cpuset=checked_cpuset(wishes.cpuset),
        cwd=checked(Text, inside(here, project_root) or ".", "the working directory"),
        input=None,
        policy=resolved.policy,
        used=resolved.used,
        waivers=(),
        git=read_git(project_root, project.settings if project else None),
        project_file_sha256=project.sha256 if project else None,
        settings=settings,
        setup=resolved.used.setup or "",
        preflight_blocks=asked.require_preflight,
    )
    return Prepared(request, root, project_root, project, resolved)


def default_tag(program: bytes) -> Tag:
    """`<program>_<6 hex>`: readable, and new each time."""
    name = program.rsplit(b"/", 1)[-1].decode("ascii", "ignore")
    kept = "".join(c if c.isalnum() or c in "._-" else "_" for c in name).lstrip("._-")
    return Tag(f"{kept[:64] or 'run'}_{new_token()[:6]}")


def _project_name(root: Path) -> ProjectName:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in root.name)
    return ProjectName(kept.lstrip("._-")[:64] or "project")
