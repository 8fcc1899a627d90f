"""Every method, in the order of tables."""

from __future__ import annotations

from l0gm.baselines import gates
from l0gm.baselines.methods import Method

__all__ = ["METHODS"]

METHODS: tuple[Method, ...] = (*gates.METHODS,)
