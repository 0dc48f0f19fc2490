"""The freeze file: for which configuration and which commit a strategy was released."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from production_gates.configuration import config_hash
from production_gates.files import write_json
from production_gates.refusal import Refusal

UNKNOWN = "unknown"


def git_commit(root: Path) -> str:
    """The commit that is checked out in `root`; `unknown` outside a repository."""
    argv = ["git", "-C", str(root), "rev-parse", "--verify", "--quiet", "HEAD^{commit}"]
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:  # no git on this host
        return UNKNOWN
    return done.stdout.decode("ascii", "replace").strip() if done.returncode == 0 else UNKNOWN


def write_freeze(path: Path, configuration: dict, commit: str, frozen_at: str, notes: str) -> None:
    """Release this configuration at this commit; an older freeze file is replaced."""
    scope = ("strategy_id", "strategy_name", "strategy_version")
    freeze = {
        "frozen_at": frozen_at,
        "runner": "run_research_workflow",
        "git_commit": commit,
        "config_hash": config_hash(configuration),
        "run_scope": {name: configuration[name] for name in scope},
        "notes": notes,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, freeze)


def require_frozen(path: Path, configuration: dict, commit: str) -> None:
    """Refuse unless the freeze file names this configuration and this commit."""
    again = "; freeze again with --write-freeze if that is meant"
    try:
        freeze = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Refusal(f"no freeze file {path}; make it with --write-freeze") from None
    except (OSError, ValueError) as error:
        raise Refusal(f"cannot read the freeze file {path}: {error}") from error
    if not isinstance(freeze, dict):
        raise Refusal(f"the freeze file {path} is no JSON object")
    frozen = freeze.get("config_hash")
    if frozen != config_hash(configuration):
        found = config_hash(configuration)
        raise Refusal(
            f"the configuration {_short(found)} is not the frozen {_short(frozen)} of {path}{again}"
        )
    if freeze.get("git_commit") != commit:
        frozen = freeze.get("git_commit")
        raise Refusal(
            f"the commit {_short(commit)} is not the frozen {_short(frozen)} of {path}{again}"
        )


def _short(digest: object) -> str:
    return f"`{str(digest)[:12]}`"
