"""The data-quality gate: the engine's arguments. Source: docs/gates.md."""

import csv
import io
from collections.abc import Iterable

from remoterun.model.project import DataQualityPolicy

WRAPPERS = ("data_quality.sh", "data_quality.py")
DAY_S = 86400


def job_values(policy: DataQualityPolicy, *, skipped: bool, has_input: bool) -> dict[str, str]:
    """Values of control/job."""
    return {
        "dq": "skip" if skipped else "run" if has_input else "none",
        "dq_skipped": "true" if skipped else "false",
        "dq_deadline_s": str(policy.deadline),
        "pin_limit": str(policy.pin_limit),
    }


def engine_argv(policy: DataQualityPolicy, input_csv: str, out_dir: str) -> list[str]:
    """What the engine is asked, without whose run it is."""
    words = {
        "--input-csv": input_csv,
        "--out-dir": out_dir,
        "--required-columns": columns(policy.required_columns),
        "--numeric-columns": columns(policy.numeric_columns),
        "--key-columns": columns(policy.key_columns),
        "--date-column": policy.date_column or "",
        "--min-rows": str(policy.min_rows),
        "--max-missing-ratio": repr(policy.max_missing_ratio),
        "--max-duplicate-ratio": repr(policy.max_duplicate_ratio),
        "--max-staleness-days": repr(policy.max_staleness / DAY_S),
        "--max-future-days": repr(policy.max_future / DAY_S),
        "--missing-columns": columns(policy.missing_columns),
        "--na-values": columns(policy.na_values),
    }
    return [f"{option}={value}" for option, value in words.items()]


def columns(names: Iterable[str]) -> str:
    """A list as one argument, names with commas in quotes."""
    out = io.StringIO()
    # a name with a line break in it is quoted only when that ends lines
    csv.writer(out, lineterminator="\r\n").writerow(list(names))
    return out.getvalue().removesuffix("\r\n")
