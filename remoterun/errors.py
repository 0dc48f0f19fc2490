"""Every way in which remoterun says no, and the exit code of each.

RemoteRunError           1   a bug, unless a subclass says otherwise
├── UsageError           2   the command line makes no sense
├── ConfigError          3   inventory.yaml or remoterun.yaml
├── HostUnreachable      4   no connection, or the host lacks what a run needs
├── Conflict            10   the tag or the lock belongs to another
├── LocalFileError      74   this machine's disk
├── TryAgain            75   nothing was decided; repeating is safe
└── Refused             77   permission
"""

from enum import IntEnum


class Exit(IntEnum):
    """The frozen exit codes. Source: docs/exit-codes.md."""

    OK = 0
    BUG = 1
    USAGE = 2
    CONFIGURATION = 3
    UNREACHABLE = 4
    LOGIN_NEEDED = 5
    GATE = 6
    RUN_FAILED = 7
    GOVERNANCE = 8
    UNKNOWN = 9
    CONFLICT = 10
    LOCAL_FILE = 74
    NOT_YET = 75
    REFUSED = 77
    DETACHED = 130
    NOBODY_READS = 141


class RemoteRunError(Exception):
    """What happened, where, why, and the command that helps."""

    exit_code = Exit.BUG

    def __init__(self, what: str, *, where: str = "", why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.why = why
        self.fix = fix


class UsageError(RemoteRunError):
    exit_code = Exit.USAGE


class ConfigError(RemoteRunError):
    exit_code = Exit.CONFIGURATION


class HostUnreachable(RemoteRunError):
    exit_code = Exit.UNREACHABLE


class Conflict(RemoteRunError):
    exit_code = Exit.CONFLICT


class LocalFileError(RemoteRunError):
    exit_code = Exit.LOCAL_FILE


class TryAgain(RemoteRunError):
    exit_code = Exit.NOT_YET


class Refused(RemoteRunError):
    exit_code = Exit.REFUSED
