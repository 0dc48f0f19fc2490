"""A wrapper: its text and its digest."""

from dataclasses import dataclass

from remoterun.model.names import Digest


@dataclass(frozen=True)
class Script:
    name: str
    text: bytes
    sha256: Digest
