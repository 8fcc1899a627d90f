"""Compaction of a node classifier: closed node states leave the last layer, closed attributes the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from l0gm.compaction.apply import weight_of
from l0gm.compaction.plan import open_weights
from l0gm.data.adjacency import Structure
from l0gm.data.propagation import Mixing
from l0gm.encoders.graph import AttributeEncoder, Convolutions, Hops, NodeStates, StateEncoder
from l0gm.errors import CompactionError
from l0gm.heads import StatesHead
from l0gm.model import GatedModel
from l0gm.runtime.attributes import Attributes
from l0gm.runtime.graphs import GraphProgram
from l0gm.runtime.layers import AttentionLayer, GraphLayer, LinearLayer

__all__ = ["NodePlan", "apply_nodes", "plan_nodes"]

Floats = NDArray[np.float32]
MIXING: dict[str, Mixing] = {"gcn": "symmetric", "sage": "mean", "gat": "attention"}
STATES = "node states"


@dataclass(frozen=True)
class NodePlan:
    """Which dimensions stay.

    Parameters
    ----------
    at : {"states", "attributes"}
        Where the gate acts.
    names : tuple of str
        What the dimensions belong to: the attributes' names, or the node states.
    groups : tuple of int
        For each dimension its place in ``names``.
    opened : tuple of int
        The dimensions that are open.
    n_parameters : int
        Of the gated model, gates left out.
    weights : (int, int), optional
        Where the weights of the linear layer behind the states have gates: how many are open, and of how many.
    """

    at: str
    names: tuple[str, ...]
    groups: tuple[int, ...]
    opened: tuple[int, ...]
    n_parameters: int
    weights: tuple[int, int] | None = None

    @property
    def support(self) -> dict[str, int]:
        """Open dimensions of each name."""
        counts = np.bincount([self.groups[d] for d in self.opened], minlength=len(self.names)).tolist()
        return dict(zip(self.names, counts, strict=True))

    @property
    def dropped(self) -> tuple[str, ...]:
        """Names of the attributes that leave."""
        return tuple(name for name, count in self.support.items() if not count and self.at == "attributes")

    def __str__(self) -> str:
        first = f"keep {len(self.opened)} of {len(self.groups)} dimensions of the {self.at}"
        if self.weights:
            first += f", {self.weights[0]} of {self.weights[1]} weights that read them"
        sizes = np.bincount(self.groups, minlength=len(self.names)).tolist()
        longest = max(map(len, self.names))
        pairs = zip(self.support.items(), sizes, strict=True)
        lines = [f"  {name:<{longest}}  {f'{n} of {size}' if n else 'dropped'}" for (name, n), size in pairs]
        return "\n".join([first, *(lines if len(lines) <= 200 else [])])


def plan_nodes(model: GatedModel, attributes: Attributes) -> NodePlan:
    """Return what :func:`apply_nodes` will cut out of ``model``.

    Raises
    ------
    CompactionError
        If the model is no node classifier.
    """
    encoder, head = model.encoder, model.head
    if not isinstance(encoder, StateEncoder | AttributeEncoder) or not isinstance(head, StatesHead):
        raise CompactionError(f"{type(encoder).__name__} with {type(head).__name__} is no node classifier")
    opened = tuple(int(d) for d in np.flatnonzero(model.gate.open_mask().cpu().numpy()))
    gated = model.gate_parameters()
    n_parameters = sum(p.numel() for p in model.parameters() if p not in gated)
    if isinstance(encoder, StateEncoder):
        return NodePlan("states", (STATES,), (0,) * encoder.dim, opened, n_parameters, open_weights(model.gate))
    groups = tuple(attributes.groups.tolist())
    return NodePlan("attributes", attributes.names, groups, opened, n_parameters)


@torch.no_grad()
def apply_nodes(
    model: GatedModel, plan: NodePlan, attributes: Attributes, structure: Structure
) -> tuple[Attributes, GraphProgram]:
    """Return the attributes that are still read, and the program that computes what ``model`` does at inference.

    What is left of the gate's values is multiplied into the weights.
    """
    encoder, head = model.encoder, model.head
    assert isinstance(head, StatesHead)  # plan_nodes has looked
    states: Any = encoder.states if isinstance(encoder, StateEncoder) else head.states
    assert isinstance(states, NodeStates)
    opened = np.array(plan.opened, dtype=np.int64)
    z = model.gate.inference_values().double().cpu().numpy()[opened]
    at_states = plan.at == "states"
    columns, read = (np.arange(states.width), np.ones(states.width)) if not at_states else (opened, z)
    out = weight_of(head.out)[:, columns] * read
    last = (_f32(out.T), _f32(_array(head.out.bias)))
    inputs, scale = (np.arange(attributes.width), np.ones(attributes.width)) if at_states else (opened, z)
    outputs = opened if at_states else np.arange(states.width)
    layers: tuple[GraphLayer, ...] = ()
    dense: list[tuple[Floats, Floats]] = []
    hops, mixing = 0, MIXING["gcn"]
    if isinstance(states, Hops):
        hops = (len(states.center) - 1) // structure.n_channels
        dense = _dense(states, inputs, scale, outputs)
    else:
        assert isinstance(states, Convolutions)
        layers = tuple(_layers(states, inputs, scale, outputs))
        mixing = MIXING[states.kind]
    cut = attributes if at_states else attributes.restrict(opened)
    return cut, GraphProgram(mixing, structure.n_channels, layers, hops, (*dense, last))


def _dense(
    states: Hops, inputs: NDArray[np.int64], scale: NDArray[np.float64], outputs: NDArray[np.int64]
) -> list[tuple[Floats, Floats]]:
    """Return the linear layers, the standardisation of the first one's input multiplied into it."""
    made = []
    for number, linear in enumerate(states.linears):
        weight, bias = _array(linear.weight), _array(linear.bias)
        if number == 0:
            by_place = weight.reshape(len(weight), *states.center.shape)[:, :, inputs]
            by_place = by_place * (_array(states.scale)[:, inputs] * scale)
            bias = bias - (by_place * _array(states.center)[:, inputs]).sum((1, 2))
            weight = by_place.reshape(len(weight), -1)
        if number + 1 == len(states.linears):
            weight, bias = weight[outputs], bias[outputs]
        made.append((_f32(weight.T), _f32(bias)))
    return made


