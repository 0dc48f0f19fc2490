"""A piece of a log as lines: bounded, whatever the program wrote."""

TAIL_BYTES = 64_000
"""At most so much of a log is looked at. Source: docs/run-directory.md."""
LINE_CHARACTERS = 2_000


def log_lines(data: bytes, *, limit: int = TAIL_BYTES) -> list[str]:
    r"""The lines at the end of a log.

    A progress bar redraws its line behind `\r`: what it showed last stays. A line is cut at
    2,000 characters, and bytes that are no UTF-8 are replaced. Control characters are still
    there; `render.visible` makes them harmless.
    """
    text = data[-limit:].decode("utf-8", "replace") if limit > 0 else ""
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return [last_drawn(line) for line in lines]


def last_drawn(line: str) -> str:
    r"""What a terminal would show of a line with `\r` in it, roughly: its last part."""
    shown = line.rstrip("\r")
    shown = shown[shown.rfind("\r") + 1 :]
    return shown if len(shown) <= LINE_CHARACTERS else shown[:LINE_CHARACTERS] + "…"
