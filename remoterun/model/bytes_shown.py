"""How a byte that is no UTF-8 is written where only text can stand."""


def bytes_shown(text: str) -> str:
    r"""A byte of an argument or a path that is no UTF-8, which Python keeps as a surrogate, comes
    out as `\xff`; any other surrogate as `\ud800`.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        pass
    else:
        return text
    shown = (f"\\x{ord(c) - 0xDC00:02x}" if "\udc80" <= c <= "\udcff" else c for c in text)
    return "".join(shown).encode("utf-8", "backslashreplace").decode()
