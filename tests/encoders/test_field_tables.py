"""Field tables: a lookup plus a continuous ramp, the same numbers as plain arrays, sensible unused rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from l0gm.encoders import FieldTables, RowBatch

N_ROWS = (4, 6, 3, 5)
NUMERIC = (False, True, False, True)


def tables(n_rows=N_ROWS, numeric=NUMERIC, width=3, seed=0):
    torch.manual_seed(seed)
    made = FieldTables(n_rows, numeric, width, 1.0)
    with torch.no_grad():
        made.slope.normal_()
    return made


def rows(n=200, n_rows=N_ROWS, numeric=NUMERIC, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.column_stack([rng.integers(0, k, size=n) for k in n_rows])
    fractions = rng.random(codes.shape) * (codes > 0) * np.array(numeric)
    return RowBatch(torch.from_numpy(codes), torch.from_numpy(fractions.astype(np.float32)))


def literal(made, batch):
    """The class's description, one number after the other."""
    out = np.zeros((batch.n_rows, len(made.n_rows), made.width))
    base, slope = made.base.detach().numpy(), made.slope.detach().numpy()
    starts = np.cumsum([0, *made.n_rows])
    ramp_starts = np.cumsum([0, *(k if yes else 0 for k, yes in zip(made.n_rows, made.numeric, strict=True))])
    for r in range(batch.n_rows):
        for i, yes in enumerate(made.numeric):
            code = int(batch.codes[r, i])
            out[r, i] = base[starts[i] + code]
            if yes and code > 0:
                for b in range(1, code):
                    out[r, i] += slope[ramp_starts[i] + b]
                out[r, i] += float(batch.fractions[r, i]) * slope[ramp_starts[i] + code]
    return out


@pytest.mark.parametrize(
    ("n_rows", "numeric"),
    [(N_ROWS, NUMERIC), ((3, 4), (False, False)), ((2, 7, 3), (True, True, True)), ((5,), (True,))],
)
def test_values_are_what_the_description_says(n_rows, numeric):
    made, batch = tables(n_rows, numeric), rows(40, n_rows, numeric)
    out = made(batch)
    assert out.shape == (40, len(n_rows), 3)
    np.testing.assert_allclose(out.detach().numpy(), literal(made, batch), atol=1e-5)


def test_the_ramp_is_piecewise_linear_and_continuous_across_bins():
    bins = 6
    made = tables((bins + 1,), (True,), 2)
    with torch.no_grad():
        made.base.fill_(0.7)
    fractions = np.linspace(0, 1, 11, dtype=np.float32)
    codes = np.repeat(np.arange(1, bins + 1), 11)
    batch = RowBatch(torch.from_numpy(codes[:, None]), torch.from_numpy(np.tile(fractions, bins)[:, None]))
    values = made(batch)[:, 0].detach().numpy().reshape(bins, 11, 2)
    np.testing.assert_allclose(values[1:, 0], values[:-1, -1], atol=1e-6)  # one bin's end is the next one's start
    steps = np.diff(values, axis=1)
    np.testing.assert_allclose(steps, np.broadcast_to(steps[:, :1], steps.shape), atol=1e-6)
    np.testing.assert_allclose(steps[:, 0] * 10, made.slope.detach().numpy()[1:], atol=1e-5)
    np.testing.assert_allclose(values[0, 0], 0.7, atol=1e-6)  # the ramp starts at nothing


def test_the_missing_slot_has_no_ramp():
    made = tables((4,), (True,), 2)
    batch = RowBatch(torch.zeros(3, 1, dtype=torch.int64), torch.tensor([[0.0], [0.5], [1.0]]))
    out = made(batch)[:, 0]
    assert torch.equal(out, made.base[:1].expand(3, 2))
    out.sum().backward()
    assert not made.slope.grad.any()


