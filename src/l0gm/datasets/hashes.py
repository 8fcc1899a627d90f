"""Random numbers that are the same on every machine: a hash of a counter (splitmix64, Steele et al. 2014)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from l0gm.compiled import compiled

__all__ = [
    "GOLDEN",
    "LOW32",
    "S32",
    "SPREAD_OF_FOUR",
    "four_uniforms",
    "hashes",
    "mixed",
    "normals",
    "rehash",
    "start_of",
]

GOLDEN, FIRST, SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
S16, S27, S30, S31, S32, S48 = (np.uint64(bits) for bits in (16, 27, 30, 31, 32, 48))
LOW16, LOW32 = np.uint64(2**16 - 1), np.uint64(2**32 - 1)
SPREAD_OF_FOUR = 2.0 * ((2.0**32 - 1.0) / 12.0) ** 0.5
"""The standard deviation of the sum of four uniform numbers of 16 bits."""


def start_of(seed: int, stream: str) -> np.uint64:
    """Return where a stream of hashes starts, of a seed and the stream's name."""
    state = seed
    for letter in stream.encode():
        state = _mixed_integer(state * 257 + letter + 1)
    return np.uint64(state)


def hashes(seed: int, stream: str, count: int) -> NDArray[np.uint64]:
    """Return the first numbers of a stream, (count,), 64 random bits each."""
    out = np.empty(count, np.uint64)
    rehash(np.arange(count), start_of(seed, stream), out)
    return out


def normals(seed: int, stream: str, count: int) -> NDArray[np.float64]:
    """Return nearly normal numbers, (count,): sums of four uniform ones, so none is beyond 3.5."""
    out = np.empty(count, np.float64)
    _normals(start_of(seed, stream), out)
    return out / SPREAD_OF_FOUR


def _mixed_integer(number: int) -> int:
    mask = 2**64 - 1
    z = (number + int(GOLDEN)) & mask
    z = ((z ^ (z >> 30)) * int(FIRST)) & mask
    z = ((z ^ (z >> 27)) * int(SECOND)) & mask
    return z ^ (z >> 31)


@compiled
def mixed(z):  # type: ignore[no-untyped-def]  # compiled for the types it is called with
    """Return a number's hash; no two have the same."""
    z = (z ^ (z >> S30)) * FIRST
    z = (z ^ (z >> S27)) * SECOND
    return z ^ (z >> S31)


@compiled
def four_uniforms(z):  # type: ignore[no-untyped-def]
    """Return the sum of four numbers of 16 bits less its mean: nearly normal, and exact in float32."""
    return np.int64((z & LOW16) + ((z >> S16) & LOW16) + ((z >> S32) & LOW16) + (z >> S48)) - 131_070


@compiled
def rehash(counters, start, out):  # type: ignore[no-untyped-def]
    """Write the numbers of a stream that stand at ``counters``."""
    for i in range(len(counters)):
        out[i] = mixed(start + np.uint64(counters[i] + 1) * GOLDEN)


@compiled
def _normals(start, out):  # type: ignore[no-untyped-def]
    state = start
    for i in range(len(out)):
        state += GOLDEN
        out[i] = four_uniforms(mixed(state))
