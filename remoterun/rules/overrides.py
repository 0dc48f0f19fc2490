"""What the environment, `--set` and the flags of the gates say about settings.

Names and units of the environment and of the flags are those of the gates' contract
(`MIN_MEM_GB`, `--max-staleness-days`); `--set` has the names and units of the YAML files.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from remoterun.errors import UsageError
from remoterun.model.inventory import PreflightPolicy
from remoterun.model.project import DataQualityPolicy, ResolvedSettings
from remoterun.model.settings import Settings
from remoterun.rules.explain import did_you_mean, explain
from remoterun.rules.scalars import read_plain

POLICIES: Mapping[str, type[Settings]] = {
    "preflight": PreflightPolicy,
    "data_quality": DataQualityPolicy,
}


@dataclass(frozen=True)
class Override:
    """One value from outside the files, checked: `setting` is dotted."""

    setting: str
    value: object
    origin: str

    @property
    def values(self) -> dict[str, object]:
        """Nested, as a layer of settings."""
        *parents, leaf = self.setting.split(".")
        nested: dict[str, object] = {leaf: self.value}
        for parent in reversed(parents):
            nested = {parent: nested}
        return nested


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ValueError("a whole number is needed, 0 or more")
    return int(text)


def _gib(text: str) -> str:
    return f"{_whole(text)}GiB"


def _number(text: str) -> float:
    value = read_plain(text)
    if isinstance(value, str | bool | None) or not math.isfinite(value):
        raise ValueError("a number is needed")
    return float(value)


def _days(text: str) -> int:
    """Rounded down: a bound never gets looser by its unit."""
    days = _number(text)
    if not 0 <= days <= 365_000:
        raise ValueError("a number of days is needed, 0 or more")
    return math.floor(days * 86400)


def _switch(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("0 or 1 is needed")
    return text == "1"


def _words(text: str) -> list[str]:
    words = [word.strip() for word in text.split(",")] if text.strip() else []
    if not all(words):
        raise ValueError("names with commas between them are needed, like date,ticker")
    return words


def _text(text: str) -> str | None:
    return text or None


CONTRACT: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "threads": ("threads", _whole),
    "require_clean": ("preflight.require_clean", _switch),
    "min_cores": ("preflight.min_cores", _whole),
    "min_memory_gb": ("preflight.min_memory", _gib),
    "min_disk_free_gb": ("preflight.min_disk_free", _gib),
    "min_gpus": ("preflight.min_gpus", _whole),
    "max_load_per_core": ("preflight.max_load_per_core", _number),
    "refuse_other_runs": ("preflight.refuse_other_runs", _switch),
    "required_columns": ("data_quality.required_columns", _words),
    "numeric_columns": ("data_quality.numeric_columns", _words),
    "key_columns": ("data_quality.key_columns", _words),
    "date_column": ("data_quality.date_column", _text),
    "min_rows": ("data_quality.min_rows", _whole),
    "max_missing_ratio": ("data_quality.max_missing_ratio", _number),
    "max_duplicate_ratio": ("data_quality.max_duplicate_ratio", _number),
    "max_staleness_days": ("data_quality.max_staleness", _days),
    "max_future_days": ("data_quality.max_future", _days),
    "missing_columns": ("data_quality.missing_columns", _words),
    "na_values": ("data_quality.na_values", _words),
}
"""The contract's name of a value -> its setting, and how its text is read."""

ENVIRONMENT: Mapping[str, str] = {
    "THREADS": "threads",
    "REQUIRE_CLEAN": "require_clean",
    "MIN_CORES": "min_cores",
    "MIN_MEM_GB": "min_memory_gb",
    "DQ_REQUIRED_COLUMNS": "required_columns",
    "DQ_NUMERIC_COLUMNS": "numeric_columns",
    "DQ_KEY_COLUMNS": "key_columns",
    "DQ_DATE_COLUMN": "date_column",
    "DQ_MIN_ROWS": "min_rows",
    "DQ_MAX_MISSING_RATIO": "max_missing_ratio",
    "DQ_MAX_DUPLICATE_RATIO": "max_duplicate_ratio",
    "DQ_MAX_STALENESS_DAYS": "max_staleness_days",
}
"""The whole environment level: variable -> the contract's name."""


def from_environment(environ: Mapping[str, str]) -> list[Override]:
    """What the variables of the environment level say; an empty one counts as not set.

    Raises:
        UsageError: a value that is not valid.
    """
    return [
        from_contract(name, environ[variable], f"environment {variable}")
        for variable, name in ENVIRONMENT.items()
        if environ.get(variable)
    ]


def from_contract(name: str, text: str, origin: str) -> Override:
    """Read a value that has a name of the contract; `origin` is the option or variable.

    Raises:
        UsageError: the value is not valid.
    """
    setting, read = CONTRACT[name]
    try:
        return _checked(setting, read(text), origin)
    except ValueError as error:
        raise UsageError(f"`{text[:80]}` does not fit", where=origin, why=str(error)) from None


def from_set(text: str) -> Override:
    """Read the argument of `--set`: `gate.key=value`, as the YAML files would say it; names in
    a list have commas between them.

    Raises:
        UsageError: no such setting, or the value is not valid.
    """
    setting, equals, value = text.partition("=")
    gate, _, key = setting.partition(".")
    known = [f"{name}.{key}" for name, model in POLICIES.items() for key in model.model_fields]
    if not equals or setting not in known:
        what = f"`{text[:80]}` sets nothing"
        why = f"GATE.KEY=VALUE is needed; known settings: {', '.join(known)}"
        raise UsageError(what, where="--set", why=why, fix=did_you_mean(setting, known))
    if isinstance(POLICIES[gate].model_fields[key].default, tuple):
        candidates: list[object] = [_list(value)]
    else:
        candidates = [value] if (plain := _plain(value)) == value else [plain, value]
    problems = []
    for candidate in candidates:
        try:
            return _checked(setting, candidate, "--set")
        except ValueError as error:
            problems.append(str(error))
    raise UsageError(f"`{value[:80]}` does not fit", where=f"--set {setting}", why=problems[0])


def _checked(setting: str, value: object, origin: str) -> Override:
    """Validate one value by its model; ValueError says what is allowed."""
    try:
        model = ResolvedSettings.model_validate(Override(setting, value, origin).values)
    except ValidationError as error:
        problem = explain(error.errors()[0], ResolvedSettings, lambda loc: str(value))
        raise ValueError("; ".join(t for t in (problem.what, problem.why) if t)) from None
    read: object = model
    for part in setting.split("."):
        read = getattr(read, part)
    return Override(setting, read, origin)


def _list(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")] if text.strip() else []


def _plain(text: str) -> object:
    try:
        return read_plain(text)
    except ValueError:
        return text
