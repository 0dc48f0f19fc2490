"""That this launch was wanted: on disk before anything is sent, so that it happens at most once."""

from typing import Any

from pydantic import Field

from remoterun.model.names import Digest, HostName, RunId, Tag, Token
from remoterun.model.record import Record
from remoterun.model.timestamp import Utc


class Intent(Record):
    """Racing launchers of one request share it, and with it the token."""

    schema_version: int = 1
    run_id: RunId
    tag: Tag
    attempt: int = Field(ge=1)
    token: Token
    host: HostName
    root: str
    """The project's checkout on the host."""
    run_path: str
    """The run directory, relative to the root."""
    request_sha256: Digest
    request: dict[str, Any]
    """What entered the digest: it says what differs from another request."""
    created_utc: Utc
    only_unstarted: bool = False
    """Whether the attempt before must never have started its command; a resume does not ask."""

    @property
    def runs_path(self) -> str:
        """The folder of the run directory, relative to the root."""
        return self.run_path.rpartition("/")[0]
