"""Back from a compacted program to a gated model that can be trained on: the inverse of apply, up to rounding."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from l0gm.compaction.verify import TOLERANCE, verify
from l0gm.data.schema import NumericField, Schema
from l0gm.encoders.rows import RowEncoder
from l0gm.encoders.tabular import FieldTables, TabularEncoder
from l0gm.errors import CompactionError
from l0gm.gates import HardConcreteGate
from l0gm.gates.functional import LOG_ALPHA_BOUND
from l0gm.heads import CIN, Deep, FieldLinear, IntegratedHead
from l0gm.model import GatedModel
from l0gm.runtime.tabular import TabularProgram

__all__ = ["expand"]

Floats = NDArray[np.float32]


@torch.no_grad()
def expand(
    program: TabularProgram, schema: Schema, *, dropout: float = 0.0, tolerance: float = TOLERANCE
) -> GatedModel:
    """Return a gated model, hardened, that computes what ``program`` computes.

    It has one dimension a field for each coordinate of the program's X(0); those that the program lacks are closed
    and zero. What the first gate's values were is in the tables already, so an open dimension's value is 1. The
    linear term is added for every field: a program knows no field whose term is off. A factorised CIN has been
    multiplied out and stays so.

    Parameters
    ----------
    program : TabularProgram
    schema : Schema
        The fields that it reads.
    dropout : float
        Of the deep branch, for training.
    tolerance : float
        Largest accepted difference in probability on the probe rows.

    Raises
    ------
    CompactionError
        If the program reads no field or has no branch, or reads texts, or its gate is conditional; or if the model's
        answers differ from it.
    """
    if program.texts:
        raise CompactionError(
            "a model that reads texts cannot be trained on yet: fit without initial_model, on the old and new rows"
        )
    if program.conditioning is not None:
        raise CompactionError(
            "a model with a conditional gate cannot be trained on: fit without initial_model, on the old and new rows"
        )
    if not schema.fields or not (program.linear or program.deep or program.cin):
        raise CompactionError("this model gives every row the same answer: there is nothing in it to train on")
    m, outputs = len(schema.fields), program.n_outputs
    width = int(program.coordinates.max(initial=0)) + 1
    opened = np.split(program.coordinates, np.cumsum(program.open_per_field)[:-1])
    mask = np.zeros((m, width), dtype=bool)
    for i, dims in enumerate(opened):
        mask[i, dims] = True

    encoder = TabularEncoder(schema, width)
    encoder.tables.set_tables(
        [_wide(f.rows, f.slopes, dims, width) for f, dims in zip(program.fields, opened, strict=True)]
    )
    linear = None
    if program.linear:
        numeric = [isinstance(f, NumericField) for f in schema.fields]
        linear = FieldLinear(FieldTables(schema.n_rows, numeric, outputs, 0.0), gated=False)
        linear.tables.set_tables([_last(f.rows, f.slopes, outputs) for f in program.fields])
    head = IntegratedHead(
        m,
        outputs,
        linear=linear,
        deep=Deep(m * width, [len(bias) for _, bias in program.deep[:-1]], outputs, dropout) if program.deep else None,
        cin=CIN(m, [len(weight) for weight in program.cin]) if program.cin else None,
    )
    head.bias.copy_(torch.tensor(program.bias))
    if head.deep is not None:
        for number, (layer, (weight, bias)) in enumerate(zip(head.deep.linears, program.deep, strict=True)):
            if number == 0:
                layer.weight.zero_()
                layer.weight[:, torch.tensor(mask.ravel())] = torch.tensor(weight)
            else:
                layer.weight.copy_(torch.tensor(weight))
            layer.bias.copy_(torch.tensor(bias))
    if head.cin is not None and head.cin_out is not None and program.cin_out is not None:
        for own, weight in zip(head.cin.weights, program.cin, strict=True):
            own.copy_(torch.tensor(weight))
        head.cin_out.weight.copy_(torch.tensor(program.cin_out))

    gate = HardConcreteGate(m * width)
    bound = torch.full((m * width,), LOG_ALPHA_BOUND)
    gate.log_alpha.copy_(torch.where(torch.tensor(mask.ravel()), bound, -bound))
    gate.harden()
    model = GatedModel(RowEncoder(encoder), gate, head).eval()
    try:
        verify(model, schema, program, schema, tolerance=tolerance)
    except CompactionError as error:
        raise CompactionError(f"this model cannot be trained on: expanded, it gives other answers ({error})") from error
    return model


def _wide(rows: Floats, slopes: Floats | None, dims: NDArray[np.int32], width: int) -> tuple[Floats, Floats | None]:
    """Return a field's table with its open dimensions in their places and zeros in the others."""

    def spread(part: Floats) -> Floats:
        whole = np.zeros((len(part), width), np.float32)
        whole[:, dims] = part[:, : len(dims)]
        return whole

    return spread(rows), None if slopes is None else spread(slopes)


def _last(rows: Floats, slopes: Floats | None, outputs: int) -> tuple[Floats, Floats | None]:
    """Return the linear term's part of a field's table."""
    return rows[:, -outputs:], None if slopes is None else slopes[:, -outputs:]
