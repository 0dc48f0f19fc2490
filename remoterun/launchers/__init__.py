"""How a supervisor is started, one module a way."""

from remoterun.launchers import detached

LAUNCHERS = {"local": detached}
