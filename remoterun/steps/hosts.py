"""`hosts list` and `hosts show`: what the inventory says, merged and expanded."""

from collections.abc import Mapping
from pathlib import Path

from remoterun.errors import UsageError
from remoterun.model.inventory import HostDefaults, HostKind
from remoterun.model.names import GroupName, HostName
from remoterun.model.record import Record
from remoterun.records.config import Configuration
from remoterun.rules.settings import Resolved, expand_root, hosts_of, resolve


class HostRow(Record):
    """One host of the list; `root` as it is written, None where the inventory says none."""

    name: HostName
    kind: HostKind
    root: str | None
    groups: tuple[GroupName, ...]
    listed: bool
    """False for a `local` that exists only because it always does."""


class Setting(Record):
    """One value of a host, and the place that decided it."""

    key: str
    value: object
    origin: str


class HostPage(Record):
    """All that holds for a host, before a workflow says more."""

    name: HostName
    kind: HostKind
    groups: tuple[GroupName, ...]
    root: str
    """Expanded, absolute."""
    settings: tuple[Setting, ...]


def list_hosts(configuration: Configuration) -> list[HostRow]:
    """Every host, `local` always among them."""
    file = configuration.inventory
    listed = file.settings.hosts if file else {}
    return [
        HostRow(
            name=name,
            kind=host.kind,
            root=resolve(name, file).policy.root,
            groups=host.groups,
            listed=name in listed,
        )
        for name, host in hosts_of(file.settings if file else None).items()
    ]


def show_host(
    configuration: Configuration, name: str, environ: Mapping[str, str], cwd: Path
) -> HostPage:
    """Merge what inventory and project say about one host.

    Raises:
        UsageError: there is no such host.
        ConfigError: `root` names a variable that is not set.
    """
    resolved = resolve(_host_name(name), configuration.inventory, configuration.project)
    hosts = hosts_of(configuration.inventory.settings if configuration.inventory else None)
    root, origin = root_of(resolved, configuration, environ, cwd)
    shown = resolved.policy.model_dump(mode="json", include=set(HostDefaults.model_fields))
    settings = [Setting(key="root", value=root, origin=origin)]
    settings += [
        Setting(key=key, value=value, origin=resolved.policy_origins[key])
        for key, value in _leaves(shown)
        if key != "root"
    ]
    return HostPage(
        name=resolved.host,
        kind=resolved.kind,
        groups=hosts[resolved.host].groups,
        root=root,
        settings=tuple(settings),
    )


def root_of(
    resolved: Resolved, configuration: Configuration, environ: Mapping[str, str], cwd: Path
) -> tuple[str, str]:
    """The project's folder on a host, expanded, and what decided it.

    Raises:
        ConfigError: a variable in it is not set.
    """
    if resolved.policy.root is not None:
        origin = resolved.policy_origins["root"]
        return expand_root(resolved.policy.root, environ, origin), origin
    if configuration.project_root is not None:
        named = "the folder of remoterun.yaml" if configuration.project else "the folder of -C"
        return str(configuration.project_root), named
    return str(cwd), "the working directory"


def _host_name(name: str) -> HostName:
    try:
        return HostName(name)
    except ValueError as error:
        raise UsageError(f"no host `{name}`", why=str(error)) from None


def _leaves(values: Mapping[str, object], prefix: str = "") -> list[tuple[str, object]]:
    leaves: list[tuple[str, object]] = []
    for key, value in values.items():
        if isinstance(value, dict):
            leaves += _leaves(value, f"{prefix}{key}.")
        else:
            leaves.append((prefix + key, value))
    return leaves
