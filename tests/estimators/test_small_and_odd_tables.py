"""Tables at the edges of what there is: few rows, few or many columns and classes; and the notes on them."""

import datetime as dt

import numpy as np
import pytest

import l0gm
from l0gm.data.schema import CategoricalField, HashedField, NumericField
from l0gm.errors import DataError


def walk(model, X, tmp_path):
    """Compact, save, load and compare; return the probabilities."""
    back = l0gm.load(model.save(tmp_path / "model.l0gm"))
    proba = model.predict_proba(X)
    assert np.abs(back.predict_proba(X) - proba).max() <= 1e-5
    assert np.isfinite(proba).all()
    return proba


def test_ten_rows(quick, tmp_path):
    X = {"a": np.arange(10.0), "b": ["x", "y"] * 5}
    model = quick(epochs=20).fit(X, [False] * 5 + [True] * 5)
    assert walk(model, X, tmp_path).shape == (10, 2)
    assert model.metrics_ == {}  # one row each: not every class has one


def test_ten_rows_with_every_default(tmp_path):
    X = {"a": np.arange(10.0)}
    model = l0gm.L0GMClassifier().fit(X, [0, 1] * 5)
    walk(model, X, tmp_path)


def test_four_rows(quick, tmp_path):
    model = quick(validation_fraction=0, calibration_fraction=0).fit({"a": [1, 2, 3, 4]}, [0, 0, 1, 1])
    walk(model, {"a": [0, 2.5, None]}, tmp_path)
    assert "no validation rows: the checkpoint was chosen on the training rows" in model.notes_


def test_three_rows_a_class(quick, tmp_path):
    X = {"a": np.arange(9.0)}
    model = quick(epochs=20).fit(X, ["p", "q", "r"] * 3)
    assert walk(model, X, tmp_path).shape == (9, 3)


def test_fifty_classes(quick, tmp_path):
    code = np.arange(150) % 50
    X = {"a": code.astype(float), "b": code % 7}
    y = np.array([f"class {k:02d}" for k in range(50)])[code]
    model = quick(active=0.8, epochs=60, deep=(32,), lr=0.02, min_bin_rows=1, max_bins=64).fit(X, y)
    proba = walk(model, X, tmp_path)
    assert proba.shape == (150, 50)
    assert (model.predict(X) == y).mean() > 0.2  # by chance 0.02
    assert model.classes_.tolist() == sorted(set(y))


def test_too_few_rows_for_the_parts(quick):
    with pytest.raises(DataError, match="ask for smaller parts or bring more rows"):
        quick(validation_fraction=0.5, calibration_fraction=0.4).fit({"a": range(10)}, list("ababababab"))


@pytest.mark.parametrize(
    "column",
    [np.arange(60.0), ["x", "y", None] * 20, [True, False] * 30, [dt.date(2024, 1, 1 + i % 28) for i in range(60)]],
    ids=["numbers", "text", "booleans", "dates"],
)
def test_one_column(column, quick, tmp_path):
    model = quick(active=0.5).fit({"only": column}, np.arange(60) % 2)
    walk(model, {"only": column}, tmp_path)
    assert model.feature_importances_.tolist() == [1.0]
    assert model.get_support().tolist() == [True]


def test_three_hundred_columns(quick, tmp_path):
    """Beyond 256 fields each has one dimension."""
    rng = np.random.default_rng(0)
    X = {f"c{j}": rng.normal(size=80) for j in range(300)}
    model = quick(active=0.1, embedding_dim=None, epochs=2, bins="quantile", max_bins=4).fit(X, X["c7"] > 0)
    assert (model.model_.encoder.width, model.model_.gate.dim, model.model_.gate.n_open) == (1, 300, 30)
    walk(model, X, tmp_path)
    assert model.get_support().sum() == 30


@pytest.mark.parametrize(("columns", "width"), [(1, 16), (16, 16), (17, 15), (40, 6), (128, 2), (200, 1)])
def test_the_interface_stays_within_256_dimensions(columns, width, quick):
    X = {f"c{j}": np.arange(40.0) * (j % 10 + 1) % 11 for j in range(columns)}
    model = quick(embedding_dim=None, epochs=1, deep=(), cin=()).fit(X, np.arange(40) % 2)
    assert model.model_.encoder.width == width
    assert model.model_.gate.dim == columns * width <= 256


def test_a_width_that_is_asked_for_is_used(quick):
    X = {f"c{j}": np.arange(40.0) * (j % 10 + 1) % 11 for j in range(20)}
    assert quick(embedding_dim=20, epochs=1).fit(X, np.arange(40) % 2).model_.gate.dim == 400


