from __future__ import annotations

import json

import numpy as np
import pytest

from l0gm.errors import DataError
from l0gm.metrics import accuracy, auc, brier, ece, ece_adaptive, ece_null, evaluate, log_loss

COMMON = ["accuracy", "auc", "log_loss", "brier", "ece", "ece_null_mean", "ece_null_p95", "n_rows"]
ADAPTIVE = ["ece_adaptive", "ece_adaptive_null_mean", "ece_adaptive_null_p95"]
POSITIVE = ["ece_positive", "ece_positive_null_mean", "ece_positive_null_p95"]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_holds_exactly_the_named_metrics(n_classes):
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(n_classes), size=200)
    y = rng.integers(n_classes, size=200)
    scores = evaluate(y, proba, bins=10, draws=50, seed=3)
    assert set(scores) == {*COMMON, *ADAPTIVE, *(POSITIVE if n_classes == 2 else [])}
    for name, metric in {"accuracy": accuracy, "auc": auc, "log_loss": log_loss, "brier": brier}.items():
        assert scores[name] == metric(y, proba)
    for kind, prefix in [("top_label", "ece"), ("positive", "ece_positive")][: 4 - n_classes]:
        band = ece_null(proba, kind, bins=10, draws=50, seed=3)
        assert scores[prefix] == ece(y, proba, kind, bins=10)
        assert scores[f"{prefix}_null_mean"] == band.mean
        assert scores[f"{prefix}_null_p95"] == band.p95
    band = ece_null(proba, bins=10, draws=50, seed=3, binning="mass")
    assert [scores[name] for name in ADAPTIVE] == [ece_adaptive(y, proba, bins=10), band.mean, band.p95]
    assert scores["n_rows"] == 200
    assert json.loads(json.dumps(scores)) == scores


def test_a_class_without_rows_is_an_error_and_no_nan():
    with pytest.raises(DataError, match="no rows of class 1"):
        evaluate([0, 0], [[0.5, 0.5], [0.5, 0.5]])
