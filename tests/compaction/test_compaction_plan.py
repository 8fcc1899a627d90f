"""What the plan says is what leaves, and what is left has the size that the formula gives."""

import numpy as np
import pytest
import torch
from gated_tables import DIM, FIELDS, GATES, SCHEMA, WIDTH, Branches, build, mask
from torch import nn

from l0gm import compaction
from l0gm.encoders import Encoder
from l0gm.errors import CompactionError
from l0gm.gates import FixedMaskGate, IdentityGate
from l0gm.heads import Deep, IntegratedHead
from l0gm.model import GatedModel

# age: 0, 1 of 0..2; job: 1; account: 0 and 2; gain, seen: none
OPEN = (0, 1, 4, 6, 8)


@pytest.fixture
def plan():
    return compaction.plan(build(FixedMaskGate(mask(*OPEN))), SCHEMA)


def test_counts(plan):
    assert plan.fields == SCHEMA.names
    assert plan.open_dimensions == ((0, 1), (1,), (0, 2), (), ())
    assert plan.kept == (0, 1, 2)
    assert plan.dropped == ("gain", "seen:hour")
    assert plan.n_open == 5
    assert plan.coordinates == (0, 1, 2)
    assert plan.support == {"age": 2, "job": 1, "account": 2, "gain": 0, "seen:hour": 0}


def test_the_plan_can_be_read(plan):
    assert str(plan).splitlines() == [
        "keep 5 of 15 dimensions, 3 of 5 fields, 3 of 3 coordinates of the interaction maps",
        "  age          2 of 3 dimensions",
        "  job          1 of 3 dimensions",
        "  account      2 of 3 dimensions",
        "  gain       dropped",
        "  seen:hour  dropped",
    ]


def test_the_plan_of_a_literal_linear_term_drops_nothing():
    plan = compaction.plan(build(FixedMaskGate(mask(7)), Branches("ungated")), SCHEMA)
    assert plan.reads_raw
    assert plan.kept == (0, 1, 2, 3, 4)
    assert plan.dropped == ()
    assert plan.n_open == 1
    assert plan.coordinates == (1,)
    assert "dropped" not in str(plan)
    assert "keep 1 of 15 dimensions, 5 of 5 fields, 1 of 3 coordinates" in str(plan)


def test_the_plan_of_nothing():
    plan = compaction.plan(build(GATES["nothing"]()), SCHEMA)
    assert (plan.kept, plan.coordinates, plan.n_open) == ((), (), 0)
    assert plan.dropped == SCHEMA.names
    assert str(plan).startswith("keep 0 of 15 dimensions, 0 of 5 fields, 0 of 3")


def test_the_gated_models_parameters_are_counted_without_its_gates():
    model = build(GATES["hardened"](), Branches("gated", (6,), (3, 2)), 3)
    rows, bins = (
        sum(SCHEMA.n_rows),
        sum(n for n, f in zip(SCHEMA.n_rows, SCHEMA.fields, strict=True) if "edges" in vars(f)),
    )
    tables = (rows + bins) * (WIDTH + 3)
    deep = (DIM * 6 + 6) + (6 * 3 + 3)
    cin = 3 * FIELDS * FIELDS + 2 * 3 * FIELDS + 3 * (3 + 2)
    assert compaction.plan(model, SCHEMA).n_parameters == tables + deep + cin + 3


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("linear", ["gated", "ungated", "off"])
def test_what_is_left_has_the_size_that_the_formula_gives(linear, n_outputs):
    model = build(FixedMaskGate(mask(*OPEN)), Branches(linear, (6, 4), (3, 2), 2), n_outputs)
    plan = compaction.plan(model, SCHEMA)
    program = compaction.apply(model, plan)
    terms = 0 if linear == "off" else n_outputs
    sizes = 0
    for i, field in zip(plan.kept, program.fields, strict=True):
        width = len(plan.open_dimensions[i]) + terms
        ramp = i in (0, 3, 4)
        assert field.rows.shape == (SCHEMA.n_rows[i], width)
        assert (field.slopes is not None) == ramp
        sizes += SCHEMA.n_rows[i] * width * (1 + ramp)
    m = 5 if linear == "ungated" else 3
    assert len(program.fields) == m
    assert [w.shape for w, _ in program.deep] == [(6, 5), (4, 6), (n_outputs, 4)]
    assert [w.shape for w in program.cin] == [(3, m, m), (2, 3, m)]
    assert program.cin_out.shape == (n_outputs, 5)
    assert program.open_per_field.tolist() == [2, 1, 2] + [0] * (m - 3)
    assert program.coordinates.tolist() == [0, 1, 1, 0, 2]
    deep = 6 * 5 + 6 + 4 * 6 + 4 + n_outputs * 4 + n_outputs
    cin = 3 * m * m + 2 * 3 * m + n_outputs * 5
    assert program.n_parameters == sizes + deep + cin + n_outputs


def test_coordinates_that_nobody_reads_leave_the_interaction_maps():
    model = build(FixedMaskGate(mask(2, 5, 9)), Branches("off", (), (3, 2)))
    plan = compaction.plan(model, SCHEMA)
    assert plan.coordinates == (0, 2)
    program = compaction.apply(model, plan)
    assert program.coordinates.tolist() == [1, 1, 0]
    compaction.verify(model, SCHEMA, program, SCHEMA.restrict(plan.kept))


def test_arrays_are_of_single_precision_and_in_order():
    program = compaction.apply(model := build(GATES["hardened"](), n_outputs=3), compaction.plan(model, SCHEMA))
    for name, a in program.arrays().items():
        assert a.dtype == (np.int32 if name in ("coordinates", "open_per_field") else np.float32), name
        assert a.flags.c_contiguous, name


class Plain(Encoder):
    dim = DIM

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(DIM, DIM)
        self.register_buffer("groups", torch.arange(DIM), persistent=False)

    def forward(self, batch):
        return self.layer(batch)


def test_models_that_it_does_not_know_are_refused():
    head = IntegratedHead(FIELDS, 1, deep=Deep(DIM, (), 1))
    with pytest.raises(CompactionError, match="Plain with IntegratedHead"):
        compaction.plan(GatedModel(Plain(), IdentityGate(DIM), head), SCHEMA)
    known = build(IdentityGate(DIM))
    other = GatedModel(known.encoder, known.gate, head)
    other.head = nn.Identity()
    with pytest.raises(CompactionError, match="RowEncoder with Identity"):
        compaction.plan(other, SCHEMA)
