"""Nodes as the trainer takes them: a neighbourhood of the nodes at hand, or their attributes propagated beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from l0gm.data.adjacency import Adjacency
from l0gm.data.propagation import Operator, hop_operators, hop_states, operators
from l0gm.data.sampling import NeighbourSampler, drop_edges

__all__ = ["EVERY", "HopRows", "NodeBatch", "NodeRows", "node_inputs"]

Channel = tuple[Tensor, Tensor]
EVERY = -1
SAMPLED_AT_ONCE = 2048


class NodeBatch(NamedTuple):
    """Some nodes among those that they receive from.

    Parameters
    ----------
    x : float32 Tensor (k, F)
        Attributes.
    channels : tuple of (int64 Tensor (2, m), float32 Tensor (m,))
        For each adjacency its edges (senders, receivers) as places in ``x``, and what messages are multiplied with.
    seeds : int64 Tensor (n,)
        Places of the nodes at hand.
    """

    x: Tensor
    channels: tuple[Channel, ...]
    seeds: Tensor


class HopRows:
    """Nodes with the hops of their attributes: rows by themselves, as of a table.

    Parameters
    ----------
    x : float32 Tensor (n, places, F)
        The attributes, then for each adjacency those of one hop, two hops, and so on.
    """

    def __init__(self, x: Tensor) -> None:
        self.x = x

    @property
    def n_rows(self) -> int:
        """Number of nodes."""
        return len(self.x)

    def take(self, rows: Tensor) -> Tensor:
        """Return those of these rows, (len(rows), places, F)."""
        return self.x.index_select(0, rows.to(self.x.device))


class NodeRows:
    """Nodes of a graph, each batch with the neighbourhood that its answers depend on, or a sample of it.

    Parameters
    ----------
    x : float32 Tensor (n, F)
        Attributes of all nodes of the graph.
    operators : sequence of Operator
        Of each adjacency; their weights are those of the messages.
    nodes : int64 (r,)
        The rows.
    fan_outs : sequence of int
        For each layer, the last one first, how many a node receives from; -1 for all.
    seed : int
        Of the samples; each batch takes another one.
    device : torch.device
    thinned : callable, optional
        From a seed to the operators of the graph without some of its edges, others for each batch of training
        (DropEdge). Outside of training the graph is whole.

    Attributes
    ----------
    exact : bool
        Whether batches hold whole neighbourhoods.
    """

    def __init__(
        self,
        x: Tensor,
        operators: Sequence[Operator],
        nodes: NDArray[np.int64],
        fan_outs: Sequence[int],
        seed: int,
        device: torch.device,
        thinned: Callable[[int], Sequence[Operator]] | None = None,
    ) -> None:
        self.x = x
        self.operators = operators
        self.nodes = nodes
        self.exact = all(size == EVERY for size in fan_outs)
        self.seed = seed
        self.device = device
        self.thinned = thinned
        self.fan_outs = tuple(fan_outs)
        self._sampler = self._samples(operators)
        self.at_once = max(self.n_rows, 1) if self.exact else SAMPLED_AT_ONCE
        self._whole: NodeBatch | None = None

    @property
    def n_rows(self) -> int:
        """Number of nodes."""
        return len(self.nodes)

    @property
    def content(self) -> tuple[Tensor, ...]:
        """What a batch is made of, for :func:`l0gm.training.identity.describe_rows`."""
        graphs = [a for o in self.operators for a in (o.adjacency.starts, o.adjacency.senders, o.adjacency.weights)]
        return self.x, *(torch.from_numpy(np.array(a)) for a in (self.nodes, *graphs) if a is not None)

    def take(self, rows: Tensor) -> NodeBatch:
        """Return the batch of these rows."""
        thin = self.thinned is not None and torch.is_grad_enabled()
        if self.exact and len(rows) == self.n_rows and not thin:  # all of them, in some order: found once
            if self._whole is None:
                self._whole = self._batch(np.arange(self.n_rows))
            return self._whole._replace(seeds=rows.to(self.device))
        return self._batch(rows.cpu().numpy())

    def _samples(self, operators: Sequence[Operator]) -> NeighbourSampler:
        return NeighbourSampler([operator.adjacency for operator in operators], self.fan_outs)

    def _batch(self, rows: NDArray[np.int64]) -> NodeBatch:
        seed, operators, sampler = self.seed, self.operators, self._sampler
        training = torch.is_grad_enabled()
        if training and (self.thinned is not None or not self.exact):
            seed = int(torch.randint(2**62, (1,)))  # each batch anew; in evaluation always the same
        if training and self.thinned is not None:
            operators = self.thinned(seed)
            sampler = self._samples(operators)
        found = sampler.sample(self.nodes[rows], seed)
        channels = []
        for i, operator in enumerate(operators):
            edges = found.edges[i]
            senders, receivers = found.nodes[edges]
            weights = operator.messages(senders, receivers, found.positions[i]) * found.shares[i]
            if operator.loop:
                places = np.arange(len(found.nodes))
                edges = np.concatenate([edges, np.stack([places, places])], 1)
                weights = np.concatenate([weights, operator.loops(found.nodes)])
            channels.append((torch.from_numpy(edges).to(self.device), torch.from_numpy(weights).to(self.device)))
        x = self.x[torch.from_numpy(found.nodes).to(self.x.device)].to(self.device)
        return NodeBatch(x, tuple(channels), torch.arange(len(rows), device=self.device))


def node_inputs(
    encoder: str,
    x: NDArray[np.float32],
    mixed: Sequence[Adjacency],
    nodes: Mapping[str, NDArray[np.int64]],
    *,
    hops: int,
    fan_outs: Sequence[int],
    seed: int = 0,
    device: torch.device | str = "cpu",
    drop_edge: float = 0.0,
) -> dict[str, HopRows | NodeRows]:
    """Return what a graph encoder reads of some nodes, for each name that has any.

    Parameters
    ----------
    encoder : str
        One of :data:`l0gm.encoders.graph.GRAPH_ENCODERS`.
    x : float32 (n, F)
        Attributes of all nodes.
    mixed : sequence of Adjacency
    nodes : mapping from str to int64 (k,)
    hops : int
        How far SIGN propagates.
    fan_outs : sequence of int
        See :class:`NodeRows`.
    seed : int
    device : torch.device
    drop_edge : float
        Share of the edges that each batch of training is without, before messages are weighted (DropEdge, Rong et al.
        2020). Hops, which are propagated once, know nothing of it.
    """
    chosen = {name: some for name, some in nodes.items() if len(some)}
    device = torch.device(device)
    if encoder in ("sign", "mlp"):
        hops = hops if encoder == "sign" else 0
        needed = np.unique(np.concatenate(list(chosen.values())))
        states = [torch.from_numpy(state[needed]) for state in hop_states(x, hop_operators(mixed, hops), hops)]
        stacked = torch.stack(states, 1).to(device)
        places = {name: torch.from_numpy(np.searchsorted(needed, some)).to(device) for name, some in chosen.items()}
        return {name: HopRows(stacked.index_select(0, place)) for name, place in places.items()}
    weighted = partial(operators, mixing="mean" if encoder == "sage" else "symmetric", loop=encoder != "sage")
    thinned = None
    if drop_edge > 0.0:

        def thinned(seed: int) -> tuple[Operator, ...]:
            return weighted([drop_edges(a, drop_edge, seed + channel) for channel, a in enumerate(mixed)])

    by = weighted(mixed)
    held = torch.from_numpy(np.require(x, requirements=["C", "W"])).to(device)
    return {name: NodeRows(held, by, some, fan_outs, seed, device, thinned) for name, some in chosen.items()}
