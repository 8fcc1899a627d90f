"""The tabular encoder keeps the encoders' contract, and the contract suite notices encoders that do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from l0gm.data.schema import CategoricalField, Encoded, HashedField, NumericField, Schema
from l0gm.encoders import Encoder, RowBatch, TabularEncoder
from l0gm.testing import check_encoder

NUMBER = NumericField("age", "age", (0.0, 1.0, 5.0, 7.0))
WORD = CategoricalField("job", "job", ("clerk", "smith"))
NAME = HashedField("name", "name", 5)


def schema(*fields):
    return Schema(fields, tuple(f.source for f in fields))


def batch_of(made, n=40, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.column_stack([rng.integers(0, k, size=n) for k in made.n_rows])
    numeric = np.array([isinstance(f, NumericField) for f in made.fields])
    fractions = (rng.random(codes.shape) * (codes > 0) * numeric).astype(np.float32)
    return RowBatch.of(Encoded(codes.astype(np.int32), fractions))


SCHEMAS = {
    "mixed": schema(NUMBER, WORD, NAME),
    "numbers": schema(NUMBER, NumericField("hours", "hours", (0.0, 40.0))),
    "words": schema(WORD, NAME),
    "one field": schema(NUMBER),
}


@pytest.mark.parametrize("made", SCHEMAS.values(), ids=SCHEMAS.keys())
@pytest.mark.parametrize("width", [1, 4])
def test_tabular_encoder_keeps_the_contract(made, width):
    check_encoder(lambda: TabularEncoder(made, width), batch_of(made))


def test_h_is_the_fields_side_by_side():
    made = SCHEMAS["mixed"]
    encoder, batch = TabularEncoder(made, 4), batch_of(made)
    assert encoder.dim == 12
    assert encoder.groups.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    h = encoder(batch).detach()
    values = encoder.tables(batch).detach()
    for i in range(3):
        assert torch.equal(h[:, encoder.groups == i], values[:, i])


def test_the_initial_scale_keeps_a_fields_norm_at_one():
    torch.manual_seed(0)
    made = schema(HashedField("id", "id", 2000))
    for width in (1, 16):
        base = TabularEncoder(made, width).tables.base.detach()
        assert float(base.square().sum(1).mean()) == pytest.approx(1.0, rel=0.1)
    assert float(TabularEncoder(made, 4, scale=0.1).tables.base.detach().std()) == pytest.approx(0.1, rel=0.1)


def test_a_batch_of_encoded_rows():
    encoded = SCHEMAS["mixed"].encode({"age": [0.5, None], "job": ["smith", "poet"], "name": ["a", "b"]})
    batch = RowBatch.of(encoded)
    assert batch.codes.dtype == torch.int64
    assert batch.fractions.dtype == torch.float32
    assert batch.codes[:, :2].tolist() == [[1, 3], [0, 1]]
    assert batch.n_rows == 2
    one = batch.take(torch.tensor([1]))
    assert one.n_rows == 1
    assert torch.equal(one.codes, batch.codes[1:])
    assert torch.equal(one.fractions, batch.fractions[1:])


# ---- encoders with one fault each ----------------------------------------------------------------------------


class Good(Encoder):
    """Two linear layers over four numbers."""

    def __init__(self):
        super().__init__()
        self.dim = 6
        self.first = nn.Linear(4, 5)
        self.second = nn.Linear(5, 6)
        self.register_buffer("groups", torch.arange(6) // 2)

    def forward(self, batch):
        return self.second(torch.tanh(self.first(batch.x)))


class Rows:
    def __init__(self, x):
        self.x = x

    @property
    def n_rows(self):
        return len(self.x)

    def take(self, rows):
        return Rows(self.x[rows])


class TooNarrow(Good):
    def forward(self, batch):
        return super().forward(batch)[:, :5]


class NotFinite(Good):
    def forward(self, batch):
        return super().forward(batch) / 0.0


class GroupsWithAGap(Good):
    def __init__(self):
        super().__init__()
        self.groups *= 2


class TooFewGroups(Good):
    def __init__(self):
        super().__init__()
        self.groups = self.groups[:3]


class NormalisesOverTheBatch(Good):
    def forward(self, batch):
        h = super().forward(batch)
        return h - h.mean(0)


class DependsOnTheOrder(Good):
    def forward(self, batch):
        return super().forward(batch) * torch.linspace(1.0, 2.0, batch.n_rows)[:, None]


class NeedsTwoRows(Good):
    def forward(self, batch):
        h = super().forward(batch)
        return h if batch.n_rows > 1 else h.new_zeros(h.shape)


class NeedsARow(Good):
    def forward(self, batch):
        return super().forward(batch) + batch.x.max() * 0.0


class DropsOutAtInference(Good):
    def forward(self, batch):
        return super().forward(batch) * (1.0 + 1e-6 * torch.rand(1))


class Frozen(Good):
    def forward(self, batch):
        return self.second(torch.tanh(self.first(batch.x)).detach())


class MasksInItsOwnWay(Good):
    def masked(self, batch, z):
        return self(batch) * z.square()


class MasksWithoutGradient(Good):
    def masked(self, batch, z):
        return self(batch) * z.detach() + 0.0 * z


class HidesState(Good):
    def __init__(self):
        super().__init__()
        self.shift = torch.randn(6)

    def forward(self, batch):
        return super().forward(batch) + self.shift


class NoEncoder(nn.Linear):
    def __init__(self):
        super().__init__(4, 6)


INPUTS = Rows(torch.randn(12, 4, generator=torch.Generator().manual_seed(0)))


def test_a_good_encoder_passes():
    check_encoder(Good, INPUTS)


def test_parameters_that_change_nothing_need_no_gradient():
    class Spare(Good):
        def __init__(self):
            super().__init__()
            self.spare = nn.Parameter(torch.ones(3))

    check_encoder(Spare, INPUTS)


@pytest.mark.parametrize(
    ("make", "clause"),
    [
        (NoEncoder, "does not derive"),
        (TooNarrow, "h has one row an input"),
        (NotFinite, "not finite"),
        (GroupsWithAGap, "groups number the dimensions"),
        (TooFewGroups, "groups number the dimensions"),
        (NormalisesOverTheBatch, "rows do not depend on each other"),
        (DependsOnTheOrder, "rows do not depend on each other"),
        (NeedsTwoRows, "takes one row and none"),
        (NeedsARow, "takes one row and none"),
        (DropsOutAtInference, "evaluation is deterministic"),
        (Frozen, "first.weight changes h and gets no gradient"),
        (MasksInItsOwnWay, "masked is z times h"),
        (MasksWithoutGradient, "masked is z times h"),
        (HidesState, "state dict restores"),
    ],
    ids=lambda x: getattr(x, "__name__", None),
)
def test_the_suite_names_the_broken_clause(make, clause):
    with pytest.raises(AssertionError, match=clause):
        check_encoder(make, INPUTS)


def test_the_suite_wants_rows_to_try():
    with pytest.raises(AssertionError, match="three are needed"):
        check_encoder(Good, Rows(torch.ones(2, 4)))
