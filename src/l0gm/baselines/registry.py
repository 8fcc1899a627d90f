"""Every method, in the order of tables."""

from __future__ import annotations

from l0gm.baselines import gates, graph_methods, tables, text_methods
from l0gm.baselines.methods import Method

__all__ = ["METHODS"]

METHODS: tuple[Method, ...] = (*tables.METHODS, *text_methods.METHODS, *graph_methods.METHODS, *gates.METHODS)
