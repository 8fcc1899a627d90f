import pytest

from l0gm.datasets import load

OPTIONS = {"epochs": 2, "deep": (8,), "cin": (2,), "embedding_dim": 4}


@pytest.fixture(scope="session")
def rows():
    """Training and test rows of a small binary task, as run_seeds takes them."""
    return parts("synthetic:mixed", ["age", "balance", "occupation", "region", "member"])


@pytest.fixture(scope="session")
def classes():
    """Training and test rows of a small task of four classes."""
    return parts("synthetic:multiclass", ["x", "y", "shape"])


@pytest.fixture(scope="session")
def options():
    """Settings that make a fit take a fraction of a second."""
    return OPTIONS


def parts(name, columns):
    data = load(name, rows=500)
    train, test = data.split()
    X, y = data.features[columns], data.labels
    return X.iloc[train], y.iloc[train], X.iloc[test], y.iloc[test]
