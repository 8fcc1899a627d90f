"""Each metric against scikit-learn, ties and weights included, and the errors of bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from l0gm.errors import DataError
from l0gm.metrics import accuracy, auc, brier, log_loss

METRICS = [accuracy, auc, log_loss, brier]


def rows(n_classes, n=400, seed=0, decimals=None):
    """Every class present; with ``decimals`` the scores are coarse, so many of them tie."""
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.full(n_classes, 0.7), size=n)
    if decimals is not None:
        proba[:, 1:] = np.floor(proba[:, 1:] * 10**decimals) / 10**decimals
        proba[:, 0] = (1 - proba[:, 1:].sum(axis=1)).clip(0)
    y = np.array([rng.choice(n_classes, p=row / row.sum()) for row in proba])
    y[:n_classes] = np.arange(n_classes)
    return y, proba, rng.uniform(0.1, 3.0, size=n)


def expected(metric, y, proba, weight=None):
    n_classes = proba.shape[1]
    if metric is accuracy:
        return reference.accuracy_score(y, proba.argmax(axis=1), sample_weight=weight)
    if metric is log_loss:
        return reference.log_loss(y, proba, sample_weight=weight, labels=np.arange(n_classes))
    if n_classes == 2:
        score = reference.roc_auc_score if metric is auc else reference.brier_score_loss
        return score(y, proba[:, 1], sample_weight=weight)
    if metric is auc:
        return reference.roc_auc_score(y, proba, sample_weight=weight, multi_class="ovr", average="macro")
    return np.average(((np.eye(n_classes)[y] - proba) ** 2).sum(axis=1), weights=weight)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("n_classes", [2, 3, 7])
@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize("weighted", [False, True])
def test_agrees_with_scikit_learn(metric, n_classes, decimals, weighted):
    y, proba, weight = rows(n_classes, seed=n_classes, decimals=decimals)
    weight = weight if weighted else None
    assert metric(y, proba, sample_weight=weight) == pytest.approx(expected(metric, y, proba, weight), abs=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_an_integer_weight_counts_the_row_as_often(metric):
    y, proba, _ = rows(3, n=60)
    times = np.arange(60) % 4 + (np.arange(60) < 3)
    repeated = np.repeat(np.arange(60), times)
    assert metric(y, proba, sample_weight=times) == pytest.approx(metric(y[repeated], proba[repeated]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_binary_auc_counts_pairs(rows):
    y = np.array([label for label, _ in rows])
    p1 = np.array([level for _, level in rows]) / 5
    proba = np.column_stack([1 - p1, p1])
    if y.all() or not y.any():
        with pytest.raises(DataError, match="has no AUC"):
            auc(y, proba)
        return
    pairs = [(a > b) + (a == b) / 2 for a in p1[y] for b in p1[~y]]
    assert auc(y, proba) == pytest.approx(np.mean(pairs), abs=1e-14)


def test_auc_of_constant_and_perfect_scores():
    y = np.array([0, 1, 0, 1])
    assert auc(y, np.full((4, 2), 0.5)) == 0.5
    assert auc(y, np.eye(2)[y]) == 1.0
    assert auc(y, np.eye(2)[1 - y]) == 0.0


def test_a_class_without_rows_or_weight_has_no_auc():
    proba = np.full((4, 3), 1 / 3)
    with pytest.raises(DataError, match=r"no rows of class 2 \(1 of 3"):
        auc([0, 1, 0, 1], proba)
    with pytest.raises(DataError, match="no rows of class 0"):
        auc([0, 1, 2, 1], proba, sample_weight=[0, 1, 1, 1])


def test_brier_conventions():
    assert brier([1, 0], [[0.2, 0.8], [0.6, 0.4]]) == pytest.approx((0.04 + 0.16) / 2)
    assert brier([2], [[0.5, 0.5, 0.0]]) == pytest.approx(0.25 + 0.25 + 1.0)
    y, proba, _ = rows(2)
    three = np.column_stack([proba, np.zeros(len(proba))])  # the same model with a class that never comes
    assert brier(y, three) == pytest.approx(2 * brier(y, proba))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_loss_clips_at_the_epsilon_of_the_type(dtype):
    proba = np.array([[1, 0], [0, 1]], dtype=dtype)
    eps = float(np.finfo(dtype).eps)
    assert log_loss([1, 1], proba) == pytest.approx((-np.log(eps) - np.log(1 - eps)) / 2, rel=1e-12)


def test_ties_of_accuracy_go_to_the_lower_index():
    assert accuracy([0, 1], [[0.5, 0.5], [0.5, 0.5]]) == 0.5


def test_lists_booleans_and_float32_softmax_rows_are_welcome():
    assert accuracy([True, False], [[0, 1], [1, 0]]) == 1.0
    logits = np.random.default_rng(0).normal(size=(50, 1000)).astype(np.float32) * 5
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert 0 <= accuracy(np.zeros(50, dtype=np.uint8), proba) <= 1


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("y", "proba", "message"),
    [
        ([], np.empty((0, 2)), "no rows"),
        ([0, 1], [0.2, 0.8], "column_stack"),
        ([0, 0], [[1.0], [1.0]], "1 column"),
        ([0, 1], [[0.5, 0.5], [0.5, np.nan]], r"proba\[1, 1\] is nan"),
        ([0, 1], [[0.5, 0.5], [np.inf, 0.5]], r"proba\[1, 0\] is inf"),
        ([0, 1], [[0.5, 0.5], [1.2, -0.2]], "not logits"),
        ([0, 1], [[0.5, 0.5], [0.6, 0.6]], r"proba\[1\] sums to 1.2"),
        ([0, 1], [["a", "b"], ["c", "d"]], "array of numbers"),
        ([0, 1, 0], [[0.5, 0.5], [0.5, 0.5]], "one label a row"),
        ([[0], [1]], [[0.5, 0.5], [0.5, 0.5]], "one label a row"),
        ([0, 2], [[0.5, 0.5], [0.5, 0.5]], r"y\[1\] is 2"),
        ([-1, 1], [[0.5, 0.5], [0.5, 0.5]], r"y\[0\] is -1"),
        ([0.0, 1.0], [[0.5, 0.5], [0.5, 0.5]], "class indices"),
        (["<=50K", ">50K"], [[0.5, 0.5], [0.5, 0.5]], "class indices"),
    ],
)
def test_bad_rows_are_named(metric, y, proba, message):
    with pytest.raises(DataError, match=message):
        metric(y, proba)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1.0], "one weight for each"),
        ([1.0, -1.0], r"sample_weight\[1\] is -1"),
        ([np.nan, 1.0], r"sample_weight\[0\] is nan"),
        ([0.0, 0.0], "0 everywhere"),
        (["a", "b"], "pass numbers"),
    ],
)
def test_bad_weights_are_named(weight, message):
    with pytest.raises(DataError, match=message):
        accuracy([0, 1], [[0.5, 0.5], [0.5, 0.5]], sample_weight=weight)
