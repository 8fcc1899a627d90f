"""The summary of the training rows that travels with the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from l0gm.data.fitting import least_count
from l0gm.data.schema import UNSEEN, CategoricalField, Schema
from l0gm.encoders.rows import RowEncoder
from l0gm.model import GatedModel, probabilities
from l0gm.runtime.reference import Reference
from l0gm.training.rows import Rows

__all__ = ["summarise"]

ROWS_AT_ONCE = {False: 65_536, True: 1024}
"""By whether there are texts, which take more room."""


@torch.no_grad()
def summarise(
    model: GatedModel, schema: Schema, rows: Rows, min_count: int, empty: Sequence[NDArray[np.bool_]] = ()
) -> Reference:
    """Return the summary of the training rows of weight above zero, read a part at a time.

    Parameters
    ----------
    model : GatedModel
        Trained: the mean of its raw probabilities is kept.
    schema : Schema
    rows : Rows
        What ``rows.inputs.take`` gives has ``codes``, ``fractions`` and ``texts``.
    min_count : int
        Of the :class:`l0gm.data.fitting.SchemaFitter` that made ``schema``.
    empty : sequence of bool (n,)
        For each text which rows hold nothing that is known.
    """
    chosen = torch.arange(len(rows.y)) if rows.weight is None else torch.nonzero(rows.weight.cpu() > 0).squeeze(1)
    counts = [np.zeros(n, np.int64) for n in schema.n_rows]
    fractions = [np.zeros(n) for n in schema.n_rows]
    sums: Any = 0.0
    squares: Any = 0.0
    encoder = model.encoder
    assert isinstance(encoder, RowEncoder)
    text_sum = np.zeros(sum(encoder.text_dims))
    model.eval()
    for part in chosen.split(ROWS_AT_ONCE[bool(schema.texts)]):
        inputs: Any = rows.inputs.take(part)
        h: Any = encoder(inputs)
        gated, z = model.gate.gated(h)
        proba = probabilities(model.head(gated, z, inputs).double()).cpu().numpy()
        text_sum += h[:, encoder.field_dim :].double().sum(0).cpu().numpy()
        codes, places = inputs.codes.cpu().numpy(), inputs.fractions.cpu().numpy()
        for i, n in enumerate(schema.n_rows):
            counts[i] += np.bincount(codes[:, i], minlength=n)
            fractions[i] += np.bincount(codes[:, i], places[:, i], minlength=n)
        sums, squares = sums + proba.sum(0), squares + np.square(proba).sum(0)
    mean = sums / len(chosen)
    least = [
        least_count(int(c[UNSEEN + 1 :].max(initial=0)), min_count) if isinstance(f, CategoricalField) else 0
        for f, c in zip(schema.fields, counts, strict=True)
    ]
    return Reference(
        n_rows=len(chosen),
        counts=tuple(counts),
        fractions=tuple(fractions),
        least=np.array(least, np.int64),
        mean=mean,
        std=np.sqrt(np.maximum(squares / len(chosen) - np.square(mean), 0.0)),
        text_mean=text_sum / len(chosen),
        empty=np.array([mask[chosen.numpy()].sum() for mask in empty], np.int64),
    )
