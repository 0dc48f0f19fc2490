"""The words of a command stay the user's own bytes, for every reader."""

import subprocess

import pytest
from hostile import hostile_bytes

from remoterun.errors import UsageError
from remoterun.rules.command import (
    argv_digest,
    complete,
    is_exact,
    nul_ended,
    parameters,
    shell_line,
    show_word,
)

WHO = {"tag": "t1", "owner": "hui", "notes": "a b"}


def test_a_thousand_hostile_words_come_back_from_bash_through_one_line_of_ascii():
    words = [b"", *hostile_bytes(1000), b""]

    line = shell_line(words)

    assert line.isascii()
    assert "\n" not in line
    assert line.isprintable()
    script = f"set -f; printf '%s\\0' {line}\n"
    done = subprocess.run(["bash", "-s"], input=script.encode(), capture_output=True, check=True)
    assert done.stdout.split(b"\0")[:-1] == words


def test_the_stored_words_are_ended_by_nul_and_their_digest_tells_any_two_lists_apart():
    lists = ([b"a"], [b"a", b""], [b"", b"a"], [b"a\n"], [b"ab"], [b"a", b"b"], [])

    assert nul_ended([b"a", b"", b"b"]) == b"a\0\0b\0"
    assert len({argv_digest(words) for words in lists}) == len(lists)


@pytest.mark.parametrize(
    ("word", "shown", "exact"),
    [
        (b"plain", "plain", True),
        ("ä€".encode(), "ä€", True),
        (b"a\xffb", "a\\xffb", False),
        (b"\xc3", "\\xc3", False),
        (b"a\\xffb", "a\\xffb", True),
        (b"\x1b", "\x1b", True),
    ],
)
def test_bytes_that_are_no_utf8_are_shown_and_said_to_be_shown(word, shown, exact):
    assert show_word(word) == shown
    assert is_exact([b"x", word]) is exact


def test_identity_is_appended_where_it_is_missing_and_only_when_the_workflow_wants_it():
    given = [b"--owner=wei"]

    assert complete([b"p"], given, **WHO, identity=True) == [
        *(b"p", b"--owner=wei", b"--decision-tag", b"t1", b"--notes", b"a b"),
    ]
    assert complete([b"p"], given, **WHO, identity=False) == [b"p", b"--owner=wei"]
    without_notes = complete([b"p"], [], tag="t1", owner="", notes="", identity=True)
    assert without_notes == [b"p", b"--decision-tag", b"t1"]


@pytest.mark.parametrize(
    "given",
    [
        [b"--decision-tag", b"T1"],
        [b"--decision-tag=t1 "],
        [b"--decision-tag"],
        [b"--decision-tag", b"t1", b"--decision-tag=t2"],
        [b"--decision-tag=t1\xff"],
    ],
)
def test_arguments_that_name_another_tag_are_refused(given):
    with pytest.raises(UsageError, match="--decision-tag"):
        complete([b"p"], given, **WHO, identity=True)


def test_parameters_are_the_pairs_of_names_and_values():
    words = [
        *(b"pos", b"--a", b"1", b"--b=x=y", b"--flag", b"--c", b"-1", b"--d=", b"--e-f_g", b"2"),
        *(b"--", b"--1", b"no", b"-s", b"v", b"--bad\xff", b"\xfe", b"--z", b"\xfe", b"--last"),
    ]

    assert parameters(words) == {
        "a": "1",
        "b": "x=y",
        "c": "-1",
        "d": "",
        "e-f_g": "2",
        "z": "\\xfe",
    }
