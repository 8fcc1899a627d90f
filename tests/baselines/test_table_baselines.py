"""What baselines for tables do with columns, libraries and numbers of trees."""

import numpy as np
import pandas as pd
import pytest

from l0gm.baselines import base
from l0gm.baselines.base import needed
from l0gm.baselines.catboost import CatBoost
from l0gm.baselines.hist_gradient_boosting import HistGradientBoosting
from l0gm.baselines.lightgbm import LightGBM
from l0gm.baselines.logistic_regression import LogisticRegression
from l0gm.baselines.xgboost import XGBoost
from l0gm.datasets import load
from l0gm.errors import DataError, MissingExtraError, ParameterError
from l0gm.metrics import accuracy, auc
from l0gm.testing.messy import mixed_rows

LIBRARIES = {
    "xgboost": XGBoost,
    "lightgbm": LightGBM,
    "catboost": CatBoost,
    "sklearn": HistGradientBoosting,
}
X, CODES = mixed_rows(400, 0, 2)


@pytest.mark.parametrize("library", LIBRARIES)
def test_trees_stop_early_and_are_counted(library):
    pytest.importorskip(library)
    few = LIBRARIES[library](trees=2).fit(X, CODES)
    assert few.size().n_parameters > 2
    stopped = LIBRARIES[library](trees=100_000, learning_rate=0.5).fit(X, CODES)
    assert few.size().n_parameters < stopped.size().n_parameters < 100_000


@pytest.mark.parametrize("library", LIBRARIES)
def test_identifiers_of_many_values_say_something(library):
    pytest.importorskip(library)
    rng = np.random.default_rng(0)
    who = rng.integers(0, 300, 7000)
    rows = pd.DataFrame({"who": [f"w{k}" for k in who], "noise": rng.normal(size=7000)})
    labels = (rng.permutation(300) < 150)[who] ^ (rng.random(7000) < 0.1)
    model = LIBRARIES[library](trees=60).fit(rows[:6000], labels[:6000])
    assert auc(labels[6000:].astype(int), model.predict_proba(rows[6000:])) > 0.8


def test_texts_are_left_out_with_a_note():
    words = [f"word{k}" for k in range(10)]
    rng = np.random.default_rng(0)
    rows = X.assign(review=[" ".join(rng.permutation(words)) for _ in range(len(X))])
    model = LogisticRegression().fit(rows, CODES)
    assert "review: text, which this method does not read, dropped" in model.notes_
    np.testing.assert_array_equal(model.predict_proba(rows), LogisticRegression().fit(X, CODES).predict_proba(X))
    with pytest.raises(DataError, match="review: text, which this method does not read"):
        LogisticRegression().fit(rows[["review"]], CODES)


def test_columns_may_come_in_another_order_and_have_to_be_there():
    model = LogisticRegression().fit(X, CODES)
    np.testing.assert_array_equal(model.predict_proba(X[X.columns[::-1]]), model.predict_proba(X))
    with pytest.raises(DataError, match="'x'"):
        model.predict_proba(X.drop(columns="x"))


def test_logistic_regression_on_bins_bends():
    x = np.random.default_rng(0).uniform(-1, 1, 1000)
    rows, labels = pd.DataFrame({"x": x}), (np.abs(x) > 0.5).astype(int)
    scores = {
        numbers: accuracy(labels, LogisticRegression(numbers=numbers).fit(rows, labels).predict_proba(rows))
        for numbers in ("scaled", "bins")
    }
    assert scores["scaled"] < 0.7 < 0.9 < scores["bins"]
    with pytest.raises(ParameterError, match="numbers='trees'"):
        LogisticRegression(numbers="trees").fit(rows, labels)


def test_a_missing_library_is_named_with_its_extra(monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(base.importlib, "import_module", absent)
    with pytest.raises(MissingExtraError, match=r"the baseline XGBoost needs xgboost.*l0gm\[baselines\]"):
        needed("xgboost", "the baseline XGBoost")


def test_arrays_and_polars():
    polars = pytest.importorskip("polars")
    rng = np.random.default_rng(0)
    array = rng.normal(size=(200, 3))
    labels = array[:, 1] > 0
    for rows in (array, array.tolist(), polars.DataFrame(array, schema=["a", "b", "c"])):
        model = HistGradientBoosting(trees=20).fit(rows, labels)
        assert (model.predict(rows) == labels).mean() > 0.9


@pytest.mark.data
def test_adult():
    data = load("adult")
    train, test = data.split("openml")
    rows, y = data.features, data.labels
    labels = (y.iloc[test] == ">50K").to_numpy().astype(int)
    for model, least in ((LogisticRegression(), 0.90), (HistGradientBoosting(), 0.925)):
        proba = model.fit(rows.iloc[train], y.iloc[train]).predict_proba(rows.iloc[test])
        assert least < auc(labels, proba) < least + 0.01
