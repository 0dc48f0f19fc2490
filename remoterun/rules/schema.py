"""What the models of settings say about themselves: types, docstrings, JSON Schema."""

from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from remoterun.model.settings import Loc, Settings


def json_schema(model: type[Settings], title: str) -> dict[str, object]:
    """JSON Schema of a settings file, with the docstrings of the members as descriptions."""
    schema = model.model_json_schema()
    found: dict[str, type[Settings]] = {model.__name__: model}
    _models_below(model, found)
    for name, part in [(model.__name__, schema), *schema.get("$defs", {}).items()]:
        if name in found:
            for key, text in field_docs(found[name]).items():
                described = part["properties"][key]
                allowed = described.pop("description", "")
                described["description"] = f"{text} Allowed: {allowed}." if allowed else text
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": title}


def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """The docstring below each member, read from the source only when it is asked for: pydantic
    would read it at every start. Where no source is installed there are none.
    """
    import ast
    import inspect
    from itertools import pairwise
    from textwrap import dedent

    docs: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if not issubclass(cls, Settings) or cls is Settings:
            continue
        try:
            definition = ast.parse(dedent(inspect.getsource(cls))).body[0]
        except OSError:
            continue
        assert isinstance(definition, ast.ClassDef)
        for member, below in pairwise(definition.body):
            if isinstance(member, ast.AnnAssign) and isinstance(below, ast.Expr):
                assert isinstance(member.target, ast.Name)
                docs[member.target.id] = " ".join(ast.literal_eval(below.value).split())
    return docs


def field_type(root: type[Settings], loc: Loc) -> Any:
    """The type that stands at a path: a model, `dict`, `tuple` or scalar; None off the model."""
    here: Any = root
    for part in loc:
        if isinstance(here, type) and issubclass(here, BaseModel):
            field = here.model_fields.get(str(part))
            here = field.annotation if field else None
        elif get_origin(here) in (dict, tuple):
            here = get_args(here)[1 if get_origin(here) is dict else 0]
        else:
            return None
        here = _bare(here)
    return here


def _bare(kind: Any) -> Any:
    """Without `Annotated` and without `| None`."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        members = [member for member in get_args(kind) if member is not type(None)]
        return _bare(members[0]) if len(members) == 1 else kind
    return kind


def _models_below(model: type[Settings], found: dict[str, type[Settings]]) -> None:
    for name in model.model_fields:
        kind = field_type(model, (name,))
        if get_origin(kind) is dict:
            kind = _bare(get_args(kind)[1])
        if isinstance(kind, type) and issubclass(kind, Settings):
            found[kind.__name__] = kind
            _models_below(kind, found)
