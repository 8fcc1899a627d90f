"""How long calls take: contestants in turn, single calls, percentiles, and ratios with their spread (numpy alone).

A machine slows down and speeds up while it is measured. So contestants take turns, in another order each round, and are
compared round by round: what slows one of them slows its neighbours as well, and drops out of their ratio.

Every call is timed on its own, since a percentile such as p99 is one of calls, not of means. What is short is called
several times in a turn, until the turn has lasted :data:`LEAST` seconds: the first of these calls finds the caches as
the contestant before has left them, the others as their own predecessor has. One reading of the clock, about 0.05
microseconds, is part of each call; ``Latencies.tick`` says how much it was.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from l0gm.errors import ParameterError

__all__ = ["LEAST", "Latencies", "Ratio", "frozen_garbage", "measure"]

LEAST = 2e-4
"""Seconds that a turn lasts at least."""
MOST_CALLS = 1000
"""Calls of a turn at most."""

Clock = Callable[[], float]


class Ratio(NamedTuple):
    """A ratio of times: its median over the rounds, and its 10th and 90th percentile."""

    p50: float
    p10: float
    p90: float


@dataclass(frozen=True)
class Latencies:
    """What was measured of each contestant.

    Parameters
    ----------
    rows : int
        Rows that one call answers.
    calls : mapping from name to float64 (calls,)
        Seconds of each single call.
    turns : mapping from name to float64 (repeats,)
        Median of a turn's calls in seconds; place i is round i for all contestants.
    tick : float
        Seconds between two readings of the clock with nothing between them; part of each call.
    """

    rows: int
    calls: Mapping[str, NDArray[np.float64]]
    turns: Mapping[str, NDArray[np.float64]]
    tick: float

    def quantile(self, name: str, q: float) -> float:
        """Return the seconds of a call below which a share ``q`` of the calls stays."""
        return float(np.quantile(self.calls[name], q))

    def us_a_row(self, name: str, q: float = 0.5) -> float:
        """Return :meth:`quantile` in microseconds a row."""
        return self.quantile(name, q) / self.rows * 1e6

    def ratio(self, a: str, b: str) -> Ratio:
        """Return how many times as long ``a`` takes as ``b``: both of one round are compared, then the rounds."""
        p10, p50, p90 = np.quantile(self.turns[a] / self.turns[b], [0.1, 0.5, 0.9]).tolist()
        return Ratio(p50, p10, p90)

    def fastest(self, names: Sequence[str] | None = None) -> str:
        """Return which of these (default: of all) has the shortest median call."""
        return min(self.calls if names is None else names, key=lambda name: self.quantile(name, 0.5))

    def to_dict(self) -> dict[str, Any]:
        """Return the percentiles as JSON can hold them, times of calls in seconds."""
        return {
            "rows": self.rows,
            "tick": self.tick,
            "contestants": {
                name: {
                    "calls": len(calls),
                    **{f"p{q}": self.quantile(name, q / 100) for q in (10, 50, 90, 99)},
                    "us_a_row": {f"p{q}": self.us_a_row(name, q / 100) for q in (10, 50, 99)},
                }
                for name, calls in self.calls.items()
            },
        }


def measure(
    contestants: Mapping[str, Callable[[], object]],
    *,
    rows: int,
    repeats: int = 21,
    warmup: int = 3,
    least: float = LEAST,
    pause: float = 0.0,
    seed: int = 0,
    clock: Clock = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> Latencies:
    """Call the contestants in turn and time every call.

    Parameters
    ----------
    contestants : mapping from name to callable
        Without arguments; what it returns is not looked at.
    rows : int
        Rows that one call answers.
    repeats : int
        Rounds; in each one every contestant has one turn.
    warmup : int
        Calls of each contestant before the first round, which are not counted.
    least : float
        Seconds that a turn lasts at least: short calls are repeated, at most :data:`MOST_CALLS` times.
    pause : float
        Seconds between two turns, in which the threads of the one before may come to rest.
    seed : int
        Of the order of the turns.
    clock : callable
        Returns seconds.
    sleep : callable
        Takes seconds.

    Returns
    -------
    Latencies

    Raises
    ------
    ParameterError
        If there is no contestant, or a number is out of range.
    """
    if not contestants:
        raise ParameterError("contestants is empty: there is nothing to measure")
    for argument, value, lowest in (("rows", rows, 1), ("repeats", repeats, 1), ("warmup", warmup, 0)):
        if value < lowest:
            raise ParameterError(f"{argument}={value}: at least {lowest} is needed")
    numbers = {name: _calls_of_a_turn(call, warmup, least, clock) for name, call in contestants.items()}
    calls: dict[str, list[NDArray[np.float64]]] = {name: [] for name in contestants}
    names, order = list(contestants), np.random.default_rng(seed)
    with frozen_garbage():
        tick = float(np.median(_timed(lambda: None, 200, clock)))
        for _ in range(repeats):
            for i in order.permutation(len(names)).tolist():
                if pause:
                    sleep(pause)
                calls[names[i]].append(_timed(contestants[names[i]], numbers[names[i]], clock))
            gc.collect()
    return Latencies(
        rows,
        {name: np.concatenate(turns) for name, turns in calls.items()},
        {name: np.array([np.median(turn) for turn in turns]) for name, turns in calls.items()},
        tick,
    )


@contextmanager
def frozen_garbage() -> Iterator[None]:
    """Keep the garbage collector from running inside; what was there before is not looked at by collections within."""
    enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()


def _calls_of_a_turn(call: Callable[[], object], warmup: int, least: float, clock: Clock) -> int:
    """Return how many calls a turn needs, after the warm-up."""
    for _ in range(warmup):
        call()
    shortest = float(_timed(call, 3 if warmup else 1, clock).min())
    return 1 if shortest >= least else min(math.ceil(least / max(shortest, least / MOST_CALLS)), MOST_CALLS)


def _timed(call: Callable[[], object], number: int, clock: Clock) -> NDArray[np.float64]:
    """Return the seconds of each of some calls, (number,); the clock is read once between two of them."""
    marks = [0.0] * (number + 1)
    marks[0] = clock()
    for i in range(1, number + 1):
        call()
        marks[i] = clock()
    return np.diff(marks)
