"""The strategy's configuration: a small part of YAML, read without any package.

Understood are `key: value`, sections of one level with two spaces in front, comments and
quoted strings. Lists, anchors, several lines and everything else are refused with the line,
because a value that is read differently from what was meant would be frozen as it is.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from production_gates.refusal import Refusal

LINE = re.compile(r"(?P<indent> *)(?P<key>[A-Za-z_][A-Za-z0-9_]*):(?: +(?P<value>.*))?")
QUOTED = re.compile(r"\"(?P<double>[^\"\\]*)\"(?: +#.*)?|'(?P<single>[^']*)'(?: +#.*)?")
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
DECIMAL = re.compile(r"[-+]?[0-9]+\.[0-9]+(e[-+]?[0-9]+)?")
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")
# words that one version of YAML or another takes for something else than a text
AMBIGUOUS = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}

NUMBERS = {  # section and key: lowest and highest value, whole number?
    ("", "seed"): (0, 2**63, True),
    ("portfolio", "top_share"): (0.001, 0.5, False),
    ("portfolio", "min_names"): (3, 10**6, True),
    ("costs", "bps_per_turnover"): (0, 10**4, False),
    ("split", "train_share"): (0.1, 0.9, False),
    ("walk_forward", "min_train_dates"): (2, 10**6, True),
    ("walk_forward", "embargo_dates"): (0, 10**4, True),
    ("walk_forward", "min_test_dates"): (1, 10**4, True),
    ("walk_forward", "permutation_draws"): (1, 10**7, True),
    ("statistics", "bootstrap_draws"): (1, 10**7, True),
    ("statistics", "block_dates"): (1, 10**4, True),
    ("gates", "min_wf_pos_ratio"): (0, 1, False),
    ("gates", "max_abs_beta"): (0, 10, False),
    ("gates", "min_top_overlap"): (0, 1, False),
    ("gates", "max_abs_size_corr"): (0, 1, False),
    ("gates", "min_industry_coverage"): (0, 1, False),
    ("gates", "max_q_value"): (0, 1, False),
    ("gates", "min_stat_pos_ratio"): (0, 1, False),
}
TEXTS = [("", "strategy_id"), ("", "strategy_name"), ("", "strategy_version")]


def read_configuration(path: Path) -> dict:
    """Read and check a configuration; every key is present and within its range.

    Raises:
        Refusal: the file cannot be read, or something in it is not understood.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"cannot read the configuration {path}: {error}") from error
    configuration = parse(text, str(path))
    _require_known(configuration, path)
    return configuration


def config_hash(configuration: dict) -> str:
    """Digest of the values: sha256 of their sorted, compact JSON. Comments do not count."""
    text = json.dumps(configuration, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def parse(text: str, name: str) -> dict:
    """Texts, numbers and one level of sections; `name` stands in the message of a refusal."""
    top: dict = {}
    section: dict | None = None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.strip().startswith("#"):
            continue
        match = LINE.fullmatch(line.rstrip())
        if match is None or len(match["indent"]) not in (0, 2):
            raise Refusal(f"{name}:{number}: expected `key: value`, found `{line.strip()}`")
        key, value = match["key"], (match["value"] or "").strip()
        if match["indent"]:
            if section is None:
                raise Refusal(f"{name}:{number}: `{key}` is indented but stands in no section")
            target = section
        else:
            target, section = top, None
        if key in target:
            raise Refusal(f"{name}:{number}: `{key}` is there twice")
        if value and not value.startswith("#"):
            target[key] = _scalar(value, f"{name}:{number}")
        elif target is top:
            section = top[key] = {}
        else:
            raise Refusal(f"{name}:{number}: `{key}` has no value")
    return top


def _scalar(value: str, where: str) -> str | int | float:
    quoted = QUOTED.fullmatch(value)
    if quoted:
        return quoted["double"] if quoted["double"] is not None else quoted["single"]
    plain = re.split(r" +#", value, maxsplit=1)[0]
    if INTEGER.fullmatch(plain):
        return int(plain)
    if DECIMAL.fullmatch(plain):
        return float(plain)
    if WORD.fullmatch(plain) and plain.lower() not in AMBIGUOUS:
        return plain
    raise Refusal(f"{where}: cannot read `{value}`; a text with signs in it needs quotes")


def _require_known(configuration: dict, path: Path) -> None:
    factors = configuration.get("factors")
    if not isinstance(factors, dict) or not factors:
        raise Refusal(f"{path}: `factors` names no factor")
    known = {*NUMBERS, *TEXTS, *(("factors", name) for name in factors)}
    found = set()
    for key, value in configuration.items():
        inner = value if isinstance(value, dict) else None
        found |= {("", key)} if inner is None else {(key, name) for name in inner}
    for section, key in sorted(found ^ known):
        word = "unknown" if (section, key) in found else "missing"
        raise Refusal(f"{path}: {word} key `{f'{section}.{key}'.lstrip('.')}`")
    for section, key in [*TEXTS, *(("factors", name) for name in factors)]:
        value = (configuration[section] if section else configuration)[key]
        if not isinstance(value, str) or not value:
            raise Refusal(f"{path}: `{key}` must be a text, found `{value}`; use quotes")
    for (section, key), (low, high, whole) in NUMBERS.items():
        value = (configuration[section] if section else configuration)[key]
        if not isinstance(value, (int,) if whole else (int, float)) or not low <= value <= high:
            kind = "a whole number" if whole else "a number"
            raise Refusal(f"{path}: `{key}` must be {kind} from {low} to {high}, found `{value}`")
