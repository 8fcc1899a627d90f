"""Who works on the points of a sweep: this process, or several that are handed one after the other."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from l0gm.errors import L0GMError
from l0gm.experiments.points import Points, Unit
from l0gm.experiments.seeds import Subject

__all__ = ["Ledger", "Order", "Outcome", "Task", "Told", "Trainer", "settled", "work_here", "work_in_processes"]

POLL = 0.5  # seconds until a point that another sweep works on is looked at again
STOP = (5.0, 30.0)  # seconds in which processes end by themselves after Ctrl-C, and after they are told to

Told = Callable[[str], None]
"""Called with a line about a point: finished, found, failed, or in another sweep's hands."""


@dataclass(frozen=True)
class Task:
    """What all points of a sweep share.

    Parameters
    ----------
    subject : Subject
    parameters : dict
        Those of the estimator; the knob is set for each point.
    about : dict
        Entries for the model files.
    """

    subject: Subject
    parameters: dict[str, Any]
    about: dict[str, Any]


Trainer = Callable[[Any, Any, Path], Mapping[str, Any]]
"""Makes the record of a unit: it is called with what all units share, the unit and a folder of the unit's own."""


@dataclass(frozen=True)
class Outcome:
    """What became of a point that was handed out: "done", "found", "busy" or "failed", and what to tell of it."""

    status: str
    text: str = ""


class Order(NamedTuple):
    """What whoever works on units needs.

    Attributes
    ----------
    folder : Path
    task : object
        What all units share, such as a :class:`Task`.
    trainer : Trainer
    name : str
        Of the folder of records in ``folder``.
    """

    folder: Path
    task: Any
    trainer: Trainer
    name: str = "points"


class Ledger:
    """Which points are still to be handed out, and what became of the others."""

    def __init__(self, store: Points, points: Sequence[Unit], told: Told) -> None:
        self.store, self.told, self.total = store, told, len(points)
        missing = [point for point in points if store.found(point) is None]
        self.waiting = deque((0.0, point) for point in missing)
        self.failed: dict[Unit, str] = {}
        self._busy: set[Unit] = set()
        if len(missing) < len(points):
            told(f"{len(points) - len(missing)} of {len(points)} points are there")

    def take(self) -> Unit | None:
        """Return a point to work on; None where there is none now."""
        now = time.monotonic()
        for _ in range(len(self.waiting)):
            due, point = self.waiting.popleft()
            if due <= now:
                return point
            self.waiting.append((due, point))
        return None

    def settle(self, point: Unit, outcome: Outcome) -> None:
        """Take note of what became of a point that was handed out."""
        if outcome.status == "busy":
            self.waiting.append((time.monotonic() + POLL, point))
            if point not in self._busy:
                self._busy.add(point)
                self.told(f"{point}: left to {outcome.text}")
            return
        if outcome.status == "failed":
            self.failed[point] = outcome.text
            self.told(f"{point}: failed: {outcome.text}")
            return
        record = self.store.found(point)
        if record is None:  # damaged since
            self.waiting.append((0.0, point))
            return
        if outcome.status == "done" and outcome.text:
            self.told(f"{point}: {outcome.text}")
        self.told(f"{point}: {point.told(record)}")


def settled(order: Order, point: Unit) -> Outcome:
    """Claim a point and make its record, unless it is claimed or there."""
    folder, task, trainer, name = order
    store = Points(folder, name)
    with store.claimed(point) as holder:
        if holder is not None:
            return Outcome("busy", holder)
        if store.found(point) is not None:
            return Outcome("found")
        aside = store.set_aside(point)
        told = store.path(point).with_suffix(".error.txt")
        try:
            store.write(point, trainer(task, point, folder / "models" / point.digest))
        except Exception as error:  # whatever it is, the other points are not lost
            first = (str(error).strip().splitlines() or [""])[0]
            if isinstance(error, L0GMError):
                return Outcome("failed", first)
            with suppress(OSError):
                told.write_text(traceback.format_exc(), encoding="utf-8")
            return Outcome("failed", f"{type(error).__name__}: {first} (see {told})")
        told.unlink(missing_ok=True)
        return Outcome("done", "" if aside is None else f"the file was damaged and is now {aside}")


def work_here(ledger: Ledger, order: Order) -> None:
    """Work on all points in this process."""
    while ledger.waiting:
        point = ledger.take()
        if point is None:
            time.sleep(POLL / 5)
        else:
            ledger.settle(point, settled(order, point))


def work_in_processes(ledger: Ledger, order: Order, jobs: int) -> None:
    """Work on all points in processes, which are handed one after the other; a process that is killed is replaced."""
    workers: dict[Connection, tuple[BaseProcess, Unit | None]] = {}
    try:
        while ledger.waiting or any(point is not None for _, point in workers.values()):
            idle = [pipe for pipe, (_, point) in workers.items() if point is None]
            while (idle or len(workers) < jobs) and (point := ledger.take()) is not None:
                pipe, process = (idle[-1], workers[idle.pop()][0]) if idle else _started(order)
                workers[pipe] = (process, point)
                with suppress(OSError):  # it is gone, and the pipe's end says so
                    pipe.send(point)
            at_work = [pipe for pipe, (_, point) in workers.items() if point is not None]
            if not at_work:
                time.sleep(POLL / 5)
                continue
            for ready in connection.wait(at_work, POLL):
                assert isinstance(ready, Connection)
                process, point = workers[ready]
                assert point is not None
                try:
                    outcome = ready.recv()
                    workers[ready] = (process, None)
                except (EOFError, OSError):
                    process.join()
                    del workers[ready]
                    outcome = Outcome("failed", f"its process ended with exit code {process.exitcode}")
                ledger.settle(point, outcome)
    finally:
        _stop(workers)


def _started(order: Order) -> tuple[Connection, BaseProcess]:
    """Start a process of one thread; return the pipe to it, too."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_work, args=(there, order), daemon=True)
    with _one_thread(), _no_interruption():
        process.start()
    there.close()
    return here, process


def _work(pipe: Connection, order: Order) -> None:
    """Work on the points that come through the pipe, until it is closed or Ctrl-C."""
    with suppress(EOFError, OSError, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        while True:
            pipe.send(settled(order, pipe.recv()))
    os._exit(0)  # at once: all files are closed, and taking PyTorch down takes seconds


def _stop(workers: Mapping[Connection, tuple[BaseProcess, Unit | None]]) -> None:
    """End the processes: idle ones by themselves, those at work by a Ctrl-C that they may have had already."""
    for pipe in workers:
        pipe.close()
    processes = [process for process, _ in workers.values()]
    for patience, number in zip(STOP, (signal.SIGINT, signal.SIGKILL), strict=True):
        deadline = time.monotonic() + patience
        for process in processes:
            process.join(max(deadline - time.monotonic(), 0.0))
        for process in processes:
            if process.is_alive() and process.pid is not None:
                os.kill(process.pid, number)
    for process in processes:
        process.join()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let processes that are started in the block compute with one thread each."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


@contextmanager
def _no_interruption() -> Iterator[None]:
    """Let Ctrl-C wait: a process that is started in the block hears it when it is ready to."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
