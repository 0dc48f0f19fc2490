"""What every way to a host can do."""

from collections.abc import Iterator, Sequence
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
    ) -> Iterator[list[bytes]]: ...
    def close(self) -> None: ...
