"""The preflight gate: what preflight.sh must know. Source: docs/gates.md."""

from remoterun.model.inventory import PreflightPolicy
from remoterun.model.units import gib_ceil

WRAPPERS = ("preflight.sh",)


def job_values(policy: PreflightPolicy, *, blocks: bool) -> dict[str, str]:
    """Values of control/job; sizes in whole GiB, rounded up."""
    load = policy.max_load_per_core
    return {
        "preflight_blocks": "yes" if blocks else "no",
        "preflight_deadline_s": str(policy.deadline),
        "min_cores": str(policy.min_cores),
        "min_memory_gb": str(gib_ceil(policy.min_memory)),
        "min_disk_free_gb": str(gib_ceil(policy.min_disk_free or 0)),
        "min_gpus": str(policy.min_gpus),
        "max_load_per_core": "" if load is None else f"{load:g}",
        "max_load_thousandths": "" if load is None else str(round(load * 1000)),
        "refuse_other_runs": "yes" if policy.refuse_other_runs else "no",
        "require_clean": "1" if policy.require_clean else "0",
    }
