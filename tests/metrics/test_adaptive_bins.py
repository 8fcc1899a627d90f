"""Bins of equal mass: literal loops, ties, the null band, and the band of each bin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l0gm.errors import DataError, ParameterError
from l0gm.metrics import consistency_band, ece, ece_adaptive, ece_null, reliability_table


def binary(p1):
    p1 = np.asarray(p1, dtype=float)
    return np.column_stack([1 - p1, p1])


def draw(rng, proba):
    return (rng.random((len(proba), 1)) > np.cumsum(proba, axis=1)[:, :-1]).sum(axis=1)


@pytest.mark.parametrize("bins", [1, 4, 15])
@pytest.mark.parametrize("n", [15, 150, 157])
def test_without_ties_it_is_the_gap_over_equal_parts(n, bins):
    rng = np.random.default_rng(n)
    p1 = rng.random(n)
    y = rng.integers(2, size=n)
    parts = np.array_split(np.argsort(p1), bins) if n % bins == 0 else None
    table = reliability_table(y, binary(p1), "positive", bins, binning="mass")
    assert table.count.sum() == n
    assert np.ptp(table.count) <= 1
    if parts is not None:
        expected = sum(abs(y[part].sum() - p1[part].sum()) for part in parts) / n
        assert ece_adaptive(y, binary(p1), "positive", bins) == pytest.approx(expected)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=60), st.integers(1, 20))
def test_equal_scores_share_a_bin_and_bins_rise_with_the_score(rows, bins):
    p1 = np.array([step / 6 for step, _ in rows])
    y = np.array([int(label) for _, label in rows])
    table = reliability_table(y, binary(p1), "positive", bins, binning="mass")
    assert (table.count > 0).all()
    assert len(table.count) <= bins
    assert (table.upper[:-1] < table.lower[1:]).all()
    members = [(p1 >= low) & (p1 <= high) for low, high in zip(table.lower, table.upper, strict=True)]
    np.testing.assert_array_equal([m.sum() for m in members], table.count)
    np.testing.assert_allclose([p1[m].mean() for m in members], table.confidence)
    np.testing.assert_allclose([y[m].mean() for m in members], table.frequency)
    gap = np.abs(table.frequency - table.confidence) @ table.count / len(y)
    assert ece(y, binary(p1), "positive", bins, binning="mass") == pytest.approx(gap)


def test_by_hand():
    # 8 rows, 2 bins: the six equal scores have their middle rank at 3 of 8 and stay in the first bin
    p1, y = [0.1] * 6 + [0.6, 0.8], [0, 0, 0, 0, 0, 1, 1, 0]
    table = reliability_table(y, binary(p1), "positive", 2, binning="mass")
    np.testing.assert_array_equal(table.count, [6, 2])
    assert ece_adaptive(y, binary(p1), "positive", 2) == pytest.approx((6 * abs(1 / 6 - 0.1) + 2 * abs(0.5 - 0.7)) / 8)


def test_it_sees_what_crowded_bins_of_equal_width_hide():
    """Scores of a rare class, all below 1/15: too low in one half and too high in the other."""
    rng = np.random.default_rng(0)
    p1 = rng.uniform(0.005, 0.06, 20_000)
    y = (rng.random(20_000) < np.where(p1 < 0.0325, p1 + 0.015, p1 - 0.015)).astype(int)
    width, mass = (ece(y, binary(p1), "positive", binning=binning) for binning in ("width", "mass"))
    assert width < ece_null(binary(p1), "positive").p95
    assert mass > 2 * ece_null(binary(p1), "positive", binning="mass").p95


@pytest.mark.parametrize(("n_classes", "kind"), [(2, "positive"), (3, "top_label")])
def test_null_equals_brute_force(n_classes, kind):
    rng = np.random.default_rng(3)
    proba = np.round(rng.dirichlet(np.full(n_classes, 0.8), size=150), 2)
    proba /= proba.sum(axis=1, keepdims=True)
    brute = np.array([ece_adaptive(draw(rng, proba), proba, kind) for _ in range(3000)])
    band = ece_null(proba, kind, draws=3000, binning="mass")
    assert band.mean == pytest.approx(brute.mean(), abs=5 * brute.std() * np.sqrt(2 / 3000))
    assert (brute < band.p95).mean() == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("binning", ["width", "mass"])
def test_the_band_of_a_bin_holds_9_in_10_frequencies(binning):
    rng = np.random.default_rng(1)
    proba = rng.dirichlet([1, 2], size=1500)
    low, high = consistency_band(proba, "positive", 10, binning=binning)
    inside = []
    for _ in range(300):
        table = reliability_table(draw(rng, proba), proba, "positive", 10, binning=binning)
        inside.append((table.frequency >= low) & (table.frequency <= high))
    assert np.mean(inside) == pytest.approx(0.91, abs=0.02)  # both ends count
    assert ((low <= table.confidence) & (table.confidence <= high)).all()


def test_the_band_of_an_empty_bin_is_nan():
    low, high = consistency_band(binary([0.01, 0.99]), "positive", 3, draws=10)
    np.testing.assert_array_equal(np.isnan(low), [False, True, False])
    np.testing.assert_array_equal(np.isnan(high), [False, True, False])


def test_bad_arguments_are_named():
    for call in (ece, reliability_table):
        with pytest.raises(ParameterError, match="binning is 'size'"):
            call([0, 1], binary([0.2, 0.4]), binning="size")
    with pytest.raises(ParameterError, match="binning is 'size'"):
        ece_null(binary([0.2]), binning="size")
    with pytest.raises(ParameterError, match="bins is 0"):
        ece_adaptive([0], binary([0.2]), bins=0)
    with pytest.raises(ParameterError, match="draws is 0"):
        consistency_band(binary([0.2]), draws=0)
    with pytest.raises(DataError, match="needs 2 classes"):
        consistency_band(np.full((2, 3), 1 / 3), "positive")
