"""Cutting the closed dimensions out of producer and consumers: the gated model as a smaller program."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from l0gm.compaction.plan import CompactionPlan
from l0gm.encoders.tabular import TabularEncoder
from l0gm.heads import IntegratedHead
from l0gm.model import GatedModel
from l0gm.runtime.tabular import FieldArrays, TabularProgram

__all__ = ["apply"]

Array = NDArray[Any]


@torch.no_grad()
def apply(model: GatedModel, plan: CompactionPlan) -> TabularProgram:
    """Return the program that computes what ``model`` computes at inference.

    Closed dimensions leave the embedding tables, the first deep layer and the CIN; a field without an open one
    leaves altogether. What is left of the gate's values is multiplied into the tables.
    """
    encoder, head = model.encoder, model.head
    assert isinstance(encoder, TabularEncoder)  # plan() has looked
    assert isinstance(head, IntegratedHead)
    z = model.gate.inference_values().cpu().numpy().reshape(encoder.n_fields, encoder.width).astype(np.float64)
    kept = plan.kept
    place = {d: i for i, d in enumerate(plan.coordinates)}
    opened = [list(plan.open_dimensions[i]) for i in kept]
    flat = [i * encoder.width + d for i, dims in zip(kept, opened, strict=True) for d in dims]

    embeddings = encoder.tables.tables()
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

    deep: list[tuple[Array, Array]] = []
    if head.deep is not None:
        for number, layer in enumerate(head.deep.linears):
            weight = layer.weight.cpu().numpy()
            deep.append((_f32(weight[:, flat] if number == 0 else weight), _f32(layer.bias.cpu().numpy())))
    cin: list[Array] = []
    if head.cin is not None:
        for number, matrix in enumerate(head.cin.matrices()):
            weight = matrix.cpu().numpy()[:, :, list(kept)]
            cin.append(_f32(weight[:, list(kept)] if number == 0 else weight))
    return TabularProgram(
        fields=tuple(fields),
        coordinates=np.array([place[d] for dims in opened for d in dims], dtype=np.int32),
        open_per_field=np.array([len(dims) for dims in opened], dtype=np.int32),
        bias=_f32(head.bias.cpu().numpy()),
        linear=linear is not None,
        deep=tuple(deep),
        cin=tuple(cin),
        cin_out=None if head.cin_out is None else _f32(head.cin_out.weight.cpu().numpy()),
    )


def _scaled(table: tuple[Array, Array | None], columns: list[int], z: Array) -> tuple[Array, Array | None]:
    rows, slopes = table
    return rows[:, columns] * z, None if slopes is None else slopes[:, columns] * z


def _f32(a: Array) -> NDArray[np.float32]:
    return np.array(a, dtype=np.float32, order="C")  # a copy: tensors lend their memory
