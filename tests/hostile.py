"""Strings that break careless programs: the same ones each time."""

import random
from collections.abc import Iterator

BOUNDED = (
    "'",
    '"',
    "`id`",
    "$(touch CANARY)",
    "`touch CANARY`",
    "; touch CANARY #",
    "| touch CANARY",
    "&& touch CANARY",
    "\n touch CANARY\n",
    "'; touch CANARY; '",
    '"; touch CANARY; "',
    "$(touch${IFS}CANARY)",
    "-rf",
    "--",
    "-",
    "-oProxyCommand=touch CANARY",
    "--help",
    "--out-dir=/",
    "*",
    "~",
    "~root",
    "{a,b}",
    "?[!x]",
    "!!",
    "\\",
    "\\\n",
    "\\x41\\101\\u0041",
    "%s%n%d",
    "%",
    "$HOME",
    "${IFS}",
    "$((1/0))",
    "<(id)",
    "\t",
    "\n",
    "\r",
    "\r\n",
    " ",
    "  leading and trailing  ",
    "\x1b[2J\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x1b]52;c;ZWNobyBoaQ==\x07",
    "\x07\x08\x0b\x0c\x7f",
    "\x9b31m",
    "\u0085\u2028\u2029",
    "\u202eevil\u202c",
    "\u2066\u2069\u200b\u200e\ufeff",
    "[red]bold[/]",
    "[/x]",
    ":boom:",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "ä€𝄞",
    "null",
    "NaN",
    "0x41",
    "no",
    "1:30:00",
    "a" * 255,
    "ä" * 127,
    "{{7*7}}",
    "{0.__class__}",
    "../../../etc/passwd",
    "/etc/passwd",
    "CON",
    ".",
    "..",
    "a b",
    "k: v",
    "# comment",
    "- item",
    "&anchor *alias",
    "|",
    ">",
    "\ud7ff\ue000\uffff",
)
PIECES = (*BOUNDED, "x", "7", " ", "=", ",", ":", "a.b")


def hostile(count: int, *, seed: int = 12, longest: int = 255) -> list[str]:
    """Text without NUL, in UTF-8 at most `longest` bytes."""
    return list(_generate(count, random.Random(seed), longest))


def _generate(count: int, chance: random.Random, longest: int) -> Iterator[str]:
    yield from BOUNDED[:count]
    for _ in range(count - len(BOUNDED)):
        kind = chance.random()
        if kind < 0.6:
            text = "".join(chance.choices(PIECES, k=chance.randint(1, 5)))
        elif kind < 0.8:
            text = "".join(chr(chance.randint(1, 0xFF)) for _ in range(chance.randint(1, 40)))
        else:
            code = chance.choice((0x2000, 0x2028, 0x202A, 0xFFF0, 0xE0000, 0x1F300))
            text = "".join(chr(code + chance.randint(0, 15)) for _ in range(10)) + "'\"\\"
        yield text.encode()[:longest].decode("utf-8", "ignore") or "'"


def hostile_bytes(count: int, *, seed: int = 12) -> list[bytes]:
    """The same and bytes that are no UTF-8."""
    chance = random.Random(seed)
    texts = [text.encode() for text in hostile(count, seed=seed)]
    for place in range(0, count, 3):
        junk = bytes(chance.randint(1, 255) for _ in range(chance.randint(1, 30)))
        texts[place] = (texts[place] + junk)[-255:]
    return texts


UNSEEN_BYTES = {*range(0x20), 0x7F} - {0x0A, 0x09}


def control_bytes(text: str) -> list[str]:
    """What must not reach a terminal: C0, DEL, C1, bidi, zero width, separators, surrogates."""
    import unicodedata

    return [
        char
        for char in text
        if char not in "\n\t" and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    ]
