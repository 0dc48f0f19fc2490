"""A manifest becomes the files of an attempt's directory: for people, and for the wrappers."""

import json
from collections.abc import Mapping, Sequence

from remoterun.model import rundir
from remoterun.model.manifest import Manifest
from remoterun.model.waivers import Waiver, Waivers
from remoterun.rules.command import nul_ended, shell_line
from remoterun.rules.manifest import Request

EXECUTABLE = frozenset({rundir.JOB})


def attempt_files(
    request: Request,
    manifest: Manifest,
    gate_values: Mapping[str, str],
    dq_argv: Sequence[str],
    exclusions: tuple[Sequence[str], Sequence[str]],
    runs_path: str,
    root: str,
    job: bytes,
    wrappers: Mapping[str, bytes],
) -> dict[str, bytes]:
    """Every file that a launch sends. What wrappers read is NUL-ended data, never shell text."""
    settings = request.settings
    outputs = [*settings.outputs]
    values = {
        "run_id": manifest.run_id,
        "run_id_json": json.dumps(manifest.run_id),
        "token": manifest.token,
        "attempt": str(manifest.attempt),
        "tag": manifest.decision_tag,
        "workflow": manifest.workflow,
        "owner_json": _json(manifest.owner),
        "notes_json": _json(manifest.notes),
        "root": root,
        "cwd": manifest.cwd,
        "run_path": manifest.out_dir,
        "run_path_json": _json(manifest.out_dir),
        "runs_path": runs_path,
        "threads": str(manifest.threads),
        "cpuset": manifest.cpuset or "",
        "argv_count": str(manifest.argv_count),
        "argv_sha256": manifest.argv_sha256,
        "time_limit_s": str(settings.limits.time or 0),
        "stop_grace_s": str(settings.limits.stop_grace),
        "input": manifest.input or "",
        "input_json": _json(manifest.input or ""),
        "input_base": "host" if (manifest.input or "").startswith("/") else "project_root",
        "report": settings.report or "",
        "progress_file": settings.progress.file or "",
        **gate_values,
    }
    files = {
        rundir.MANIFEST: manifest.model_dump_json(indent=2).encode() + b"\n",
        rundir.JOB: job,
        rundir.COMMAND: (shell_line(request.argv) + "\n").encode(),
        rundir.ARGV: nul_ended(request.argv),
        rundir.JOB_VALUES: nul_ended([w.encode() for pair in values.items() for w in pair]),
        rundir.OUTPUTS: _list(outputs),
        rundir.DQ_ARGV: _list(dq_argv),
        rundir.GIT_EXCLUDE: _list(exclusions[0]),
        rundir.GIT_EXCLUDE_UNTRACKED: _list(exclusions[1]),
        rundir.OWNER: manifest.owner.encode(),
        **{f"{rundir.WRAPPERS}/{name}": text for name, text in wrappers.items()},
    }
    if request.setup.strip():
        files[rundir.SETUP] = request.setup.encode() + b"\n"
    if request.waivers:
        files[rundir.WAIVERS] = _waivers(manifest, request.waivers)
    return files


def _waivers(manifest: Manifest, waivers: Sequence[Waiver]) -> bytes:
    record = Waivers(schema_version=1, run_id=manifest.run_id, waivers=tuple(waivers))
    return record.model_dump_json(indent=2).encode() + b"\n"


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _list(words: Sequence[str]) -> bytes:
    return nul_ended([word.encode() for word in words])
