"""What is left of a conditional gate: how far each row closes the open dimensions, and the loop that computes it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.compiled import compiled
from l0gm.errors import ArtifactError

__all__ = ["Conditioning", "condition"]

Floats = NDArray[np.float32]
GAMMA, ZETA = np.float32(-0.1), np.float32(1.1)
PREFIX = "conditioning."


@dataclass(frozen=True)
class Conditioning:
    """Of the V values x of a row each is multiplied with clip(1.2 sigmoid(base + min(0, x D U)) - 0.1, 0, 1).

    Parameters
    ----------
    base : float32 (V,)
        The logits that no row goes above.
    down : float32 (V, rank)
        D.
    up : float32 (rank, V)
        U.
    linear : bool
        Whether a field's linear term is multiplied with 1 - prod(1 - z) over its values.
    """

    base: Floats
    down: Floats
    up: Floats
    linear: bool

    def arrays(self) -> dict[str, Floats]:
        """Return every array by name."""
        return {PREFIX + "base": self.base, PREFIX + "down": self.down, PREFIX + "up": self.up}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], linear: object) -> Conditioning:
        """Put it together again; its shapes are looked at by :meth:`conditions`.

        Raises
        ------
        ArtifactError
            If ``linear`` is no truth value.
        KeyError
            If an array is missing.
        """
        if not isinstance(linear, bool):
            raise ArtifactError(f"the program's conditioning cannot be {linear!r}")
        return cls(arrays[PREFIX + "base"], arrays[PREFIX + "down"], arrays[PREFIX + "up"], linear)

    def conditions(self, n_values: int, linear: bool) -> Iterator[bool]:
        """Yield what the compiled loop takes for granted, of a program of ``n_values`` with or without linear term."""
        yield n_values > 0 and self.base.shape == (n_values,)
        yield self.down.ndim == 2 and self.down.shape[0] == n_values and self.down.shape[1] > 0
        yield self.up.shape == self.down.shape[::-1]
        yield linear or not self.linear


_ONE = np.float32(1.0)
_LOWEST = np.float32(-math.log(np.finfo(np.float32).max) / 2.0)


@compiled
def condition(x, base, down, up, mixed, z):  # type: ignore[no-untyped-def]
    """Multiply ``x`` (V,) in place with z (V,), which is written, too; ``mixed`` (rank,) is room to work in."""
    for k in range(len(mixed)):
        mixed[k] = np.float32(0.0)
    for v in range(len(x)):
        for k in range(len(mixed)):
            mixed[k] += x[v] * down[v, k]
    for v in range(len(x)):
        change = np.float32(0.0)
        for k in range(len(mixed)):
            change += mixed[k] * up[k, v]
        logit = max(base[v] + min(change, np.float32(0.0)), _LOWEST)
        s = _ONE / (_ONE + np.exp(-logit))
        z[v] = min(max(s * (ZETA - GAMMA) + GAMMA, np.float32(0.0)), _ONE)
    for v in range(len(x)):
        x[v] *= z[v]
