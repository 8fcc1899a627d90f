"""Cutting the closed dimensions out of producer and consumers: the gated model as a smaller program."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from l0gm.compaction.plan import CompactionPlan, hidden_gates
from l0gm.encoders.pooled import FrozenTransformer, PooledText, TrainedTransformer
from l0gm.encoders.rows import RowEncoder
from l0gm.encoders.text import NgramBag
from l0gm.errors import CompactionError, ParameterError
from l0gm.gates import ConditionalGate, L0Linear
from l0gm.heads import IntegratedHead
from l0gm.model import GatedModel
from l0gm.networks import describe
from l0gm.runtime.conditioning import Conditioning
from l0gm.runtime.tabular import FieldArrays, TabularProgram
from l0gm.runtime.texts import BagTable, TextPart
from l0gm.runtime.transformers import NamedNetwork, StoredNetwork, TransformerPart

__all__ = ["apply", "text_mean", "weight_of"]

Array = NDArray[Any]


@torch.no_grad()
def apply(model: GatedModel, plan: CompactionPlan) -> TabularProgram:
    """Return the program that computes what ``model`` computes at inference.

    Closed dimensions leave the embedding tables, the first deep layer, the CIN and the text term; a field or text
    without an open one leaves altogether. What is left of the gate's values is multiplied into the tables. Closed
    hidden units leave their layer and the next one, into which what is left of their gates' values is multiplied;
    where a layer has no open unit, the deep branch is a constant and goes into the bias. Without a deep branch a
    text's values are its logits: the text term is multiplied into its table, too. Closed weights of the first layer are
    zeros. Of a conditional gate the function of the open dimensions stays, and is computed row by row.
    """
    encoder, head = model.encoder, model.head
    assert isinstance(encoder, RowEncoder)  # plan() has looked
    assert isinstance(head, IntegratedHead)
    gates = model.gate.inference_values().cpu().numpy().astype(np.float64)
    z = gates[: encoder.field_dim].reshape(encoder.n_fields, encoder.width)
    kept = plan.kept
    place = {d: i for i, d in enumerate(plan.coordinates)}
    opened = [list(plan.open_dimensions[i]) for i in kept]
    flat = [i * encoder.width + d for i, dims in zip(kept, opened, strict=True) for d in dims]

    texts: list[TextPart] = []
    outs: list[Array] = [np.zeros((head.n_outputs, 0))]
    starts = encoder.field_dim + np.cumsum([0, *encoder.text_dims])
    for i in plan.kept_texts:
        assert head.text is not None
        dims = starts[i] + np.array(plan.open_in_texts[i])
        flat += dims.tolist()
        weight = weight_of(head.text)[:, dims - encoder.field_dim]
        folds = _folds(model, len(dims))
        part, out = _text(encoder.texts[i], list(plan.open_in_texts[i]), gates[dims], weight, folds)
        texts.append(part)
        outs.append(out)

    embeddings = [] if encoder.fields is None else encoder.fields.tables.tables()
    linear = None if head.linear is None else head.linear.tables.tables()
    gated = head.linear is not None and head.linear.gated
    fields = []
    for i, dims in zip(kept, opened, strict=True):
        parts = [_scaled(embeddings[i], dims, z[i, dims])]
        if linear is not None:
            share = 1.0 - np.prod(1.0 - z[i]) if gated else 1.0
            columns = list(range(head.n_outputs))
            parts.append(_scaled(linear[i], columns, np.full(len(columns), share)))
        rows = np.concatenate([r for r, _ in parts], axis=1)
        slopes = [s for _, s in parts if s is not None]
        fields.append(FieldArrays(_f32(rows), _f32(np.concatenate(slopes, axis=1)) if slopes else None))

    bias = head.bias.cpu().double()
    if head.deep is not None and plan.without_deep:
        branch = copy.deepcopy(head.deep).cpu().double().eval()
        bias = bias + branch(bias.new_zeros(1, encoder.dim))[0]
    cin: list[Array] = []
    if head.cin is not None:
        for number, matrix in enumerate(head.cin.matrices()):
            weight = matrix.cpu().numpy()[:, :, list(kept)]
            cin.append(_f32(weight[:, list(kept)] if number == 0 else weight))
    return TabularProgram(
        fields=tuple(fields),
        coordinates=np.array([place[d] for dims in opened for d in dims], dtype=np.int32),
        open_per_field=np.array([len(dims) for dims in opened], dtype=np.int32),
        bias=_f32(bias.numpy()),
        linear=linear is not None,
        deep=_deep(head, plan, flat),
        cin=tuple(cin),
        cin_out=None if head.cin_out is None else _f32(head.cin_out.weight.cpu().numpy()),
        texts=tuple(texts),
        text_out=_f32(np.concatenate(outs, axis=1)) if texts else None,
        conditioning=_conditioning(model, flat, gated),
    )


def _conditioning(model: GatedModel, dims: list[int], gated: bool) -> Conditioning | None:
    """Return what a conditional gate does inside its support ``dims``; None for another gate, or where it is empty."""
    gate = model.gate
    if not isinstance(gate, ConditionalGate) or not dims:
        return None
    own = gate.group_index.cpu().numpy()[dims]
    base, down, up = (p.cpu().numpy() for p in (gate.log_alpha, gate.function.down, gate.function.up))
    return Conditioning(_f32(base[own]), _f32(down[dims]), _f32(up[:, own]), gated)


def weight_of(layer: nn.Linear) -> Array:
    """Return a layer's weight at inference, float64 (out, in): zero where a gate of its own is closed."""
    weight = layer.inference_weight() if isinstance(layer, L0Linear) else layer.weight
    return np.asarray(weight.detach().double().cpu().numpy())


