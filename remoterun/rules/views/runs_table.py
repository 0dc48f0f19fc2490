"""Which runs a list shows, and in which order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from remoterun.errors import UsageError
from remoterun.model.state import StateName
from remoterun.model.views import RunPage
from remoterun.rules.views.run_page import LIVE

CONTRACT_WORDS: dict[str, frozenset[StateName]] = {
    "launching": frozenset({StateName.CLAIMED}),
    "running": frozenset({StateName.GATING, StateName.QUEUED, StateName.RUNNING}),
    "in_progress": frozenset(LIVE),
    "success": frozenset({StateName.SUCCEEDED}),
    "fail": frozenset(
        {StateName.FAILED, StateName.TIMED_OUT, StateName.OUT_OF_MEMORY, StateName.PREEMPTED}
    ),
    "preflight_fail": frozenset({StateName.BLOCKED}),
    "dq_fail": frozenset({StateName.BLOCKED}),
}
"""The words of the records beside our own. Source: docs/run-directory.md, "States"."""
GATE_OF_WORD = {"preflight_fail": "preflight", "dq_fail": "data_quality"}


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed to; each that is given must hold."""

    states: tuple[str, ...] = ()
    host: str | None = None
    tag_glob: str | None = None
    since_s: float | None = None
    """Not created longer ago than this."""
    older_s: float | None = None
    """Created longer ago than this."""

    def __bool__(self) -> bool:
        return self != Filters()


def require_states(words: Iterable[str]) -> None:
    """Raises UsageError for a word that is no state of ours and none of the records."""
    known = [*StateName, *CONTRACT_WORDS]
    for word in words:
        if word not in known:
            from remoterun.rules.explain import did_you_mean

            why = f"states are {', '.join(known)}"
            raise UsageError(f"no state `{word}`", why=why, fix=did_you_mean(word, known))


def matches(page: RunPage, filters: Filters, age_s: float | None) -> bool:
    """Whether a run passes every filter.

    Args:
        age_s: since the run was created; None when that is not known, and then no filter by
            age lets it pass.
    """
    if filters.states and not any(_in_state(page, word) for word in filters.states):
        return False
    if filters.host is not None and page.host != filters.host:
        return False
    if filters.tag_glob is not None and not fnmatchcase(page.decision_tag or "", filters.tag_glob):
        return False
    if filters.since_s is not None and (age_s is None or age_s > filters.since_s):
        return False
    return filters.older_s is None or (age_s is not None and age_s > filters.older_s)


def in_order(pages: Sequence[RunPage]) -> list[RunPage]:
    """First what goes on, then what has ended, each by name, which is by time."""
    going_on = sorted((p for p in pages if p.state in LIVE), key=lambda page: page.run_id)
    ended = sorted((p for p in pages if p.state not in LIVE), key=lambda page: page.run_id)
    return [*going_on, *ended]


def _in_state(page: RunPage, word: str) -> bool:
    if page.state == word:
        return True
    if page.state not in CONTRACT_WORDS.get(word, frozenset()):
        return False
    return word not in GATE_OF_WORD or page.gate == GATE_OF_WORD[word]
