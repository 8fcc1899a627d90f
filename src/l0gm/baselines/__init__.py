"""What l0gm is compared with: baselines behind one estimator contract, and the names of all methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from l0gm.baselines.methods import MODALITIES, Method, Modality, find, methods, missing

if TYPE_CHECKING:
    from l0gm.baselines.base import RowBaseline, Size, size_of

__all__ = ["MODALITIES", "Method", "Modality", "RowBaseline", "Size", "find", "methods", "missing", "size_of"]

_OF_BASE = ("RowBaseline", "Size", "size_of")


def __getattr__(name: str) -> Any:
    """Import what needs scikit-learn when it is first used: the names of methods are read without it."""
    if name not in _OF_BASE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from l0gm.baselines import base

    return getattr(base, name)
