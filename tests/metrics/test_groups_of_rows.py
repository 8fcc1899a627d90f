"""Measures by group are those of the group's rows alone; groups too small to judge say so."""

from __future__ import annotations

import json

import numpy as np
import pytest

from l0gm.errors import DataError
from l0gm.metrics import accuracy, auc, by_group, ece, ece_null, log_loss


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    p1 = rng.random(900)
    y = (rng.random(900) < p1).astype(int)
    return y, np.column_stack([1 - p1, p1]), rng.choice(["a", "b", None], 900, p=[0.6, 0.3, 0.1])


def test_each_group_is_measured_by_itself(rows):
    y, proba, groups = rows
    found = by_group(y, proba, groups, draws=50)
    assert list(found) == list(dict.fromkeys(groups.tolist()))
    for group, got in found.items():
        its = np.array([g == group for g in groups])
        assert got == {
            "n_rows": its.sum(),
            "accuracy": accuracy(y[its], proba[its]),
            "auc": auc(y[its], proba[its]),
            "log_loss": log_loss(y[its], proba[its]),
            "ece": ece(y[its], proba[its]),
            "ece_null_p95": ece_null(proba[its], draws=50).p95,
            "small": group is None,
        }
    assert json.loads(json.dumps(found["a"])) == found["a"]


def test_a_group_without_a_class_has_no_auc(rows):
    y, proba, _ = rows
    groups = np.where(y == 1, "all", "none")
    found = by_group(y, proba, groups.tolist(), draws=5)
    assert found["all"]["auc"] is found["none"]["auc"] is None
    assert found["all"]["small"]
    assert found["none"]["small"]
    assert found["all"]["accuracy"] == np.mean(proba[y == 1, 1] > 0.5)


def test_few_rows_of_a_class_are_few(rows):
    y, proba, _ = rows
    kept = np.flatnonzero((y == 0) | (np.cumsum(y) <= 9))
    assert len(kept) > 300
    (found,) = by_group(y[kept], proba[kept], ["x"] * len(kept), draws=5).values()
    assert found["small"]


def test_numbers_and_nan_as_groups(rows):
    y, proba, _ = rows
    found = by_group(y, proba, np.tile([1.0, np.nan, 2.0], 300), draws=5)
    assert list(found) == [1.0, None, 2.0]
    assert by_group(y, proba, [float("nan")] * 900, draws=5).keys() == {None}


def test_one_group_a_row(rows):
    y, proba, _ = rows
    with pytest.raises(DataError, match="groups has 2 entries for 900 rows"):
        by_group(y, proba, ["a", "b"])
