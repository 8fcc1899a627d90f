"""Every method for tables keeps the contract of baselines."""

from functools import partial

import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from l0gm.baselines import methods
from l0gm.testing import check_baseline

NETWORK = {"deep": (8,), "epochs": 8, "batch_size": 32, "lr": 0.02}
FIELDS = {**NETWORK, "embedding_dim": 2}
OURS = {**FIELDS, "cin": (2,), "epochs": 6}
TREES = {"trees": 20}
QUICK = {
    "logistic": {},
    "mlp": NETWORK,
    "wide-deep": FIELDS,
    "deepfm": FIELDS,
    "xdeepfm": FIELDS,
    "xgboost": TREES,
    "lightgbm": TREES,
    "catboost": TREES,
    "histgb": TREES,
    "filter": NETWORK,
    "wrapper": NETWORK,
    "embedded-l1": NETWORK,
    "embedded-trees": NETWORK,
    "l0gm-q1": {**OURS, "cin": ()},
    "l0gm-taught": {**OURS, "teacher": HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype")},
}
METHODS = methods("tabular")


@pytest.mark.parametrize("name", METHODS)
def test_keeps_the_contract(name):
    for package in METHODS[name].packages:
        pytest.importorskip(package)
    check_baseline(partial(METHODS[name].make, active=0.5, **QUICK.get(name, OURS)))
