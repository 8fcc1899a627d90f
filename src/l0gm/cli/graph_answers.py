"""What ``predict`` writes and ``evaluate`` measures where a model is one of nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from l0gm.cli.answers import refuse_clash, writing
from l0gm.cli.files import Frame
from l0gm.cli.graph_sources import EdgeFile, Nodes, huge_pages, read_nodes, text_columns
from l0gm.cli.predict import answers_of
from l0gm.cli.sources import is_registered
from l0gm.cli.streams import Stream
from l0gm.data.parquet import BATCH_ROWS
from l0gm.errors import DataError, ParameterError

if TYPE_CHECKING:
    from l0gm.runtime import CompactNodeModel

__all__ = ["predict_nodes", "read_labelled_nodes"]

PARTS = ("test", "validation", "train", "all")


def predict_nodes(model: CompactNodeModel, values: Mapping[str, Any], kept: list[str]) -> int:
    """Write the answers for all nodes of a graph and return how many there are.

    Parameters
    ----------
    model : CompactNodeModel
    values : mapping
        The arguments of ``predict``.
    kept : list of str
        Columns of the nodes to repeat in front.
    """
    huge_pages()
    nodes = read_nodes(
        values["data"], EdgeFile.of(values), scale=values["scale"], text=text_columns(model), model=model
    )
    nodes.check_columns(kept, "--keep")
    front = _front(nodes, kept)
    raw = model.predict_proba(nodes.graph, calibrated=False)
    stream = Stream(nodes.name, nodes.columns, False, lambda columns: iter([]))
    with writing(values["out"], stream, kept) as write:
        for first in range(0, len(raw), BATCH_ROWS):
            part = slice(first, first + BATCH_ROWS)
            answers = answers_of(model, raw[part], values["calibrated"], values["coverage"])
            refuse_clash(kept, answers)
            write(None if front is None else front[part], answers)
    return len(raw)


def read_labelled_nodes(
    model: CompactNodeModel,
    data: str,
    edges: EdgeFile,
    *,
    target: str | None,
    fold: str | None,
    split: str | None,
    part: str | None,
    scale: float | None,
) -> tuple[Nodes, NDArray[np.int64], str]:
    """Return nodes, the numbers of those that a model is measured on, and what they are called.

    Of a data set they are its test nodes, of a file those that ``fold`` says, or all that have a label.
    """
    if part is not None and part not in PARTS:
        raise ParameterError(f"--part {part}: choose one of {', '.join(PARTS)}")
    if not is_registered(data):
        if part not in (None, "all") and fold is None:
            raise ParameterError(f"--part {part}: of a file, all labelled nodes are read, unless --fold names a column")
        target = target or model.information.get("target")
        if target is None:
            raise ParameterError(f"--target: name the column of {data} that holds the true labels")
    nodes = read_nodes(
        data, edges, target=target, fold=fold, split=split, scale=scale, text=text_columns(model), model=model
    )
    if part == "all" or not nodes.parts:
        return nodes, nodes.labelled, f"{data}, labelled nodes"
    chosen = part or "test"
    if chosen not in nodes.parts:
        raise DataError(f"--fold {fold}: no node says {chosen!r} there")
    return nodes, nodes.parts[chosen], f"{data}, {chosen} nodes" + (f" of split {nodes.split}" if not fold else "")


def _front(nodes: Nodes, kept: list[str]) -> Frame | None:
    if not kept:
        return None
    if nodes.frame is not None:
        return nodes.frame.select(kept)
    import pandas as pd

    frame: Frame = nw.from_native(pd.DataFrame({name: nodes.column(name) for name in kept}), eager_only=True)
    return frame
