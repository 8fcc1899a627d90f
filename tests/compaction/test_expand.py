"""A compacted program as a gated model again: the same function, the same support."""

import numpy as np
import pytest
import torch

from l0gm.compaction import expand
from l0gm.data.frames import Table
from l0gm.data.probes import probe_rows
from l0gm.data.schema import Schema
from l0gm.encoders import FieldTables, RowBatch
from l0gm.errors import CompactionError
from l0gm.runtime.tabular import FieldArrays, TabularProgram
from l0gm.testing.sound import SCHEMA, sound_model
from l0gm.training.rows import predict

MODELS = {
    "binary": sound_model(),
    "classes": sound_model(("a", "b", "c")),
    "one depth": sound_model(cin=(4,)),
    "no linear term": sound_model(linear=False, schema=SCHEMA.restrict([0, 1, 2, 4, 5, 6])),
    "no deep branch": sound_model(deep=()),
    "no CIN": sound_model((1, 2, 3, 4), cin=()),
    "linear term alone": sound_model(deep=(), cin=()),
}


@pytest.fixture(params=MODELS)
def compact(request):
    return MODELS[request.param]


def answers(model, schema, rows):
    return predict(model, RowBatch.of(schema.encode(rows))).numpy()


def test_the_answers_are_the_programs(compact):
    model = expand(compact.program, compact.schema)
    rows = Table(probe_rows(compact.schema, 1000, 5))
    expected = compact.program.probabilities(compact.encode(rows))
    np.testing.assert_allclose(answers(model, compact.schema, rows), expected, rtol=0, atol=1e-6)
    assert np.ptp(expected, 0).min() > 0.5


def test_the_support_is_the_programs(compact):
    model = expand(compact.program, compact.schema)
    mask = model.gate.open_mask().reshape(len(compact.schema.fields), -1)
    assert mask.sum(1).tolist() == compact.program.open_per_field.tolist()
    assert np.nonzero(mask.numpy())[1].tolist() == compact.program.coordinates.tolist()
    assert model.gate.hardened
    assert not model.training


def test_training_leaves_what_is_closed_alone():
    compact = MODELS["classes"]
    model = expand(compact.program, compact.schema, dropout=0.5)
    assert [m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)] == [0.5, 0.5]
    rows = RowBatch.of(compact.encode(probe_rows(compact.schema, 100, 1)))
    model.train()
    model(rows).square().mean().backward()
    shut = ~model.gate.open_mask().reshape(len(compact.schema.fields), -1)
    tables = model.encoder.fields.tables
    assert (tables.base.grad[shut[tables.row_field]] == 0).all()
    assert (tables.base.grad[~shut[tables.row_field]] != 0).any()
    assert (model.head.deep.linears[0].weight.grad[:, shut.ravel()] == 0).all()


def test_a_model_that_reads_nothing():
    compact = MODELS["binary"]
    constant = TabularProgram((), np.zeros(0, np.int32), np.zeros(0, np.int32), compact.program.bias, True)
    with pytest.raises(CompactionError, match="the same answer"):
        expand(constant, Schema((), SCHEMA.columns))
    no_branch = TabularProgram(
        compact.program.fields, compact.program.coordinates, compact.program.open_per_field, constant.bias, False
    )
    with pytest.raises(CompactionError, match="the same answer"):
        expand(no_branch, SCHEMA)


def test_one_that_cannot_be_reproduced_is_refused():
    compact = MODELS["binary"]
    with pytest.raises(CompactionError, match="gives other answers"):
        expand(compact.program, compact.schema, tolerance=1e-12)


@pytest.mark.parametrize("width", [1, 3])
def test_tables_set_and_read_again(width):
    torch.manual_seed(0)
    there = FieldTables([4, 3, 5], [True, False, True], width, 1.0)
    torch.nn.init.normal_(there.slope)
    here = FieldTables([4, 3, 5], [True, False, True], width, 1.0)
    here.set_tables(there.tables())
    for (rows, slopes), (other, others) in zip(here.tables(), there.tables(), strict=True):
        np.testing.assert_allclose(rows, other, atol=1e-6)
        assert (slopes is None) == (others is None)
        if slopes is not None:
            np.testing.assert_allclose(slopes, others, atol=1e-6)


def test_a_numeric_field_without_slopes():
    compact = MODELS["binary"]
    fields = tuple(FieldArrays(f.rows, None) for f in compact.program.fields)
    p = compact.program
    flat = TabularProgram(fields, p.coordinates, p.open_per_field, p.bias, p.linear, p.deep, p.cin, p.cin_out)
    rows = Table(probe_rows(SCHEMA, 200, 5))
    expected = flat.probabilities(SCHEMA.encode(rows))
    np.testing.assert_allclose(answers(expand(flat, SCHEMA), SCHEMA, rows), expected, rtol=0, atol=1e-6)
