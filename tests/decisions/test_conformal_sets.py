"""Sets of labels hold the true one as often as stated, over fresh draws of calibration and new rows."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from l0gm.decisions import ConformalSets
from l0gm.decisions.conformal import COVERAGES
from l0gm.errors import DataError, ParameterError


def rows(n, n_classes, rng, power=3.0):
    """Labels, and probabilities of a model that is far too sure of itself."""
    right = rng.dirichlet(np.full(n_classes, 0.7), size=n)
    y = np.minimum((rng.random((n, 1)) > np.cumsum(right, axis=1)).sum(axis=1), n_classes - 1)
    sure = right**power + 1e-9
    return y, sure / sure.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("n", [19, 200])
def test_coverage_is_what_is_stated_whatever_the_model(n, n_classes):
    rng = np.random.default_rng(n)
    coverages = (0.6, 0.8, 0.95)
    held = {c: [] for c in coverages}
    for _ in range(1500):
        y, proba = rows(n + 5, n_classes, rng)
        sets = ConformalSets.fit(proba[:n], y[:n])
        for c in coverages:
            held[c].append(sets.sets(proba[n:], c)[np.arange(5), y[n:]].mean())
    for c in coverages:
        error = np.std(held[c]) / math.sqrt(1500)
        exact = math.ceil((n + 1) * c - 1e-9) / (n + 1)  # what theory says, if no scores are equal
        assert exact >= c - 1e-9
        assert np.mean(held[c]) == pytest.approx(exact, abs=4 * error + 1e-4)


def test_the_quantile_by_hand():
    # 9 rows: probabilities of the true label 0.9, 0.8 ... 0.1; 80 % is the 8th smallest score, 90 % the 9th
    p = np.arange(9, 0, -1) / 10
    sets = ConformalSets.fit(np.column_stack([1 - p, p]), np.ones(9, int))
    assert sets.n_rows == 9
    assert sets.threshold(0.8) == pytest.approx(0.2)
    assert sets.threshold(0.9) == pytest.approx(0.1)
    assert sets.threshold(0.5) == pytest.approx(0.5)
    assert sets.most == 0.9
    np.testing.assert_array_equal(sets.sets([[0.85, 0.15], [0.5, 0.5], [0.05, 0.95]], 0.8), [[1, 0], [1, 1], [0, 1]])
    with pytest.raises(ParameterError, match=r"coverage=0.95: 9 calibration rows allow for 0.9 at most"):
        sets.sets([[0.5, 0.5]], 0.95)
    # a coverage in between counts as the next higher one
    assert sets.threshold(0.7999) == sets.threshold(0.8)
    assert sets.threshold(0.801) == sets.threshold(0.805)
    assert COVERAGES[80] == 0.9


def test_below_the_accuracy_a_set_may_be_empty():
    y = np.repeat([0, 1], 50)
    proba = np.where(y[:, None] == [0, 1], 0.9, 0.1)
    sets = ConformalSets.fit(proba, y)
    np.testing.assert_array_equal(sets.sets([[0.5, 0.5], [0.05, 0.95]], 0.5), [[0, 0], [0, 1]])


def test_few_rows_and_rows_of_no_weight():
    y, proba = rows(40, 3, np.random.default_rng(0))
    none = ConformalSets.fit(proba[:1], y[:1])
    assert none.most == 0.5
    for c in (0.6, 0.9, 0.999):
        with pytest.raises(ParameterError, match=r"1 calibration rows allow for 0\.5 at most"):
            none.threshold(c)
    weight = np.r_[np.ones(20), np.zeros(20)]
    assert ConformalSets.fit(proba, y, sample_weight=weight) == ConformalSets.fit(proba[:20], y[:20])
    assert ConformalSets.fit(proba, y, sample_weight=weight + 0.5) == ConformalSets.fit(proba, y)
    assert ConformalSets(0, ()).most is None
    with pytest.raises(ParameterError, match="too few for any"):
        ConformalSets(0, ()).threshold(0.9)


def test_a_probability_that_is_off_by_rounding_still_counts():
    """Few different rows: the compacted model's probabilities differ in the last digits from those of fit."""
    proba = np.tile([[0.7, 0.3], [0.2, 0.8]], (100, 1))
    y = np.tile([0, 1, 1, 1], 50)
    sets = ConformalSets.fit(proba, y)
    np.testing.assert_array_equal(sets.sets(proba + np.array([1e-7, -1e-7]), 0.9), sets.sets(proba, 0.9))
    assert sets.sets(np.empty((0, 2)), 0.9).shape == (0, 2)


def test_survives_json():
    sets = ConformalSets.fit(*reversed(rows(333, 3, np.random.default_rng(1))))
    assert ConformalSets.from_dict(json.loads(json.dumps(sets.to_dict()))) == sets
    assert len(sets.thresholds) == 100  # all but 0.999, for which 999 rows are needed


@pytest.mark.parametrize("coverage", [0.4, 1, 1.5, -1, "0.9", None, True, float("nan")])
def test_bad_coverages_are_named(coverage):
    sets = ConformalSets.fit([[0.5, 0.5]] * 30, [0] * 30)
    with pytest.raises(ParameterError, match="coverage="):
        sets.sets([[0.5, 0.5]], coverage)


GOOD = {"n_rows": 1, "thresholds": [0.5]}


@pytest.mark.parametrize(
    "values",
    [None, [], {}, {"n_rows": 1}, GOOD | {"more": 1}, GOOD | {"n_rows": 1.0}, GOOD | {"n_rows": True},
     GOOD | {"n_rows": -1}, GOOD | {"n_rows": 2**60}, GOOD | {"n_rows": 2}, GOOD | {"thresholds": []},
     GOOD | {"thresholds": [0.5, 0.4]}, GOOD | {"thresholds": ["a"]}, GOOD | {"thresholds": [None]},
     GOOD | {"thresholds": [True]}, GOOD | {"thresholds": [1.5]}, GOOD | {"thresholds": [-0.1]},
     GOOD | {"thresholds": [float("nan")]}, GOOD | {"thresholds": 0.5}, GOOD | {"thresholds": "x"}],
    ids=str,
)  # fmt: skip
def test_bad_contents_are_refused(values):
    assert ConformalSets.from_dict(GOOD).n_rows == 1
    with pytest.raises(ParameterError):
        ConformalSets.from_dict(values)


def test_rising_thresholds_are_refused():
    sets = ConformalSets.fit(*reversed(rows(50, 2, np.random.default_rng(2))))
    with pytest.raises(ParameterError, match="do not rise"):
        ConformalSets(50, sets.thresholds[::-1])


def test_bad_rows_are_named():
    with pytest.raises(DataError, match="not logits"):
        ConformalSets.fit([[3.0, -2.0]], [0])
    with pytest.raises(DataError, match="sums to"):
        ConformalSets.fit([[0.5, 0.5]] * 9, [0] * 9).sets([[0.5, 0.6]], 0.9)
