"""One merge rule for all settings: built-in < inventory defaults < groups in listed order <
host < project < workflow < environment < flag. Maps merge, lists and scalars replace, and every
leaf remembers where it came from.

Policy is everything up to the workflow; what the environment and flags change is in
`rules/overrides.py`, and whether that loosens a threshold in `rules/loosening.py`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from remoterun.errors import ConfigError, UsageError
from remoterun.model.inventory import IMPLICIT_LOCAL, Host, HostDefaults, HostKind, Inventory
from remoterun.model.names import HostName, WorkflowName
from remoterun.model.project import Project, ResolvedSettings, Workflow
from remoterun.model.settings import Loc, M, SettingsFile
from remoterun.rules.explain import did_you_mean, dotted
from remoterun.rules.overrides import Override

LOCAL = HostName("local")
BUILT_IN = "built-in"
Values = dict[str, object]


@dataclass(frozen=True)
class Layer:
    """What one place says: nested values, and an origin for each leaf or for all."""

    values: Mapping[str, object]
    origin: str
    lines: Mapping[Loc, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Resolved:
    """The settings of a run, the policy they are judged by, and where each value came from.

    Keys of the origins are dotted, like `preflight.min_cores`.
    """

    host: HostName
    kind: HostKind
    policy: ResolvedSettings
    policy_origins: Mapping[str, str]
    used: ResolvedSettings
    origins: Mapping[str, str]


def resolve(
    host: HostName,
    inventory: SettingsFile[Inventory] | None,
    project: SettingsFile[Project] | None = None,
    workflow: WorkflowName | None = None,
    overrides: Sequence[Override] = (),
) -> Resolved:
    """Merge every layer for one host.

    Args:
        overrides: the environment's, then the flags'; a later one wins.

    Raises:
        UsageError: there is no such host or workflow.
    """
    hosts = hosts_of(inventory.settings if inventory else None)
    if host not in hosts:
        known = ", ".join(f"`{name}`" for name in hosts)
        what, why = f"no host `{host}`", f"known hosts: {known}"
        where = str(inventory.path) if inventory else ""
        raise UsageError(what, where=where, why=why, fix=did_you_mean(host, hosts))
    layers = [Layer(ResolvedSettings().model_dump(), BUILT_IN)]
    layers += _host_layers(host, hosts[host], inventory)
    if project:
        layers += _project_layers(project, workflow)
    policy, policy_origins = merge(layers)
    flags = [Layer(override.values, override.origin) for override in overrides]
    used, origins = merge([*layers, *flags])
    return Resolved(
        host,
        hosts[host].kind,
        ResolvedSettings.model_validate(policy),
        policy_origins,
        ResolvedSettings.model_validate(used),
        origins,
    )


def merge(layers: Sequence[Layer]) -> tuple[Values, dict[str, str]]:
    """Later layers win; maps merge, everything else is replaced whole."""
    values: Values = {}
    origins: dict[Loc, str] = {}
    for layer in layers:
        _merge_into(values, origins, layer, layer.values, ())
    return values, {dotted(loc): origin for loc, origin in origins.items()}


def hosts_of(inventory: Inventory | None) -> dict[HostName, Host]:
    """The hosts by name; `local` is always among them."""
    listed = dict(inventory.hosts) if inventory else {}
    return listed if LOCAL in listed else {LOCAL: IMPLICIT_LOCAL, **listed}


def find_workflow(project: Project, name: WorkflowName) -> Workflow:
    """Raises UsageError with the nearest name."""
    if name not in project.workflows:
        known = project.workflows
        why = f"known workflows: {', '.join(f'`{word}`' for word in known) or 'none'}"
        raise UsageError(f"no workflow `{name}`", why=why, fix=did_you_mean(name, known))
    return project.workflows[name]


def choose_host(name: WorkflowName, workflow: Workflow, asked: HostName | None) -> HostName:
    """Where a new run goes: the host asked for, else the workflow's default, else its only
    host, else `local` when it lists none.

    Raises:
        UsageError: nothing decides, or the workflow may not run on the host asked for.
    """
    listed = ", ".join(f"`{host}`" for host in workflow.hosts)
    if asked is not None:
        if workflow.hosts and asked not in workflow.hosts:
            why = f"its hosts are {listed}"
            fix = did_you_mean(asked, workflow.hosts)
            raise UsageError(f"workflow `{name}` may not run on `{asked}`", why=why, fix=fix)
        return asked
    if workflow.default_host is not None:
        return workflow.default_host
    if not workflow.hosts:
        return LOCAL
    if len(workflow.hosts) > 1:
        raise UsageError(f"`{name}` runs on several hosts", why=listed, fix="add --host HOST")
    return workflow.hosts[0]


def expand_root(root: str, environ: Mapping[str, str], origin: str) -> str:
    """Replace `~` and `$VARIABLE`.

    Raises:
        ConfigError: names the variable that is not set (an empty one would silently lead to
            another folder), or the path is not absolute.
    """

    def value(found: re.Match[str]) -> str:
        name = found.group(1) or found.group(2)
        if not environ.get(name):
            why = f"the variable `{name}` is not set"
            raise ConfigError(f"`root: {root}` cannot be expanded", where=origin, why=why)
        return environ[name]

    tilde = re.sub(r"^~(?=/|$)", "$HOME", root)
    path = re.sub(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})", value, tilde)
    if not path.startswith("/"):
        why = "an absolute path is needed, or one that starts with `~/` or a variable"
        raise ConfigError(f"`root: {root}` is `{path}`", where=origin, why=why)
    return path


def _host_layers(
    name: HostName, host: Host, inventory: SettingsFile[Inventory] | None
) -> list[Layer]:
    if inventory is None:
        return [Layer(_said(host), f"{BUILT_IN} hosts.{name}")]
    said = inventory.settings
    layers = [_layer(inventory, ("defaults",), said.defaults)]
    layers += [_layer(inventory, ("groups", group), said.groups[group]) for group in host.groups]
    if name in said.hosts:
        return [*layers, _layer(inventory, ("hosts", name), host)]
    return [*layers, Layer(_said(host), f"{BUILT_IN} hosts.{name}")]


def _project_layers(project: SettingsFile[Project], name: WorkflowName | None) -> list[Layer]:
    said = project.settings
    values: Values = {"preflight": said.preflight.model_dump(exclude_unset=True)}
    layers = [Layer(values, "", _places(project, ()))]
    if name is not None:
        workflow = find_workflow(said, name).model_dump(exclude_unset=True)
        values = {key: workflow[key] for key in WORKFLOW_KEYS if key in workflow}
        layers.append(Layer(values, "", _places(project, ("workflows", name))))
    return layers


WORKFLOW_KEYS = ("preflight", "data_quality", "threads")


def _layer(file: SettingsFile[Inventory], at: Loc, said: HostDefaults) -> Layer:
    return Layer(_said(said), "", _places(file, at))


def _said(said: HostDefaults) -> Values:
    values = said.model_dump(exclude_unset=True)
    return {key: values[key] for key in HostDefaults.model_fields if key in values}


def _places(file: SettingsFile[M], at: Loc) -> dict[Loc, str]:
    return {
        loc[len(at) :]: f"{file.path.name}:{line} {dotted(at)}".rstrip()
        for loc, line in file.lines.items()
        if loc[: len(at)] == at
    }


def _merge_into(
    values: Values, origins: dict[Loc, str], layer: Layer, said: Mapping[str, object], at: Loc
) -> None:
    for key, value in said.items():
        loc = (*at, key)
        below = values.get(key)
        if isinstance(value, Mapping):
            if not isinstance(below, dict):
                below = values[key] = {}
            _merge_into(below, origins, layer, value, loc)
        else:
            values[key] = value
            origins[loc] = layer.lines.get(loc, layer.origin)
