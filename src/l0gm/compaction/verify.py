"""The certificate: both models on rows made from the schema, and a refusal where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.adjacency import Structure, adjacencies
from l0gm.data.frames import Table
from l0gm.data.probes import probe_rows
from l0gm.data.schema import Schema
from l0gm.encoders.batch import RowBatch
from l0gm.encoders.nodes import EVERY, node_inputs
from l0gm.errors import CompactionError
from l0gm.model import GatedModel
from l0gm.runtime.attributes import Attributes
from l0gm.runtime.graphs import GraphProgram
from l0gm.runtime.nodes import probe_graph
from l0gm.runtime.predictor import Predictor
from l0gm.runtime.served import Certificate
from l0gm.runtime.tabular import TabularProgram
from l0gm.training.rows import predict

__all__ = ["TOLERANCE", "verify", "verify_nodes"]

TOLERANCE = 1e-5


def verify(
    model: GatedModel,
    schema: Schema,
    program: TabularProgram,
    cut: Schema,
    *,
    n_rows: int = 2048,
    seed: int = 0,
    tolerance: float = TOLERANCE,
) -> Certificate:
    """Compare the gated model with the program that was cut out of it.

    Parameters
    ----------
    model, schema
        The gated model and all of its fields.
    program, cut
        The compacted model and the fields that it reads.
    n_rows, seed : int
        The rows of :func:`l0gm.data.probes.probe_rows`.
    tolerance : float
        Largest difference in probability that is accepted.

    Raises
    ------
    CompactionError
        If a probability differs by more, or a weight or a probability is not finite.
    """
    _refuse_infinite(program.arrays())
    table = Table(probe_rows(schema, n_rows, seed))
    rows = RowBatch.of(schema.encode(table), next(model.parameters()).device)
    expected = predict(model, rows).cpu().numpy()
    got = Predictor(program, cut).probabilities(cut.read(table))
    return _certificate(expected, got, seed, tolerance)


def verify_nodes(
    model: GatedModel,
    encoder: str,
    attributes: Attributes,
    cut: Attributes,
    structure: Structure,
    program: GraphProgram,
    weighted: bool,
    *,
    n_nodes: int = 512,
    seed: int = 0,
    tolerance: float = TOLERANCE,
) -> Certificate:
    """Compare a gated node classifier with the program that was cut out of it, on a graph that is made up.

    Parameters
    ----------
    model : GatedModel
    encoder : str
        Its name.
    attributes, cut : Attributes
        What the gated model reads, and the program.
    structure : Structure
    program : GraphProgram
    weighted : bool
        Whether edges have weights.
    n_nodes, seed : int
        Of :func:`l0gm.runtime.nodes.probe_graph`.
    tolerance : float

    Raises
    ------
    CompactionError
        If a probability differs by more, or a weight or a probability is not finite.
    """
    _refuse_infinite(program.arrays())
    graph = probe_graph(attributes, structure, weighted, n_nodes, seed)
    mixed = adjacencies(graph, structure)
    x = attributes.matrix(graph.nodes)
    every = {"all": np.arange(n_nodes)}
    fan_outs = [EVERY] * max(len(program.layers), 1)
    device = next(model.parameters()).device
    inputs = node_inputs(encoder, x, mixed, every, hops=program.hops, fan_outs=fan_outs, device=device)["all"]
    expected = predict(model, inputs).cpu().numpy()
    got = program.probabilities(cut.matrix(graph.nodes), mixed)
    return _certificate(expected, got, seed, tolerance)


def _refuse_infinite(arrays: Mapping[str, NDArray[Any]]) -> None:
    strange = [name for name, a in arrays.items() if not np.isfinite(a).all()]
    if strange:
        raise CompactionError(f"the model has weights that are not finite ({', '.join(strange)}): it was not compacted")


def _certificate(expected: NDArray[np.float64], got: NDArray[np.float64], seed: int, tolerance: float) -> Certificate:
    difference = np.abs(expected - got)
    worst = float(difference.max())
    if not np.isfinite(difference).all() or worst > tolerance:
        row = int(np.argmax(np.nan_to_num(difference, nan=np.inf).max(1)))
        raise CompactionError(
            f"the compacted model differs from the gated one by up to {worst:.3g} in probability (probe row {row}); "
            f"{tolerance:g} is allowed. The model was not compacted"
        )
    return Certificate(len(expected), seed, tolerance, worst, expected.astype(np.float32))
