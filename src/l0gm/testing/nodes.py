"""The contract of an encoder of a graph's nodes: that of any encoder, and what it owes to the graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from l0gm.data.adjacency import Adjacency, Structure, adjacencies
from l0gm.data.graphs import Graph
from l0gm.encoders.base import Encoder
from l0gm.testing.clauses import close, demand, run_clauses
from l0gm.testing.encoders import check_encoder

if TYPE_CHECKING:
    from l0gm.training.rows import Batches

__all__ = ["check_node_encoder"]

Floats = NDArray[np.float32]
Make = Callable[[], Encoder]
Inputs = Callable[[Floats, Sequence[Adjacency], NDArray[np.int64]], "Batches"]
Exact = Callable[[Encoder, Floats, Sequence[Adjacency]], NDArray[Any]]

N_NODES, N_ISOLATED, N_EDGES = 24, 4, 60


def check_node_encoder(
    make: Make,
    inputs: Inputs,
    exact: Exact | None = None,
    *,
    n_attributes: int = 5,
    n_channels: int = 1,
    weighted: bool = False,
) -> None:
    """Put an encoder of nodes through the contract of :class:`l0gm.encoders.Encoder`, and through that of graphs.

    Its states do not depend on how nodes are numbered, on the other nodes at hand, or on nodes that no path leads to;
    and nodes without an edge, and graphs of such nodes, are nothing special.

    Parameters
    ----------
    make : callable
        Returns a new encoder of nodes with ``n_attributes`` attributes over ``n_channels`` adjacencies. It is called
        many times.
    inputs : callable
        Of attributes float32 (n, F), adjacencies and nodes int64 (r,): what the encoder reads of these nodes, with
        ``n_rows`` and ``take(rows)``; whole neighbourhoods, no samples of them.
    exact : callable, optional
        Of an encoder, attributes and adjacencies: the states (n, dim) of all nodes as the compacted model has them.
    n_attributes, n_channels : int
    weighted : bool
        Whether the edges that it is tried on have weights.

    Raises
    ------
    AssertionError
        At the first broken clause; the message names it.
    """
    trial = _Trial(make, inputs, exact, n_attributes, n_channels, weighted)
    x, mixed = trial.graph(0)
    check_encoder(make, inputs(x, mixed, np.arange(N_NODES)[::-1].copy()))
    run_clauses(f"the encoder {type(make()).__name__}", _CLAUSES, trial)


class _Trial:
    """An encoder and the graphs that it is tried on."""

    def __init__(
        self, make: Make, inputs: Inputs, exact: Exact | None, n_attributes: int, n_channels: int, weighted: bool
    ) -> None:
        self.make, self.inputs, self.exact = make, inputs, exact
        self.n_attributes, self.n_channels, self.weighted = n_attributes, n_channels, weighted

    def graph(self, seed: int, n: int = N_NODES, n_edges: int = N_EDGES) -> tuple[Floats, tuple[Adjacency, ...]]:
        """Return attributes and adjacencies; the last nodes have no edges, and the first is a hub."""
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(n, self.n_attributes)).astype(np.float32)
        mixed: list[Adjacency] = []
        for _ in range(self.n_channels):
            ends = (max(1, n - N_ISOLATED) * rng.random((2, n_edges)) ** [[2], [1]]).astype(np.int64)
            weight = 0.25 + rng.random(n_edges) if self.weighted else None
            mixed += adjacencies(Graph(x, ends, weight=weight), Structure("forward"))
        return x, tuple(mixed)

    def used(self) -> Encoder:
        """Return an encoder as training leaves it: every parameter moved; in evaluation mode."""
        encoder = self.make()
        with torch.no_grad():
            for parameter in encoder.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        return encoder.eval()

    def states(
        self, encoder: Encoder, x: Floats, mixed: Sequence[Adjacency], nodes: NDArray[np.int64] | None = None
    ) -> Tensor:
        """Return the states of these nodes, by default of all."""
        chosen = np.arange(len(x)) if nodes is None else nodes
        read = self.inputs(x, mixed, chosen)
        h: Tensor = encoder(read.take(torch.arange(len(chosen))))
        return h


def _renumbered_nodes_have_the_same_states(trial: _Trial) -> None:
    x, mixed = trial.graph(1)
    encoder, order = trial.used(), np.random.default_rng(0).permutation(len(x))
    h = trial.states(encoder, x, mixed)
    again = trial.states(encoder, x[order], [adjacency.reordered(order) for adjacency in mixed])
    demand(close(again, h[order]), "states are others where nodes are numbered in another way")


def _some_nodes_have_the_states_that_they_have_among_all(trial: _Trial) -> None:
    x, mixed = trial.graph(2)
    encoder = trial.used()
    h = trial.states(encoder, x, mixed)
    for nodes in (np.array([len(x) - 1]), np.array([0]), np.array([7, 3, 20])):
        some = trial.states(encoder, x, mixed, nodes)
        demand(close(some, h[nodes]), f"the nodes {nodes.tolist()} by themselves have other states than among all")


def _nodes_that_no_path_leads_to_do_not_matter(trial: _Trial) -> None:
    x, mixed = trial.graph(3)
    encoder = trial.used()
    h = trial.states(encoder, x, mixed)
    moved = x.copy()
    moved[-N_ISOLATED:] += 1.0
    same = trial.states(encoder, moved, mixed)
    demand(close(same[:-N_ISOLATED], h[:-N_ISOLATED]), "an attribute of a node without edges moves the others' states")


def _a_nodes_own_attributes_matter(trial: _Trial) -> None:
    x, mixed = trial.graph(4)
    encoder = trial.used()
    moved = x.copy()
    moved[-N_ISOLATED:] += 1.0
    nodes = np.arange(len(x) - N_ISOLATED, len(x))
    same = close(trial.states(encoder, moved, mixed, nodes), trial.states(encoder, x, mixed, nodes))
    demand(not same, "nodes without edges have states that do not depend on their attributes")


def _graphs_of_one_node_and_without_edges(trial: _Trial) -> None:
    encoder = trial.used()
    for n, n_edges in ((1, 0), (1, 2), (6, 0)):  # two loops, which count for nothing
        h = trial.states(encoder, *trial.graph(5, n, n_edges))
        finite = h.shape == (n, encoder.dim) and bool(h.isfinite().all())
        demand(finite, f"no finite states of {n} nodes and {n_edges} edges")


def _gradients_reach_every_parameter(trial: _Trial) -> None:
    encoder = trial.used()
    h = trial.states(encoder, *trial.graph(6))
    (h * torch.randn_like(h)).sum().backward()
    for name, parameter in encoder.named_parameters():
        gradient = parameter.grad
        demand(gradient is not None and bool(gradient.any()), f"{name} gets no gradient")


def _compacted_states_are_the_same(trial: _Trial) -> None:
    if trial.exact is None:
        return
    encoder = trial.used()
    for seed, n in ((7, N_NODES), (8, 90)):
        x, mixed = trial.graph(seed, n)
        found = torch.from_numpy(np.asarray(trial.exact(encoder, x, mixed), np.float32))
        h = trial.states(encoder, x, mixed).detach()
        demand(found.shape == h.shape, f"the compacted states are {tuple(found.shape)}, not {tuple(h.shape)}")
        worst = float((found - h).abs().max())
        demand(worst <= 1e-5 * max(1.0, float(h.abs().max())), f"compacted states are off by {worst:.3g}")


_CLAUSES = (
    _renumbered_nodes_have_the_same_states,
    _some_nodes_have_the_states_that_they_have_among_all,
    _nodes_that_no_path_leads_to_do_not_matter,
    _a_nodes_own_attributes_matter,
    _graphs_of_one_node_and_without_edges,
    _gradients_reach_every_parameter,
    _compacted_states_are_the_same,
)