def _layers(
    states: Convolutions, inputs: NDArray[np.int64], scale: NDArray[np.float64], outputs: NDArray[np.int64]
) -> Sequence[GraphLayer]:
    made: list[GraphLayer] = []
    for number, layer in enumerate(states.layers):
        channels: Any = layer
        bias = _array(states.biases[number])
        every = np.arange(len(bias))
        kept = outputs if number + 1 == len(states.layers) else every
        rows, factor = (inputs, scale[:, None]) if number == 0 else (slice(None), 1.0)
        weights = [_array(c.lin.weight).T for c in channels]
        if states.kind != "gat":
            roots = None if states.roots is None else _array(states.roots[number].weight).T  # type: ignore[arg-type]
            root = None if roots is None else _f32((roots[rows] * factor)[:, kept])
            cut = tuple(_f32((w[rows] * factor)[:, kept]) for w in weights)
            made.append(LinearLayer(cut, _f32(bias[kept]), root))
            continue
        size = len(bias) // states.heads
        used, heads = np.unique(kept // size, return_inverse=True)
        scores: list[list[Floats]] = [[], []]
        for c, w in zip(channels, weights, strict=True):
            for place, name in enumerate(("att_src", "att_dst")):
                attention = _array(getattr(c, name))[0]  # (heads, size)
                score = (w.reshape(len(w), states.heads, size) * attention).sum(2)[:, used]
                scores[place].append(_f32(score[rows] * factor))
        cut = tuple(_f32((w[rows] * factor)[:, kept]) for w in weights)
        numbers = heads.astype(np.int32).reshape(-1)
        made.append(AttentionLayer(cut, tuple(scores[0]), tuple(scores[1]), numbers, _f32(bias[kept])))
    return made


def _array(value: torch.Tensor) -> NDArray[np.float64]:
    return np.asarray(value.detach().double().cpu().numpy())


def _f32(a: NDArray[Any]) -> Floats:
    return np.array(a, dtype=np.float32, order="C")
