"""The model of a graph's nodes that is served. Needs no PyTorch, and is faster where it is installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.adjacency import Adjacency, Structure, adjacencies
from l0gm.data.graphs import Graph, as_graph, node_numbers
from l0gm.data.labels import encode_labels
from l0gm.data.propagation import Precision
from l0gm.errors import ArtifactError, DataError, ParameterError
from l0gm.metrics import evaluate
from l0gm.runtime.attributes import Attributes, TableAttributes, attributes_from
from l0gm.runtime.graphs import GraphProgram
from l0gm.runtime.served import CERTIFICATE, Served, read_answers
from l0gm.runtime.smoothing import correct_and_smooth

__all__ = ["CompactNodeModel", "nodes_model", "probe_graph"]

ATTRIBUTES, PROGRAM = "attributes.", "program."
EDGES_A_NODE = 4


@dataclass(frozen=True, kw_only=True)
class CompactNodeModel(Served):
    """A compacted classifier of a graph's nodes.

    Parameters
    ----------
    attributes : Attributes
        What it reads of each node.
    structure : Structure
        How it reads edges.
    program : GraphProgram
    weighted : bool
        Whether the edges of fit had weights.
    classes_, certificate, calibrator, calibrated, decision_threshold, conformal, information
        As in :class:`l0gm.CompactModel`.
    """

    attributes: Attributes
    structure: Structure
    program: GraphProgram
    weighted: bool = False

    @property
    def feature_names_in_(self) -> tuple[str, ...]:
        """The attributes that prediction reads; columns of a table, or those of an array as x0, x1, and so on."""
        if isinstance(self.attributes, TableAttributes):
            return self.attributes.schema.sources
        return self.attributes.names

    @property
    def n_parameters(self) -> int:
        """Numbers that prediction uses."""
        fixed = [a for name, a in self.attributes.arrays().items() if a.dtype == np.float32 and ".text." not in name]
        return self.program.n_parameters + sum(a.size for a in fixed)

    @property
    def subject(self) -> str:
        """What the model classifies."""
        return "the nodes of a graph"

    @property
    def unit(self) -> str:
        """What one example is called."""
        return "nodes"

    def predict_proba(
        self,
        graph: Any,
        nodes: Any = None,
        *,
        calibrated: bool | None = None,
        known: tuple[Any, Any] | None = None,
        precision: Precision = "float32",
        order: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float64]:
        """Return class probabilities; all nodes of the graph are answered at once, exactly.

        The graph may be that of fit or any other with the same attributes: nodes and edges need not have been seen.

        Parameters
        ----------
        graph : Graph, PyG ``Data``, or (attributes, edges)
        nodes : mask, numbers or a column's name, optional
            Which of them to return; default: all.
        calibrated : bool, optional
            Whether to apply the calibrator; default: as the model was fitted.
        known : (nodes, labels), optional
            Nodes of this graph whose labels are known: the others' answers are corrected and smoothed with them
            (:func:`l0gm.runtime.smoothing.correct_and_smooth`).
        precision : {"float32", "bfloat16"}
            In which states are propagated.
        order : int64 (n,), optional
            The order in which nodes are worked on: see :func:`l0gm.data.adjacency.locality_order`.

        Returns
        -------
        float64 (n, C)

        Raises
        ------
        DataError
            If the graph's attributes or relations are not those of fit, or edges have weights here alone or there.
        """
        graph = as_graph(graph)
        chosen = None if nodes is None else node_numbers(graph, nodes, "nodes")
        x = self.attributes.matrix(graph.nodes)
        self._check_weights(graph)
        raw = self.propagated(x, adjacencies(graph, self.structure) if self.reads_edges else (), precision, order)
        proba = self.scaled(raw, calibrated)
        if known is not None:
            places = node_numbers(graph, known[0], "known")
            labels = encode_labels(known[1], self.classes_)
            if len(labels) != len(places):
                raise DataError(f"known: {len(places)} nodes and {len(labels)} labels")
            proba = correct_and_smooth(graph, proba, places, labels)
        return proba if chosen is None else proba[chosen]

    @property
    def reads_edges(self) -> bool:
        """Whether an answer depends on edges."""
        return bool(self.program.layers) or self.program.hops > 0

    def _check_weights(self, graph: Graph) -> None:
        """Refuse a graph whose edges have weights where those of fit had none, or the other way round."""
        reads = self.reads_edges and graph.n_edges > 0
        if reads and self.program.mixing != "attention" and self.weighted != (graph.weights is not None):
            had, has = ("weights", "none") if self.weighted else ("no weights", "some")
            raise DataError(f"the edges of fit had {had}, and these have {has}: pass a graph as that of fit")

    def propagated(
        self,
        x: NDArray[np.float32],
        mixed: tuple[Adjacency, ...],
        precision: Precision = "float32",
        order: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float64]:
        """Return the raw probabilities (n, C) of attributes ``x`` (n, k) and the adjacencies of ``structure``."""
        if order is None:
            return self.program.probabilities(x, mixed, precision)
        order = np.asarray(order)
        if order.dtype.kind not in "iu" or not np.array_equal(np.sort(order, axis=-1), np.arange(len(x))):
            raise ParameterError(f"order: each of the {len(x)} nodes once")
        out = np.empty((len(x), max(self.program.n_outputs, 2)))
        out[order] = self.program.probabilities(x[order], tuple(a.reordered(order) for a in mixed), precision)
        return out

    def predict(self, graph: Any, nodes: Any = None) -> NDArray[Any]:
        """Return the label that each node is answered with, (n,): the most probable one, or as the threshold says."""
        return self.decided(self.predict_proba(graph, nodes))

    def predict_set(self, graph: Any, nodes: Any = None, coverage: float = 0.9) -> NDArray[np.bool_]:
        """Return which labels are in each node's conformal set, bool (n, C); see :meth:`l0gm.CompactModel.predict_set`.

        Raises
        ------
        ParameterError
            If the calibration nodes are too few for this coverage, or there were none.
        """
        return self.sets_of(coverage).sets(self.predict_proba(graph, nodes, calibrated=False), coverage)

    def evaluate(self, graph: Any, y: Any, nodes: Any = None, *, calibrated: bool | None = None) -> dict[str, float]:
        """Return the measures of :func:`l0gm.metrics.evaluate` on these nodes, whose labels are ``y``.

        There is no AUC where a class has no node among them.
        """
        proba = self.predict_proba(graph, nodes, calibrated=calibrated)
        return evaluate(encode_labels(y, self.classes_), proba, absent="skip")

    def verify(self) -> float:
        """Compute the certificate's nodes again and return the largest difference to the gated model's answers.

        Raises
        ------
        ArtifactError
            If it is above the certificate's tolerance: the file or the installation is not what was certified.
        """
        c = self.certificate
        graph = probe_graph(self.attributes, self.structure, self.weighted, c.n_rows, c.seed)
        x = self.attributes.matrix(graph.nodes)
        return self._checked(self.propagated(x, adjacencies(graph, self.structure)))

    def _content(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        arrays = {ATTRIBUTES + name: a for name, a in self.attributes.arrays().items()}
        arrays |= {PROGRAM + name: a for name, a in self.program.arrays().items()}
        return arrays, {
            "kind": "nodes",
            "attributes": self.attributes.structure(),
            "edges": {
                "direction": self.structure.direction,
                "relations": list(self.structure.relations),
                "alone": self.structure.alone,
                "weighted": self.weighted,
            },
            "program": self.program.structure(),
        }


def nodes_model(arrays: dict[str, NDArray[Any]], document: dict[str, Any]) -> CompactNodeModel:
    """Make the model of a file's content; any of the errors that :func:`l0gm.load` catches where the two do not fit."""
    certified = arrays.pop(CERTIFICATE)
    own: dict[str, dict[str, NDArray[Any]]] = {ATTRIBUTES: {}, PROGRAM: {}}
    for name, a in arrays.items():
        start = next((start for start in own if name.startswith(start)), None)
        if start is None:
            raise ArtifactError(f"there is no place for the array {name!r}")
        own[start][name.removeprefix(start)] = a
    attributes = attributes_from(own[ATTRIBUTES], document["attributes"])
    edges = document["edges"]
    structure = Structure.read(edges)
    program = GraphProgram.from_arrays(own[PROGRAM], document["program"])
    if program.n_channels != structure.n_channels or program.width != attributes.width:
        raise ArtifactError("the program does not fit the attributes and the relations")
    if type(edges["weighted"]) is not bool:
        raise ArtifactError("weighted is true or false")
    answers = read_answers(certified, document, program.n_outputs)
    return CompactNodeModel(
        attributes=attributes, structure=structure, program=program, weighted=edges["weighted"], **answers
    )


def probe_graph(attributes: Attributes, structure: Structure, weighted: bool, n: int, seed: int) -> Graph:
    """Return a graph of n made-up nodes: hubs, isolated nodes, double edges and loops among them."""
    bits = np.random.PCG64([seed, 3])
    m = EDGES_A_NODE * n * len(structure.relations)

    def places(power: int) -> NDArray[np.int32]:
        uniform = (bits.random_raw(m) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return (uniform**power * n).astype(np.int32)

    sources, targets, kinds = places(2), places(1), places(1)
    made = Graph.of_arrays(attributes.probe(n, seed), sources, targets)
    made.relation, made.relations = (kinds % len(structure.relations)).astype(np.int16), structure.relations
    made.weights = (places(1) / np.float32(n)).astype(np.float32) if weighted else None
    return made
