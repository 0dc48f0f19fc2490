"""What a launch would send, for `--dry-run`: the argv, the request and every file."""

from collections.abc import Mapping, Sequence

from remoterun.render.visible import visible_line


def parcel_text(
    remote_argv: Sequence[str], words: Sequence[str], files: Mapping[str, bytes], command: str
) -> str:
    """Plain text; nothing of it was sent."""
    lines = [
        f"would run: {' '.join(remote_argv)}",
        f"request:   {visible_line(' '.join(words))}",
        f"command:   {visible_line(command)}",
        "files:",
    ]
    lines += [
        f"  {len(content):>8}  {visible_line(name)}" for name, content in sorted(files.items())
    ]
    return "\n".join(lines)
