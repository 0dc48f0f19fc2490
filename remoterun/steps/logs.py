"""The log of a run: its last lines, or all that comes until the run ends."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from remoterun.model.data_quality import DataQualityReport
from remoterun.model.rundir import DATA_QUALITY_JSON, DATA_QUALITY_LOG
from remoterun.model.state import StateName
from remoterun.model.views import RunPage
from remoterun.records.reading import UnreadableRecord, read_record, read_tail
from remoterun.records.rundir import has_ended
from remoterun.rules.log_lines import LINE_CHARACTERS, TAIL_BYTES, last_drawn, log_lines
from remoterun.rules.sight import parse_frame
from remoterun.steps.look import Here, last_bytes, look_closely, page_of, stream

BYTES_A_LINE = 400
MAX_TAIL_BYTES = 4 * 2**20
MAX_OPEN_BYTES = 4 * LINE_CHARACTERS
REDRAW_S = 2.0
"""How often a line that a progress bar keeps redrawing is shown again."""


@dataclass(frozen=True)
class LogPage:
    """Lines of a log; for a run that a gate refused the gate's own, with the reasons."""

    page: RunPage
    lines: list[str]
    reasons: list[str]


class Following:
    r"""Bytes of a log as they come -> whole lines; what a bar redraws is shown now and then."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.open = b""
        self.monotonic = monotonic
        self.spoke_at = monotonic()

    def add(self, data: bytes) -> list[str]:
        whole, newline, rest = (self.open + data).rpartition(b"\n")
        self.open = rest[-MAX_OPEN_BYTES:]
        if newline:
            self.spoke_at = self.monotonic()
            return log_lines(whole + newline, limit=len(whole) + 1)
        if b"\r" in self.open.rstrip(b"\r") and self.monotonic() - self.spoke_at >= REDRAW_S:
            return self.flush()
        return []

    def flush(self) -> list[str]:
        """The line that is not whole yet."""
        self.spoke_at = self.monotonic()
        text, self.open = self.open.decode("utf-8", "replace"), b""
        return [last_drawn(text)] if text.strip("\r\n") else []


def last_lines(run_dir: Path, here: Here, lines: int) -> LogPage:
    """The end of the log, bounded in bytes whatever the log is."""
    wanted = min(max(lines * BYTES_A_LINE, TAIL_BYTES), MAX_TAIL_BYTES)
    (sight,) = look_closely([run_dir], tail_bytes=wanted)
    page = page_of(run_dir, sight, here, after="logs")
    data, reasons = sight.tail or b"", []
    if page.state is StateName.BLOCKED:
        reasons = _reasons(page)
        if page.gate == "data_quality":
            data = _gate_log(page, wanted) or data
    shown = log_lines(data, limit=wanted)[-lines:] if lines > 0 else []
    return LogPage(page.model_copy(update={"tail": "\n".join(shown)}), shown, reasons)


def follow_log(run_dir: Path, here: Here, lines: int) -> Iterator[list[str]]:
    """The last lines, then what comes, by one stream and byte offsets, to the end of the run."""
    if has_ended(run_dir) is not None:
        found = last_lines(run_dir, here, lines)
        yield found.lines + found.reasons
        return
    following, begun = Following(), False
    with closing(stream(run_dir, log=last_bytes(TAIL_BYTES))) as frames:
        for frame in frames:
            sight = parse_frame(frame)
            if sight is None:
                continue
            new = following.add(sight.log)
            if not begun:
                new, begun = new[-lines:] if lines > 0 else [], True
            yield new
    yield following.flush()


def _reasons(page: RunPage) -> list[str]:
    said = [f"{page.gate or 'a gate'} refused the launch: {page.why}"]
    said += [f"  {text}" for gate in page.gates if gate.name == page.gate for text in gate.reasons]
    if page.gate == "data_quality":
        try:
            report = read_record(DataQualityReport, Path(page.out) / DATA_QUALITY_JSON)
        except UnreadableRecord as error:
            return [*said, f"  {DATA_QUALITY_JSON} is unreadable: {error}"]
        said += [f"  {text}" for text in (report.failures if report else ())]
    return list(dict.fromkeys(said))


def _gate_log(page: RunPage, wanted: int) -> bytes | None:
    try:
        return read_tail(Path(page.out) / DATA_QUALITY_LOG, wanted)
    except UnreadableRecord:
        return None
