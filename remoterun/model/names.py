"""Strings with rules, checked once at the edge: a value of one of these types is valid.

Each is a `str`, serves as the type of a pydantic field, and raises `ValueError` with what is
allowed when it is called with anything else.
"""

import re
from typing import Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from remoterun.model.bytes_shown import bytes_shown

SHOWN = 80
"""How many characters of a refused value a message repeats."""


def shown(value: object) -> str:
    r"""A refused value as a message repeats it: cut, and a byte that is no UTF-8, at which
    pydantic would fail, as `\xff`.
    """
    text = bytes_shown(str(value))
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


class NotText(ValueError):
    """Something else stands where text is expected."""


class Name(str):
    """A string that matches one grammar, as a whole."""

    grammar: ClassVar[re.Pattern[str]]
    allowed: ClassVar[str]

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        if not isinstance(value, str):
            raise NotText(f"`{value!r:.80}` is not text: {cls.allowed}")
        if cls.grammar.fullmatch(value) is None:
            raise ValueError(f"`{shown(value)}` is not allowed: {cls.allowed}")
        return super().__new__(cls, value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls,
            json_schema_input_schema=core_schema.str_schema(pattern=f"^(?:{cls.grammar.pattern})$"),
            serialization=core_schema.to_string_ser_schema(),
        )


class Tag(Name):
    """The user's exact name of an official run."""

    grammar = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
    allowed = "1 to 128 of A-Z a-z 0-9 . _ -, the first a letter or digit"


class WorkflowName(Name):
    grammar = re.compile(r"[a-z][a-z0-9_]{0,63}")
    allowed = "1 to 64 of a-z 0-9 _, the first a letter"


class RunId(Name):
    """`<YYYY-MM-DD_HHMMSS in UTC>_<workflow>_<tag>`; cannot be split back into its parts."""

    grammar = re.compile(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{6}"
        rf"_{WorkflowName.grammar.pattern}_{Tag.grammar.pattern}"
    )
    allowed = "YYYY-MM-DD_HHMMSS_<workflow>_<tag>"


class HostName(Name):
    """The name of a host in the inventory, which need not be its network name."""

    grammar = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
    allowed = "1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit"


class GroupName(Name):
    grammar = HostName.grammar
    allowed = HostName.allowed


class ProjectName(Name):
    grammar = HostName.grammar
    allowed = HostName.allowed


class Token(Name):
    """The random bits that make a claim ours."""

    grammar = re.compile(r"[0-9a-f]{32}")
    allowed = "32 of 0-9 a-f"


class Digest(Name):
    """A sha256."""

    grammar = re.compile(r"[0-9a-f]{64}")
    allowed = "64 of 0-9 a-f"


class Text(Name):
    """Free text (owner, notes, reason, actor): anything that UTF-8 can hold and a process can
    be given as an argument.
    """

    grammar = re.compile(r"[^\0\ud800-\udfff]*")
    allowed = "text that is valid UTF-8, without NUL"


class RelativePath(Name):
    """A path inside the project, with `/`; it cannot leave it, and is not the project itself."""

    grammar = re.compile(
        r"(?![/~])(?!(?:[^/]*/)*\.\.(?:/|$))(?!(?:\./*)+$)[^\0-\x1f\x7f\ud800-\udfff]+"
    )
    allowed = "a relative path inside the project, without `..`, `~` or control characters"


class Glob(RelativePath):
    """A pattern of paths inside the project: `*`, `?`, `[…]`."""

    allowed = "a relative pattern inside the project, without `..`, `~` or control characters"


class RemotePath(Name):
    """A path on a host; never mixed up with a `Path` of this machine."""

    grammar = re.compile(r"[^\0\ud800-\udfff]+")
    allowed = "a path that is valid UTF-8, not empty, without NUL"

    def __truediv__(self, part: str) -> "RemotePath":
        return RemotePath(f"{self.rstrip('/')}/{part}")
