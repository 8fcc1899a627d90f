import numpy as np
import pandas as pd
import pytest

from l0gm.datasets import load, synthetic
from l0gm.errors import ParameterError

NAMES = ["synthetic:mixed", "synthetic:multiclass"]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_rows(name, same):
    same(load(name, rows=500, seed=1).frame, load(name, rows=500, seed=1).frame)
    assert not load(name, rows=500, seed=1).frame.equals(load(name, rows=500, seed=2).frame)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("option", [{"rows": 10}, {"rows": 500.0}, {"rows": True}, {"seed": -1}, {"seed": None}])
def test_options_that_mean_nothing(name, option):
    with pytest.raises(ParameterError, match=next(iter(option))):
        load(name, **option)


@pytest.mark.parametrize("name", NAMES)
def test_the_fewest_rows_can_be_split_whatever_the_seed(name):
    for seed in range(20):
        train, test = load(name, rows=synthetic.MIN_ROWS, seed=seed).split()
        assert len(train) + len(test) == synthetic.MIN_ROWS


def test_mixed_has_every_kind_of_column():
    frame = load("synthetic:mixed").frame
    gaps = frame.isna().mean()
    assert gaps["empty"] == 1.0
    assert gaps["constant"] == gaps["churned"] == 0.0
    assert gaps.drop(["empty", "constant", "churned"]).between(0.02, 0.1).all()

    assert (frame["balance"] == 0).mean() > 0.7
    assert frame["occupation"].value_counts().min() < 0.005 * len(frame)
    assert frame["account"].nunique() > 0.8 * len(frame)
    assert set(frame["constant"]) == {"same"}
    assert str(frame["member"].dtype) == str(frame["newsletter"].dtype) == "boolean"
    assert pd.api.types.is_datetime64_dtype(frame["last_seen"])
    assert set(frame["churned"]) == {"no", "yes"}
    text = ["occupation", "region", "account", "constant", "churned"]
    assert {str(frame[name].dtype) for name in text} == {"object"}
    assert all(cell is None or isinstance(cell, str) for name in text for cell in frame[name])


def test_mixed_depends_on_the_informative_columns_beyond_a_line():
    frame = load("synthetic:mixed", rows=20_000).frame
    assert set(frame.columns) >= synthetic.MIXED_INFORMATIVE
    rate = (frame["churned"] == "yes").astype(float)
    young, middle, old = (rate[frame["age"].between(*ages)].mean() for ages in ((16, 35), (45, 60), (80, 120)))
    assert middle > young + 0.1
    assert middle > old + 0.1
    rich = frame["balance"] > 0
    effect = [rate[rich & (frame["member"] == m)].mean() - rate[~rich & (frame["member"] == m)].mean() for m in (0, 1)]
    assert effect[0] < -0.1 < 0.1 < effect[1]
    weekend = frame["last_seen"].dt.day_of_week >= 5
    assert rate[weekend].mean() > rate[~weekend].mean() + 0.08
    assert rate.groupby(frame["region"]).mean().std() < 0.03


def test_multiclass_needs_more_than_a_line():
    data = load("synthetic:multiclass")
    assert set(data.frame.columns) >= synthetic.MULTICLASS_INFORMATIVE
    assert data.labels.nunique() == 4
    assert data.labels.value_counts(normalize=True).min() > 0.08
    radius = np.hypot(data.frame["x"], data.frame["y"])
    assert radius[data.labels == "core"].mean() < radius[data.labels == "rim"].mean() - 0.5
