"""What pydantic found wrong with settings, in the words of the person who wrote them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from remoterun.model.names import NotText
from remoterun.model.settings import Loc, Settings
from remoterun.rules.scalars import describe, read_plain
from remoterun.rules.schema import field_docs, field_type

OF_TYPE = {
    "bool_type": "`true` or `false`",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "tuple_type": "a list, like `[a, b]`",
    "dict_type": "a map of keys and values",
    "model_type": "a map of keys and values",
}
ALLOWED = {
    **OF_TYPE,
    "finite_number": "a finite number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "literal_error": "{expected}",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "string_too_short": "text that is not empty",
    "string_too_long": "text of at most {max_length} characters",
}
"""By the type of pydantic's error. Source: docs.pydantic.dev, "Validation Errors"."""

SWITCHES = {"yes": "true", "on": "true", "no": "false", "off": "false"}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: at the key or at the value of `loc`."""

    loc: Loc
    at_key: bool
    what: str
    why: str
    fix: str = ""


def explain(error: ErrorDetails, root: type[Settings], word: Callable[[Loc], str]) -> Problem:
    """Say what is wrong, what is allowed and what was probably meant.

    Args:
        root: the model of the whole file.
        word: the text that stands at a path, "" for lists and maps.
    """
    loc, kind = error["loc"], error["type"]
    context: Mapping[str, Any] = error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(loc, root)
    if kind == "missing":
        parent = field_type(root, loc[:-1])
        meaning = field_docs(parent).get(str(loc[-1]), "")
        return Problem(loc, True, f"`{loc[-1]}` is missing", meaning)
    if kind == "misplaced":
        loc = (*loc, *context["loc"])
        return Problem(loc, False, context["problem"], "", _nearest(context))
    if loc and loc[-1] == "[key]":
        return Problem(loc[:-1], True, str(context.get("error", error["msg"])), "")
    name, shown = dotted(loc) or "the file", word(loc)
    if kind == "value_error" and not isinstance(context["error"], NotText):
        return Problem(loc, False, f"`{name}`: {context['error']}", "")
    if isinstance(context.get("error"), NotText):
        kind = "string_type"
    if kind == "too_short" and isinstance(error["input"], str):
        kind = "string_too_short"
    read_as = describe(error["input"])
    what = f"`{name}` is `{shown[:80]}`" if shown else f"`{name}` is {read_as}"
    if shown and kind in OF_TYPE:
        what += f", which is read as {read_as}"
    allowed = ALLOWED[kind].format(**context) if kind in ALLOWED else error["msg"]
    return Problem(
        loc, False, what, f"allowed: {allowed}", _repair(kind, loc, error["input"], shown)
    )


def dotted(loc: Loc) -> str:
    """`hosts.ws1.groups[0]`"""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return text.removeprefix(".")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest known word, as a question; "" when nothing is near."""
    near = get_close_matches(word[:80], list(known), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else ""


def _unknown_key(loc: Loc, root: type[Settings]) -> Problem:
    key, parent = str(loc[-1]), field_type(root, loc[:-1])
    known = list(parent.model_fields)
    inside = f"`{dotted(loc[:-1])}`" if len(loc) > 1 else "this file"
    elsewhere = [
        name
        for name in known
        if isinstance(model := field_type(parent, (name,)), type)
        and issubclass(model, BaseModel)
        and key in model.model_fields
    ]
    fix = f"it belongs under `{elsewhere[0]}`" if elsewhere else did_you_mean(key, known)
    what = f"`{key[:80]}` is not a key of {inside}"
    return Problem(loc, True, what, f"known keys: {', '.join(known)}", fix)


def _nearest(context: Mapping[str, Any]) -> str:
    return did_you_mean(str(context.get("value", "")), context.get("known", []))


def _repair(kind: str, loc: Loc, value: object, shown: str) -> str:
    key = next((part for part in reversed(loc) if isinstance(part, str)), "")
    if kind == "bool_type" and shown.lower() in SWITCHES:
        return f"{key}: {SWITCHES[shown.lower()]}"
    if kind == "string_type" and shown and isinstance(value, int | float | None):
        return f'put it in quotes: "{shown[:80]}"'
    numeric = kind in ("bool_type", "int_type", "float_type")
    if numeric and isinstance(value, str) and not isinstance(_plain(value), str):
        return "remove the quotes"
    if kind in ("dict_type", "model_type") and value is None:
        return f"remove `{key}:`, or write keys below it"
    if kind == "tuple_type" and shown:
        # a command in one string is several words
        words = shown[:80].split() if key == "command" else [shown[:80]]
        return f"{key}: [{', '.join(words)}]"
    return ""


def _plain(text: str) -> object:
    try:
        return read_plain(text)
    except ValueError:
        return text
