from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from l0gm.datasets import load
from l0gm.estimators import L0GMClassifier

QUICK = {"epochs": 3, "deep": (8,), "cin": (2,), "embedding_dim": 4, "batch_size": 64}


@dataclass(frozen=True)
class Task:
    """Training rows and rows that no fit sees."""

    X: pd.DataFrame
    y: pd.Series
    new_X: pd.DataFrame  # noqa: N815
    new_y: pd.Series


def task(name, rows):
    data = load(name, rows=rows)
    train, test = data.split()
    X, y = data.features, data.labels
    return Task(X.iloc[train], y.iloc[train], X.iloc[test], y.iloc[test])


@pytest.fixture(scope="session")
def people():
    """Two classes; columns of every kind."""
    return task("synthetic:mixed", 500)


@pytest.fixture(scope="session")
def kinds():
    """Four classes."""
    return task("synthetic:multiclass", 500)


@pytest.fixture(scope="session")
def quick():
    """Make an estimator whose fit takes a fraction of a second."""

    def make(**options: Any) -> L0GMClassifier:
        return L0GMClassifier(**{**QUICK, **options})

    return make


@pytest.fixture(scope="session")
def fitted(quick, people):
    """An estimator of two classes; tests do not alter it."""
    return quick(active=0.2).fit(people.X, people.y)


@pytest.fixture(scope="session")
def fitted_kinds(quick, kinds):
    """One of four classes."""
    return quick(active=0.3, cin=(3, 2)).fit(kinds.X, kinds.y)


@pytest.fixture(scope="session")
def same_fit():
    """Whether two estimators have the same schema, weights and temperature, bit for bit."""

    def compare(a: L0GMClassifier, b: L0GMClassifier) -> bool:
        left, right = a.model_.state_dict(), b.model_.state_dict()
        return (
            a.schema_.fields == b.schema_.fields
            and left.keys() == right.keys()
            and all(np.array_equal(left[name].numpy(), right[name].numpy()) for name in left)
            and a.calibrator_ == b.calibrator_
        )

    return compare


@pytest.fixture(scope="session")
def step():
    """Rows whose label says whether ``x`` is positive."""
    x = np.random.default_rng(0).normal(size=400)
    return {"x": x, "noise": x[::-1] ** 2}, x > 0
