"""How many threads a model has."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["pinned"]


@contextmanager
def pinned(threads: int) -> Iterator[None]:
    """Let OpenMP, BLAS and PyTorch use so many threads inside."""
    import torch

    threadpool_limits = importlib.import_module("threadpoolctl").threadpool_limits  # scikit-learn brings it
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with threadpool_limits(threads):
            yield
    finally:
        torch.set_num_threads(before)
