"""How bytes and commands reach a host; `connect` is the only way in."""

from collections.abc import Iterator
from contextlib import contextmanager

from remoterun.transports.local import LocalTransport
from remoterun.transports.protocol import Transport

LOCAL = "local"
TRANSPORTS = {LOCAL: LocalTransport}


@contextmanager
def connect(kind: str) -> Iterator[Transport]:
    """Open the way to a host; every process and pipe of it ends with the context."""
    transport = TRANSPORTS[kind]()
    try:
        yield transport
    finally:
        transport.close()