# ---- notes -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def odd(quick):
    """A model of a column of every kind that is worth a note, and its rows."""
    n = 600
    rng = np.random.default_rng(0)
    start = dt.datetime(2024, 1, 1)
    X = {
        "plain": rng.normal(size=n),
        "constant": [3] * n,
        "constant text": ["same"] * n,
        "empty": [None] * n,
        "serial": [f"id-{i}" for i in range(n)],
        "many": [f"v{i % 250}" for i in range(n)],
        "rare": ["common" if i % 3 else "other" for i in range(n - 4)]
        + ["odd one", "odd two", "odd three", "odd four"],
        "codes": [str(10_000 + i % 9) for i in range(n)],
        "dates": [start + dt.timedelta(days=i) for i in range(n)],
        "iso": [(start + dt.timedelta(hours=i)).isoformat() for i in range(n)],
        "mixed": [("1", 2, "x")[i % 3] for i in range(n)],
        "endless": [np.inf if i == 5 else i % 10 for i in range(n)],
        "partly": [None if i % 2 else 7.0 for i in range(n)],
    }
    model = quick(
        active=0.5,
        max_categories=100,
        hash_buckets=16,
        infinite="missing",
        validation_fraction=0,
        calibration_fraction=0,
    )
    return model.fit(X, rng.random(n) < 0.5), X


@pytest.mark.parametrize(
    "note",
    [
        "constant: constant (3), dropped",
        "constant text: constant (same), dropped",
        "empty: all values missing, dropped",
        "serial: another value in every row, dropped; name it in `categorical` to keep its values",
        "many: 250 distinct values, hashed into 16 buckets",
        "rare: 4 of 6 values seen in fewer than 5 rows share the slot of unseen values",
        "codes: text that reads as numbers, kept as categories; convert it if it is a quantity",
        "dates: date, read as year, month, day, weekday, elapsed_days",
        "iso: text in ISO date format, read as dates",
        "mixed: values of several types, read as text",
        "endless: 1 infinite values, read as missing",
        "no validation rows: the checkpoint was chosen on the training rows",
        "no calibration rows: probabilities stay as they are, and there are no prediction sets",
    ],
)
def test_notes(note, odd):
    assert note in odd[0].notes_


def test_fields_of_odd_columns(odd, tmp_path):
    model, X = odd
    fields = {f.name: f for f in model.schema_.fields}
    assert isinstance(fields["many"], HashedField)
    assert fields["many"].buckets == 16
    assert fields["rare"].vocabulary == ("common", "other")
    assert isinstance(fields["codes"], CategoricalField)
    assert isinstance(fields["partly"], NumericField)
    assert not {"constant", "constant text", "empty", "serial"} & fields.keys()
    proba = walk(model, X, tmp_path)
    fewer = {name: X[name] for name in X if name not in ("constant", "constant text", "empty", "serial")}
    assert np.array_equal(model.predict_proba(fewer), proba)
    endless = {**X, "endless": [np.inf] * 600}
    missing = {**X, "endless": [None] * 600}
    assert np.array_equal(model.predict_proba(endless), model.predict_proba(missing))
    strangers = {**X, "rare": ["never seen"] * 600}
    unknown = {**X, "rare": ["odd one"] * 600}
    assert np.array_equal(model.predict_proba(strangers), model.predict_proba(unknown))


def test_a_column_named_categorical_keeps_its_values(quick):
    X = {"zip": [10_000 + i % 3 for i in range(90)], "x": np.arange(90.0)}
    model = quick(categorical=["zip"]).fit(X, np.arange(90) % 2)
    assert model.schema_.fields[0].vocabulary == ("10000", "10001", "10002")
    same = {"zip": ["10000", "10001.0", "10002"], "x": [1.0] * 3}
    other = {"zip": [10_000.0, 10_001, 10_002], "x": [1.0] * 3}
    codes = [model.schema_.encode(table).codes[:, 0].tolist() for table in (same, other)]
    assert codes[1] == [2, 3, 4]
    assert codes[0][0] == 2


def test_values_that_fit_never_saw_stand_for_an_average_row(quick):
    """A missing value where there was none, a category that turns up later: the mean over the training rows."""
    X = {"letter": ["a"] * 60 + ["b"] * 30 + ["c"] * 10, "x": np.arange(100.0)}
    model = quick(active=0.9, epochs=8, lr=0.02, validation_fraction=0, calibration_fraction=0)
    model.fit(X, np.arange(100) % 7 < 3)
    for tables in (model.model_.encoder.fields.tables, model.model_.head.linear.tables):
        (letters, _), (numbers, slopes) = tables.tables()
        average = 0.6 * letters[2] + 0.3 * letters[3] + 0.1 * letters[4]
        np.testing.assert_allclose(letters[:2], [average, average], rtol=1e-5, atol=1e-6)
        codes = model.schema_.encode(X).codes[:, 1]
        np.testing.assert_allclose(numbers[0], (numbers + 0.5 * slopes)[codes].mean(0), rtol=1e-4, atol=1e-6)
        assert np.abs(letters[2] - letters[3]).max() > 1e-3
    known = model.predict_proba(X)[:, 1]
    missing, unseen = (model.predict_proba({"letter": [v], "x": [None]})[0, 1] for v in (None, "z"))
    assert known.min() < missing == unseen < known.max()
