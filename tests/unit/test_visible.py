"""The one door for foreign text: nothing of it moves a cursor, colours a line or hides."""

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remoterun.model.names import Tag
from remoterun.render.visible import UNSEEN, visible, visible_line


def test_no_character_that_acts_on_a_terminal_gets_through():
    for code in [*range(0x20), *range(0x7F, 0xA0), 0x200B, 0x202E, 0x2028, 0xFEFF, 0xDC80]:
        if chr(code) not in "\n\t":
            shown = visible(f"a{chr(code)}b")
            assert chr(code) not in shown
            assert "\\" in shown


@given(st.text(st.characters(exclude_categories=())))
def test_whatever_comes_in_is_only_seen(text):
    shown = visible(text)
    assert all(c in "\n\t" or unicodedata.category(c) not in UNSEEN for c in shown)
    assert "\n" not in visible_line(text)


def test_an_escape_sequence_is_shown_as_text():
    assert visible("\x1b[2J\x07") == "\\x1b[2J\\x07"


def test_a_byte_that_is_no_utf_8_is_shown_as_that_byte():
    assert visible(os.fsdecode(b"\xff/\x80\xc3\xa9")) == "\\xff/\\x80\xe9"
    assert visible("\ud800") == "\\ud800"
    with pytest.raises(ValueError, match=r"`a\\xff` is not allowed"):
        Tag(os.fsdecode(b"a\xff"))


def test_text_of_every_language_stays_as_it_is():
    text = "naïve 測試 ☃ é"
    assert visible(text) == text


def test_a_line_is_one_line_and_bounded():
    assert visible_line("a\nb\rc") == "a\\nb\\rc"
    assert len(visible_line("x" * 10**6)) <= 2001
