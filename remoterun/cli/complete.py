"""Completion of names in the shell, from local files only: no host is asked, nothing fails."""

import os
from collections.abc import Iterable
from pathlib import Path


def complete_run(incomplete: str) -> list[str]:
    """Tags of the runs of the project at hand."""
    from remoterun.records.runs import find_runs_home, known_names

    try:
        names = known_names(find_runs_home(Path.cwd(), os.environ, None))
    except Exception:
        return []
    return _starting(names, incomplete)


def complete_host(incomplete: str) -> list[str]:
    """Hosts of the inventory."""
    from remoterun.records.config import read_configuration
    from remoterun.rules.settings import hosts_of

    try:
        inventory = read_configuration(Path.cwd(), os.environ, None, None).inventory
    except Exception:
        return []
    return _starting(hosts_of(inventory.settings if inventory else None), incomplete)


def complete_workflow(incomplete: str) -> list[str]:
    """Workflows of remoterun.yaml."""
    from remoterun.records.config import read_configuration

    try:
        project = read_configuration(Path.cwd(), os.environ, None, None).project
    except Exception:
        return []
    return _starting(project.settings.workflows if project else (), incomplete)


def _starting(names: Iterable[str], incomplete: str) -> list[str]:
    return [str(name) for name in names if name.startswith(incomplete)]
