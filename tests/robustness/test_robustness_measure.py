"""Rob mu of any classifier: the plain mean that the paper defines, on inputs that are the same for all."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from l0gm import L0GMClassifier
from l0gm.datasets import load
from l0gm.errors import DataError, ParameterError
from l0gm.metrics import accuracy, auc, ece, log_loss
from l0gm.robustness import (
    CONDITIONS,
    Condition,
    InputStatistics,
    OverSeeds,
    compare,
    perturb,
    rob_mu_over,
    robustness,
)


class Stub:
    """A classifier that answers from one column, and remembers the rows that it was given."""

    classes_ = np.array(["no", "yes"])

    def __init__(self, spoil=False):
        self.seen, self.spoil = [], spoil

    def predict_proba(self, X):
        self.seen.append(X.copy())
        p = 1 / (1 + np.exp(-X["x"].fillna(0.0).to_numpy()))
        if self.spoil:
            X["x"] = 0.0
        return np.column_stack([1 - p, p])


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(1)
    x = rng.normal(size=400)
    frame = pd.DataFrame({"x": x, "w": rng.normal(size=400)})
    return frame, np.where(x + 0.5 * rng.normal(size=400) > 0, "yes", "no")


@pytest.fixture(scope="module")
def numbers():
    """Rows of numbers in three classes, as arrays."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(600, 5))
    return X, np.digitize(X[:, 0] + X[:, 1], [-0.7, 0.7])


def test_it_is_the_mean_of_the_metric_over_conditions_and_seeds(rows):
    X, y = rows
    statistics, seeds = InputStatistics.fit(X), (3, 8)
    result = robustness(Stub(), X, y, statistics=statistics, seeds=seeds)
    codes = (y == "yes").astype(int)
    for metric, of in {"accuracy": accuracy, "auc": auc, "log_loss": log_loss, "ece": ece}.items():
        one = result.of(metric)
        table = np.array(
            [[of(codes, Stub().predict_proba(perturb(X, c, statistics, seed))) for seed in seeds] for c in CONDITIONS]
        )
        assert one.clean == of(codes, Stub().predict_proba(X))
        assert one.rob_mu == pytest.approx(table.mean(), rel=1e-12)
        assert one.by_seed == pytest.approx(table.mean(axis=0).tolist(), rel=1e-12)
        assert list(one.conditions.values()) == pytest.approx(table.mean(axis=1).tolist(), rel=1e-12)
        assert list(one.families.values()) == pytest.approx(table.reshape(4, -1).mean(axis=1).tolist(), rel=1e-12)
    assert result.n_rows == 400


def test_all_classifiers_get_the_same_rows_whatever_they_do_to_them(rows):
    X, y = rows
    before = X.copy()
    first, second = Stub(spoil=True), Stub()
    found = compare({"first": first, "second": second}, X, y, X_train=X, seeds=(0, 1))
    pd.testing.assert_frame_equal(X, before)
    assert len(first.seen) == len(second.seen) == 1 + 2 * 12
    for one, other in zip(first.seen, second.seen, strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert found["first"] == found["second"]
    assert found["first"] == robustness(Stub(), X, y, X_train=X, seeds=(0, 1))
    text = str(found.of("auc"))
    assert "| AUC " in text
    assert "second - first" in text
    assert "+0.0000" in text
    assert found.to_dict()["second"] == found["second"].to_dict()


def test_any_array_of_scikit_learn(numbers):
    X, y = numbers
    scaled = make_pipeline(SimpleImputer(), StandardScaler(copy=False), LogisticRegression())
    models = {
        "trees": HistGradientBoostingClassifier(max_iter=20),
        "line": scaled,
        "margin": make_pipeline(SimpleImputer(), LinearSVC()),
    }
    for model in models.values():
        model.fit(X[:400].copy(), y[:400])
    before = X.copy()
    found = compare(models, X[400:], y[400:], X_train=X[:400])
    np.testing.assert_array_equal(X, before)
    for name in models:
        assert 0.5 < found[name].rob_mu < found[name].clean
        assert found[name].clean == models[name].score(X[400:], y[400:])
    assert found["margin"].measures_clean == {
        "accuracy": found["margin"].clean,
        "auc": None,
        "log_loss": None,
        "ece": None,
    }
    with pytest.raises(DataError, match="metric='auc' has no value: it needs predict_proba"):
        found["margin"].of("auc")
    assert found["line"].of("log_loss").rob_mu > found["line"].of("log_loss").clean


def test_a_table_of_every_kind():
    data = load("synthetic:mixed", rows=900)
    train, test = data.split()
    X, y = data.features.drop(columns="account"), data.labels
    X = X.assign(region=X["region"].astype("category"), flag=X["age"].fillna(0) > 40).drop(columns="last_seen")
    words = make_column_selector(dtype_exclude="number")
    line = make_pipeline(
        make_column_transformer(
            (
                make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler()),
                make_column_selector(dtype_include="number"),
            ),
            (OneHotEncoder(handle_unknown="ignore"), words),
        ),
        LogisticRegression(max_iter=1000),
    )
    line.fit(X.iloc[train], y.iloc[train])
    numeric = X.drop(columns="empty").select_dtypes(["number", "category", "bool"]).columns
    trees = make_pipeline(
        make_column_transformer(("passthrough", list(numeric))).set_output(transform="pandas"),
        HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=20),
    ).fit(X.iloc[train], y.iloc[train])
    gated = L0GMClassifier(active=0.3, epochs=4).fit(X.iloc[train], y.iloc[train])
    models = {"line": line, "trees": trees, "gated": gated, "compact": gated.compact()}
    found = compare(models, X.iloc[test], y.iloc[test], X_train=X.iloc[train])
    for name in models:
        assert len(found[name].applied) == 12
        assert found[name].conditions["missing 0.5"] < found[name].clean
    for name, value in found["gated"].conditions.items():
        assert found["compact"].conditions[name] == pytest.approx(value, abs=1 / len(test) + 1e-9)


