"""The next attempt of a run that ended: the same command again, every gate again."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from remoterun.errors import Conflict, LocalFileError, UsageError
from remoterun.model import rundir
from remoterun.model.intent import Intent
from remoterun.model.manifest import Manifest
from remoterun.model.names import HostName, ProjectName, Text, WorkflowName
from remoterun.model.project import Workflow
from remoterun.model.state import State
from remoterun.model.waivers import Waiver, WaiverKind
from remoterun.records.config import Configuration
from remoterun.records.git import read_git
from remoterun.rules.manifest import Request
from remoterun.rules.resuming import refusal
from remoterun.rules.settings import find_workflow, resolve
from remoterun.rules.state import classify
from remoterun.steps.checked import checked
from remoterun.steps.look import look
from remoterun.steps.official import Answer, launched, next_intent, stand
from remoterun.steps.request import (
    Prepared,
    Wishes,
    overrides,
    require_project,
    setup_text,
)
from remoterun.steps.waivers import build_waivers, who_decides


@dataclass(frozen=True)
class ResumeWishes:
    """What may be said otherwise for the next attempt."""

    wishes: Wishes
    allow_code_change: bool = False


@dataclass(frozen=True)
class Resumable:
    """A run that may go on, and the request of its next attempt."""

    prepared: Prepared
    last: Intent
    """The attempt in force, as an intent would say it."""
    was: State


def prepare_resume(
    run_dir: Path,
    configuration: Configuration,
    asked: ResumeWishes,
    environ: Mapping[str, str],
    now: datetime,
) -> Resumable:
    """Check that a run may be resumed; nothing is written.

    Raises:
        Conflict: it goes on, it succeeded, or the code changed since it was launched.
        NotKnown: nobody can tell whether it goes on.
        TryAgain: it has ended, and its supervisor is still at work.
    """
    evidence = look([run_dir])[0]
    state = classify(evidence)
    first = read_manifest(run_dir)
    last = read_manifest(Path(evidence.attempt_dir))
    if no := refusal(first.decision_tag, state):
        raise no
    prepared = prepare(first, last, run_dir, configuration, asked, environ, now)
    prior = Intent(
        run_id=first.run_id,
        tag=first.decision_tag,
        attempt=last.attempt,
        token=last.token,
        host=first.host.name,
        root=str(prepared.root),
        run_path=first.out_dir,
        request_sha256=last.request_sha256,
        request=last.request,
        created_utc=last.created_utc,
    )
    return Resumable(prepared, prior, state)


@contextlib.contextmanager
def resume(resumable: Resumable, now: datetime, *, follow: str) -> Iterator[Answer]:
    """Open the next attempt. Racing resumes share one intent, and one of them starts it.

    Raises:
        Conflict: somebody else opened it with another request.
    """
    prepared, last, was = resumable.prepared, resumable.last, resumable.was
    intent = stand(prepared, next_intent(prepared, last, now))
    note = f"attempt {intent.attempt}; attempt {last.attempt} was {was.name}: {was.why}"
    with launched(prepared, intent, note, follow) as answer:
        yield answer


def prepare(
    first: Manifest,
    last: Manifest,
    run_dir: Path,
    configuration: Configuration,
    asked: ResumeWishes,
    environ: Mapping[str, str],
    now: datetime,
) -> Prepared:
    """The request of the next attempt: unchanged words, input and command; settings of today."""
    wishes = asked.wishes
    root = Path(checked(Text, str(run_dir.parents[first.out_dir.count("/")]), "RUN"))
    project, project_root = configuration.project, configuration.project_root or root
    workflow_name = None
    if first.official:
        project, project_root = require_project(configuration)
        workflow_name = WorkflowName(first.workflow)
        settings = find_workflow(project.settings, workflow_name)
    else:
        settings = adhoc_of(first)
    host = HostName(first.host.name)
    resolved = resolve(
        host,
        configuration.inventory,
        project,
        workflow_name,
        overrides(replace(wishes, threads=wishes.threads or first.threads), environ),
    )
    argv_file = rundir.attempt_dir(run_dir, 1) / rundir.ARGV
    try:
        argv = argv_file.read_bytes().split(b"\0")[:-1]
    except OSError as error:
        raise LocalFileError(
            "cannot read the command", where=str(argv_file), why=str(error)
        ) from error
    git = read_git(project_root, project.settings if project else None)
    waivers = list(
        build_waivers(wishes, resolved, project.path if project else root, first.owner, now)
        if first.official
        else ()
    )
    request = Request(
        official=first.official,
        project=ProjectName(first.project),
        workflow=first.workflow,
        tag=first.decision_tag,
        argv=argv,
        given=[],
        host=host,
        host_kind=first.host.kind,
        owner=first.owner,
        notes=first.notes,
        threads=resolved.used.threads,
        cpuset=first.cpuset,
        cwd=first.cwd,
        input=first.input,
        policy=resolved.policy,
        used=resolved.used,
        waivers=waivers,
        git=git,
        project_file_sha256=project.sha256 if project else None,
        settings=settings.model_copy(update={"parameters": first.parameters}),
        setup=setup_text(resolved.used.setup, settings.setup),
        preflight_blocks=first.preflight_blocks,
    )
    changed = what_changed(last, request)
    if changed:
        waivers.append(code_waiver(first, changed, asked, now, len(waivers) + 1))
        request = replace(request, waivers=waivers)
    return Prepared(request, root, project_root, project, resolved)


def adhoc_of(manifest: Manifest) -> Workflow:
    """The workflow of a run without one, as far as a later attempt needs it."""
    words = {"command": manifest.argv[:1], "outputs": manifest.outputs, "limits": manifest.limits}
    return Workflow.model_validate(words)


def what_changed(last: Manifest, request: Request) -> str:
    """Code or settings that differ from the last attempt's; empty when none do."""
    said = []
    if last.git.commit != request.git.commit:
        said.append(f"commit {last.git.commit} -> {request.git.commit}")
    elif last.git.diff_sha256 != request.git.diff_sha256:
        said.append("uncommitted changes")
    if last.project_file_sha256 != request.project_file_sha256:
        said.append("remoterun.yaml")
    return ", ".join(said)


def code_waiver(
    manifest: Manifest, changed: str, asked: ResumeWishes, now: datetime, number: int
) -> Waiver:
    """Partial results of other code are continued only by a recorded decision."""
    if not asked.allow_code_change:
        raise Conflict(
            f"the code of `{manifest.decision_tag}` changed since its last attempt",
            where=changed,
            why="what it wrote so far came from other code",
            fix=f"remoterun resume {manifest.decision_tag} --allow-code-change --reason 'WHY'",
        )
    needs_reason = UsageError("--allow-code-change needs a reason", fix="add --reason 'WHY'")
    return Waiver(
        id=f"WV-{number:03}",
        gate="preflight",
        kind=WaiverKind.LOOSEN,
        setting="code_changed",
        policy_value="unchanged",
        used_value=changed,
        **who_decides(asked.wishes, manifest.owner, needs_reason),
        recorded_utc=now.replace(microsecond=0),
    )


def read_manifest(attempt_dir: Path) -> Manifest:
    """Raises LocalFileError: without a readable manifest nothing is started."""
    path = attempt_dir / rundir.MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no valid manifest"
        raise LocalFileError("cannot read the manifest", where=str(path), why=str(why)) from error
