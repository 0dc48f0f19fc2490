"""This machine as a host: a bash child, given and answering exactly what a remote one would."""

import os
import secrets
import signal
import subprocess
import tempfile
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO

from remoterun.errors import HostUnreachable, TryAgain
from remoterun.model.script import Script
from remoterun.transports.frame import BadFrame, build_request, read_frames

SHOWN_ERRORS = 2000


class LocalTransport:
    """Runs the constant command `bash -s`; script and values are its standard input."""

    def run(
        self, script: Script, words: Sequence[str | bytes], data: bytes = b"", *, deadline_s: float
    ) -> list[bytes]:
        """One exec, one reply.

        Raises:
            HostUnreachable: there is no bash.
            TryAgain: no whole reply within the deadline; what was asked for may have happened.
        """
        with self._open(script, words, data, deadline_s) as frames:
            return next(frames)

    def stream(
        self, script: Script, words: Sequence[str | bytes], data: bytes = b""
    ) -> Generator[list[bytes], None, None]:
        """One exec, its frames as they come; closing the iterator ends the child.

        Raises:
            HostUnreachable: there is no bash.
            TryAgain: no frame at all, or a damaged one.
        """
        with self._open(script, words, data, None) as frames:
            yield from frames

    def close(self) -> None:
        """Nothing stays open between two calls."""

    @contextmanager
    def _open(
        self,
        script: Script,
        words: Sequence[str | bytes],
        data: bytes,
        deadline_s: float | None,
    ) -> Iterator[Iterator[list[bytes]]]:
        nonce = secrets.token_hex(16)
        request = script.text + build_request(nonce, words) + data
        with tempfile.TemporaryFile() as errors:
            try:
                # a session of its own: Ctrl-C is for us, not for a launch that is under way
                child = subprocess.Popen(
                    ["bash", "-s"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    cwd="/",
                    start_new_session=True,
                )
            except FileNotFoundError as error:
                why, fix = "remoterun runs its wrappers with bash", "apt-get install bash"
                raise HostUnreachable(
                    "there is no bash", where="local", why=why, fix=fix
                ) from error
            assert child.stdin is not None
            assert child.stdout is not None
            sender = threading.Thread(target=_send, args=(child.stdin, request), daemon=True)
            sender.start()
            late = threading.Event()
            clock = threading.Timer(deadline_s or 0, _kill, [child, late])
            if deadline_s is not None:
                clock.start()
            try:
                yield _frames(script, child, child.stdout, nonce, errors, late)
            finally:
                clock.cancel()
                _end(child)
                sender.join()


def _frames(
    script: Script,
    child: "subprocess.Popen[bytes]",
    stdout: IO[bytes],
    nonce: str,
    errors: IO[bytes],
    late: threading.Event,
) -> Iterator[list[bytes]]:
    count = 0
    try:
        for frame in read_frames(stdout, nonce):
            count += 1
            yield frame
    except BadFrame as error:
        raise TryAgain(f"`{script.name}` gave a bad reply", why=str(error)) from error
    if count == 0:
        errors.seek(0)
        said = errors.read(SHOWN_ERRORS).decode("utf-8", "replace").strip()
        why = said or f"bash ended with {child.wait()}"
        if late.is_set():
            why = "it took longer than its deadline"
        raise TryAgain(f"`{script.name}` gave no reply", where="local", why=why)


def _send(stdin: IO[bytes], request: bytes) -> None:
    # a wrapper may answer and end before it has read everything
    with suppress(BrokenPipeError), stdin:
        stdin.write(request)


def _kill(child: "subprocess.Popen[bytes]", late: threading.Event) -> None:
    late.set()
    # its children too: what holds the pipe open would keep us waiting. A supervisor has a
    # session of its own.
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def _end(child: "subprocess.Popen[bytes]") -> None:
    if child.stdout is not None:
        child.stdout.close()
    try:
        child.wait(timeout=0.5)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(timeout=2)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
