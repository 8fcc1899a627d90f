"""Tables, targets and weights in every form that they come in."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.exceptions import DataConversionWarning

import l0gm
from l0gm.errors import DataError, ParameterError

# ---- tables ------------------------------------------------------------------------------------------------


def forms(X):
    """The same table, by the name of its form."""
    lists = {name: X[name].tolist() for name in X}
    text = ["occupation", "region", "account"]
    arrow = pa.Table.from_pandas(X, preserve_index=False)
    coded = arrow
    for name in text:
        coded = coded.set_column(arrow.column_names.index(name), name, arrow[name].dictionary_encode())
    views = pa.table({n: arrow[n].cast(pa.string_view()) if n in text else arrow[n] for n in arrow.column_names})
    values = {name: sorted(set(arrow[name].drop_null().to_pylist()), reverse=True) for name in text}
    return {
        "pandas": X,
        "objects": X.astype(object),
        "string[python]": X.astype(dict.fromkeys(text, "string[python]")),
        "string[pyarrow]": X.astype(dict.fromkeys(text, "string[pyarrow]")),
        "str": X.astype(dict.fromkeys(text, "str")),
        "ordered categories": X.assign(
            **{n: pd.Categorical(X[n], categories=[*values[n], "unused"], ordered=True) for n in text}
        ),
        "Arrow-backed pandas": arrow.to_pandas(types_mapper=pd.ArrowDtype),
        "Arrow-backed categories": coded.to_pandas(types_mapper=pd.ArrowDtype),
        "polars categories": pl.from_arrow(arrow).with_columns(pl.col(text).cast(pl.Categorical)),
        "polars enums": pl.from_arrow(arrow).with_columns(
            *(pl.col(n).cast(pl.Enum([*values[n], "unused"])) for n in text)
        ),
        "pyarrow dictionaries": coded,
        "pyarrow views": views,
        "pyarrow in chunks": pa.concat_tables([coded.slice(0, 40), coded.slice(40)]),
        "shuffled index": X.set_axis(np.random.default_rng(0).permutation(len(X)), axis=0),
        "category dtype": X.astype(dict.fromkeys(("occupation", "region", "account"), "category")),
        "inferred dtypes": X.convert_dtypes(),
        "polars": pl.from_pandas(X.reset_index(drop=True)),
        "pyarrow": pa.Table.from_pandas(X, preserve_index=False),
        "dict of lists": lists,
        "dict of arrays": {name: X[name].to_numpy() for name in X},
        "list of dicts": [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)],
    }


@pytest.mark.parametrize(
    "form",
    ["objects", "string[python]", "string[pyarrow]", "str", "ordered categories", "Arrow-backed pandas",
     "Arrow-backed categories", "polars categories", "polars enums", "pyarrow dictionaries", "pyarrow views",
     "pyarrow in chunks", "shuffled index", "category dtype", "inferred dtypes", "polars", "pyarrow",
     "dict of lists", "dict of arrays", "list of dicts"],
)  # fmt: skip
def test_every_form_of_a_table_gives_the_same_fit(form, people, quick, fitted, same_fit):
    model = quick(active=0.2).fit(forms(people.X)[form], people.y.to_numpy())
    assert same_fit(model, fitted)
    assert model.notes_ == fitted.notes_
    assert model.feature_names_in_.tolist() == list(people.X)
    expected = fitted.predict_proba(people.new_X)
    small = model.compact()
    served = small.predict_proba(people.new_X)
    assert np.abs(served - expected).max() <= 1e-5
    for table in forms(people.new_X).values():
        assert np.array_equal(model.predict_proba(table), expected)
        assert np.array_equal(small.predict_proba(table), served)


def test_an_array(quick):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = X[:, 0] > 0
    model = quick(active=0.5).fit(X, y)
    assert not hasattr(model, "feature_names_in_")
    assert model.schema_.columns == ("x0", "x1", "x2")
    named = {f"x{j}": X[:, j] for j in range(3)}
    assert np.array_equal(model.predict_proba(X), model.predict_proba(named))


def test_columns_in_another_order_or_with_others(fitted, people):
    expected = fitted.predict_proba(people.new_X)
    assert np.array_equal(fitted.predict_proba(people.new_X[people.new_X.columns[::-1]]), expected)
    assert np.array_equal(fitted.predict_proba(people.new_X.assign(more=1, z=None)), expected)


def test_a_column_that_is_read_is_missing(fitted, people):
    """The gated model needs what the compacted one does: the columns of which a dimension is open."""
    small, expected = fitted.compact(), fitted.predict_proba(people.new_X)
    for name in people.X:
        fewer = people.new_X.drop(columns=name)
        if name in small.feature_names_in_:
            for model in (fitted, small):
                with pytest.raises(DataError, match=rf"column '{name}' missing: the model reads it"):
                    model.predict_proba(fewer)
        else:
            assert np.array_equal(fitted.predict_proba(fewer), expected)
    assert 0 < len(small.feature_names_in_) < people.X.shape[1]


@pytest.mark.parametrize(
    ("X", "says"),
    [
        ({"a": [1, 2], "b": [1]}, "different lengths"),
        ({}, "no columns"),
        (np.zeros(4), "no table"),
        ("table.csv", "no such file"),
        (None, "no table"),
        (pd.DataFrame(np.zeros((4, 2)), columns=["a", "a"]), "duplicate column names"),
        (pd.DataFrame({"a": []}), "labels for 0 rows"),
        ({"a": [1, 1, 1, 1]}, "no column is usable: a: constant"),
        ({"a": [1.0, 2.0, np.inf, 3.0]}, "column 'a': 1 infinite value"),
    ],
)
def test_tables_that_cannot_be_used(X, says, quick):
    with pytest.raises(DataError, match=says):
        quick().fit(X, ["p", "q", "p", "q"])


# ---- targets -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (("no", "yes"), str),
        ((0, 1), int),
        ((-7, 3), int),
        ((False, True), bool),
        (("B", "a"), str),
        (("10", "9"), str),
        (("x", "x\0"), str),
        ((0, 2**63), int),
    ],
)
def test_labels_keep_their_type_and_order(labels, kind, people, quick, fitted, tmp_path):
    """Renamed in ascending order they give the same probabilities."""
    y = [labels[value == "yes"] for value in people.y]
    model = quick(active=0.2).fit(people.X, y)
    assert [(type(c), c) for c in model.classes_.tolist()] == [(kind, label) for label in labels]
    proba = model.predict_proba(people.new_X)
    assert np.array_equal(proba, fitted.predict_proba(people.new_X))
    expected = [labels[k] for k in proba.argmax(1)]
    assert model.predict(people.new_X).tolist() == expected
    back = l0gm.load(model.save(tmp_path / "model.l0gm"))
    assert [(type(c), c) for c in back.classes_] == [(kind, label) for label in labels]
    assert back.predict(people.new_X).tolist() == expected


def test_classes_are_sorted_and_columns_follow(kinds, quick):
    model = quick(active=0.6, epochs=20, lr=0.01).fit(kinds.X, kinds.y)
    assert model.classes_.tolist() == sorted(set(kinds.y))
    p = model.predict_proba(kinds.X)
    for k, label in enumerate(model.classes_):
        assert p[kinds.y == label, k].mean() > p[kinds.y != label, k].mean() + 0.02


def test_numbers_sort_as_numbers(quick):
    x = np.arange(300) % 3
    model = quick(active=0.9).fit({"x": x * 1.0}, np.array([2, 10, 100])[x])
    assert model.classes_.tolist() == [2, 10, 100]


@pytest.mark.parametrize(
    "form",
    [list, tuple, np.array, lambda y: pd.Series(y, index=range(len(y), 0, -1)), pd.Categorical, pl.Series, pa.array],
)
def test_every_form_of_a_target_gives_the_same_fit(form, people, quick, fitted, same_fit):
    model = quick(active=0.2).fit(people.X, form(people.y.tolist()))
    assert same_fit(model, fitted)
    assert model.classes_.tolist() == ["no", "yes"]


@pytest.mark.parametrize(
    "form", [lambda y: pd.DataFrame({"y": y}), lambda y: pl.DataFrame({"y": y}), lambda y: np.array(y, object)[:, None]]
)
def test_a_target_that_is_a_column_is_taken_with_scikit_learns_warning(form, people, quick, fitted, same_fit):
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed when a 1d array was expected"):
        model = quick(active=0.2).fit(people.X, form(people.y.tolist()))
    assert same_fit(model, fitted)


def test_whole_floats_are_integers(people, quick):
    model = quick().fit(people.X, (people.y == "yes").astype(float))
    assert model.classes_.tolist() == [0, 1]
    assert model.classes_.dtype == np.int64


@pytest.mark.parametrize(
    ("y", "says"),
    [
        (["p"] * 4, "one class only"),
        (["p", "q"], "2 labels for 4 rows"),
        (["p", None, "q", "q"], "missing in 1 of 4 rows"),
        ([0.5, 1.0, 2.0, 3.0], "continuous"),
        (["p", 1, "q", "q"], "mixes int and str"),
        (["p", "q", "q", "q"], "class 'p' has 1 row"),
        (None, "y"),
    ],
)
def test_targets_that_cannot_be_used(y, says, quick):
    with pytest.raises(DataError, match=says):
        quick().fit({"a": [1, 2, 3, 4]}, y)


def test_labels_that_evaluate_does_not_know(fitted, people):
    with pytest.raises(DataError, match="label 'maybe' is none of the model's classes"):
        fitted.evaluate(people.new_X, ["maybe"] * len(people.new_X))


# ---- weights -----------------------------------------------------------------------------------------------


def test_balanced_is_a_mapping_is_a_weight_for_each_row(people, quick, same_fit):
    counts = people.y.value_counts()
    weights = {label: len(people.y) / (2 * count) for label, count in counts.items()}
    balanced = quick(class_weight="balanced").fit(people.X, people.y)
    mapped = quick(class_weight=weights).fit(people.X, people.y)
    given = quick().fit(people.X, people.y, sample_weight=people.y.map(weights))
    assert same_fit(balanced, mapped)
    answers = [m.predict_proba(people.new_X) for m in (mapped, given)]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-3)


def test_class_weights_move_the_probabilities(people, quick):
    means = [
        quick(class_weight=w).fit(people.X, people.y).predict_proba(people.new_X)[:, 1].mean()
        for w in ({"yes": 0.2}, None, {"yes": 5.0})
    ]
    assert means[0] + 0.1 < means[1] < means[2] - 0.1


def test_a_class_that_is_not_named_has_weight_one(people, quick, same_fit):
    named = quick(class_weight={"no": 1.0, "yes": 3.0}).fit(people.X, people.y)
    assert same_fit(quick(class_weight={"yes": 3.0}).fit(people.X, people.y), named)


def test_the_unit_of_the_weights_does_not_matter(people, quick, same_fit):
    weight = np.random.default_rng(0).integers(1, 5, len(people.X))
    plain = quick().fit(people.X, people.y, sample_weight=weight)
    for factor in (2.0**-200, 2.0**200):
        assert same_fit(quick().fit(people.X, people.y, sample_weight=(weight * factor).tolist()), plain)


def test_weights_of_one_change_nothing_much(people, quick, fitted):
    model = quick(active=0.2).fit(people.X, people.y, sample_weight=np.full(len(people.X), 7.0))
    np.testing.assert_allclose(model.predict_proba(people.new_X), fitted.predict_proba(people.new_X), atol=1e-3)


def test_rows_of_weight_zero_teach_nothing(step, quick):
    """Beside each row stands one with the wrong label."""
    X, y = step
    double = {name: np.concatenate([x, x]) for name, x in X.items()}
    labels = np.concatenate([y, ~y])
    weight = np.concatenate([np.ones(400), np.zeros(400)])
    options = {"active": 0.5, "epochs": 20, "lr": 0.01}
    heeded = quick(**options).fit(double, labels, sample_weight=weight)
    dropped = quick(**options).fit(X, y)
    ignored = quick(**options).fit(double, labels)
    assert dropped.score(X, y) > 0.95
    assert heeded.score(X, y) > 0.95
    assert ignored.score(X, y) < 0.75


def test_weights_that_leave_the_validation_rows_out(step, quick):
    """Few rows have a weight, none of them among those that choose the checkpoint."""
    X, y = step
    probe = quick(validation_fraction=10).fit(X, y)
    assert probe.metrics_["validation"]["n_rows"] == 10
    weight = np.zeros(400)
    weight[:40] = 1.0
    for seed in range(3):
        model = quick(validation_fraction=2, random_state=seed).fit(X, y, sample_weight=weight)
        assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize(
    ("weight", "says"),
    [
        ([1.0], "finite numbers are needed"),
        ([[1.0]] * 400, "finite numbers are needed"),
        ([-1.0] + [1.0] * 399, "none of them negative"),
        ([np.nan] + [1.0] * 399, "finite"),
        ([None] + [1.0] * 399, "finite"),
        ([np.inf] + [1.0] * 399, "finite"),
        ([0.0] * 400, "all weights are zero"),
        (["a"] * 400, "sample_weight"),
        ([[1.0], [1.0, 2.0]] * 200, "sample_weight"),
    ],
)
def test_weights_that_cannot_be_used(weight, says, step, quick):
    X, y = step
    with pytest.raises(DataError, match=says):
        quick().fit(X, y, sample_weight=weight)


def test_weights_that_leave_no_training_row(quick):
    x = np.arange(100) * 1.0
    y = x % 2 == 0
    train = quick(validation_fraction=0.4, calibration_fraction=0.4)
    weight = np.zeros(100)
    refused = 0
    for row in range(10):
        weight[:] = 0.0
        weight[row] = 1.0
        try:
            train.fit({"x": x}, y, sample_weight=weight)
        except DataError as error:
            refused += "training rows have weight zero" in str(error)
    assert refused >= 5


@pytest.mark.parametrize(
    ("weight", "says"),
    [
        ("uniform", "'balanced' or a mapping"),
        ([1.0, 2.0], "'balanced' or a mapping"),
        ({"perhaps": 2.0}, "names .*'perhaps'.*, none of the classes"),
        ({True: -1.0}, "not negative"),
        ({True: np.nan}, "finite"),
        ({True: 0.0, False: 0.0}, "not all zero"),
    ],
)
def test_class_weights_that_cannot_be_used(weight, says, step, quick):
    X, y = step
    with pytest.raises(ParameterError, match=says):
        quick(class_weight=weight).fit(X, y)
