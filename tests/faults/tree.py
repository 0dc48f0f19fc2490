"""A tree of processes that does all that makes a stop hard, and decoys that must survive it."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import given

TREE = f'exec perl {Path(__file__).with_suffix(".pl")} "$@"'


def members(pids: Path) -> list[tuple[str, int, str]]:
    """Name, number and birth of each; a number alone may be somebody else's by now."""
    lines = pids.read_text().splitlines() if pids.exists() else []
    words = [line.split() for line in lines]
    return [(name, int(pid), born) for name, pid, born in words]


def is_grown(pids: Path) -> bool:
    return "job" in {name for name, _, _ in members(pids)}


def survivors(pids: Path) -> dict[int, str]:
    return {
        pid: name
        for name, pid, born in members(pids)
        if (fields := given.stat_of(pid)) and fields[19] == born and fields[0] not in "ZX"
    }


def end(pids: Path) -> None:
    for _ in range(50):
        left = survivors(pids)
        for pid in left:
            given.kill(pid)
        if not left:
            return
        time.sleep(0.02)


@dataclass(frozen=True)
class Decoy:
    name: str
    process: "subprocess.Popen[bytes]"
    ticks: str

    @property
    def untouched(self) -> bool:
        fields = given.stat_of(self.process.pid)
        return bool(fields) and fields[0] == "S" and fields[19] == self.ticks


@contextlib.contextmanager
def decoys(run_dir: Path, token: str) -> Iterator[list[Decoy]]:
    """Processes of the same user that look like the run's and are none of its own."""
    # each notes a signal that reaches it by not sleeping on
    sleep = "sleep 1000"
    plain = {key: value for key, value in os.environ.items() if key != given.MARK}
    looks: list[tuple[str, list[str], dict[str, str]]] = [
        ("bash", ["bash", "-c", sleep], {}),
        ("job.sh", ["bash", "-c", sleep, f"{run_dir}/job.sh"], {}),
        ("named", ["bash", "-c", f"exec -a 'bash {run_dir}/job.sh' {sleep}"], {}),
        ("directory", ["bash", "-c", sleep], {"REMOTERUN_RUN_DIR": str(run_dir)}),
        ("out_dir", ["bash", "-c", sleep], {"OUT_DIR": str(run_dir)}),
        ("other_token", ["bash", "-c", sleep], {"REMOTERUN_TOKEN": token[::-1]}),
        ("longer_name", ["bash", "-c", sleep], {"NOT_A_TOKEN": f"x{token}"}),
        ("argument", ["bash", "-c", sleep, f"REMOTERUN_TOKEN={token}"], {}),
        ("log", ["tail", "-f", "-n", "1", str(run_dir / "run.log")], {}),
        ("folder", ["bash", "-c", f"cd '{run_dir}' && exec {sleep}"], {}),
    ]
    found = []
    try:
        for name, argv, more in looks * 3:
            process = subprocess.Popen(
                argv,
                env=plain | more,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=len(found) % 2 == 0,
            )
            found.append(Decoy(name, process, given.stat_of(process.pid)[19]))
        yield found
    finally:
        for decoy in found:
            with contextlib.suppress(ProcessLookupError):
                # the sleep below a bash goes with it
                for pid in [*given.children_of(decoy.process.pid), decoy.process.pid]:
                    given.kill(pid)
            decoy.process.wait()
