"""From the arguments to the report: the order of the work, and how the program ends."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from production_gates import blocks
from production_gates.arguments import read_arguments
from production_gates.configuration import config_hash, read_configuration
from production_gates.files import append_csv, replace, require_columns, write_csv, write_json
from production_gates.freeze import git_commit, require_frozen, write_freeze
from production_gates.gates import verdict
from production_gates.multiple_testing import read_other_tries
from production_gates.progress import Progress
from production_gates.refusal import Refusal, Stopped
from production_gates.report import REGISTRY_COLUMNS, format_markdown, registry_row
from production_gates.table import Table, read_table
from production_gates.variants import RULES, build_variant
from production_gates.walk_forward import BATCH

ROOT = Path(__file__).resolve().parents[2]
REFUSED = 3
DRY = {"ok": False, "reason": "dry run"}


def main(words: list[str]) -> int:
    """0 when the report (or the freeze file) was written, 3 when it was refused."""
    inputs = read_arguments(words)
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, _stop)
    try:
        return _run(inputs)
    except Refusal as refusal:
        print(f"refused: {' '.join(str(refusal).split())}", file=sys.stderr)
        return REFUSED
    except Stopped as stopped:
        print(f"stopped by signal {stopped.signum}", file=sys.stderr, flush=True)
        # end as the signal would have ended us, so that whoever waits sees what happened
        signal.signal(stopped.signum, signal.SIG_DFL)
        os.kill(os.getpid(), stopped.signum)
        return 128 + stopped.signum


def _stop(signum: int, _frame: object) -> None:
    raise Stopped(signum)


def _run(inputs: dict) -> int:
    configuration = read_configuration(Path(inputs["strategy"]))
    if inputs["factor"] not in configuration["factors"]:
        known = ", ".join(configuration["factors"])
        raise Refusal(f"`{inputs['factor']}` is no factor of {inputs['strategy']}; it has {known}")
    column = configuration["factors"][inputs["factor"]]
    commit = git_commit(ROOT)
    if inputs["write_freeze"]:
        path = Path(inputs["freeze_file"])
        write_freeze(path, configuration, commit, _now(), inputs["notes"])
        print(f"frozen: {path}, commit {commit}, config_hash {config_hash(configuration)}")
        return 0
    if inputs["freeze_file"] and not inputs["skip_guardrails"]:
        require_frozen(Path(inputs["freeze_file"]), configuration, commit)

    registry = Path(inputs["out_dir"]) / "gate_registry.csv"
    require_columns(registry, REGISTRY_COLUMNS)
    out_dir = os.environ.get("OUT_DIR")
    progress = Progress(Path(out_dir) if out_dir else None)
    source = Path(os.environ.get("REMOTERUN_INPUT_CSV") or inputs["input_csv"])
    progress.enter("reading the table", f"reading {source}")
    table = read_table(source, column)
    others = []
    if inputs["stat_summary_csv"]:
        others = read_other_tries(Path(inputs["stat_summary_csv"]))
    print(f"{table.rows} rows, {len(table.days)} dates, sha256 {table.sha256}", flush=True)

    stamp, folder = _new_folder(Path(inputs["out_dir"]))
    if inputs["dry_run"]:
        parts = _measure_nothing(folder)
    else:
        progress.enter("variants", f"variants of {inputs['factor']}: {len(RULES)}")
        min_names = configuration["portfolio"]["min_names"]
        family = [
            build_variant(table.days, column, inputs["factor"], rule, min_names) for rule in RULES
        ]
        study = blocks.Study(table, family, configuration, column, inputs["factor"], folder)
        parts = _measure(study, inputs, others, stamp, progress)
    report = {
        "generated_at": _now(),
        "inputs": inputs,
        "outputs": {
            "out_root": folder.as_posix(),
            "cost_csv": (folder / "cost_stress_results.csv").as_posix(),
            "wf_summary_csv": parts["wf_stress"].get("summary_csv"),
        },
        **parts,
        "gates": verdict(parts, configuration["gates"], inputs),
        "table": _facts(table),
        "git_commit": commit,
        "config_hash": config_hash(configuration),
    }
    _publish(report, stamp, folder, registry)
    progress.finish()
    return 0


def _measure(
    study: blocks.Study, inputs: dict, others: list, stamp: str, progress: Progress
) -> dict:
    windows = blocks.walk_forward_windows(study)
    batches = -(-study.configuration["walk_forward"]["permutation_draws"] // BATCH)
    multipliers = inputs["cost_multipliers"]
    progress.plan(len(multipliers) + len(windows) * batches + 1 + len(study.variants))
    parts = {
        "cost_stress": blocks.cost_block(study, multipliers, progress),
        "wf_stress": blocks.walk_forward_block(study, windows, inputs["wf_shards"], progress),
    }
    skipped = "skipped by --skip-{}".format
    if inputs["skip_risk_diagnostics"]:
        parts["risk_diagnostics"] = {"ok": False, "reason": skipped("risk-diagnostics")}
    else:
        parts["risk_diagnostics"] = blocks.risk_block(study, progress)
    if inputs["skip_statistical_gates"]:
        parts["statistical_gates"] = {"ok": False, "reason": skipped("statistical-gates")}
    else:
        parts["statistical_gates"] = blocks.statistics_block(study, others, stamp, progress)
    return parts


def _measure_nothing(folder: Path) -> dict:
    write_csv(folder / "cost_stress_results.csv", blocks.COST_COLUMNS, [])
    names = ("wf_stress", "risk_diagnostics", "statistical_gates")
    return {"cost_stress": [], **{name: dict(DRY) for name in names}}


def _publish(report: dict, stamp: str, folder: Path, registry: Path) -> None:
    """The JSON comes last of the folder's files: where it stands, the others are whole."""
    name = "production_gates_report"
    markdown, report_json = folder / f"{name}.md", folder / f"{name}.json"
    replace(markdown, format_markdown(report))
    write_json(report_json, report)
    row = registry_row(report, stamp, report_json.as_posix(), markdown.as_posix())
    append_csv(registry, REGISTRY_COLUMNS, row)
    told = os.environ.get("REMOTERUN_REPORT_FILE")
    if told:
        replace(Path(told), report_json.as_posix() + "\n")
    for gate, passed in report["gates"].items():
        print(f"{gate}: {str(passed).lower() if passed is not None else 'null'}")
    print(f"report: {report_json}", flush=True)


def _new_folder(out_dir: Path) -> tuple[str, Path]:
    """A folder of our own, even when two runs begin in one second."""
    out_dir.mkdir(parents=True, exist_ok=True)
    now = time.strftime("%Y-%m-%d_%H%M%S", time.gmtime())
    for at in range(1, 1000):
        stamp = now if at == 1 else f"{now}_{at}"
        folder = out_dir / f"production_gates_{stamp}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return stamp, folder
    raise Refusal(f"too many runs of this second in {out_dir}")


def _facts(table: Table) -> dict:
    return {
        "input_csv": table.path,
        "sha256": table.sha256,
        "rows": table.rows,
        "rows_skipped": table.rows_skipped,
        "duplicates_skipped": table.duplicates_skipped,
        "dates": len(table.days),
        "first_date": table.days[0].date,
        "last_date": table.days[-1].date,
    }


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
