"""How far we are: a file that is replaced at once, and lines in the log."""

from __future__ import annotations

import json
import time
from pathlib import Path

from production_gates.files import replace

SECONDS_BETWEEN = 0.25


class Progress:
    """Counts steps; writes `progress.json` into `folder`, or nothing when that is None.

    The file is for people who watch and decides nothing, so it is not forced to the disk.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._done, self._target, self._stage, self._written = 0, 1, "", 0.0

    def plan(self, target: int) -> None:
        """Say how many steps there are, as soon as that is known."""
        self._target = max(target, 1)

    def enter(self, stage: str, message: str) -> None:
        """Begin a stage: a line in the log, and the file at once."""
        self._stage = stage
        print(message, flush=True)
        self._write()

    def advance(self, steps: int = 1) -> None:
        """Some steps are done; the file follows a few times a second at most."""
        self._done = min(self._done + steps, self._target)
        if time.monotonic() - self._written >= SECONDS_BETWEEN:
            self._write()

    def finish(self) -> None:
        """Everything is done."""
        self._done, self._stage = self._target, "done"
        self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        if self._folder is None:
            return
        value = {
            "n_done": self._done,
            "n_target": self._target,
            "stage": self._stage,
            "updated_utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        replace(self._folder / "progress.json", json.dumps(value) + "\n", durable=False)
