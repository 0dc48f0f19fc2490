"""`inventory.yaml`, the user's: hosts, groups, defaults. What a key means when nobody says it
stands here as its default; how the layers are merged is in `rules/settings.py`.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from remoterun.model.names import GroupName, HostName, Text
from remoterun.model.settings import Settings
from remoterun.model.units import GIB, Bytes, Seconds


class HostKind(StrEnum):
    LOCAL = "local"
    """This machine."""


def _kind(value: object) -> object:
    try:
        return HostKind(value)  # type: ignore[arg-type]
    except ValueError:
        known = ", ".join(f"`{kind}`" for kind in HostKind)
        raise ValueError(f"`{value}` is not supported by this version, only {known} is") from None


def misplaced(
    loc: tuple[str | int, ...], problem: str, value: str, known: Iterable[str] = ()
) -> Exception:
    """A validation error about a value elsewhere: `loc` leads there from the model at hand, and
    `known` are the words that the value could have been.
    """
    context: dict[str, Any] = {"loc": loc, "problem": problem, "value": value, "known": [*known]}
    return PydanticCustomError("misplaced", "{problem}", context)


class PreflightPolicy(Settings):
    """What a host must offer before a run may start on it."""

    min_cores: int = Field(8, ge=0)
    """CPU cores."""
    min_memory: Bytes = 60 * GIB
    """Total memory; compared in whole GiB, rounded up."""
    min_disk_free: Bytes | None = None
    """Free space on the file system of the project; absent or null: not asked."""
    min_gpus: int = Field(0, ge=0)
    """Usable GPUs."""
    max_load_per_core: float | None = Field(None, gt=0)
    """1-minute load divided by cores; absent or null: not asked."""
    refuse_other_runs: bool = False
    """Another live run on this host blocks."""
    require_clean: bool = False
    """Uncommitted changes in the project's work tree block."""
    deadline: Seconds = Field(300, gt=0)
    """How long the gate may take."""


class MonitorSettings(Settings):
    """How a run is watched."""

    interval: Seconds = Field(30, gt=0)
    """Time between two looks."""
    stall_after: Seconds = Field(1800, gt=0)
    """A run whose log, progress and heartbeat stood still for so long is flagged `stalled`."""


class HostDefaults(Settings):
    """What can be said for all hosts, for a group, or for one host."""

    root: Text | None = Field(None, min_length=1)
    """The project's checkout on the host; `~` and `$VARIABLE` are expanded. On the local host
    absent means the folder of `remoterun.yaml`."""
    setup: Text | None = None
    """Shell text, sourced before the gates and the command: modules, conda, CUDA."""
    preflight: PreflightPolicy = PreflightPolicy()
    """The preflight gate."""
    monitor: MonitorSettings = MonitorSettings()
    """Watching a run."""


class Group(HostDefaults):
    """Settings shared by the hosts that list this group."""


class Host(HostDefaults):
    """One machine on which runs can be started."""

    kind: Annotated[HostKind, BeforeValidator(_kind)]
    """`local`: this machine."""
    groups: tuple[GroupName, ...] = Field((), strict=False)
    """Groups whose settings this host takes; a later one wins over an earlier one."""


class Inventory(Settings):
    """`inventory.yaml`: the hosts of one user."""

    version: Literal[1]
    """Version of the format of this file."""
    defaults: HostDefaults = HostDefaults()
    """Holds for every host, unless a group or the host says otherwise."""
    groups: dict[GroupName, Group] = Field({})
    """Named settings that several hosts share."""
    hosts: dict[HostName, Host] = Field({})
    """The hosts by name. `local` exists also when it is not listed."""

    @model_validator(mode="after")
    def _groups_exist(self) -> Self:
        for name, host in self.hosts.items():
            for place, group in enumerate(host.groups):
                if group not in self.groups:
                    known = ", ".join(f"`{g}`" for g in self.groups) or "none"
                    problem = f"group `{group}` is not defined under `groups`: known are {known}"
                    loc = ("hosts", name, "groups", place)
                    raise misplaced(loc, problem, group, self.groups)
        return self


IMPLICIT_LOCAL = Host(kind=HostKind.LOCAL, preflight=PreflightPolicy(min_cores=1, min_memory=GIB))
"""The host `local` where no inventory lists it: a first run needs no inventory."""
