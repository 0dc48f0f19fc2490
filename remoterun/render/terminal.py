"""Runs on a terminal: the table with colours. The words are those of the plain text."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from remoterun.model.state import StateName
from remoterun.model.views import RunPage
from remoterun.render.status_text import HEADS, row

STYLES = {
    StateName.CLAIMED: "yellow",
    StateName.GATING: "cyan",
    StateName.BLOCKED: "yellow",
    StateName.QUEUED: "cyan",
    StateName.RUNNING: "cyan",
    StateName.SUCCEEDED: "green",
    StateName.FAILED: "red",
    StateName.STOPPED: "yellow",
    StateName.TIMED_OUT: "red",
    StateName.OUT_OF_MEMORY: "red",
    StateName.PREEMPTED: "yellow",
    StateName.LOST: "red",
    StateName.UNKNOWN: "magenta",
}


def runs_table(pages: Sequence[RunPage]) -> Table:
    """One line a run. Cells are `Text`, so nothing in them is markup."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for head in HEADS:
        table.add_column(head, no_wrap=head != "FLAGS", overflow="ellipsis")
    for page in pages:
        cells = [Text(cell) for cell in row(page)]
        cells[1].stylize(STYLES[page.state])
        cells[-1].stylize("yellow")
        table.add_row(*cells)
    return table
