"""The base of everything that a person writes, and a settings file as it was read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from remoterun.model.names import Digest

Loc = tuple[str | int, ...]
"""The way to a value: keys of maps and places in lists."""


class Settings(BaseModel):
    """Part of a settings file. An unknown key is an error, and no value is taken for another
    type: `no`, `1` and `"5"` are not quietly read as booleans or numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


M = TypeVar("M", bound=Settings)


@dataclass(frozen=True)
class SettingsFile(Generic[M]):
    """One settings file: its content, its digest, and the line of each key."""

    path: Path
    sha256: Digest
    settings: M
    lines: Mapping[Loc, int]
