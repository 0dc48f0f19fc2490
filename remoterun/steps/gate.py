"""One gate by itself, without a run: `preflight` and `dq`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from remoterun.errors import LocalFileError, TryAgain, UsageError
from remoterun.gates import GATES, data_quality, preflight
from remoterun.model import rundir
from remoterun.model.names import Text
from remoterun.model.preflight import Preflight
from remoterun.model.project import Project, ResolvedSettings
from remoterun.records.config import Configuration
from remoterun.records.git import exclusions
from remoterun.records.scripts import read_script, read_text
from remoterun.rules.command import nul_ended
from remoterun.rules.evidence import parse_record
from remoterun.rules.overrides import Override
from remoterun.rules.settings import LOCAL, choose_host, resolve
from remoterun.steps.checked import checked
from remoterun.steps.launch import runs_path
from remoterun.steps.request import (
    Wishes,
    asked_host,
    checked_root,
    choose_workflow,
    input_path,
    overrides,
    setup_text,
)
from remoterun.transports import connect
from remoterun.transports.tar import pack


@dataclass(frozen=True)
class GateAnswer:
    """What a gate said by itself."""

    passed: bool
    record_json: str
    """The gate's own record, as it was written."""
    preflight: Preflight | None
    """The same, where the gate was preflight."""
    summary: str
    """What the gate printed for people; empty where it printed its record."""
    settings_from: str
    """Where the thresholds come from, for people."""


def check_host(
    configuration: Configuration,
    wishes: Wishes,
    environ: Mapping[str, str],
    here: Path,
    flags: list[Override],
) -> GateAnswer:
    """Preflight on a host. Reads, and leaves nothing behind."""
    asked = _resolve(configuration, wishes, environ, here, flags, workflow=bool(wishes.workflow))
    policy = asked.used.preflight
    values = preflight.job_values(policy, blocks=True)
    status, out, err, _ = _ask("preflight", asked, values, [], policy.deadline)
    record = parse_record(Preflight, out)
    if status not in (0, 2) or record is None or (status == 0) is not (record.status == "pass"):
        why = err or out[:500]
        raise TryAgain("preflight gave no valid record", where=str(asked.root), why=why)
    return GateAnswer(status == 0, out, record, "", asked.origin)


def check_table(
    configuration: Configuration,
    wishes: Wishes,
    environ: Mapping[str, str],
    here: Path,
    flags: list[Override],
    out_dir: str,
) -> GateAnswer:
    """Data quality of one table. Writes its report below `out_dir`, in the project.

    Raises:
        UsageError: no table, or the gate could not run on it.
    """
    has_workflow = bool(wishes.workflow) or bool(
        configuration.project and len(configuration.project.settings.workflows) == 1
    )
    asked = _resolve(configuration, wishes, environ, here, flags, workflow=has_workflow)
    root = asked.root
    table = input_path(wishes.input_csv, root)
    if table is None:
        raise UsageError("there is no table", fix="add --input-csv TABLE")
    out_dir = checked(Text, out_dir, "--out-dir")
    policy = asked.used.data_quality
    values = data_quality.job_values(policy, skipped=False, has_input=True)
    argv = data_quality.engine_argv(policy, str(root / table), str(root / out_dir))
    base = "host" if table.startswith("/") else "project_root"
    argv += [f"--recorded-path={table}", f"--path-base={base}"]
    status, out, err, report = _ask("data_quality", asked, values, argv, policy.deadline)
    if status not in (0, 2):
        why = (err or out).strip().removeprefix("error: ")
        raise UsageError("the data-quality gate could not run", where=table, why=why)
    return GateAnswer(status == 0, report, None, out, asked.origin)


@dataclass(frozen=True)
class _Asked:
    """Where a gate is asked, and by whose settings."""

    used: ResolvedSettings
    root: Path
    project: Project | None
    setup: str
    origin: str


def _resolve(
    configuration: Configuration,
    wishes: Wishes,
    environ: Mapping[str, str],
    here: Path,
    flags: list[Override],
    *,
    workflow: bool,
) -> _Asked:
    project = configuration.project
    host, name, own_setup = asked_host(wishes) or LOCAL, None, None
    if project and workflow:
        name, chosen = choose_workflow(project.settings, wishes.workflow)
        host, own_setup = choose_host(name, chosen, asked_host(wishes)), chosen.setup
    if wishes.workflow and not project:
        raise UsageError("there is no remoterun.yaml to find the workflow in", fix="remoterun init")
    levels = [*overrides(wishes, environ), *flags]
    resolved = resolve(host, configuration.inventory, project, name, levels)
    root = checked_root(resolved, configuration, environ, here)
    origin = f"workflow `{name}`" if name else "the project" if project else "built-in defaults"
    setup = setup_text(resolved.used.setup, own_setup)
    return _Asked(resolved.used, root, project.settings if project else None, setup, origin)


def _nobody(root: Path, project: Project | None) -> dict[str, str]:
    """The values of a run where there is none."""
    runs = runs_path(project)
    return {
        "run_id_json": "null",
        "token": "",
        "root": str(root),
        "runs_path": runs,
        "run_path": f"{runs}/-",
    }


def _ask(
    gate: str, asked: _Asked, values: Mapping[str, str], dq_argv: list[str], deadline_s: int
) -> tuple[int, str, str, str]:
    """Exit code, stdout, stderr and report."""
    root, project = asked.root, asked.project
    values = {**_nobody(root, project), **values}
    excluded = exclusions(project)
    scripts = ("lib.sh", *(name for each in GATES.values() for name in each.WRAPPERS))
    files = {
        rundir.JOB_VALUES: nul_ended([word.encode() for pair in values.items() for word in pair]),
        rundir.GIT_EXCLUDE: nul_ended([word.encode() for word in excluded[0]]),
        rundir.GIT_EXCLUDE_UNTRACKED: nul_ended([word.encode() for word in excluded[1]]),
        rundir.DQ_ARGV: nul_ended([word.encode() for word in dq_argv]),
        **{f"{rundir.WRAPPERS}/{name}": read_text(name) for name in scripts},
    }
    if asked.setup.strip():
        files[rundir.SETUP] = asked.setup.encode() + b"\n"
    with connect(LOCAL) as transport:
        script = read_script("lib", "gate")
        reply = transport.run(script, [str(root), gate], pack(files), deadline_s=deadline_s)
    words = [word.decode("utf-8", "replace") for word in reply]
    if words[0] != "done":
        raise LocalFileError(f"the gate could not run: {' '.join(words)}", where=str(root))
    return int(words[1]), words[2], words[3], words[4]
