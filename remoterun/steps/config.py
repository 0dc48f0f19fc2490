"""`config path`, `config check`, `config schema`: which settings files are in force, whether
they are right, and what may stand in them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from remoterun.model.inventory import Inventory
from remoterun.model.names import HostName, WorkflowName
from remoterun.model.project import Project
from remoterun.model.record import Record
from remoterun.records.config import read_configuration
from remoterun.records.places import Places, find_files
from remoterun.rules.schema import json_schema
from remoterun.rules.settings import hosts_of, resolve
from remoterun.steps.hosts import root_of


class CheckedFiles(Record):
    """What was found right; a file that is not there is None."""

    project: Path | None
    inventory: Path | None
    workflows: tuple[WorkflowName, ...]
    hosts: tuple[HostName, ...]
    unknown_hosts: tuple[HostName, ...]
    """Hosts that workflows name and this inventory lacks, which is no error: another user's
    inventory may have them."""


def show_places(
    cwd: Path, environ: Mapping[str, str], inventory: Path | None, project: Path | None
) -> Places:
    """Where the settings files are looked for, and which are in force; reads neither.

    Raises:
        ConfigError: a file that was named does not exist.
    """
    return find_files(cwd, environ, inventory, project)


def check_files(
    cwd: Path, environ: Mapping[str, str], inventory: Path | None, project: Path | None
) -> CheckedFiles:
    """Read both files, merge what they say about every host, and expand its `root`.

    Raises:
        ConfigError: the first thing that is wrong.
    """
    configuration = read_configuration(cwd, environ, inventory, project)
    hosts = hosts_of(configuration.inventory.settings if configuration.inventory else None)
    workflows = configuration.project.settings.workflows if configuration.project else {}
    for host in hosts:
        resolved = resolve(host, configuration.inventory, configuration.project)
        root_of(resolved, configuration, environ, cwd)
    named = {host for workflow in workflows.values() for host in workflow.hosts}
    return CheckedFiles(
        project=configuration.places.project,
        inventory=configuration.places.inventory,
        workflows=tuple(workflows),
        hosts=tuple(hosts),
        unknown_hosts=tuple(sorted(named - set(hosts))),
    )


def schema(which: Literal["inventory", "project"]) -> dict[str, object]:
    """JSON Schema of one of the two files, for editors."""
    if which == "inventory":
        return json_schema(Inventory, "inventory.yaml of remoterun")
    return json_schema(Project, "remoterun.yaml")
