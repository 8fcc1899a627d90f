import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from l0gm.datasets import load
from l0gm.estimators import L0GMClassifier

QUICK = {"epochs": 3, "deep": (8,), "embedding_dim": 4, "batch_size": 64}


@dataclass(frozen=True)
class Fitted:
    """A fitted estimator, its compacted model, and rows that it has not seen."""

    estimator: L0GMClassifier
    compact: Any
    X: pd.DataFrame
    y: pd.Series

    @property
    def columns(self):
        """The rows as a dict of lists that json can hold: dates as text, None where missing."""
        return json.loads(self.X.to_json(orient="columns", date_format="iso"), parse_float=float)

    @property
    def lists(self):
        return {name: list(column.values()) for name, column in self.columns.items()}


def fit(name, rows, **options):
    data = load(name, rows=rows)
    train, test = data.split()
    X, y = data.features, data.labels
    estimator = L0GMClassifier(**QUICK, **options).fit(X.iloc[train], y.iloc[train])
    return Fitted(estimator, estimator.compact(), X.iloc[test], y.iloc[test])


@pytest.fixture(scope="session")
def binary():
    return fit("synthetic:mixed", 600, active=0.2, cin=(3,))


@pytest.fixture(scope="session")
def classes():
    """Four classes; the compacted model has a CIN of two depths."""
    return fit("synthetic:multiclass", 500, active=0.3, cin=(3, 2))


@pytest.fixture(scope="session", params=["binary", "classes"])
def fitted(request):
    """One after the other."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def rng():
    return np.random.default_rng(0)
