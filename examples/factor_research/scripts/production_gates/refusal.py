"""How this program says no."""

from __future__ import annotations


class Refusal(Exception):
    """What was asked cannot be done; the text is one line for the reader. Exit 3."""


class Stopped(BaseException):
    """Somebody asked this program to end. Not an Exception, so that nothing swallows it."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum
