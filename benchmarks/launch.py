"""What does a launch on `local` cost, against a bare `setsid bash`?

usage   python benchmarks/launch.py [--quick] [--json FILE]

Ours: `run -d` (returns with the acknowledgement), `run` (follows the gates) and `run -f` (to the
end), each of `true`. Peers: `setsid bash` in the background, and the same by hand with what a
launch brings along: a folder, the unpacked files, then `setsid bash`. A ratio is (ours - start-up)
/ peer, start-up being `remoterun --version` of the same round. Counts are by strace, of the client
and, apart from it, of the host's side. --quick takes 3 rounds. A slow figure is no failure; one
that cannot be taken is.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pairs import (
    FEW_ROUNDS,
    ROUNDS,
    Command,
    NoFigure,
    Ratio,
    Sample,
    machine,
    median_of,
    print_table,
    run_rounds,
    summary_of,
)
from projects import REMOTERUN, a_project, await_ends, environment

from remoterun.records.config import read_configuration
from remoterun.records.scripts import read_script
from remoterun.rules.attempt_files import EXECUTABLE
from remoterun.steps.launch import build_parcel, launch_words
from remoterun.steps.official import first_intent
from remoterun.steps.request import Wishes, prepare_official
from remoterun.transports.frame import build_request
from remoterun.transports.tar import pack

OURS = {
    "run -d": ("run", "-d"),
    "run, following the gates": ("run",),
    "run -f": ("run", "-f"),
}
START_UP = "remoterun --version"
BARE = "setsid bash in the background"
BY_HAND = "unpack the same files, setsid bash"
BARE_TEXT = 'setsid bash -c true </dev/null >"$1/log" 2>&1 &'
BY_HAND_TEXT = """
folder=$(mktemp -d "$1/run.XXXXXX") && tar -xz -C "$folder" -f "$2" &&
  setsid bash -c true </dev/null >"$folder/run.log" 2>&1 &
wait
"""
GIT_GOAL, BYTES_GOAL, COMPRESSED_GOAL = 3, 64_000, 16_000


def parcel_of(root: Path) -> tuple[int, bytes]:
    """Bytes of all that a launch sends, and the compressed part of them."""
    now = datetime.now(UTC)
    configuration = read_configuration(root, environment(), None, None)
    wishes = Wishes([b"x"], tag="bytes")
    prepared = prepare_official(configuration, wishes, environment(), now)
    parcel = build_parcel(prepared.request, first_intent(prepared, now), None)
    packed = pack(parcel.files, executable=EXECUTABLE)
    words = launch_words(parcel, "local", "gates")
    script = read_script("lib", "launch").text
    return len(script) + len(build_request("0" * 32, words)) + len(packed), packed


def counts_of(argv: Sequence[str], root: Path) -> dict[str, int]:
    """Processes and fsyncs of one launch, by strace: a file for each process, put in order."""
    with tempfile.TemporaryDirectory() as folder:
        calls = "trace=execve,fsync,fdatasync"
        done = subprocess.run(
            ["strace", "-ff", "-ttt", "-qq", "-o", f"{folder}/trace", "-e", calls, *argv],
            cwd=root,
            env=environment() | {"PATH": "/usr/local/bin:/usr/bin:/bin"},
            capture_output=True,
        )
        await_ends(root)
        if done.returncode != 0:
            raise NoFigure(f"strace: {done.stderr[-300:]!r}")
        lines = sorted(
            (line, file.suffix)
            for file in Path(folder).iterdir()
            for line in file.read_text(errors="replace").splitlines()
        )
    client = lines[0][1]
    started = [m[1] for line, _ in lines if (m := re.search(r'execve\("([^"]+)".*= 0$', line))]
    shells = [line for line, _ in lines if '["bash", "-s"]' in line and line.endswith("= 0")]
    synced = [process for line, process in lines if re.search(r"f(data)?sync\(", line)]
    before = _until_bash(started)
    return {
        "execs": len(shells),
        "git": sum(program.endswith("/git") for program in started[:before]),
        "fsyncs here": synced.count(client),
        "fsyncs host": len(synced) - synced.count(client),
        "programs host": len(started) - before,
    }


def _until_bash(started: Sequence[str]) -> int:
    """How many programs the client starts before it speaks to the host."""
    for place, program in enumerate(started):
        if program.endswith("/bash"):
            return place
    raise NoFigure("no bash was started")


def ratio_over_start_up(
    ours: Sequence[Sample], start_up: Sequence[Sample], peer: Sequence[Sample]
) -> Ratio:
    values = [
        (a.seconds - b.seconds) / c.seconds for a, b, c in zip(ours, start_up, peer, strict=True)
    ]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Ratio(median, low, high)


def measure(quick: bool) -> tuple[list[list[object]], dict[str, object]]:
    env = environment()
    with a_project() as root, tempfile.TemporaryDirectory() as scratch:
        sent, packed = parcel_of(root)
        tarball = Path(scratch, "parcel.tar.gz")
        tarball.write_bytes(packed)
        commands = [
            Command("python -c pass", (sys.executable, "-c", "pass"), env=env),
            Command(START_UP, (*REMOTERUN, "--version"), env=env),
            Command(BARE, ("bash", "-c", BARE_TEXT, "-", scratch), env=env),
            Command(BY_HAND, ("bash", "-c", BY_HAND_TEXT, "-", scratch, str(tarball)), env=env),
        ]
        ours = {
            name: (*REMOTERUN, *words, "-C", str(root), "--", "true")
            for name, words in OURS.items()
        }
        commands += [Command(name, argv, env=env) for name, argv in ours.items()]
        with quiet():
            samples = run_rounds(commands, rounds=FEW_ROUNDS if quick else ROUNDS)
        await_ends(root)
        counts = {}
        if shutil.which("strace"):
            counts = {name: counts_of(argv, root) for name, argv in ours.items()}
        await_ends(root)
    rows = [row_of(c.name, samples, counts.get(c.name), sent) for c in commands]
    figures = summary_of(samples) | {"counts": counts, "sent": sent, "compressed": len(packed)}
    return rows, figures


class quiet:
    """What the verbs say on stderr while they are timed is not the answer of a benchmark."""

    def __enter__(self) -> None:
        sys.stderr.flush()
        self.kept = os.dup(2)
        with open(os.devnull, "w") as nothing:  # noqa: PTH123
            os.dup2(nothing.fileno(), 2)

    def __exit__(self, *_: object) -> None:
        os.dup2(self.kept, 2)
        os.close(self.kept)


def row_of(
    name: str, samples: dict[str, list[Sample]], counts: dict[str, int] | None, sent: int
) -> list[object]:
    taken = samples[name]
    row: list[object] = [name, f"{median_of(taken, 'seconds') * 1000:.0f}"]
    row += [f"{median_of(taken, 'cpu_s') * 1000:.0f}", f"{median_of(taken, 'peak_kb') / 1000:.0f}"]
    if name not in OURS:
        return [*row, "", "", "", "", "", "", "", ""]
    start_up = samples[START_UP]
    row += [ratio_over_start_up(taken, start_up, samples[peer]) for peer in (BARE, BY_HAND)]
    if counts is None:
        return [*row, "", "", "", "", sent, "needs strace: apt-get install strace"]
    row += [counts["execs"], counts["git"], f"{counts['fsyncs here']}+{counts['fsyncs host']}"]
    row += [counts["programs host"], sent]
    goals = {
        "1 exec": counts["execs"] == 1 or (name == "run -d" and counts["execs"] == 2),
        f"git <= {GIT_GOAL}": counts["git"] <= GIT_GOAL,
        f"bytes <= {BYTES_GOAL}": sent <= BYTES_GOAL,
    }
    return [*row, "met" if all(goals.values()) else "missed: " + _missed(goals)]


def _missed(goals: dict[str, bool]) -> str:
    return ", ".join(goal for goal, met in goals.items() if not met)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    try:
        rows, figures = measure(asked.quick)
    except NoFigure as error:
        print(f"no figure: {error}", file=sys.stderr)
        return 1
    header = ["command", "ms", "cpu ms", "RSS MB", "x bare", "x by hand", "execs", "git"]
    print_table([*header, "fsyncs", "programs", "bytes up", "counts"], rows)
    compressed = figures["compressed"]
    met = "met" if compressed <= COMPRESSED_GOAL else "missed"  # type: ignore[operator]
    print(f"compressed: {compressed} bytes of at most {COMPRESSED_GOAL}: {met}")
    print("fsyncs: client + host; programs: started on the host's side until the run has ended")
    about = machine() | {"bash": version("bash"), "git": version("git")}
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    if asked.json:
        asked.json.write_text(json.dumps({"machine": about, "figures": figures}, indent=2))
    return 0


def version(program: str) -> str:
    done = subprocess.run([program, "--version"], capture_output=True, text=True)
    return done.stdout.splitlines()[0] if done.stdout else "?"


if __name__ == "__main__":
    sys.exit(main())
