"""A word of the command line becomes a name of its kind, or an error that says what is allowed."""

from typing import TypeVar

from remoterun.errors import UsageError
from remoterun.model.names import Name

N = TypeVar("N", bound=Name)


def checked(kind: type[N], given: str | None, option: str) -> N:
    """Raises UsageError: what is allowed."""
    if given is None:
        raise UsageError(f"{option} is missing", why=f"allowed: {kind.allowed}")
    try:
        return kind(given)
    except ValueError as error:
        raise UsageError(str(error), where=option) from None
