"""The words of the user's command: how they are completed, shown and quoted. Bytes stay bytes."""

import hashlib
import re
from collections.abc import Sequence

from remoterun.errors import UsageError
from remoterun.model.names import Digest

PLAIN_WORD = re.compile(rb"[A-Za-z0-9_@%+=:,./-]+")
PRINTABLE = re.compile(rb"[ -~]+")
ESCAPES = {
    0x07: "\\a",
    0x09: "\\t",
    0x0A: "\\n",
    0x0D: "\\r",
    0x1B: "\\E",
    0x27: "\\'",
    0x5C: "\\\\",
}


def complete(
    command: Sequence[bytes],
    given: Sequence[bytes],
    *,
    tag: str,
    owner: str,
    notes: str,
    identity: bool,
) -> list[bytes]:
    """The workflow's command, the user's arguments byte for byte, then who and what it is for.

    `--decision-tag`, `--owner` and `--notes` are added where they are not there yet.

    Raises:
        UsageError: the arguments name another tag.
    """
    words = [*command, *given]
    if not identity:
        return words
    for name, value in (("--decision-tag", tag), ("--owner", owner), ("--notes", notes)):
        there = given_values(given, name.encode())
        if not there:
            words += [name.encode(), value.encode()] if value else []
        # all of them: which one counts is the program's own affair
        other = [said for said in there if said != value.encode()]
        if name == "--decision-tag" and other:
            what = f"the arguments say --decision-tag `{show_word(other[0])}`, the run is `{tag}`"
            raise UsageError(
                what, why="a report must name its own run", fix="leave --decision-tag out"
            )
    return words


def given_values(words: Sequence[bytes], name: bytes) -> list[bytes]:
    """The values of an option that is there as `--name value` or `--name=value`."""
    found = []
    for place, word in enumerate(words):
        if word == name:
            found.append(words[place + 1] if place + 1 < len(words) else b"")
        elif word.startswith(name + b"="):
            found.append(word[len(name) + 1 :])
    return found


def parameters(words: Sequence[bytes]) -> dict[str, str]:
    """The `--name value` pairs of the arguments, as text."""
    found: dict[str, str] = {}
    for place, word in enumerate(words):
        if not re.fullmatch(rb"--[A-Za-z][A-Za-z0-9_-]*(=.*)?", word, re.DOTALL):
            continue
        name, equals, value = word[2:].partition(b"=")
        if equals:
            found[name.decode()] = show_word(value)
        elif place + 1 < len(words) and not words[place + 1].startswith(b"--"):
            found[name.decode()] = show_word(words[place + 1])
    return found


def nul_ended(words: Sequence[bytes]) -> bytes:
    return b"".join(word + b"\0" for word in words)


def argv_digest(words: Sequence[bytes]) -> Digest:
    return Digest(hashlib.sha256(nul_ended(words)).hexdigest())


def show_word(word: bytes) -> str:
    r"""As text; a byte that is no UTF-8 is shown as `\xNN`."""
    return word.decode("utf-8", "backslashreplace")


def is_exact(words: Sequence[bytes]) -> bool:
    """Whether `show_word` shows every word as it is."""
    return all(show_word(word).encode() == word for word in words)


def shell_line(words: Sequence[bytes]) -> str:
    """One line of ASCII that bash reads back as these words; for people and checks."""
    return " ".join(_quote(word) for word in words)


def _quote(word: bytes) -> str:
    if PLAIN_WORD.fullmatch(word):
        return word.decode()
    if PRINTABLE.fullmatch(word) and b"'" not in word:
        return f"'{word.decode()}'"
    if not word:
        return "''"
    return "$'" + "".join(_escape(byte) for byte in word) + "'"


def _escape(byte: int) -> str:
    # three octal digits: a hexadecimal escape would swallow a digit that follows
    return ESCAPES.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}")
