"""PyTorch Geometric, imported where it is used."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

from l0gm.errors import MissingExtraError

__all__ = ["geometric"]


def geometric(module: str, what: str) -> Any:
    """Return a module of PyTorch Geometric.

    Parameters
    ----------
    module : str
        As ``nn``.
    what : str
        What needs it, for the message where it is not installed.

    Raises
    ------
    MissingExtraError
        If it is not.
    """
    try:
        with warnings.catch_warnings():  # it compiles some of its own classes in a way that PyTorch is giving up
            warnings.simplefilter("ignore", DeprecationWarning)
            return import_module(f"torch_geometric.{module}")
    except ImportError as error:
        raise MissingExtraError("torch-geometric", "graph", what) from error
