"""YAML text into plain values, with the place of each; hostile text ends in one clear error.

ruamel.yaml splits the text into events. The values are built here and not by its
constructors: nothing is ever instantiated, words are read by YAML 1.2, aliases count as if
they were written out, and a nest or a list without end stops at a limit. Importing this
module costs the import of ruamel.yaml.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from remoterun.model.settings import Loc
from remoterun.rules.scalars import Scalar, read_plain

MAX_VALUES = 20_000
MAX_DEPTH = 20


@dataclass(frozen=True)
class Mark:
    """A place in the text, counted from 1, and the word that stands there."""

    line: int
    column: int
    word: str = ""


class BadYaml(ValueError):
    """What is wrong with the text, where, and what helps."""

    def __init__(self, problem: str, mark: Mark | None, fix: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.mark = mark
        self.fix = fix


@dataclass(frozen=True)
class Node:
    """A scalar, list or map, and where it starts."""

    mark: Mark
    value: "Scalar | list[Node] | dict[str, tuple[Mark, Node]]"


@dataclass
class Document:
    """The values of a text, and for each path the place of its key and of its value."""

    data: object = None
    keys: dict[Loc, Mark] = field(default_factory=dict)
    values: dict[Loc, Mark] = field(default_factory=dict)


def parse_yaml(text: str) -> Document:
    """Read the one document of a text.

    Raises:
        BadYaml: the text is not YAML, or uses what settings have no need of.
    """
    try:
        root = _Composer(YAML(typ="safe", pure=True).parse(text)).compose()
    except MarkedYAMLError as error:
        raise _translated(error) from None
    except ReaderError as error:
        before = text[: error.position]
        mark = Mark(before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise BadYaml(
            f"the character U+{ord(text[error.position]):04X}", mark, "remove it"
        ) from None
    document = Document()
    document.data = _expand(root, (), document, [0])
    return document


class _Composer:
    """Events into nodes. It does not rely on events being right: the parser checks that."""

    def __init__(self, events: Iterator[Event]) -> None:
        self.events = events
        self.anchors: dict[str, Node] = {}
        self.count = 0

    def compose(self) -> Node:
        root: Node | None = None
        for event in self.events:
            if isinstance(event, DocumentStartEvent) and root is not None:
                raise BadYaml("a second document starts here", _mark(event), "one file, one map")
            if isinstance(event, NodeEvent):
                root = self.node(event, 0)
        if root is None:
            raise BadYaml("the file is empty", Mark(1, 1))
        return root

    def node(self, event: Event, depth: int) -> Node:
        mark = _mark(event)
        self.count += 1
        if self.count > MAX_VALUES:
            raise BadYaml(f"more than {MAX_VALUES} values", mark)
        if depth > MAX_DEPTH:
            raise BadYaml(f"nested more than {MAX_DEPTH} deep", mark)
        if isinstance(event, AliasEvent):
            return self.alias(event.anchor, mark)
        assert isinstance(event, ScalarEvent | CollectionStartEvent)
        _refuse_tag(event)
        if isinstance(event, ScalarEvent):
            node = Node(Mark(mark.line, mark.column, event.value), _scalar(event))
        elif isinstance(event, SequenceStartEvent):
            node = Node(mark, [self.node(e, depth + 1) for e in self.until(SequenceEndEvent)])
        else:
            node = Node(mark, self.pairs(depth))
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def alias(self, name: str, mark: Mark) -> Node:
        if name not in self.anchors:
            problem = f"the alias `*{name[:80]}` has no anchor `&{name[:80]}` before it"
            raise BadYaml(problem, mark, "a value that starts with `*` needs quotes")
        return Node(mark, self.anchors[name].value)

    def pairs(self, depth: int) -> dict[str, tuple[Mark, Node]]:
        pairs: dict[str, tuple[Mark, Node]] = {}
        for event in self.until(MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                fix = "a value that starts with `{`, `[` or `*` needs quotes"
                raise BadYaml("a key must be a word", _mark(event), fix)
            _refuse_tag(event)
            key, at = event.value, _mark(event)
            mark = Mark(at.line, at.column, key)
            if key == "<<":
                fix = "what hosts share belongs under `groups`"
                raise BadYaml("the merge key `<<` is no part of YAML 1.2", mark, fix)
            if key in pairs:
                first = pairs[key][0].line
                problem = f"the key `{key[:80]}` stands here twice, first in line {first}"
                raise BadYaml(problem, mark, "keep one of the two")
            child = self.node(next(self.events), depth + 1)
            if child.value is None and not child.mark.word:
                child = Node(Mark(mark.line, mark.column), None)  # nothing stands at its own place
            pairs[key] = (mark, child)
        return pairs

    def until(self, end: type[Event]) -> Iterator[Event]:
        for event in self.events:
            if isinstance(event, end):
                return
            yield event


def _scalar(event: ScalarEvent) -> Scalar:
    text: str = event.value
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise BadYaml("half of a surrogate pair, which is no character", _mark(event))
    if not event.implicit[0]:
        return text
    try:
        return read_plain(text)
    except ValueError as error:
        raise BadYaml(str(error), _mark(event)) from None


def _refuse_tag(event: ScalarEvent | CollectionStartEvent) -> None:
    if event.tag is not None:
        fix = "remove it; text that starts with `!` needs quotes"
        raise BadYaml(f"the tag `{str(event.tag)[:80]}` is not allowed", _mark(event), fix)


def _expand(node: Node, loc: Loc, document: Document, count: list[int]) -> object:
    """Write the aliases out, up to the limit on values; note where each value stands."""
    count[0] += 1
    if count[0] > MAX_VALUES:
        raise BadYaml(f"more than {MAX_VALUES} values once the aliases are written out", node.mark)
    if len(loc) > MAX_DEPTH:
        raise BadYaml(f"nested more than {MAX_DEPTH} deep", node.mark)
    document.values[loc] = node.mark
    if isinstance(node.value, list):
        return [_expand(n, (*loc, i), document, count) for i, n in enumerate(node.value)]
    if isinstance(node.value, dict):
        built = {}
        for key, (mark, child) in node.value.items():
            document.keys[*loc, key] = mark
            built[key] = _expand(child, (*loc, key), document, count)
        return built
    return node.value


def _mark(event: Any) -> Mark:
    start = event.start_mark
    return Mark(start.line + 1, start.column + 1)


def _translated(error: MarkedYAMLError) -> BadYaml:
    at = error.problem_mark or error.context_mark
    mark = Mark(at.line + 1, at.column + 1) if at is not None else None
    problem = str(error.problem or error.context or "not YAML")
    if "\\t" in problem:
        return BadYaml("a tab stands where YAML wants spaces", mark, "indent with spaces")
    context = f"{error.context}, " if error.context and error.problem else ""
    return BadYaml(f"not YAML: {context}{problem}"[:300], mark)
