"""Which thresholds of a run are looser than policy: each such one needs a waiver."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from remoterun.model.project import ResolvedSettings
from remoterun.model.units import gib_ceil


@dataclass(frozen=True)
class Loosening:
    """One threshold below policy, with its values as the YAML files would say them."""

    setting: str
    policy_value: object
    used_value: object


def _smaller(policy: float, used: float) -> bool:
    return used < policy


def _larger(policy: float, used: float) -> bool:
    return used > policy


def _fewer_gib(policy: int | None, used: int | None) -> bool:
    return gib_ceil(used or 0) < gib_ceil(policy or 0)


def _higher_load(policy: float | None, used: float | None) -> bool:
    return policy is not None and (used is None or used > policy)


def _switched_off(policy: bool, used: bool) -> bool:
    return policy and not used


def _one_less(policy: tuple[str, ...], used: tuple[str, ...]) -> bool:
    return not set(policy) <= set(used)


def _other_keys(policy: tuple[str, ...], used: tuple[str, ...]) -> bool:
    """More keys find fewer duplicates, and a key that is dropped need no longer exist. Without
    keys whole rows are compared, which is the loosest.
    """
    return bool(policy) and set(policy) != set(used)


def _other_date(policy: str | None, used: str | None) -> bool:
    return policy is not None and used != policy


def _fewer_judged(policy: tuple[str, ...], used: tuple[str, ...]) -> bool:
    """No column named means that all are judged."""
    return bool(used) and (not policy or not set(policy) <= set(used))


LOOSER: Mapping[str, Callable[[Any, Any], bool] | None] = {
    "preflight.min_cores": _smaller,
    "preflight.min_memory": _fewer_gib,
    "preflight.min_disk_free": _fewer_gib,
    "preflight.min_gpus": _smaller,
    "preflight.max_load_per_core": _higher_load,
    "preflight.refuse_other_runs": _switched_off,
    "preflight.require_clean": _switched_off,
    "preflight.deadline": None,
    "data_quality.required": _switched_off,
    "data_quality.required_columns": _one_less,
    "data_quality.numeric_columns": _one_less,
    "data_quality.key_columns": _other_keys,
    "data_quality.date_column": _other_date,
    "data_quality.min_rows": _smaller,
    "data_quality.max_missing_ratio": _larger,
    "data_quality.max_duplicate_ratio": _larger,
    "data_quality.max_staleness": _larger,
    "data_quality.max_future": _larger,
    "data_quality.missing_columns": _fewer_judged,
    "data_quality.na_values": _one_less,
    "data_quality.pin_limit": None,
    "data_quality.deadline": None,
}
"""When a value is looser than policy; None: the setting decides nothing about pass or fail.
Source: docs/inventory.md, "Loosening"."""


def loosened(policy: ResolvedSettings, used: ResolvedSettings) -> list[Loosening]:
    """Every threshold that is looser than policy, in the order of the settings."""
    found = []
    policy_shown, used_shown = policy.model_dump(mode="json"), used.model_dump(mode="json")
    for setting, looser in LOOSER.items():
        gate, key = setting.split(".")
        before, now = getattr(getattr(policy, gate), key), getattr(getattr(used, gate), key)
        if looser is not None and looser(before, now):
            found.append(Loosening(setting, policy_shown[gate][key], used_shown[gate][key]))
    return found
