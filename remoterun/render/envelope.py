"""Answers for programs: one versioned JSON envelope, lines of JSON, or names only."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from remoterun.model.timestamp import format_utc
from remoterun.model.views import RunPage

SCHEMA_VERSION = 1


def envelope_json(kind: str, runs: Iterable[Mapping[str, object]], now: datetime) -> str:
    """`{schema_version, kind, checked_utc, runs}` on one line, in ASCII: what a run wrote
    reaches no terminal unescaped. Source: docs/output.md.
    """
    checked = format_utc(now.replace(microsecond=0))
    head = {"schema_version": SCHEMA_VERSION, "kind": kind, "checked_utc": checked}
    return json.dumps({**head, "runs": list(runs)})


def runs_json(kind: str, pages: Iterable[RunPage], now: datetime) -> str:
    """The same with the pages of runs."""
    return envelope_json(kind, (page.model_dump(mode="json") for page in pages), now)


def runs_lines(pages: Iterable[RunPage]) -> str:
    """One JSON object a line."""
    return "\n".join(json.dumps(page.model_dump(mode="json")) for page in pages)


def run_names(pages: Sequence[RunPage]) -> str:
    """Run ids, one a line: what feeds another verb."""
    return "\n".join(page.run_id for page in pages)