def test_texts_and_blanks():
    reviews = ["good fine great"] * 40 + ["bad poor awful"] * 40
    y = [1] * 40 + [0] * 40
    model = make_pipeline(CountVectorizer(), MultinomialNB()).fit(reviews, y)
    found = robustness(model, reviews, y, X_train=reviews)
    assert len(found.applied) == 6
    assert found.families["noise"] is None
    assert found.conditions["quantisation 4"] is None
    assert found.clean == 1.0
    assert found.rob_mu == np.mean([v for v in found.conditions.values() if v is not None])
    assert "6 of 12 conditions" in str(found)
    assert "| noise 0.1            |          |" in str(found)
    with pytest.raises(DataError, match="no condition has a form"):
        robustness(model, reviews, y, X_train=reviews, conditions=CONDITIONS[3:9])


def test_an_l0gm_classifier_of_texts():
    texts = [f"a {word} film of {i % 7} people" for i in range(150) for word in ("great", "bad")]
    frame = pd.DataFrame({"review": texts, "length": range(300)})
    y = np.tile([1, 0], 150)
    model = L0GMClassifier(text=["review"], active=0.5, epochs=3).fit(frame, y)
    found = robustness(model, frame, y, X_train=frame, text=["review"])
    assert len(found.applied) == 12
    assert found.conditions["missing 0.5"] < found.clean
    assert found.conditions["noise 0.05"] > found.conditions["missing 0.5"]


def test_it_reads_as_markdown_and_as_json(rows):
    X, y = rows
    found = robustness(Stub(), X, y, X_train=X, metric="auc")
    lines = str(found).splitlines()
    assert lines[0].split() == ["|", "condition", "|", "accuracy", "|", "AUC", "|", "log", "loss", "|", "ECE", "|"]
    assert len({len(line) for line in lines[: 2 + 1 + 12 + 4 + 1]}) == 1
    assert lines[-1] == "Rob mu is the mean over 12 of 12 conditions and 1 seed of corruption; 400 rows."
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (content["metric"], content["n_conditions"], content["seeds"]) == ("auc", 12, [0])
    assert content["rob_mu"] == content["rob_mu_of"]["auc"] == found.rob_mu
    assert content["measures"]["missing 0.1"][0]["auc"] == found.conditions["missing 0.1"]


def test_over_training_seeds(numbers):
    X, y = numbers
    models = {
        seed: HistGradientBoostingClassifier(max_iter=8, max_features=0.4, random_state=seed).fit(X[:400], y[:400])
        for seed in (5, 6, 7)
    }
    found = rob_mu_over(models, X[400:], y[400:], X_train=X[:400], metric="log_loss")
    each = [robustness(model, X[400:], y[400:], X_train=X[:400], metric="log_loss") for model in models.values()]
    assert list(found.results) == [5, 6, 7]
    values = [[value for value in one.conditions.values() if value is not None] for one in each]
    assert found.rob_mu == pytest.approx(np.mean(values), rel=1e-12)  # 1 / (|S| |P|) of the double sum
    assert found.worst == max(one.clean for one in each)
    assert found.of("accuracy").worst == min(one.of("accuracy").clean for one in each)
    assert found.summary["std"] == pytest.approx(np.std([one.rob_mu for one in each], ddof=1))
    assert found.conditions["noise 0.2"]["seeds"] == [one.conditions["noise 0.2"] for one in each]
    assert f"Worst of 3 training seeds, clean: {found.worst:.4f}" in str(found)
    assert json.loads(json.dumps(found.to_dict()))["worst"] == found.worst
    with pytest.raises(ParameterError, match="differ in their metric or conditions"):
        OverSeeds({5: each[0], 6: each[1].of("auc")})
    with pytest.raises(ParameterError, match="there is no result"):
        OverSeeds({})


