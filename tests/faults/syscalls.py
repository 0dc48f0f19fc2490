"""Kill a program at each of its system calls, one after the other: strace does it."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

CALL = re.compile(r"^(?:\d+ +)?([a-z_0-9]+)\(")


@dataclass(frozen=True)
class Point:
    """One system call of a program: the `count`-th one of this name."""

    name: str
    count: int
    line: str

    def kill(self) -> list[str]:
        """What stands in front of a program that is killed as it enters the call."""
        inject = f"inject={self.name}:signal=SIGKILL:when={self.count}"
        # strace counts each kind of call by itself, and traces what it is to inject into
        return ["strace", "-o", "/dev/null", "-e", f"trace={self.name}", "-e", inject]


def points(trace: Path, begins: Callable[[str], bool]) -> Iterator[Point]:
    """The calls of a trace (`strace -o`, one process), from the first line that fits on."""
    counts: Counter[str] = Counter()
    begun = False
    for line in trace.read_text(errors="replace").splitlines():
        found = CALL.match(line)
        if found is None:
            continue
        counts[found[1]] += 1
        begun = begun or begins(line)
        if begun:
            yield Point(found[1], counts[found[1]], line)
