import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from remoterun.model.names import (
    Digest,
    Glob,
    HostName,
    NotText,
    RelativePath,
    RemotePath,
    RunId,
    Tag,
    Text,
    Token,
    WorkflowName,
)

HOSTILE = [
    "",
    " ",
    "x y",
    "x\n",
    "\nx",
    "-rf",
    ".x",
    "ä",
    "x/y",
    "x\0",
    "$(id)",
    "x" * 129,
    "\udc80",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", [Tag, WorkflowName, RunId, HostName, Token, Digest])
def test_a_name_outside_its_grammar_is_refused_with_what_is_allowed(name, text):
    with pytest.raises(ValueError, match="is not allowed: ") as caught:
        name(text)
    assert name.allowed in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (Tag, "committee_2026-02-21_run1"),
        (Tag, "0"),
        (Tag, "A" * 128),
        (WorkflowName, "production_gates"),
        (WorkflowName, "a" * 64),
        (RunId, "2026-03-01_093000_production_gates_committee_2026-03-01_run1"),
        (RunId, "2026-03-01_093000_a" + "b" * 63 + "_" + "T" * 128),
        (HostName, "ws1.example-2"),
        (Token, "0123456789abcdef" * 2),
        (Digest, "0123456789abcdef" * 4),
        (Text, ""),
        (Text, "tab\t newline\n ESC\x1b \U0001f600"),
        (RelativePath, "a/..b/c..d"),
        (Glob, "gate_results/production_gates_*/"),
        (RemotePath, "/srv/ein Projekt"),
    ],
)
def test_a_name_inside_its_grammar_is_kept_letter_for_letter(name, text):
    assert name(text) == text
    assert type(name(text)) is name


@pytest.mark.parametrize(
    "text",
    ["2026-03-01_093000", "2026-03-01_093000_W_t", "2026-3-01_093000_w_t", "٢026-03-01_093000_w_t"],
)
def test_a_run_id_has_a_stamp_in_ascii_digits_a_workflow_and_a_tag(text):
    with pytest.raises(ValueError, match="YYYY-MM-DD"):
        RunId(text)


@pytest.mark.parametrize("text", ["\udc80", "a\ud83d", "\0"])
def test_free_text_that_utf8_or_argv_cannot_hold_is_refused(text):
    with pytest.raises(ValueError, match="UTF-8"):
        Text(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/etc",
        "..",
        "../x",
        "a/../b",
        "a/..",
        ".",
        "./",
        "./.",
        "~",
        "~/x",
        "a\nb",
        "a\x1b",
        "\udc80",
    ],
)
def test_a_path_cannot_leave_the_project_nor_be_it(text):
    with pytest.raises(ValueError, match="inside the project"):
        RelativePath(text)


@given(st.text(alphabet="./~a", max_size=12))
def test_an_accepted_path_stays_below_the_project(text):
    try:
        path = RelativePath(text)
    except ValueError:
        return
    depth = 0
    for part in path.split("/"):
        depth += {"": 0, ".": 0, "..": -1}.get(part, 1)
        assert depth >= 0
    assert depth > 0
    assert not path.startswith(("/", "~"))


@pytest.mark.parametrize("value", [5, True, None, ["x"], b"x"])
def test_only_text_is_a_name(value):
    with pytest.raises(NotText):
        Tag(value)


class Named(BaseModel):
    tag: Tag


def test_a_field_gives_the_type_back_and_refuses_what_the_type_refuses():
    assert type(Named(tag="run1").tag) is Tag
    assert Named.model_validate_json(Named(tag="run1").model_dump_json()) == Named(tag="run1")
    with pytest.raises(ValidationError, match="is not allowed"):
        Named(tag="run 1")


def test_a_remote_path_is_joined_with_one_slash():
    assert RemotePath("/") / "a" == "/a"
    assert RemotePath("/srv") / "a" / "b" == "/srv/a/b"
    assert type(RemotePath("/srv") / "a") is RemotePath
