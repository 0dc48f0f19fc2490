"""A request with time and commit becomes a manifest; two requests are compared."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from remoterun.model.manifest import GitFacts, HostFacts, LauncherFacts, Manifest
from remoterun.model.names import Digest, HostName, ProjectName, RunId, Tag, Token
from remoterun.model.project import ResolvedSettings, Workflow
from remoterun.model.timestamp import stamp
from remoterun.model.waivers import Waiver
from remoterun.rules.command import argv_digest, is_exact, parameters, show_word

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


@dataclass(frozen=True)
class Request:
    """What somebody asks for: everything that decides whether two launches are the same."""

    official: bool
    project: ProjectName
    workflow: str
    tag: Tag
    argv: Sequence[bytes]
    given: Sequence[bytes]
    """What stood after `--`."""
    host: HostName
    host_kind: str
    owner: str
    notes: str
    threads: int
    cpuset: str | None
    cwd: str
    """Relative to the root."""
    input: str | None
    policy: ResolvedSettings
    used: ResolvedSettings
    waivers: Sequence[Waiver]
    git: GitFacts
    project_file_sha256: Digest | None
    settings: Workflow
    setup: str
    preflight_blocks: bool = True


def build_run_id(request: Request, moment: datetime) -> RunId:
    return RunId(f"{stamp(moment)}_{request.workflow}_{request.tag}")


def comparable(request: Request) -> dict[str, Any]:
    """What makes two requests the same one: never who asked, or when."""
    return {
        "project": request.project,
        "workflow": request.workflow,
        "official": request.official,
        "argv": [show_word(word) for word in request.argv],
        "argv_sha256": argv_digest(request.argv),
        "host": request.host,
        "owner": request.owner,
        "notes": request.notes,
        "threads": request.threads,
        "cpuset": request.cpuset,
        "cwd": request.cwd,
        "require_clean": request.used.preflight.require_clean,
        "input": request.input,
        "thresholds": thresholds(request.used),
        "waivers": [
            {
                "gate": w.gate,
                "kind": w.kind,
                "setting": w.setting,
                "used_value": w.used_value,
                "reason": w.reason,
            }
            for w in request.waivers
        ],
        "remoterun.yaml": request.project_file_sha256,
        "commit": request.git.commit,
    }


def request_digest(fields: Mapping[str, Any]) -> Digest:
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return Digest(hashlib.sha256(text.encode()).hexdigest())


def difference(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What another request says otherwise, for people."""
    said = []
    for key in sorted({*then, *now}):
        before, after = then.get(key), now.get(key)
        if before == after or key == "argv_sha256":
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            said.append(f"{key}: {difference(before, after)}")
        elif isinstance(before, list) and isinstance(after, list):
            before, after = _where_they_differ(before, after)
            said.append(f"{key} had {_shown(before)}, has {_shown(after)}")
        else:
            said.append(f"{key} was {_shown(before)}, is now {_shown(after)}")
    return "; ".join(said) or "the arguments differ in bytes that no text can show"


def thresholds(settings: ResolvedSettings) -> dict[str, Any]:
    return {
        "preflight": settings.preflight.model_dump(mode="json"),
        "data_quality": settings.data_quality.model_dump(mode="json"),
    }


def build_manifest(
    request: Request,
    *,
    run_id: RunId,
    run_path: str,
    attempt: int,
    token: Token,
    moment: datetime,
    launcher: LauncherFacts,
    wrappers: Mapping[str, Digest],
) -> Manifest:
    """The identity of one attempt."""
    fields = comparable(request)
    limits = request.settings.limits.model_dump(mode="json")
    return Manifest(
        run_id=run_id,
        decision_tag=request.tag,
        workflow=request.workflow,
        created_utc=moment.replace(microsecond=0),
        attempt=attempt,
        token=token,
        official=request.official,
        project=request.project,
        host=HostFacts(name=request.host, kind=request.host_kind, target=request.host_kind),
        owner=request.owner,
        notes=request.notes,
        argv=tuple(show_word(word) for word in request.argv),
        argv_exact=is_exact(request.argv),
        argv_sha256=argv_digest(request.argv),
        argv_count=len(request.argv),
        cwd=request.cwd,
        out_dir=run_path,
        threads=request.threads,
        cpuset=request.cpuset,
        env={name: str(request.threads) for name in THREAD_VARIABLES},
        git=request.git,
        parameters={**request.settings.parameters, **parameters(request.given)},
        launcher=launcher,
        input=request.input,
        request_sha256=request_digest(fields),
        request=fields,
        project_file_sha256=request.project_file_sha256,
        wrappers=dict(wrappers),
        policy=thresholds(request.policy),
        thresholds=thresholds(request.used),
        limits=limits,
        preflight_blocks=request.preflight_blocks,
        outputs=request.settings.outputs,
        report=request.settings.report,
    )


def _where_they_differ(before: list[Any], after: list[Any]) -> tuple[list[Any], list[Any]]:
    """Both lists without what they share at their beginnings and ends."""
    shorter = min(len(before), len(after))
    first = next((n for n in range(shorter) if before[n] != after[n]), shorter)
    last = next(
        (n for n in range(shorter - first) if before[-1 - n] != after[-1 - n]), shorter - first
    )
    return before[first : len(before) - last], after[first : len(after) - last]


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else text[:200] + "…"
