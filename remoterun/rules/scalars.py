"""What a plain word means in YAML 1.2: `no` and `1:30:00` are text, `0o17` is a number."""

import re

NULL = {"", "~", "null", "Null", "NULL"}
TRUE = {"true", "True", "TRUE"}
FALSE = {"false", "False", "FALSE"}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

MAX_DIGITS = 100

Scalar = str | int | float | bool | None


def read_plain(word: str) -> Scalar:
    """The value of a word without quotes. Source: YAML 1.2.2, section 10.3.2 (core schema).

    Raises:
        ValueError: a number so long that it can only be a mistake.
    """
    if word in NULL:
        return None
    if word in TRUE or word in FALSE:
        return word in TRUE
    if _INFINITE.fullmatch(word):
        return float(word.replace(".", "", 1))
    number = int if _INT.fullmatch(word) else float if _FLOAT.fullmatch(word) else None
    if number is None:
        return word
    if len(word) > MAX_DIGITS:
        raise ValueError(f"a number of {len(word)} characters; text needs quotes")
    return float(word) if number is float else int(word, 0 if word[:2] in ("0o", "0x") else 10)


def describe(value: object) -> str:
    """How a value was read, in words."""
    kinds = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "text",
        type(None): "nothing",
        list: "a list",
        dict: "a map",
    }
    return kinds.get(type(value), type(value).__name__)
