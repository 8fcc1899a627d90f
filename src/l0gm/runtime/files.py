"""From a model file to a model, whatever it reads."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from l0gm.errors import ArtifactError
from l0gm.runtime import artifact
from l0gm.runtime.model import CompactModel, rows_model
from l0gm.runtime.nodes import CompactNodeModel, nodes_model

__all__ = ["load", "load_rows"]


def load(path: str | os.PathLike[str]) -> CompactModel | CompactNodeModel:
    """Read a model file; PyTorch is not needed.

    Raises
    ------
    ArtifactError
        If the file is missing, damaged, foreign or of a newer format.
    """
    arrays, document, _ = artifact.read(path)
    kind = str(document.get("kind"))
    if kind not in MAKERS:
        raise ArtifactError(f"{path} holds a {kind!r} model, which this version cannot run")
    try:
        return MAKERS[kind](arrays, document)
    except KeyError as error:
        raise ArtifactError(f"{path} is damaged: {error} is missing") from error
    except (ArithmeticError, ArtifactError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ArtifactError(f"{path} is damaged: {error}") from error


def load_rows(path: str | os.PathLike[str]) -> CompactModel:
    """Read the file of a model of rows.

    Raises
    ------
    ArtifactError
        As :func:`load`, or if the model is one of a graph's nodes.
    """
    model = load(path)
    if not isinstance(model, CompactModel):
        raise ArtifactError(f"{path} classifies the nodes of a graph, and rows are asked for: give a model of rows")
    return model


MAKERS: dict[str, Callable[[dict[str, Any], dict[str, Any]], CompactModel | CompactNodeModel]] = {
    "rows": rows_model,
    "tabular": rows_model,  # before there were texts
    "nodes": nodes_model,
}
