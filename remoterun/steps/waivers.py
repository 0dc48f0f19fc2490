"""What a launch skips or loosens, in words of who decided: one waiver each."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from remoterun.errors import UsageError
from remoterun.model.names import Text
from remoterun.model.waivers import Waiver, WaiverKind
from remoterun.rules.loosening import Loosening, loosened
from remoterun.rules.settings import Resolved
from remoterun.steps.checked import checked

if TYPE_CHECKING:
    from remoterun.steps.request import Wishes

PLACEHOLDERS = {"", "-", "n/a", "na", "none", "todo", "tbd", "x", "."}


def build_waivers(
    wishes: "Wishes", resolved: Resolved, project_file: Path, owner: str, now: datetime
) -> list[Waiver]:
    """One for each skipped gate and each threshold below policy, in words of who decided.

    Raises:
        UsageError: something is skipped or loosened without reason or actor.
    """
    loose = loosened(resolved.policy, resolved.used)
    if not loose and not wishes.skip_data_quality:
        return []
    said = {
        **who_decides(wishes, owner, _needs_reason(loose, resolved, project_file, wishes.reason)),
        "recorded_utc": now.replace(microsecond=0),
    }
    found: list[dict[str, Any]] = []
    if wishes.skip_data_quality:
        nothing = {"setting": None, "policy_value": None, "used_value": None}
        found.append({"gate": "data_quality", "kind": WaiverKind.SKIP, **nothing})
    for each in loose:
        found.append(
            {
                "gate": each.setting.split(".")[0],
                "kind": WaiverKind.LOOSEN,
                "setting": each.setting,
                "policy_value": _text(each.policy_value),
                "used_value": _text(each.used_value),
            }
        )
    return [Waiver(id=f"WV-{n:03}", **each, **said) for n, each in enumerate(found, 1)]


def who_decides(wishes: "Wishes", owner: str, needs_reason: UsageError) -> dict[str, Any]:
    """Reason and actor of a waiver.

    Raises:
        UsageError: the given one where the reason says nothing, or that nobody is named.
    """
    reason = (wishes.reason or "").strip()
    actor = (wishes.actor or owner).strip()
    if reason.lower() in PLACEHOLDERS:
        raise needs_reason
    if not actor:
        why = "a waiver names who decides, and no owner is configured"
        raise UsageError("this run needs --actor", why=why, fix="add --actor NAME")
    return {
        "reason": checked(Text, reason, "--reason"),
        "actor": checked(Text, actor, "--actor"),
    }


def _needs_reason(
    loose: Sequence[Loosening], resolved: Resolved, project_file: Path, given: str | None
) -> UsageError:
    if loose:
        first = loose[0]
        origin = resolved.origins.get(first.setting, "")
        policy_origin = resolved.policy_origins.get(first.setting, "built-in")
        used, policy = _text(first.used_value), _text(first.policy_value)
        what = f"{first.setting}={used} is looser than policy ({policy})"
        where = f"policy: {policy_origin}; this value: {origin}"
        mend = f"edit `{first.setting}` in {project_file.name}, or for one run"
    else:
        what, where, mend = "skipping the data-quality gate needs a reason", "", "for one run"
    why = "a waiver records reason and actor, and marks the run for ever"
    if given is not None:
        why += f"; `{given}` is no reason"
    return UsageError(what, where=where, why=why, fix=f"{mend}: add --reason 'WHY' --actor NAME")


def _text(value: object) -> str:
    return value if isinstance(value, str) else "none" if value is None else str(value)