def test_a_classifier_that_takes_no_missing_values(numbers):
    X, y = numbers
    model = LogisticRegression().fit(X, y)
    with pytest.raises(DataError) as caught:
        compare({"logit": model}, X, y, X_train=X)
    message = str(caught.value)
    assert message.startswith("logit, condition 'missing 0.1': the classifier failed (ValueError: Input X contains NaN")
    assert "make_pipeline(SimpleImputer(), model)" in message
    assert "\n" not in message
    found = robustness(model, X, y, X_train=X, conditions=CONDITIONS[3:9])
    assert len(found.applied) == 6


def test_a_classifier_that_knows_whole_numbers_alone():
    X = pd.DataFrame({"n": np.arange(60) % 3, "x": np.arange(60.0)})
    y = X["n"] == 1
    encoder = make_column_transformer((OneHotEncoder(), ["n"]), remainder="passthrough")
    model = make_pipeline(encoder, LogisticRegression()).fit(X, y)
    with pytest.raises(DataError, match=r"'noise 0.05'.*fractions where they were whole.*handle_unknown='ignore'"):
        robustness(model, X, y, X_train=X, conditions=CONDITIONS[3:])


def test_rows_that_a_classifier_never_took(rows):
    X, y = rows
    with pytest.raises(DataError, match=r"Stub, the rows as they are: the classifier failed \(KeyError: 'x'\)"):
        robustness(Stub(), X[["w"]], y, X_train=X[["w"]])


def test_rows_that_lack_a_class(rows):
    X, y = rows
    some = y == "yes"
    found = robustness(Stub(), X[some], y[some], X_train=X)
    assert found.measures_clean["auc"] is None
    assert "AUC" not in str(found)
    with pytest.raises(DataError, match="rows of every class"):
        robustness(Stub(), X[some], y[some], X_train=X, metric="auc")


def test_arguments_that_mean_nothing(rows):
    X, y = rows
    for options, message in (
        ({}, "statistics and X_train: give one of the two"),
        ({"X_train": X, "statistics": InputStatistics.fit(X)}, "statistics and X_train: give one of the two"),
        ({"X_train": X, "metric": "f1"}, "metric='f1': choose one of accuracy, auc"),
        ({"X_train": X, "seeds": ()}, "seeds: give one or more, all different"),
        ({"X_train": X, "seeds": (1, 1)}, "seeds: give one or more, all different"),
        ({"X_train": X, "seeds": (-1,)}, "seed=-1"),
        ({"X_train": X, "conditions": []}, "conditions: give one or more"),
        ({"X_train": X, "conditions": [Condition("missing", 0.1)] * 2}, "conditions: give one or more, all different"),
        ({"X_train": X, "text": ("y",)}, "text names 'y'"),
    ):
        with pytest.raises(ParameterError, match=message):
            robustness(Stub(), X, y, **options)
    with pytest.raises(DataError, match="Stub: label 'perhaps' is none of the model's classes"):
        robustness(Stub(), X, ["perhaps"] * 400, X_train=X)
    with pytest.raises(DataError, match="3 labels for 400 rows"):
        robustness(Stub(), X, y[:3], X_train=X)
    with pytest.raises(DataError, match="X has no rows"):
        robustness(Stub(), X[:0], y[:0], X_train=X)
    with pytest.raises(ParameterError, match="classifiers is empty"):
        compare({}, X, y, X_train=X)
    for thing in (LogisticRegression(), make_pipeline(LogisticRegression()), L0GMClassifier()):
        with pytest.raises(ParameterError, match="has no classes_: fit it first"):
            robustness(thing, X, y, X_train=X)
    for thing in (LogisticRegression, StandardScaler().fit(X)):
        with pytest.raises(ParameterError, match="is no classifier"):
            robustness(thing, X, y, X_train=X)
