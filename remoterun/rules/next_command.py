"""Which command comes next: one table from state to command, for every verb that acts."""

import shlex

from remoterun.model.state import Flag, State, StateName

AGAIN = "again"
"""The launch itself, repeated: safe, and what opens the next attempt of a run that never began."""

NEXT: dict[StateName, tuple[str, ...]] = {
    StateName.CLAIMED: (AGAIN, "monitor {run}"),
    StateName.GATING: ("monitor {run}", "status {run}"),
    StateName.BLOCKED: ("logs {run}", AGAIN),
    StateName.QUEUED: ("monitor {run}", "status {run}"),
    StateName.RUNNING: ("monitor {run}", "logs -f {run}"),
    StateName.SUCCEEDED: ("status {run}", "logs {run}"),
    StateName.FAILED: ("logs {run}", "resume {run}"),
    StateName.STOPPED: ("resume {run}",),
    StateName.TIMED_OUT: ("logs {run}", "resume {run}"),
    StateName.OUT_OF_MEMORY: ("logs {run}", "resume {run}"),
    StateName.PREEMPTED: ("resume {run}",),
    StateName.LOST: ("logs {run}", "resume {run}"),
    StateName.UNKNOWN: ("status {run}", "logs {run}"),
}
"""The first that is not the verb just done."""


def next_command(state: State, run: str, *, after: str = "", again: str | None = None) -> str:
    """The command that helps now.

    Args:
        run: what the user calls the run: its tag, or a directory.
        after: the verb that was just done.
        again: the launch line, where it is known; without it `resume` does the same.
    """
    choices = NEXT[state.name]
    if state.name is StateName.CLAIMED and Flag.ABANDONED not in state.flags:
        choices = ("monitor {run}", AGAIN)
    if state.name is StateName.RUNNING and Flag.STALLED in state.flags:
        choices = ("logs {run}", "stop {run}")
    # a refused gate is mended outside, then the launch is repeated: its reasons were just shown
    if state.name is StateName.BLOCKED and after in ("official", "run", "resume", "status", "logs"):
        choices = (AGAIN,)
    chosen = next((c for c in choices if c.split()[0] != after), choices[0])
    if chosen == AGAIN:
        if again is not None:
            return again
        chosen = "resume {run}"
    return "remoterun " + chosen.format(run=shlex.quote(run))
