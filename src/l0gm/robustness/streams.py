"""Random numbers that are the same everywhere: a stream for each seed, family and column, read row by row.

They are the raw 64-bit output of ``PCG64``, which numpy promises never to change. A column's stream depends on nothing
but the three numbers, and a row's numbers on its place in the table: rows that follow change nothing, nor does the
column's type. All levels of a family read the same stream, so that a harder condition corrupts what an easier one did,
and differences between levels are not those of chance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from l0gm.errors import ParameterError
from l0gm.robustness.conditions import FAMILIES, Family

__all__ = ["check_seed", "normals", "uniforms"]


def check_seed(seed: int) -> int:
    """Return the seed, or raise ParameterError where it is no whole number from 0."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ParameterError(f"seed={seed!r}: give an integer that is not negative")
    return int(seed)


def uniforms(n: int, seed: int, family: Family, column: int = 0) -> NDArray[np.float64]:
    """Return n numbers of [0, 1), multiples of 2**-53, float64 (n,)."""
    raw = np.random.PCG64([seed, FAMILIES.index(family), column]).random_raw(n)
    return np.asarray((raw >> np.uint64(11)) * 2.0**-53, dtype=np.float64)


def normals(n: int, seed: int, family: Family, column: int = 0) -> NDArray[np.float64]:
    """Return n standard normal numbers (Box and Muller, 1958), float64 (n,)."""
    first, second = uniforms(2 * n, seed, family, column).reshape(n, 2).T
    return np.asarray(np.sqrt(-2.0 * np.log1p(-first)) * np.cos(2.0 * np.pi * second), dtype=np.float64)
