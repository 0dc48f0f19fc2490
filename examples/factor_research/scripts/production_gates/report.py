"""The report of a run for people, and its row in the registry of all runs."""

from __future__ import annotations

from production_gates.gates import NAMES

REGISTRY_COLUMNS = [
    "run_ts",
    "generated_at",
    "decision_tag",
    "owner",
    "strategy",
    "factor",
    "freeze_file",
    "skip_guardrails",
    "skip_risk_diagnostics",
    "skip_statistical_gates",
    "overall_pass",
    *NAMES,
    "wf_test_ic_mean",
    "wf_test_ic_pos_ratio",
    "stat_q_value_bh",
    "report_json",
    "report_md",
    "notes",
]
FROM_INPUTS = [*REGISTRY_COLUMNS[2:10], "notes"]


def registry_row(report: dict, stamp: str, report_json: str, report_md: str) -> dict:
    """The row of `gate_registry.csv`."""
    return {
        "run_ts": stamp,
        "generated_at": report["generated_at"],
        **{name: report["inputs"][name] for name in FROM_INPUTS},
        **report["gates"],
        "wf_test_ic_mean": report["wf_stress"].get("test_ic_mean"),
        "wf_test_ic_pos_ratio": report["wf_stress"].get("test_ic_pos_ratio"),
        "stat_q_value_bh": report["statistical_gates"].get("q_value_bh"),
        "report_json": report_json,
        "report_md": report_md,
    }


def format_markdown(report: dict) -> str:
    """The same facts as the JSON, to be read."""
    inputs, wf = report["inputs"], report["wf_stress"]
    risk, statistics = report["risk_diagnostics"], report["statistical_gates"]
    lines = [
        f"# Production gates: {_text(inputs['factor'])}",
        "",
        f"- overall_pass: **{_text(report['gates']['overall_pass'])}**",
        *(
            f"- {name}: {_text(inputs[name])}"
            for name in ("decision_tag", "owner", "strategy", "notes")
        ),
        f"- generated_at: {report['generated_at']}",
        *(f"- table {name}: {_text(value)}" for name, value in report["table"].items()),
        *_table("Gates", ["gate", "pass"], list(report["gates"].items())),
        *_table(
            "Cost stress",
            ["multiplier", "test IC", "train IC"],
            [
                (row["cost_multiplier"], row["test_ic"], row["train_ic"])
                for row in report["cost_stress"]
            ],
        ),
        *_table("Walk-forward", ["value", ""], list(wf.items())),
        *_table("Risk", ["value", ""], [item for item in risk.items() if item[0] != "reasons"]),
        *(f"- {name}: {reason}" for name, reason in risk.get("reasons", {}).items()),
        *_table("Statistics", ["value", ""], list(statistics.items())),
    ]
    return "\n".join(lines) + "\n"


def _table(title: str, head: list[str], rows: list) -> list[str]:
    lines = ["", f"## {title}", "", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return lines + [f"| {' | '.join(_text(cell) for cell in row)} |" for row in rows]


def _text(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6f}"
    return " ".join(str(value).split()).replace("|", "\\|")
