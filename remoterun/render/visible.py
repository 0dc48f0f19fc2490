"""The one door through which foreign text reaches a screen."""

import unicodedata

from remoterun.model.bytes_shown import bytes_shown

# control, format (bidi, zero width), surrogates, line and paragraph separators
UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def visible(text: str, *, keep: str = "\n\t") -> str:
    r"""Show control characters instead of sending them: ESC comes out as `\x1b`, a byte that is
    no UTF-8 as `\xff`.
    """
    if text.isascii() and text.isprintable():
        return text
    text = bytes_shown(text)
    unseen = (c for c in set(text) if c not in keep and unicodedata.category(c) in UNSEEN)
    return text.translate({ord(c): c.encode("unicode_escape").decode() for c in unseen})


def visible_line(text: str, *, limit: int = 2000) -> str:
    """The same for one line: nothing breaks it, and what is longer than `limit` is cut."""
    shown = visible(text[: limit + 1], keep="\t")
    return shown if len(shown) <= limit else shown[:limit] + "…"
