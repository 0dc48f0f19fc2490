"""How an error, a warning and a hint read: what, where, why, and the command that helps."""

from remoterun.errors import RemoteRunError
from remoterun.render.visible import visible, visible_line


def error_text(error: RemoteRunError) -> str:
    # a line break in what somebody typed must not begin a line of ours
    lines = [f"error: {visible(error.what, keep='')}"]
    for word, text in (("where", error.where), ("why", error.why), ("fix", error.fix)):
        if text:
            lines.append(f"{word + ':':6} " + visible(text).replace("\n", "\n       "))
    return "\n".join(lines)


def next_text(command: str) -> str:
    """The last line of every acting verb: what one does now."""
    return f"next: {visible_line(command)}"
