"""Requests and framed replies: what is ours is found, everything else is noise."""

import base64
import contextlib
import hashlib
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remoterun.transports.frame import BadFrame, build_request, read_frames

NONCE = "0123456789abcdef0123456789abcdef"
words = st.lists(st.binary().filter(lambda word: b"\0" not in word), max_size=8)


def a_frame(content, *, nonce=NONCE):
    body = base64.b64encode(b"".join(word + b"\0" for word in content))
    digest = hashlib.sha256(body).hexdigest()
    return f"RR1 {nonce} {len(body)} {digest}\n".encode() + body + b"\n"


def read(stream):
    return list(read_frames(io.BytesIO(stream), NONCE))


@settings(max_examples=200)
@given(st.lists(words, max_size=4), st.lists(st.binary(max_size=40), min_size=5, max_size=5))
def test_frames_come_back_whatever_is_printed_between_them(contents, noise):
    stream = noise[0]
    for content, more in zip(contents, noise[1:], strict=False):
        stream += a_frame(content) + more.replace(b"RR1", b"")
    assert read(stream) == contents


@settings(max_examples=100)
@given(words.filter(bool), st.data())
def test_a_reply_that_was_cut_or_damaged_is_never_taken_for_an_answer(content, data):
    frame = a_frame(content)
    cut = data.draw(st.integers(0, len(frame) - 2))
    with contextlib.suppress(BadFrame):
        assert read(frame[:cut]) == []
    head = frame.index(b"\n") + 1
    at = data.draw(st.integers(head, len(frame) - 2))
    damaged = frame[:at] + bytes([frame[at] ^ 1]) + frame[at + 1 :]
    with pytest.raises(BadFrame):
        read(damaged)


@pytest.mark.parametrize(
    "forged",
    [
        a_frame([b"launched", b"/p", b"started"], nonce="f" * 32),
        b"RR1 NONCE 4 " + b"0" * 64 + b"\nabcd",
        b"RR1 " + NONCE.encode() + b" -4 " + b"0" * 64 + b"\nabcd",
        b"RR2 " + NONCE.encode() + b" 0 " + hashlib.sha256(b"").hexdigest().encode() + b"\n",
        b"HAS_RESULT=1\nWF_COUNT=0\n",
        b"\x00" * 100_000,
    ],
)
def test_what_a_job_or_a_login_file_prints_is_no_answer(forged):
    assert read(forged + a_frame([b"ours"]) + forged) == [[b"ours"]]


def test_a_frame_stands_also_behind_what_was_printed_without_a_line_end():
    assert read(b"welcome to the host " + a_frame([b"ours"])) == [[b"ours"]]


def test_a_frame_of_absurd_size_is_refused_before_it_is_read():
    with pytest.raises(BadFrame, match="bytes"):
        read(f"RR1 {NONCE} 999999999 {'0' * 64}\n".encode())


@settings(max_examples=200)
@given(words)
def test_a_request_is_counted_and_each_word_ended(content):
    parts = build_request(NONCE, content).split(b"\0")
    assert parts[:2] == [str(len(content)).encode(), NONCE.encode()]
    assert parts[2:] == [*content, b""]


def test_a_word_with_a_nul_in_it_is_refused():
    with pytest.raises(ValueError, match="NUL"):
        build_request(NONCE, [b"a\0b"])
