#!/usr/bin/env python3
"""A permutation test of the difference of two means that can be stopped and resumed.

Writes into $OUT_DIR: progress.json, null_partial.json (what is known so far) and, at the end,
null_result.json. Each is replaced at once, so a reader never sees half a file. The random
state is derived from the seed and the number of the draw: a resumed run and an uninterrupted
one give the same result, bit for bit.

Exit 0 done; 2 usage; 3 the partial file belongs to another test.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import signal
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

SAVE_EVERY = 50
EFFECT = 0.03  # by how much the first sample lies higher, in standard deviations
FRESH = {"n_done": 0, "n_as_large": 0, "sum": 0.0, "sum_of_squares": 0.0}


def make_samples(seed: int, size: int) -> list[float]:
    """Both samples in one list, the first one in front; the same for the same seed."""
    chance = random.Random(f"{seed}/samples")
    return [chance.gauss(EFFECT if at < size else 0.0, 1.0) for at in range(2 * size)]


def difference(values: list[float], size: int) -> float:
    """Mean of the first sample less mean of the second; exact sums, so every Python agrees."""
    return (math.fsum(values[:size]) - math.fsum(values[size:])) / size


def one_draw(pooled: list[float], size: int, seed: int, number: int) -> float:
    """The difference after shuffling; depends on nothing but the arguments."""
    shuffled = pooled[:]
    random.Random(f"{seed}/draw/{number}").shuffle(shuffled)
    return difference(shuffled, size)


def add(state: dict, value: float, observed: float) -> dict:
    """The state after one more draw."""
    return {
        "n_done": state["n_done"] + 1,
        "n_as_large": state["n_as_large"] + (abs(value) >= abs(observed)),
        "sum": state["sum"] + value,
        "sum_of_squares": state["sum_of_squares"] + value * value,
    }


def result_of(state: dict, test: dict, observed: float) -> dict:
    """What is said at the end; the observed order counts as one draw, so p is never zero."""
    draws = state["n_done"]
    mean = state["sum"] / draws
    return {
        **test,
        "draws": draws,
        "observed_difference": observed,
        "n_as_large": state["n_as_large"],
        "p_value": (1 + state["n_as_large"]) / (1 + draws),
        "null_mean": mean,
        "null_std": max(0.0, state["sum_of_squares"] / draws - mean * mean) ** 0.5,
    }


def replace_json(path: Path, value: dict) -> None:
    """Put the whole file in place at once."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=str(path.parent))
    temp = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(value, allow_nan=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        temp.chmod(0o644)
        temp.replace(path)
    finally:
        with suppress(FileNotFoundError):
            temp.unlink()


def read_partial(path: Path, test: dict, draws: int) -> dict:
    """Where to go on: the state that an earlier attempt saved, or a fresh one."""
    if not path.exists():
        return dict(FRESH)
    try:
        partial = json.loads(path.read_text(encoding="utf-8"))
        state = {name: partial["state"][name] for name in FRESH}
        same = partial["test"] == test and state["n_done"] <= draws
    except (ValueError, KeyError, TypeError):
        same = False
    if not same:
        print(f"refused: {path} belongs to another test; move it away", file=sys.stderr)
        raise SystemExit(3)
    return state


def save(folder: Path, test: dict, state: dict, draws: int, stage: str) -> None:
    """The partial first: progress never promises more than was saved."""
    replace_json(folder / "null_partial.json", {"test": test, "state": state})
    progress = {
        "n_done": state["n_done"],
        "n_target": draws,
        "stage": stage,
        "updated_utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    replace_json(folder / "progress.json", progress)


def positive(text: str) -> int:
    """A whole number from 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=positive, default=4000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--size", type=positive, default=15000, help="of each sample")
    parser.add_argument("--sleep", type=float, default=0.0, help="seconds to wait after a draw")
    parser.add_argument("--out-dir", type=Path, default=Path(), help="when OUT_DIR is not set")
    return parser.parse_args()


def main() -> int:
    args = read_arguments()
    folder = Path(os.environ.get("OUT_DIR") or args.out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    test = {"seed": args.seed, "size": args.size, "effect": EFFECT}

    stopped_by = []
    asked_to_stop = threading.Event()

    def stop(signum: int, _frame: object) -> None:
        stopped_by.append(signum)
        asked_to_stop.set()

    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, stop)

    state = read_partial(folder / "null_partial.json", test, args.draws)
    if state["n_done"]:
        print(f"resumed at draw {state['n_done']}/{args.draws}", flush=True)
    pooled = make_samples(args.seed, args.size)
    observed = difference(pooled, args.size)
    save(folder, test, state, args.draws, "drawing")

    while state["n_done"] < args.draws and not asked_to_stop.is_set():
        value = one_draw(pooled, args.size, args.seed, state["n_done"] + 1)
        state = add(state, value, observed)
        if state["n_done"] % SAVE_EVERY == 0 or state["n_done"] == args.draws:
            save(folder, test, state, args.draws, "drawing")
            print(f"draw {state['n_done']}/{args.draws}", flush=True)
        asked_to_stop.wait(args.sleep)

    if state["n_done"] < args.draws:
        save(folder, test, state, args.draws, "stopped")
        print(
            f"saved at draw {state['n_done']}/{args.draws}, stopped by signal {stopped_by[0]}",
            flush=True,
        )
        # end as the signal would have ended us, so that whoever waits sees what happened
        signal.signal(stopped_by[0], signal.SIG_DFL)
        os.kill(os.getpid(), stopped_by[0])
    result = result_of(state, test, observed)
    replace_json(folder / "null_result.json", result)
    save(folder, test, state, args.draws, "done")
    print(f"done: difference {observed:+.5f}, p {result['p_value']:.5f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