def _deep(head: IntegratedHead, plan: CompactionPlan, dims: list[int]) -> tuple[tuple[Array, Array], ...]:
    """Return the deep branch's layers, (weight, bias) each; the first reads the open dimensions ``dims``."""
    if head.deep is None or plan.without_deep:
        return ()
    gates, layers = hidden_gates(head), []
    columns, z = np.array(dims, dtype=np.int64), np.ones(len(dims))
    for number, layer in enumerate(head.deep.linears):
        weight, bias = weight_of(layer), layer.bias.cpu().numpy().astype(np.float64)
        weight, columns = weight[:, columns] * z, np.arange(len(bias))
        z = np.ones(len(bias))
        if number < len(gates):
            columns = np.array(plan.open_hidden[number], dtype=np.int64)
            z = gates[number].inference_values().cpu().numpy().astype(np.float64)[columns]
        layers.append((_f32(weight[columns]), _f32(bias[columns])))
    return tuple(layers)


def _text(encoder: nn.Module, dims: list[int], z: Array, weight: Array, folds: bool) -> tuple[TextPart, NDArray[Any]]:
    """Return the part of a text whose open coordinates are ``dims``, and what its values add to the logits (C, k).

    ``weight`` (C, len(dims)) is what the text term multiplies them with; ``folds`` says that it goes into the table.
    """
    if isinstance(encoder, PooledText):
        scale = z / encoder.scale.double().cpu().numpy()[dims]
        offset = -encoder.center.double().cpu().numpy()[dims] * scale
        matrix = np.diag(scale)
        if folds:
            matrix, offset, weight = matrix @ weight.T, offset @ weight.T, np.eye(len(weight))
        columns = np.array(dims, dtype=np.int32)
        return TransformerPart(encoder.pooling, _network(encoder), columns, _f32(matrix), _f32(offset)), weight
    if not isinstance(encoder, NgramBag):
        raise CompactionError(f"compaction does not know how to cut a {type(encoder).__name__}")
    table = encoder.vectors().cpu().numpy()[:, dims] * z
    if folds:
        return BagTable(_f32(table @ weight.T)), np.eye(len(weight))
    return BagTable(_f32(table)), weight


def _network(encoder: PooledText) -> NamedNetwork | StoredNetwork:
    """Return the network of an encoder: by its name, or with its weights where they were trained.

    Behind its last normalisation nothing mixes coordinates, and there is nothing there: normalising one coordinate
    takes them all. So what belongs to a closed coordinate alone are two numbers, its scale and shift, which stay.
    """
    if isinstance(encoder, FrozenTransformer):
        return NamedNetwork(encoder.name, encoder.checksum, encoder.dim)
    if not isinstance(encoder, TrainedTransformer):
        raise CompactionError(f"compaction does not know how to cut a {type(encoder).__name__}")
    network: Any = encoder.network.network
    try:
        settings = describe(network)
    except ParameterError as error:
        raise CompactionError(str(error)) from error
    return StoredNetwork(settings, {name: _f32(value.cpu().numpy()) for name, value in network.state_dict().items()})


@torch.no_grad()
def text_mean(model: GatedModel, plan: CompactionPlan, mean: Array) -> NDArray[np.float64]:
    """Return the mean of the values that :func:`apply`'s program makes of texts.

    ``mean`` (dimensions of all texts,) is that of h before the gate. The values are linear in h; of a conditional gate
    they are those before it.
    """
    encoder, head = model.encoder, model.head
    assert isinstance(encoder, RowEncoder)
    assert isinstance(head, IntegratedHead)
    z = model.gate.inference_values().cpu().numpy().astype(np.float64)[encoder.field_dim :]
    starts = np.cumsum([0, *encoder.text_dims])
    parts = [np.zeros(0)]
    for i in plan.kept_texts:
        assert head.text is not None
        dims = starts[i] + np.array(plan.open_in_texts[i])
        value = mean[dims] * z[dims]
        weight = weight_of(head.text)[:, dims]
        parts.append(weight @ value if _folds(model, len(dims)) else value)
    return np.concatenate(parts)


def _folds(model: GatedModel, n_open: int) -> bool:
    """Return whether a text's values are its logits: nothing else reads its open dimensions, which are more."""
    head = model.head
    assert isinstance(head, IntegratedHead)
    return head.deep is None and head.n_outputs < n_open and not model.gate.conditional


def _scaled(table: tuple[Array, Array | None], columns: list[int], z: Array) -> tuple[Array, Array | None]:
    rows, slopes = table
    return rows[:, columns] * z, None if slopes is None else slopes[:, columns] * z


def _f32(a: Array) -> NDArray[np.float32]:
    return np.array(a, dtype=np.float32, order="C")  # a copy: tensors lend their memory
