"""Graph encoders: GCN, GraphSAGE and GAT over PyG's convolutions, SIGN and MLP over hops (paper, section 3.1).

The gate acts on the last node states, (n, width), or on the attributes before anything is propagated. In the first case
:class:`StateEncoder` is all but a linear head; in the second :class:`AttributeEncoder` hands the attributes to the gate
and the states are part of the head.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from l0gm.encoders.base import Encoder
from l0gm.encoders.geometric import geometric
from l0gm.encoders.nodes import NodeBatch
from l0gm.errors import ParameterError

__all__ = ["GRAPH_ENCODERS", "AttributeEncoder", "Convolutions", "Hops", "NodeStates", "StateEncoder", "node_states"]

GRAPH_ENCODERS = ("gcn", "sage", "gat", "sign", "mlp")
SLOPE = 0.2


class NodeStates(nn.Module, ABC):
    """From attributes to the last state of the nodes at hand.

    Attributes
    ----------
    width : int
    """

    width: int

    @abstractmethod
    def forward(self, x: Tensor, batch: Any) -> Tensor:
        """Return states (n, width) of the nodes at hand.

        Parameters
        ----------
        x : Tensor
            Attributes in the form that the batch has them, gated or not.
        batch : NodeBatch or Tensor
        """


class Convolutions(NodeStates):
    """Layers of one kind with ReLU and dropout between them.

    Parameters
    ----------
    kind : {"gcn", "sage", "gat"}
        Kipf & Welling 2017; Hamilton et al. 2017, by the mean; Velickovic et al. 2018. Each averages in its own way;
        for the first two the batch brings the messages' weights. GraphSAGE adds a linear map of the node itself.
    n_attributes, hidden, width, layers, n_channels : int
        The state has ``hidden`` dimensions between layers and ``width`` at the end. Each channel, one for each
        adjacency, has weights of its own; their sums are added.
    heads : int
        Of attention, among which a state's dimensions are shared out.
    dropout : float
        Share of each layer's input that is left out in training.

    Raises
    ------
    MissingExtraError
        If PyG is not installed.
    """

    def __init__(
        self,
        kind: str,
        n_attributes: int,
        hidden: int,
        width: int,
        layers: int,
        n_channels: int,
        heads: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.kind, self.width, self.heads = kind, width, heads
        self.dropout = _Dropout(dropout)
        widths = [n_attributes, *[hidden] * (layers - 1), width]
        if kind == "gat" and any(size % heads for size in widths[1:]):
            raise ParameterError(f"heads={heads}: hidden={hidden} and width={width} are shared out among them evenly")
        self.layers = nn.ModuleList(
            nn.ModuleList(_convolution(kind, before, after, heads) for _ in range(n_channels))
            for before, after in itertools.pairwise(widths)
        )
        pairs = itertools.pairwise(widths)
        self.roots = nn.ModuleList(nn.Linear(*pair, bias=False) for pair in pairs) if kind == "sage" else None
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(size)) for size in widths[1:])

    def forward(self, x: Tensor, batch: NodeBatch) -> Tensor:
        """Return the states of the batch's seeds, (n, width)."""
        channels: Any
        for number, channels in enumerate(self.layers):
            x = self.dropout(x)
            state = self.biases[number].expand(len(x), -1)
            for convolution, (edges, weights) in zip(channels, batch.channels, strict=True):
                state = state + (convolution(x, edges) if self.kind == "gat" else convolution(x, edges, weights))
            if self.roots is not None:
                state = state + self.roots[number](x)
            x = state if number + 1 == len(self.layers) else state.relu()
        return x[batch.seeds]


class Hops(NodeStates):
    """Linear layers with ReLU behind each, over the attributes and their hops, standardised (SIGN; without hops: MLP).

    Parameters
    ----------
    center, scale : Tensor (places, F)
        value = (x - center) * scale.
    hidden : sequence of int
        Widths of the layers; the last one is that of the states.
    dropout : float
    """

    center: Tensor
    scale: Tensor

    def __init__(self, center: Tensor, scale: Tensor, hidden: Sequence[int], dropout: float) -> None:
        before = center.numel()
        layers: list[nn.Module] = []
        for size in hidden:
            layers += [_Dropout(dropout), nn.Linear(before, size), nn.ReLU()]
            before = size
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.register_buffer("center", center)
        self.register_buffer("scale", scale)
        self.width = before

    @property
    def linears(self) -> list[nn.Linear]:
        """The linear layers, first to last."""
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]

    def standardised(self, x: Tensor) -> Tensor:
        """Return (n, places, F) as the layers read them."""
        return (x - self.center) * self.scale

    def forward(self, x: Tensor, batch: Any) -> Tensor:
        """Return the states (n, width) of standardised attributes (n, places, F)."""
        states: Tensor = self.layers(x.flatten(1))
        return states


class _Dropout(nn.Dropout):
    """Dropout whose mask comes from uniform numbers: PyTorch's own takes three times as long on a processor."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        return x * (torch.rand_like(x) >= self.p) * (1.0 / (1.0 - self.p))


class StateEncoder(Encoder):
    """All up to the last node states, on which the gate acts."""

    groups: Tensor

    def __init__(self, states: NodeStates) -> None:
        super().__init__()
        self.states = states
        self.dim = states.width
        self.register_buffer("groups", torch.arange(self.dim), persistent=False)

    def forward(self, batch: Any) -> Tensor:
        """Return h, (n, width)."""
        h: Tensor = self.states(_attributes(self.states, batch), batch)
        return h


class AttributeEncoder(Encoder):
    """The attributes as they are: the gate acts before anything is propagated, with one mask for all nodes of a batch.

    h has a row for each node of the batch and not only for those at hand, and for hops a further dimension before the
    last.
    """

    groups: Tensor

    def __init__(self, states: NodeStates, groups: Tensor) -> None:
        super().__init__()
        self.dim = len(groups)
        self.register_buffer("groups", groups, persistent=False)
        if isinstance(states, Hops):
            self.register_buffer("center", states.center, persistent=False)
            self.register_buffer("scale", states.scale, persistent=False)
        self.has_hops = isinstance(states, Hops)

    def forward(self, batch: Any) -> Tensor:
        """Return the attributes of the batch's nodes, (k, F) or (n, places, F)."""
        return (batch - self.center) * self.scale if self.has_hops else batch.x  # type: ignore[no-any-return]


def node_states(
    kind: str,
    *,
    n_attributes: int,
    n_channels: int,
    hidden: int,
    width: int,
    layers: int,
    heads: int,
    dropout: float,
    center: Tensor | None,
    scale: Tensor | None,
) -> NodeStates:
    """Return the encoder of this name, one of GRAPH_ENCODERS; ``center`` and ``scale`` are those of hops."""
    if kind in ("sign", "mlp"):
        assert center is not None
        assert scale is not None
        return Hops(center, scale, [*[hidden] * (layers - 1), width], dropout)
    return Convolutions(kind, n_attributes, hidden, width, layers, n_channels, heads, dropout)


def _attributes(states: NodeStates, batch: Any) -> Tensor:
    return states.standardised(batch) if isinstance(states, Hops) else batch.x


def _convolution(kind: str, before: int, after: int, heads: int) -> nn.Module:
    layers = geometric("nn", f"encoder={kind!r}")
    made: nn.Module
    if kind == "gat":  # the batch holds each node's message to itself
        made = layers.GATConv(before, after // heads, heads, negative_slope=SLOPE, add_self_loops=False, bias=False)
    else:  # the batch holds the weights
        made = layers.GCNConv(before, after, normalize=False, add_self_loops=False, bias=False)
    return made
