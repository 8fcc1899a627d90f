"""How a contract suite runs: clause by clause, each from the same random state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["close", "demand", "run_clauses"]

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-5, torch.bfloat16: 2e-2}


def demand(condition: bool, otherwise: str) -> None:
    """Raise an AssertionError that says ``otherwise``, with and without ``python -O``."""
    if not condition:
        raise AssertionError(otherwise)


def close(a: Tensor, b: Tensor) -> bool:
    """Return whether two tensors have one shape and agree up to the rounding of their dtype."""
    tolerance = TOLERANCE.get(a.dtype, 0.0)
    return a.shape == b.shape and torch.allclose(a, b.to(a.dtype), rtol=tolerance, atol=tolerance)


def run_clauses(subject: str, clauses: Sequence[Callable[..., None]], *arguments: Any) -> None:
    """Call every clause with ``arguments``; the global random state is as before afterwards.

    Raises
    ------
    AssertionError
        If a clause raises anything; the message has the clause's name in words.
    """
    for clause in clauses:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            try:
                clause(*arguments)
            except Exception as error:  # any failure of the module under test breaks the clause
                name = clause.__name__.strip("_").replace("_", " ")
                what = str(error) if isinstance(error, AssertionError) else repr(error)
                raise AssertionError(f"{subject} breaks the clause {name!r}: {what}") from error
