"""The four blocks of the report: each measures one thing and writes its own files."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from production_gates import cost_stress, multiple_testing, risk, walk_forward
from production_gates.files import write_csv, write_json
from production_gates.progress import Progress
from production_gates.table import RETURN, Table
from production_gates.variants import Variant
from production_gates.workers import WorkerFailed, run_shards, shards_of

COST_COLUMNS = ["cost_multiplier", "return_code", "test_ic", "train_ic", "run_json"]


class Study(NamedTuple):
    """What all blocks share."""

    table: Table
    variants: list[Variant]
    configuration: dict
    column: str
    factor: str
    folder: Path


def cost_block(study: Study, multipliers: list[float], progress: Progress) -> list[dict]:
    """`cost_stress`: a row per multiplier; `return_code` 1 where nothing could be measured."""
    rows = []
    for multiplier in multipliers:
        progress.enter("cost stress", f"cost stress at {multiplier} times the costs")
        found = cost_stress.stress(study.table.days, study.column, multiplier, study.configuration)
        name = study.folder / "cost_stress" / f"cost_x{str(multiplier).replace('.', '_')}.json"
        name.parent.mkdir(exist_ok=True)
        write_json(name, found)
        row = {name: found[name] for name in ("cost_multiplier", "test_ic", "train_ic")}
        code = 1 if found["test_ic"] is None else 0
        rows.append({**row, "return_code": code, "run_json": name.as_posix()})
        progress.advance()
    write_csv(study.folder / "cost_stress_results.csv", COST_COLUMNS, rows)
    return rows


def walk_forward_windows(study: Study) -> list[walk_forward.Window]:
    """The windows that the table is long enough for."""
    dates = [day.date for day in study.table.days]
    settings = study.configuration["walk_forward"]
    return walk_forward.build_windows(dates, study.variants[0].ics, settings)


def walk_forward_block(
    study: Study, windows: list[walk_forward.Window], processes: int, progress: Progress
) -> dict:
    """`wf_stress`, and its summary table."""
    if not windows:
        reason = "the table is too short: no quarter has enough dates before it and in it"
        return {"ok": False, "reason": reason, "return_code": 1}
    days, settings = study.table.days, study.configuration["walk_forward"]
    research = walk_forward.Research(
        dates=[day.date for day in days],
        returns=[day.numbers[RETURN] for day in days],
        variants=study.variants,
        seed=study.configuration["seed"],
        draws=settings["permutation_draws"],
    )
    shards, done = shards_of(windows), []
    text = f"{len(windows)} windows in {len(shards)} years, {processes} processes"
    progress.enter("walk-forward", f"walk-forward: {text}, {research.draws} draws each")

    def on_event(kind: str, value: object) -> None:
        if kind == "batches":
            progress.advance(value)
        elif kind == "window":
            measured = f"test ic {value['test_ic']:+.4f}, p {value['p_value']:.4f}"
            print(f"window {value['window']}: {value['variant']}, {measured}", flush=True)
        else:
            done.append(value)
            message = f"shard {len(done)}/{len(shards)} done ({value})"
            progress.enter(f"walk-forward {len(done)}/{len(shards)}", message)

    try:
        rows = run_shards(research, shards, processes, on_event)
    except WorkerFailed as error:
        return {"ok": False, "reason": str(error), "return_code": 1}
    path = study.folder / "walk_forward_stress" / study.factor / "walk_forward_summary.csv"
    path.parent.mkdir(parents=True)
    write_csv(path, walk_forward.COLUMNS, rows)
    return {
        "ok": True,
        "rows": len(rows),
        **walk_forward.summarise(rows),
        "return_code": 0,
        "summary_csv": path.as_posix(),
        "shards": len(shards),
        "processes": min(processes, len(shards)),
        "permutation_draws": research.draws,
        "windows_below_p_0_05": sum(row["p_value"] <= 0.05 for row in rows),
    }


def risk_block(study: Study, progress: Progress) -> dict:
    """`risk_diagnostics`; ok means that it was computed, the values may still be null."""
    progress.enter("risk diagnostics", "risk diagnostics")
    columns = study.table.columns
    found = risk.diagnose(study.table.days, study.column, columns, study.configuration)
    path = study.folder / "risk_diagnostics.json"
    write_json(path, found)
    progress.advance()
    for reason in found["reasons"].values():
        print(f"not measured: {reason}", flush=True)
    return {"ok": True, "return_code": 0, "diagnostics_json": path.as_posix(), **found}


def statistics_block(study: Study, others: list[dict], stamp: str, progress: Progress) -> dict:
    """`statistical_gates`: the factor among all variants, and `others` tried elsewhere."""
    progress.enter("statistics", f"statistics of {len(study.variants)} variants")
    dates = [day.date for day in study.table.days]
    rows = []
    for variant in study.variants:
        rows.append(multiple_testing.describe(variant, dates, study.configuration))
        progress.advance()
    names = {row["factor"] for row in rows}
    rows += [row for row in others if row["factor"] not in names]
    rows = multiple_testing.judge(rows, study.configuration["gates"])
    folder = study.folder / "statistical" / f"statistical_gates_{stamp}"
    folder.mkdir(parents=True)
    write_csv(folder / "statistical_gates.csv", multiple_testing.COLUMNS, rows)
    own = rows[0]
    block = {
        "factor_found": own["p_value"] is not None,
        "factor_gate_pass": own["gate_pass"],
        "q_value_bh": own["q_value_bh"],
        "n_factors": len(rows),
        "n_pass": sum(row["gate_pass"] for row in rows),
    }
    path = folder / "statistical_gates_report.json"
    write_json(path, {**block, "factors": rows})
    return {"ok": True, "return_code": 0, "report_json": path.as_posix(), **block}
