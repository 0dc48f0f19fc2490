r"""Requests and framed replies as bytes; no process, no socket.

A request stands behind the script on stdin: NUL-ended words, first their count and a nonce. A
reply is `RR1 <nonce> <length> <sha256>\n` and that many bytes, the base64 of NUL-ended words;
everything outside of a frame is noise. Source: docs/architecture.md, "The wire".
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import IO

MAX_FRAME = 64 * 2**20
MAX_NOISE_LINE = 65536


class BadFrame(Exception):
    """Something said it was a frame of ours and was not whole."""


def build_request(nonce: str, words: Sequence[str | bytes]) -> bytes:
    """Raises ValueError for a word with a NUL in it."""
    raw = [word.encode() if isinstance(word, str) else word for word in words]
    if any(b"\0" in word for word in raw):
        raise ValueError("a word of a request cannot hold a NUL")
    return b"".join(word + b"\0" for word in (str(len(raw)).encode(), nonce.encode(), *raw))


def read_frames(stream: IO[bytes], nonce: str) -> Iterator[list[bytes]]:
    """The words of each frame, as they arrive; ends with the stream.

    Raises:
        BadFrame: a frame with our nonce was cut short or does not match its digest.
    """
    head = re.compile(rb"RR1 " + nonce.encode() + rb" ([0-9]{1,9}) ([0-9a-f]{64})\n")
    # what was printed without a line end may stand before a frame on its line
    while line := stream.readline(MAX_NOISE_LINE):
        found = head.search(line)
        if found is None:
            continue
        size = int(found[1])
        if size > MAX_FRAME:
            raise BadFrame(f"a frame of {size} bytes")
        body = stream.read(size)
        if len(body) != size or hashlib.sha256(body).hexdigest().encode() != found[2]:
            raise BadFrame("a frame was cut short or damaged")
        try:
            yield base64.b64decode(body, validate=True).split(b"\0")[:-1]
        except binascii.Error as error:
            raise BadFrame("a frame holds no base64") from error
