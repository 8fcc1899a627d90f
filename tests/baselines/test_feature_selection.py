"""Each selection finds the fields that matter; how many stay is what was asked for."""

import numpy as np
import pandas as pd
import pytest

from l0gm.baselines.selected_mlp import SelectedMLP
from l0gm.baselines.selection import SELECTIONS
from l0gm.errors import ParameterError

QUICK = {"deep": (4,), "epochs": 1, "batch_size": 128}


@pytest.fixture(scope="module")
def rows():
    """Two fields decide, the third says the same as the first; an identifier has a value for every three rows."""
    rng = np.random.default_rng(0)
    n = 900
    x, kind = rng.normal(size=n), rng.integers(0, 3, n)
    frame = pd.DataFrame(
        {
            "noise": rng.normal(size=n),
            "who": [f"w{k}" for k in rng.integers(0, 300, n)],
            "kind": np.array(["a", "b", None], dtype=object)[kind],
            "day": pd.Timestamp("2024-03-01") + pd.to_timedelta(rng.integers(0, 25, n), unit="D"),
            "x": np.where(rng.random(n) < 0.1, np.nan, x),
            "flag": rng.random(n) < 0.5,
        }
    )
    return frame, (x + 1.5 * (kind == 1) - 1.5 * (kind == 2) > 0).astype(int)


@pytest.mark.parametrize("select", SELECTIONS)
def test_finds_what_matters(select, rows):
    if select == "trees":
        pytest.importorskip("lightgbm")
    model = SelectedMLP(select=select, fields=2, **QUICK).fit(*rows)
    assert model.kept_ == ["kind", "x"]  # in the order of the table
    assert (model.size().n_open, model.size().n_dimensions) == (2, len(model.schema_.fields))
    assert len(model.schema_.fields) > 6  # a date has parts


@pytest.mark.parametrize("select", SELECTIONS)
def test_three_classes(select, rows):
    if select == "trees":
        pytest.importorskip("lightgbm")
    X, y = rows
    model = SelectedMLP(select=select, fields=2, **QUICK).fit(X, y + (X["x"].to_numpy() > 1))
    assert {"kind", "x"} == {*model.kept_}


@pytest.mark.parametrize(("fields", "kept"), [(1, 1), (3, 3), (100, 8), (1.0, 8), (0.25, 2), (0.01, 1)])
def test_as_many_as_asked_for(fields, kept, rows):
    model = SelectedMLP(fields=fields, **QUICK).fit(*rows)
    assert len(model.schema_.fields) == 8
    assert len(model.kept_) == model.size().n_open == kept


def test_fields_that_were_not_kept_may_hold_anything(rows):
    X, y = rows
    model = SelectedMLP(fields=2, **QUICK).fit(X, y)
    other = X.assign(noise=0.0, flag=None, who="new", day=pd.NaT)
    np.testing.assert_array_equal(model.predict_proba(other), model.predict_proba(X))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fields": 0}, "fields=0"),
        ({"fields": 1.5}, "fields=1.5"),
        ({"fields": True}, "fields=True"),
        ({"select": "best"}, "select='best'.*mutual_information"),
    ],
)
def test_bad_settings_are_named(settings, message, rows):
    with pytest.raises(ParameterError, match=message):
        SelectedMLP(**QUICK, **settings).fit(*rows)
