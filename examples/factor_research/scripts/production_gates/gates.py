"""The verdict: what was measured against the limits of the configuration."""

from __future__ import annotations

COST = ("cost_gate_x1_5_positive", "cost_gate_x2_0_positive")
WALK_FORWARD = ("wf_gate_positive_mean", "wf_gate_pos_ratio")
RISK = (
    "risk_gate_beta_abs",
    "risk_gate_turnover_overlap",
    "risk_gate_size_corr_abs",
    "risk_gate_industry_coverage",
)
STATISTICS = ("stat_gate_factor_pass",)
NAMES = (*COST, *WALK_FORWARD, *RISK, *STATISTICS)


def verdict(blocks: dict, limits: dict, inputs: dict) -> dict[str, bool | None]:
    """Each gate true, false, or None when it was not evaluated, and `overall_pass`.

    A value that is missing fails its gate. A skipped block is not evaluated and leaves the
    conjunction; in a dry run nothing is evaluated.
    """
    if inputs["dry_run"]:
        return dict.fromkeys((*NAMES, "overall_pass"))
    costs = {row["cost_multiplier"]: row["test_ic"] for row in blocks["cost_stress"]}
    wf, risk = blocks["wf_stress"], blocks["risk_diagnostics"]
    gates: dict[str, bool | None] = {
        "cost_gate_x1_5_positive": _above(costs.get(1.5), 0),
        "cost_gate_x2_0_positive": _above(costs.get(2.0), 0),
        "wf_gate_positive_mean": _above(wf.get("test_ic_mean"), 0),
        "wf_gate_pos_ratio": _at_least(wf.get("test_ic_pos_ratio"), limits["min_wf_pos_ratio"]),
        "risk_gate_beta_abs": _within(risk.get("beta_vs_spy"), limits["max_abs_beta"]),
        "risk_gate_turnover_overlap": _at_least(
            risk.get("turnover_top_pct_overlap"), limits["min_top_overlap"]
        ),
        "risk_gate_size_corr_abs": _within(
            risk.get("size_signal_corr_log_mcap"), limits["max_abs_size_corr"]
        ),
        "risk_gate_industry_coverage": _at_least(
            risk.get("industry_coverage"), limits["min_industry_coverage"]
        ),
        "stat_gate_factor_pass": blocks["statistical_gates"].get("factor_gate_pass") is True,
    }
    for flag, names in (("skip_risk_diagnostics", RISK), ("skip_statistical_gates", STATISTICS)):
        if inputs[flag]:
            gates.update(dict.fromkeys(names))
    gates["overall_pass"] = all(gate for gate in gates.values() if gate is not None)
    return gates


def _above(value: float | None, limit: float) -> bool:
    return value is not None and value > limit


def _at_least(value: float | None, limit: float) -> bool:
    return value is not None and value >= limit


def _within(value: float | None, limit: float) -> bool:
    return value is not None and abs(value) <= limit
