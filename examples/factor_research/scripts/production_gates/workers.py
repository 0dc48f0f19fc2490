"""The processes of the walk-forward: each works through some of the years.

No process outlives this program: it ends its workers when it ends, and a worker whose parent
is gone (killed, so that it could end nothing) leaves by itself within a batch of draws.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from multiprocessing.connection import Connection, wait
from typing import Callable

from production_gates.refusal import Stopped
from production_gates.walk_forward import Research, Window, evaluate

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class WorkerFailed(Exception):
    """A worker ended without its results; the text says which and how."""


def shards_of(windows: list[Window]) -> list[list[Window]]:
    """The windows of each year together, in order."""
    years: dict[str, list[Window]] = {}
    for window in windows:
        years.setdefault(window.year, []).append(window)
    return list(years.values())


def run_shards(
    research: Research,
    shards: list[list[Window]],
    processes: int,
    on_event: Callable[[str, object], None],
) -> list[dict]:
    """The rows of all windows in order, whatever the number of processes.

    `on_event` hears ("batches", n), ("window", row) and ("shard", year) as they happen.

    Raises:
        WorkerFailed: a worker broke or was killed; the others are ended.
        Stopped: a worker was asked to end, which is meant for all of us.
    """
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    workers, rows = {}, []
    try:
        for first in range(min(processes, len(shards))):
            receiver, sender = context.Pipe(duplex=False)
            work = (sender, os.getpid(), research, shards[first::processes])
            worker = context.Process(target=_work, args=work, daemon=True)
            # until the worker has its own handlers, a signal must not run ours in it
            signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
            try:
                worker.start()
                workers[receiver] = worker
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
            sender.close()
        open_ends = set(workers)
        while open_ends:
            for receiver in wait(open_ends):
                try:
                    kind, value = receiver.recv()
                except (EOFError, OSError):
                    open_ends.remove(receiver)
                    _require_done(workers[receiver])
                    continue
                if kind == "window":
                    rows.append(value)
                if kind == "failed":
                    raise WorkerFailed(value)
                on_event(kind, value)
    finally:
        for worker in workers.values():
            worker.kill()
        for worker in workers.values():
            worker.join()
    return sorted(rows, key=lambda row: row["window"])


def _require_done(worker: multiprocessing.Process) -> None:
    worker.join()
    if worker.exitcode in (-stop for stop in STOPS):
        raise Stopped(-worker.exitcode)
    if worker.exitcode != 0:
        code = worker.exitcode
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        raise WorkerFailed(f"a process of the walk-forward {how}")


def _work(sender: Connection, parent: int, research: Research, shards: list[list[Window]]) -> None:
    for stop in STOPS:
        signal.signal(stop, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)

    def tell(batches: int) -> None:
        if os.getppid() != parent:
            os._exit(1)
        sender.send(("batches", batches))

    try:
        for shard in shards:
            for window in shard:
                sender.send(("window", evaluate(research, window, tell)))
            sender.send(("shard", shard[0].year))
    except BrokenPipeError:
        os._exit(1)
    except Exception as error:
        sender.send(("failed", f"a process of the walk-forward broke: {error!r}"))
