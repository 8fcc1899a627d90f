"""How far the compacted model is from the memory's speed: the bytes that a row must touch, and how fast they come.

The rows of tables stay in the caches, so their bytes come at the speed that was measured for a working set of the
model's size; input and output pass through once, at the speed of main memory. The sum is what a row would take if
nothing but moving bytes took time. Weights that all rows share are told and not counted: a kernel may keep them for
several rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from l0gm.runtime.model import CompactModel

__all__ = ["Traffic", "bandwidth", "roofline", "traffic"]

Traffic = dict[str, int]
Clock = Callable[[], float]

SECONDS = 0.05
"""That a measurement of bandwidth lasts."""
BEYOND_CACHES = 2**28
"""Bytes of a working set that no cache holds."""


def traffic(model: CompactModel) -> Traffic:
    """Return the bytes that one row touches, and those that all rows share.

    Returns
    -------
    dict
        ``input`` (float64 numbers, int32 codes), ``tables`` (a row of each field's table, for a number with one of
        slopes), ``output`` (float64 probabilities), all of one row; ``weights``, the same for every row; ``model``, the
        working set: all tables and weights.
    """
    schema, program = model.schema, model.program
    given = 8 * len(schema.numeric) + 4 * len(schema.coded)
    out = 8 * len(model.classes_)
    folded = model.predictor.folded
    if folded is not None:
        return {
            "input": given,
            "tables": folded.row_bytes,
            "weights": folded.shared_bytes,
            "output": out,
            "model": folded.floats.nbytes + folded.doubles.nbytes,
        }
    tables = sum(4 * f.rows.shape[1] * (1 if f.slopes is None else 2) for f in program.fields)
    floats = [a for name, a in program.arrays().items() if not name.startswith("field.")]
    weights = sum(a.nbytes for a in floats if a.dtype == np.float32)
    return {"input": given, "tables": tables, "weights": weights, "output": out, "model": 4 * program.n_parameters}


def bandwidth(n_bytes: int, clock: Clock = time.perf_counter, seconds: float = SECONDS) -> dict[str, float]:
    """Measure how fast one thread reads and copies a working set again and again.

    Parameters
    ----------
    n_bytes : int
        Of the working set; at least a kilobyte is used.
    clock : callable
        Returns seconds.
    seconds : float
        For each of the two.

    Returns
    -------
    dict
        ``bytes``; ``read`` and ``copy`` in bytes a second, the best of the calls, less what a call on next to nothing
        takes. Reading is a dot product of the two halves; copying counts the bytes that are read and those that are
        written.
    """
    n = max(n_bytes, 1024) // 8  # numbers in each half
    a, b = np.ones(n, np.float32), np.ones(n, np.float32)
    least = a[:1], b[:1]

    def speed(call: Callable[[Any, Any], Any]) -> float:
        idle = _best(lambda: call(*least), 8, clock, seconds)
        whole = _best(lambda: call(a, b), 8 * n, clock, seconds)
        return 8 * n / max(whole - idle, 1e-12)

    return {"bytes": 8.0 * n, "read": speed(np.dot), "copy": speed(np.copyto)}


def roofline(
    touched: Traffic, us_a_row: float, caches: dict[str, int], measure: Callable[[int], dict[str, float]] = bandwidth
) -> dict[str, Any]:
    """Put the measured time beside what moving the bytes takes.

    Parameters
    ----------
    touched : dict
        Of :func:`traffic`.
    us_a_row : float
        Microseconds that were measured, on prepared arrays and one thread.
    caches : dict
        Bytes of the caches by name.
    measure : callable
        :func:`bandwidth`.

    Returns
    -------
    dict
        ``bytes``: those of :func:`traffic`. ``bandwidth``: for a working set of half of each cache, of the model and
        one beyond all caches. ``bound_us``: microseconds a row at these speeds. ``times_bound``: measured over bound.
    """
    sets = {name: size // 2 for name, size in caches.items()}
    sets |= {"model": touched["model"], "memory": BEYOND_CACHES}
    speeds = {name: measure(size) for name, size in sets.items()}
    far = touched["input"] + touched["output"]
    bound = touched["tables"] / speeds["model"]["read"] + far / speeds["memory"]["copy"]
    return {
        "bytes": dict(touched),
        "bandwidth": speeds,
        "measured_us": us_a_row,
        "bound_us": bound * 1e6,
        "times_bound": us_a_row / (bound * 1e6),
    }


def _best(call: Callable[[], Any], n_bytes: int, clock: Clock, seconds: float) -> float:
    """Return the seconds of a call in the fastest of some batches; short calls are timed several at once."""
    call()
    number = max(1, min(2**20 // n_bytes, 1000))
    times: list[float] = []
    start = clock()
    while len(times) < 3 or clock() - start < seconds:
        before = clock()
        for _ in range(number):
            call()
        times.append((clock() - before) / number)
    return min(times)