def test_fields_do_not_leak_into_each_other():
    made, batch = tables(), rows()
    before = made(batch).detach()
    with torch.no_grad():
        made.slope[:6] += 1.0  # the first numeric field's
        made.base[:4] += 1.0  # the first categorical field's
    changed = (made(batch).detach() - before).abs().amax((0, 2)) > 1e-4
    assert changed.tolist() == [True, True, False, False]


def test_tables_agree_with_forward():
    made, batch = tables(), rows()
    out = made(batch).detach().numpy()
    for i, (values, slopes) in enumerate(made.tables()):
        assert values.shape == (N_ROWS[i], 3)
        assert values.dtype == np.float32
        code, fraction = batch.codes[:, i].numpy(), batch.fractions[:, i].numpy()[:, None]
        assert (slopes is not None) == NUMERIC[i]
        plain = values[code] if slopes is None else values[code] + fraction * slopes[code]
        np.testing.assert_allclose(plain, out[:, i], atol=1e-6)


def test_tables_are_copies():
    made = tables()
    for values, _ in made.tables():
        np.add(values, 1.0, out=values)
    for i, (values, _) in enumerate(tables().tables()):
        np.testing.assert_array_equal(made.tables()[i][0], values)


def test_gradients_agree_with_finite_differences():
    made, batch = tables().double(), rows(12)
    batch = RowBatch(batch.codes, batch.fractions.double())

    def values(base, slope):
        return torch.func.functional_call(made, {"base": base, "slope": slope}, (batch,))

    assert torch.autograd.gradcheck(values, (made.base, made.slope))


def test_initial_entries_have_the_scale_asked_for():
    torch.manual_seed(0)
    made = FieldTables((500, 500), (False, True), 4, 0.25)
    assert float(made.base.detach().std()) == pytest.approx(0.25, rel=0.05)
    assert not made.slope.any()


@pytest.mark.parametrize("n", [1, 3, 200])  # fewer values than table rows, and more
def test_a_scale_multiplies_the_values(n):
    made, batch = tables(), rows(n)
    scale = torch.rand(4, 3, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(made(batch, scale), scale * made(batch))


@pytest.mark.parametrize("n", [2, 12])
def test_gradients_through_a_scale(n):
    made, batch = tables().double(), rows(n)
    batch = RowBatch(batch.codes, batch.fractions.double())

    def values(base, slope, scale):
        return torch.func.functional_call(made, {"base": base, "slope": slope}, (batch, scale))

    scale = torch.rand(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(values, (made.base, made.slope, scale))


# ---- rows that training never saw ----------------------------------------------------------------------------


def test_unused_rows_become_the_average_row():
    made = tables((5,), (False,), 2)
    before = made.base.detach().clone()
    codes = torch.tensor([[1], [1], [1], [3]])
    made.fill_unused(RowBatch(codes, codes).counts(made.n_rows))
    average = (3 * before[1] + before[3]) / 4
    for row in (0, 2, 4):
        torch.testing.assert_close(made.base[row], average)
    for row in (1, 3):
        assert torch.equal(made.base[row], before[row])


def test_an_unused_missing_slot_of_a_number_becomes_the_average_of_its_bins():
    made = tables((2, 4), (False, True), 2)
    before = made.base.detach().clone()
    codes = torch.tensor([[0, 1], [1, 1], [0, 3], [1, 3]])
    batch = RowBatch(codes, torch.full(codes.shape, 0.5))  # the middle of each bin
    average = made(batch)[:, 1].detach().mean(0)
    made.fill_unused(RowBatch(codes, codes).counts(made.n_rows))
    torch.testing.assert_close(made.base[2], average)
    assert torch.equal(made.base[[0, 1, 3, 4, 5]], before[[0, 1, 3, 4, 5]])  # bins stay, used or not
    missing = RowBatch(torch.tensor([[0, 0]]), torch.zeros(1, 2))
    torch.testing.assert_close(made(missing)[0, 1].detach(), average)


def test_without_unused_rows_nothing_changes():
    made = tables()
    before = made.base.detach().clone()
    made.fill_unused(rows(500).counts(made.n_rows))
    assert torch.equal(made.base, before)
