"""What each condition does to numbers and cells, against literal readings of the paper's Appendix B."""

import numpy as np
import pandas as pd
import pytest
from corrupted import lost
from hypothesis import given
from hypothesis import strategies as st

from l0gm.robustness import CONDITIONS, Condition, InputStatistics, perturb

ROWS = 20_000


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    return pd.DataFrame({f"c{j}": rng.normal(j, 1 + j, ROWS) for j in range(10)})


@pytest.fixture(scope="module")
def statistics(table):
    return InputStatistics.fit(table)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_cells_are_lost_independently_at_the_rate(table, statistics, share):
    gone = lost(table, perturb(table, Condition("missing", share), statistics, 0))
    error = np.sqrt(share * (1 - share) / ROWS)
    assert np.abs(gone.mean(axis=0) - share).max() < 5 * error
    together = np.cov(gone.T.astype(float))[np.triu_indices(10, 1)]
    assert np.abs(together).max() < 5 * share * (1 - share) / np.sqrt(ROWS)
    counts = gone.sum(axis=1)
    assert counts.var() == pytest.approx(10 * share * (1 - share), rel=0.05)  # binomial, not a fixed number a row


@pytest.mark.parametrize("level", [0.05, 0.1, 0.2])
def test_noise_is_normal_in_units_of_the_training_spread(table, statistics, level):
    e = (perturb(table, Condition("noise", level), statistics, 0) - table).to_numpy() / level
    e /= [column.std for column in statistics.numeric.values()]
    assert np.abs(e.mean(axis=0)).max() < 5 / np.sqrt(ROWS)
    assert np.abs(e.std(axis=0) - 1).max() < 5 / np.sqrt(2 * ROWS)
    assert np.abs(np.corrcoef(e.T)[np.triu_indices(10, 1)]).max() < 5 / np.sqrt(ROWS)
    for mark, below in ((-1.959964, 0.025), (-0.674490, 0.25), (1.0, 0.841345), (3.0, 0.998650)):
        assert (e < mark).mean() == pytest.approx(below, abs=0.002)


@pytest.mark.parametrize("bits", [8, 6, 4, 1])
def test_bits_span_the_training_range(table, statistics, bits):
    test = table * 1.3  # some of it is beyond
    got = perturb(test, Condition("quantisation", bits), statistics, 0)
    for name, column in statistics.numeric.items():
        levels = np.linspace(column.low, column.high, 2**bits)
        nearest = levels[np.abs(test[name].to_numpy()[:500, None] - levels).argmin(axis=1)]
        np.testing.assert_allclose(got[name].to_numpy()[:500], nearest, rtol=0, atol=1e-12 * (1 + abs(column.high)))
        assert (got[name].min(), got[name].max()) == (column.low, column.high)
        assert got[name].nunique() <= 2**bits


def test_levels_that_are_whole_numbers_come_out_exact():
    frame = pd.DataFrame({"x": np.arange(1, 17)})
    got = perturb(frame, Condition("quantisation", 4), InputStatistics.fit(frame), 0)
    assert got["x"].tolist() == list(range(1, 17))


@pytest.mark.parametrize(
    ("share", "columns", "width"), [(0.1, 10, 1), (0.3, 10, 3), (0.2, 14, 3), (0.1, 3, 1), (1, 4, 4)]
)
def test_a_block_of_neighbours_is_lost_in_each_row(share, columns, width):
    frame = pd.DataFrame(np.ones((3000, columns)))
    gone = perturb(frame, Condition("occlusion", share), InputStatistics.fit(frame), 0).isna().to_numpy()
    assert (gone.sum(axis=1) == width).all()
    first = gone.argmax(axis=1)
    assert all(row[start : start + width].all() for row, start in zip(gone, first, strict=True))
    places = columns - width + 1
    expected = 3000 / places
    assert np.abs(np.bincount(first, minlength=places) - expected).max() < 5 * np.sqrt(expected) + 1e-9


def test_harder_conditions_hold_the_easier_ones(table, statistics):
    easy, _, hard = (perturb(table, c, statistics, 0).isna().to_numpy() for c in CONDITIONS[:3])
    assert (easy <= hard).all()
    small, _, large = ((perturb(table, c, statistics, 0) - table).to_numpy() for c in CONDITIONS[3:6])
    np.testing.assert_allclose(4 * small, large, rtol=1e-9, atol=1e-9)


def test_level_0_changes_nothing(table, statistics):
    for family in ("missing", "noise", "occlusion"):
        pd.testing.assert_frame_equal(perturb(table, Condition(family, 0.0), statistics, 0), table)


def test_the_numbers_drawn_never_change():
    """These are pinned: published figures rest on them."""
    frame = pd.DataFrame({"a": np.zeros(5), "b": np.zeros(5), "c": np.zeros(5)})
    statistics = InputStatistics.fit(pd.DataFrame({"a": [-1.0, 1.0], "b": [-1.0, 1.0], "c": [-1.0, 1.0]}))
    gone = perturb(frame, Condition("missing", 0.5), statistics, 0).isna().to_numpy().astype(int).tolist()
    assert gone == [[0, 1, 0], [1, 1, 1], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    noise = perturb(frame, Condition("noise", 1.0), statistics, 0).to_numpy()
    np.testing.assert_allclose(noise[0], [-1.9660723137631788, -0.05198171205433372, -0.503479068820166], rtol=1e-12)
    block = perturb(frame, Condition("occlusion", 0.3), statistics, 0).isna().to_numpy().argmax(axis=1).tolist()
    assert block == [2, 2, 0, 0, 0]


@given(st.lists(st.floats(), max_size=6), st.lists(st.floats(), min_size=1, max_size=6), st.sampled_from(CONDITIONS))
def test_any_numbers_come_through(test, train, condition):
    statistics = InputStatistics.fit({"x": np.array(train)})
    got = perturb({"x": np.array(test, dtype=float)}, condition, statistics, 5)["x"]
    before = np.array(test, dtype=float)
    assert got.shape == before.shape
    assert np.isnan(got[np.isnan(before)]).all()
    if condition.needs_numbers:
        assert (np.isnan(got) == np.isnan(before)).all()
        assert np.isfinite(got[np.isfinite(before)]).all()
    column = statistics.numeric.get("x")
    if condition.family == "quantisation" and column is not None:
        known = got[~np.isnan(got)]
        assert ((known >= column.low) & (known <= column.high)).all()
    if column is None and condition.needs_numbers:
        np.testing.assert_array_equal(got, before)


def test_constant_columns():
    frame = pd.DataFrame({"x": [5.0, 5.0, 7.0, np.nan]})
    statistics = InputStatistics.fit(frame[:2])
    assert perturb(frame, Condition("noise", 0.2), statistics, 0)["x"].tolist()[:3] == [5.0, 5.0, 7.0]
    assert perturb(frame, Condition("quantisation", 8), statistics, 0)["x"].tolist()[:3] == [5.0, 5.0, 5.0]
