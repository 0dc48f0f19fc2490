"""What every way to a host can do."""

from collections.abc import Generator, Sequence
from typing import Protocol

from remoterun.model.script import Script


class Transport(Protocol):
    # one exec: script, words and data on stdin, the words of the framed reply back in time
    def run(
        self, script: Script, words: Sequence[str | bytes], data: bytes = b"", *, deadline_s: float
    ) -> list[bytes]: ...
    # the same for a script that keeps talking; closing the iterator ends it on the host
    def stream(
        self, script: Script, words: Sequence[str | bytes], data: bytes = b""
    ) -> Generator[list[bytes], None, None]: ...
    # ends what the way to the host kept open
    def close(self) -> None: ...
