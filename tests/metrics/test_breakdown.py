"""The breakdown holds the numbers of the functions it is made of, as JSON can hold them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from l0gm.errors import DataError
from l0gm.metrics import accuracy, breakdown, consistency_band, ece, ece_null, reliability_table


@pytest.fixture
def binary():
    rng = np.random.default_rng(0)
    p1 = rng.beta(0.5, 1.5, size=400)
    return (rng.random(400) < p1).astype(int), np.column_stack([1 - p1, p1])


@pytest.mark.parametrize("kind", ["top_label", "positive"])
def test_bins_bands_and_errors(binary, kind):
    y, proba = binary
    found = json.loads(json.dumps(breakdown(y, proba, draws=50), allow_nan=False))["reliability"][kind]
    table = reliability_table(y, proba, kind)
    low, high = consistency_band(proba, kind, draws=50)
    assert found["count"] == table.count.tolist()
    assert sum(found["count"]) == 400
    for name, values in (("low", low), ("high", high), ("confidence", table.confidence)):
        np.testing.assert_array_equal(np.array(found[name], dtype=float), values)
    np.testing.assert_array_equal(np.array(found["frequency"], dtype=float), table.frequency)
    null = ece_null(proba, kind, draws=50)
    assert (found["ece"], found["ece_null_mean"], found["ece_null_p95"]) == (ece(y, proba, kind), null.mean, null.p95)
    if kind == "top_label":
        assert found["frequency"][0] is None  # the larger of two is never below one half


def test_the_confusion_matrix_counts_true_by_predicted(binary):
    y, proba = binary
    confusion = breakdown(y, proba, classes=["no", True], draws=5)["confusion"]
    assert confusion["classes"] == ["no", "True"]
    counts = np.array(confusion["counts"])
    assert counts.sum(axis=1).tolist() == np.bincount(y).tolist()
    assert counts[0, 1] == int(((y == 0) & (proba[:, 1] > 0.5)).sum())
    assert np.trace(counts) / 400 == accuracy(y, proba)


def test_many_classes_have_no_positive_one_and_very_many_no_matrix():
    few = breakdown([0, 2, 1], np.eye(3), draws=5)
    assert list(few["reliability"]) == ["top_label"]
    assert few["confusion"] == {"classes": ["0", "1", "2"], "counts": [[1, 0, 0], [0, 0, 1], [0, 1, 0]]}
    assert breakdown([0, 1], np.full((2, 201), 1 / 201), draws=5)["confusion"] is None


def test_classes_have_to_name_each_column(binary):
    with pytest.raises(DataError, match="classes names 3, and proba has 2 columns"):
        breakdown(*binary, classes=["a", "b", "c"])
