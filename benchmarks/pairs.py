"""Paired rounds: every command once a round, in turned order; ratios are taken inside a round.

What disturbs the machine for a while disturbs all commands of a round alike, so the median of the
rounds' ratios stays where medians of times move. See `run_rounds`, `ratio_of` and `print_table`.
"""

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

LONG_S = 5.0  # a command that takes longer is measured in FEW_ROUNDS
ROUNDS, FEW_ROUNDS = 9, 3
NOISY = 0.25  # quartiles further apart than this part of the median
# Memory of a child forked from this process starts at this process's size, so a small one in
# between forks it. Python is larger than GNU time: below its own 9 MB nothing can be seen.
SMALL_PARENT = """
import os, sys
pid = os.fork()
if not pid:
    os.execvp(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(pid, 0)
with open(sys.argv[1], "w") as file:
    file.write(str(usage.ru_maxrss))
os._exit(os.waitstatus_to_exitcode(status) & 255)
"""


class NoFigure(Exception):
    """A figure could not be taken: the benchmark fails."""


@dataclass(frozen=True)
class Command:
    """What is timed. `exit_codes` are those with which it has done its work."""

    name: str
    argv: tuple[str, ...]
    exit_codes: frozenset[int] = frozenset({0})
    env: Mapping[str, str] | None = field(default=None, hash=False)


@dataclass(frozen=True)
class Sample:
    seconds: float
    cpu_s: float
    """User and system time of the command and all that it waited for."""
    peak_kb: int
    output: str


@dataclass(frozen=True)
class Ratio:
    """Ours / peer, a value a round."""

    median: float
    low: float
    high: float

    @property
    def noisy(self) -> bool:
        return self.high - self.low > NOISY * self.median

    def __str__(self) -> str:
        mark = " noisy" if self.noisy else ""
        return f"{self.median:.2f} ({self.low:.2f}-{self.high:.2f}){mark}"


def run_rounds(
    commands: Sequence[Command], *, rounds: int = ROUNDS, few: int = FEW_ROUNDS
) -> dict[str, list[Sample]]:
    """Run all commands once unmeasured, then `rounds` times each; the lists are by round.

    Only `few` rounds when one of the commands took longer than LONG_S.

    Raises:
        NoFigure: a command ended with a code that is not its own.
    """
    first = [run_once(command).seconds for command in commands]
    count = min(rounds, few) if max(first) > LONG_S else rounds
    samples: dict[str, list[Sample]] = {command.name: [] for command in commands}
    for turn in range(count):
        start = turn % len(commands)
        for command in [*commands[start:], *commands[:start]]:
            samples[command.name].append(run_once(command))
    return samples


def run_once(command: Command) -> Sample:
    with tempfile.TemporaryDirectory() as folder:
        peak, output = Path(folder, "peak"), Path(folder, "output")
        gnu_time = shutil.which("time")
        launcher = [gnu_time, "-q", "-f", "%M", "-o", str(peak)] if gnu_time else None
        launcher = launcher or [sys.executable, "-I", "-S", "-c", SMALL_PARENT, str(peak)]
        with output.open("wb") as file:
            started = time.perf_counter()
            child = subprocess.Popen(
                [*launcher, *command.argv], stdin=subprocess.DEVNULL, stdout=file, env=command.env
            )
            _, status, usage = os.wait4(child.pid, 0)
            seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in command.exit_codes:
            raise NoFigure(f"{command.name}: exit code {child.returncode}")
        cpu_s = usage.ru_utime + usage.ru_stime
        return Sample(seconds, cpu_s, int(peak.read_text()), output.read_text("utf-8"))


def ratio_of(ours: Sequence[Sample], peer: Sequence[Sample]) -> Ratio:
    values = [mine.seconds / other.seconds for mine, other in zip(ours, peer, strict=True)]
    if len(values) < 2:
        return Ratio(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Ratio(median, low, high)


def median_of(samples: Sequence[Sample], name: str) -> float:
    return statistics.median(getattr(sample, name) for sample in samples)


def memory_by() -> str:
    return "GNU time" if shutil.which("time") else "a small Python parent (9 MB and more)"


def machine() -> dict[str, object]:
    return {
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "memory_by": memory_by(),
    }


def summary_of(samples: Mapping[str, Sequence[Sample]]) -> dict[str, object]:
    """The samples as plain data for a JSON file, without what the commands printed."""
    return {
        name: [{k: v for k, v in asdict(one).items() if k != "output"} for one in taken]
        for name, taken in samples.items()
    }


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """The first column to the left, all others to the right."""
    cells = [list(map(str, row)) for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        first, *others = (
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *others]).rstrip())
