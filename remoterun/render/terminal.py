"""Runs on a terminal: the table with colours. The words are those of the plain text."""

from collections.abc import Sequence

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

GIVES_WAY = {"HOST", "WORKFLOW", "FLAGS"}


def runs_table(pages: Sequence[RunPage]) -> Table:
    """One line a run. Cells are `Text`, so nothing in them is markup. Where the screen is too
    narrow the workflow, the host and the flags give way, never the tag or the state.
    """
    rows = [row(page) for page in pages]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for place, head in enumerate(HEADS):
        width = max(len(head), *(len(cells[place]) for cells in rows))
        least = len(head) if head in GIVES_WAY else width
        table.add_column(head, no_wrap=True, overflow="ellipsis", min_width=least)
    for page, words in zip(pages, rows, strict=True):
        cells = [Text(word) for word in words]
        cells[1].stylize(STYLES[page.state])
        cells[-1].stylize("yellow")
        table.add_row(*cells)
    return table
