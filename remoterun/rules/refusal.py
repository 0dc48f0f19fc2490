"""What mends a refused launch: which setting asked for it, where that stands, the waiver."""

import json
from collections.abc import Iterable, Mapping

from remoterun.rules.settings import Resolved

SETTING_OF_CHECK: Mapping[str, str] = {
    "cores": "preflight.min_cores",
    "memory": "preflight.min_memory",
    "clean_tree": "preflight.require_clean",
    "disk": "preflight.min_disk_free",
    "gpus": "preflight.min_gpus",
    "load": "preflight.max_load_per_core",
    "other_runs": "preflight.refuse_other_runs",
    "required_columns_present": "data_quality.required_columns",
    "min_rows": "data_quality.min_rows",
    "duplicate_ratio": "data_quality.max_duplicate_ratio",
    "missing_ratio": "data_quality.max_missing_ratio",
    "numeric_integrity": "data_quality.numeric_columns",
    "freshness": "data_quality.max_staleness",
    "no_future_dates": "data_quality.max_future",
}
"""The check that a reason begins with -> the setting that its bound comes from."""


def mending(reasons: Iterable[str], resolved: Resolved, *, waived: bool) -> list[str]:
    """For each reason the file, line and key of its bound, and how one run gets past it.

    A bound that this launch asked for itself is mended by not asking. Nothing is proposed where
    nothing was measured: no bound would let that pass.

    Args:
        waived: getting past it takes a waiver, with reason and actor.
    """
    shown = resolved.policy.model_dump(mode="json")
    asked = resolved.used.model_dump(mode="json")
    lines = []
    for reason in reasons:
        setting = SETTING_OF_CHECK.get(reason.split(":")[0].split(" ")[0])
        if setting is None or "not measur" in reason:
            continue
        gate, key = setting.split(".")
        value = _said(shown[gate][key])
        where = resolved.policy_origins.get(setting, "built-in")
        if asked[gate][key] != shown[gate][key]:
            own = f"{setting}={_said(asked[gate][key])} comes from {resolved.origins[setting]}"
            lines.append(f"asked: {own}; policy is {value} ({where})")
            continue
        once = f"--set {setting}=…" + (" --reason 'WHY' --actor NAME" if waived else "")
        lines.append(f"policy: {setting} is {value} ({where}); for one run: {once}")
    return lines


def _said(value: object) -> str:
    """As the YAML files say it."""
    return value if isinstance(value, str) else json.dumps(value)
