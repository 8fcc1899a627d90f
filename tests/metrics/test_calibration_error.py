"""Calibration error against a literal loop over Eq. 7 and by hand; the null band against brute force."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l0gm.errors import DataError, ParameterError
from l0gm.metrics import calibration, ece, ece_null, reliability_table


def equation_7(score, event, bins):
    """Sum over bins of |B| / n * |acc(B) - conf(B)|, one bin and one row after the other."""
    total = 0.0
    for m in range(bins):
        members = [
            i
            for i, s in enumerate(score)
            if m / bins < s <= (m + 1) / bins or (m == 0 and s == 0) or (m == bins - 1 and s > 1)
        ]
        if members:
            acc = sum(bool(event[i]) for i in members) / len(members)
            conf = sum(score[i] for i in members) / len(members)
            total += len(members) / len(score) * abs(acc - conf)
    return total


def binary(p1):
    p1 = np.asarray(p1, dtype=float)
    return np.column_stack([1 - p1, p1])


def draw_labels(rng, proba):
    return (rng.random((len(proba), 1)) > np.cumsum(proba, axis=1)[:, :-1]).sum(axis=1)


@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("bins", [1, 10, 15])
def test_top_label_is_equation_7(n_classes, bins):
    rng = np.random.default_rng(bins)
    proba = rng.dirichlet(np.full(n_classes, 0.4), size=300)
    y = rng.integers(n_classes, size=300)
    expected = equation_7(proba.max(axis=1), y == proba.argmax(axis=1), bins)
    assert ece(y, proba, bins=bins) == pytest.approx(expected, abs=1e-14)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.booleans()), min_size=1, max_size=50),
    st.sampled_from([1, 2, 5, 15, 20]),
)
def test_positive_is_equation_7_on_edges_too(rows, bins):
    p1 = np.array([step / 60 for step, _ in rows])  # lies on bin edges more often than not
    y = np.array([label for _, label in rows])
    assert ece(y, binary(p1), "positive", bins) == pytest.approx(equation_7(p1, y, bins), abs=1e-14)
    table = reliability_table(y, binary(p1), "positive", bins)
    inside = table.count > 0
    gap = np.abs(table.frequency - table.confidence)[inside] @ table.count[inside] / len(y)
    assert gap == pytest.approx(equation_7(p1, y, bins), abs=1e-14)


def test_by_hand():
    # two bins: scores 0.2 and 0.4 (one event of two), and 0.9 (no event): (2 * |0.5 - 0.3| + 0.9) / 3
    assert ece([0, 1, 0], binary([0.2, 0.4, 0.9]), "positive", bins=2) == pytest.approx(1.3 / 3)
    # top label: scores 0.8, 0.6, 0.9, right, wrong, wrong, all above 0.5: |1/3 - 2.3/3|
    assert ece([0, 1, 0], binary([0.2, 0.4, 0.9]), bins=2) == pytest.approx(1.3 / 3)
    # three bins part 0.6, which is wrong, from 0.8 and 0.9, which are right: (0.6 + |2 - 1.7|) / 3
    assert ece([0, 1, 1], binary([0.2, 0.4, 0.9]), bins=3) == pytest.approx((0.6 + 0.3) / 3)


def test_edges_belong_to_the_bin_below_and_the_ends_to_the_ends():
    p1 = [0.0, 0.2, 3 / 15, np.nextafter(0.2, 1), 14 / 15, 1.0, 1.0]
    table = reliability_table([0, 0, 0, 1, 1, 1, 0], binary(p1), "positive")
    assert len(table.count) == 15
    assert dict(enumerate(table.count.tolist())) | {0: 1, 2: 2, 3: 1, 13: 1, 14: 2} == dict(
        enumerate(table.count.tolist())
    )
    assert table.count.sum() == 7
    np.testing.assert_array_equal(table.upper[[2, 14]], [0.2, 1.0])
    np.testing.assert_array_equal(table.lower, np.r_[0.0, table.upper[:-1]])
    np.testing.assert_array_equal(table.frequency[[0, 2, 3, 13, 14]], [0, 0, 1, 1, 0.5])
    np.testing.assert_allclose(table.confidence[[0, 2, 3, 13, 14]], [0, 0.2, 0.2, 14 / 15, 1])
    assert np.isnan(table.confidence[1])
    assert np.isnan(table.frequency[1])


def test_every_inner_edge_falls_below():
    for bins in (3, 7, 10, 15, 49):
        edges = np.array([m / bins for m in range(1, bins)])
        table = reliability_table(np.zeros(len(edges), dtype=int), binary(edges), "positive", bins)
        np.testing.assert_array_equal(table.count, [1] * (bins - 1) + [0])


def test_a_score_just_over_one_counts_in_the_last_bin():
    proba = np.array([[0.0, 1.0 + 1e-7]])
    assert reliability_table([1], proba, "positive").count[-1] == 1
    assert ece([1], proba, "positive") == pytest.approx(1e-7)


def test_certain_and_right_is_perfect_certain_and_wrong_is_one():
    y = np.array([0, 1, 2])
    assert ece(y, np.eye(3)) == 0.0
    assert ece(y, np.eye(3)[[1, 2, 0]]) == 1.0
    assert ece_null(np.eye(3)) == calibration.NullBand(0.0, 0.0)


@pytest.mark.parametrize("kind", ["top_label", "positive"])
def test_null_of_one_row_by_hand(kind):
    # one row of score 0.8 errs by 0.2 with chance 0.8, by 0.8 with chance 0.2: mean 0.32, and p95 0.8
    band = ece_null([[0.2, 0.8]], kind, draws=20_000)
    assert band.mean == pytest.approx(0.32, abs=4 * 0.24 / np.sqrt(20_000))
    assert band.p95 == pytest.approx(0.8)


@pytest.mark.parametrize(("n_classes", "kind"), [(2, "top_label"), (2, "positive"), (4, "top_label")])
def test_null_equals_brute_force(n_classes, kind):
    rng = np.random.default_rng(3)
    proba = rng.dirichlet(np.full(n_classes, 0.8), size=150)
    brute = np.array([ece(draw_labels(rng, proba), proba, kind) for _ in range(4000)])
    band = ece_null(proba, kind, draws=4000)
    assert band.mean == pytest.approx(brute.mean(), abs=5 * brute.std() * np.sqrt(2 / 4000))
    below = (brute < band.p95).mean()  # two estimates of one quantile: sd of the share is 0.0049
    assert below == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(("n_classes", "kind"), [(2, "top_label"), (2, "positive"), (3, "top_label")])
def test_a_calibrated_model_stays_below_p95_in_95_of_100_trials(n_classes, kind):
    rng = np.random.default_rng(5)
    below = []
    for trial in range(600):
        proba = rng.dirichlet(np.ones(n_classes), size=200)
        band = ece_null(proba, kind, draws=300, seed=trial)
        below.append(ece(draw_labels(rng, proba), proba, kind) <= band.p95)
    assert np.mean(below) == pytest.approx(0.95, abs=0.035)  # sd 0.009, and 0.0126 of noise in each p95


def test_an_overconfident_model_leaves_the_band():
    rng = np.random.default_rng(6)
    p1 = rng.uniform(0.02, 0.98, size=2000)
    y = (rng.random(2000) < p1).astype(int)
    sharp = p1**2 / (p1**2 + (1 - p1) ** 2)
    for kind in ("top_label", "positive"):
        assert ece(y, binary(sharp), kind) > 2 * ece_null(binary(sharp), kind).p95


def test_null_depends_on_the_seed_alone_and_shrinks_with_the_rows(monkeypatch):
    proba = np.random.default_rng(7).dirichlet([1, 1], size=300)
    band = ece_null(proba, draws=200)
    assert band == ece_null(proba, draws=200)
    assert band != ece_null(proba, draws=200, seed=1)
    assert band.mean > 1.8 * ece_null(np.tile(proba, (4, 1)), draws=200).mean
    for chunk in (1, 1000, 10**7):
        monkeypatch.setattr(calibration, "_CHUNK", chunk)
        assert ece_null(proba, draws=200) == band


def test_null_ignores_the_order_of_rows():
    proba = np.random.default_rng(8).dirichlet([1, 2], size=300)
    assert ece_null(proba) == ece_null(proba[::-1])


def test_bad_arguments_are_named():
    y, three = [0, 1], np.full((2, 3), 1 / 3)
    for call in (ece, reliability_table):
        with pytest.raises(DataError, match="needs 2 classes, proba has 3"):
            call(y, three, "positive")
        with pytest.raises(ParameterError, match="kind is 'top'"):
            call(y, three, "top")
        with pytest.raises(ParameterError, match="bins is 0"):
            call(y, three, bins=0)
        with pytest.raises(DataError, match="one label a row"):
            call([0], three)
    with pytest.raises(DataError, match="needs 2 classes"):
        ece_null(three, "positive")
    with pytest.raises(ParameterError, match="draws is 0"):
        ece_null(three, draws=0)
    with pytest.raises(DataError, match="no rows"):
        ece_null(np.empty((0, 2)))


def test_results_are_frozen():
    band = ece_null([[0.5, 0.5]], draws=1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        band.mean = 0.0
