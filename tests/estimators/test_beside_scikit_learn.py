"""Inside scikit-learn's own tools, on a table of numbers, text, dates and missing values."""

import copy
import inspect
import io
import pickle
import threading
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
import torch
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SelectFromModel
from sklearn.impute import SimpleImputer
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

from l0gm import L0GMClassifier
from l0gm.errors import DataError, NotFittedError, ParameterError, TrainingError
from l0gm.estimators.fitting import Training

VERSION = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
NUMBERS = ["age", "balance", "visits"]


@pytest.fixture
def routing():
    """Routing of metadata, switched on for one test."""
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.fixture
def weight(people):
    return np.random.default_rng(0).integers(1, 4, len(people.X)).astype(float)


def log_losses(model, X, y, **options):
    return cross_val_score(model, X, y, cv=2, scoring="neg_log_loss", error_score="raise", **options)


# ---- steps before it ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_after_a_transformer_that_gives_a_table(output, quick, people, same_fit):
    if output == "polars" and VERSION < (1, 6):
        pytest.skip("this scikit-learn takes no columns from a polars table")
    imputed = ColumnTransformer(
        [("numbers", SimpleImputer(), NUMBERS)], remainder="passthrough", verbose_feature_names_out=False
    ).set_output(transform=output)
    table = people.X if output == "pandas" else pl.from_pandas(people.X.reset_index(drop=True))
    pipeline = make_pipeline(imputed, quick(active=0.4)).fit(table, people.y)
    first, last = pipeline[0], pipeline[-1]
    assert sorted(last.feature_names_in_) == sorted(people.X)
    assert same_fit(last, quick(active=0.4).fit(first.transform(table), people.y))
    new = people.new_X if output == "pandas" else pl.from_pandas(people.new_X.reset_index(drop=True))
    assert np.array_equal(pipeline.predict_proba(new), last.predict_proba(first.transform(new)))
    assert pipeline.score(new, people.new_y) == np.mean(pipeline.predict(new) == people.new_y)


def test_after_a_transformer_that_gives_an_array(quick, people):
    """Of objects: each column is read as what its values are, and found by its place."""
    X, new_X = (table.astype({"member": object, "newsletter": object}) for table in (people.X, people.new_X))
    imputed = ColumnTransformer([("numbers", SimpleImputer(), NUMBERS)], remainder="passthrough")
    pipeline = make_pipeline(imputed, quick(active=0.4)).fit(X, people.y)
    assert not hasattr(pipeline[-1], "feature_names_in_")
    assert pipeline[-1].n_features_in_ == 12
    kinds = {f.kind for f in pipeline[-1].schema_.fields}
    assert kinds >= {"numeric", "categorical"}
    shuffled = new_X[new_X.columns[::-1]]
    assert np.array_equal(pipeline.predict_proba(shuffled), pipeline.predict_proba(new_X))


def test_columns_chosen_by_importance(quick, people):
    for options in ({}, {"prefit": True}):
        model = quick(active=0.2).fit(people.X, people.y) if options else quick(active=0.2)
        chosen = SelectFromModel(model, threshold="1.1*mean", **options).set_output(transform="pandas")
        chosen.fit(people.X, people.y)
        kept = chosen.get_feature_names_out().tolist()
        assert 0 < len(kept) < 12
        importances = chosen.estimator_.feature_importances_
        assert kept == [name for name, x in zip(people.X, importances, strict=True) if x >= 1.1 * importances.mean()]
        pd.testing.assert_frame_equal(chosen.transform(people.new_X), people.new_X[kept])


# ---- search and cross-validation ---------------------------------------------------------------------------


def test_grid_search_over_either_knob(quick, people):
    grid = [{"active": [0.1, 0.5]}, {"penalty": np.logspace(-4, -1, 2)}]
    search = GridSearchCV(quick(), grid, cv=2, scoring="neg_log_loss", refit=True, error_score="raise")
    search.fit(people.X, people.y)
    scores = search.cv_results_["mean_test_score"]
    assert len(scores) == 4
    assert len(set(scores)) == 4
    assert search.best_score_ == scores.max()
    best = clone(quick()).set_params(**search.best_params_).fit(people.X, people.y)
    assert np.array_equal(search.predict_proba(people.new_X), best.predict_proba(people.new_X))
    assert search.score(people.new_X, people.new_y) == pytest.approx(
        -log_loss(people.new_y, best.predict_proba(people.new_X), labels=best.classes_)
    )
    assert search.feature_names_in_.tolist() == list(people.X)


def test_random_search(quick, people):
    space = {"active": np.linspace(0.05, 1.0, 50), "deep": [(4,), [8, 4], ()], "class_weight": [None, {"yes": 2.0}]}
    search = RandomizedSearchCV(quick(), space, n_iter=3, cv=2, random_state=0, error_score="raise")
    assert search.fit(people.X, people.y).best_estimator_.predict(people.new_X).shape == (len(people.new_X),)


def test_halving_search_over_epochs(quick, people):
    search = HalvingGridSearchCV(
        quick(), {"active": [0.1, 0.3, 0.6]}, resource="epochs", min_resources=1, max_resources=3, factor=3, cv=2,
        error_score="raise",
    )  # fmt: skip
    search.fit(people.X, people.y)
    assert search.n_resources_ == [1, 3]


def test_a_search_names_what_is_wrong_with_a_parameter(quick, people):
    with pytest.raises(ParameterError, match=r"active=1\.5"):
        GridSearchCV(quick(), {"active": [1.5]}, cv=2, error_score="raise").fit(people.X, people.y)


@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
def test_cross_validation_of_other_tables(kind, quick, people):
    table = (
        pl.from_pandas(people.X.reset_index(drop=True))
        if kind == "polars"
        else pa.Table.from_pandas(people.X, preserve_index=False)
    )
    if kind == "pyarrow" and VERSION < (1, 8):
        pytest.skip("this scikit-learn takes no rows from a pyarrow table")
    assert np.array_equal(log_losses(quick(), table, people.y), log_losses(quick(), people.X, people.y))


def test_predictions_of_cross_validation(quick, people):
    proba = cross_val_predict(quick(), people.X, people.y, cv=2, method="predict_proba")
    assert proba.shape == (len(people.X), 2)
    assert len(np.unique(proba[:, 0])) > 20
    assert set(cross_val_predict(quick(), people.X, people.y, cv=2)) <= {"no", "yes"}


def test_processes_give_the_same_scores(quick, people):
    with joblib.parallel_backend("loky"):
        apart = log_losses(quick(), people.X, people.y, n_jobs=2)
    assert np.array_equal(apart, log_losses(quick(), people.X, people.y))


def test_threads_give_the_same_scores(quick, people):
    """PyTorch has one stream of random numbers for all of them."""
    with joblib.parallel_backend("threading"):
        apart = log_losses(quick(dropout=0.5), people.X, people.y, n_jobs=2)
    assert np.array_equal(apart, log_losses(quick(dropout=0.5), people.X, people.y))


def test_threads_may_predict_with_one_estimator(fitted, people):
    expected = fitted.predict_proba(people.new_X)
    answers = [None] * 8
    threads = [
        threading.Thread(target=lambda i=i: answers.__setitem__(i, fitted.predict_proba(people.new_X)))
        for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(answer, expected) for answer in answers)


def test_learning_curve(quick, people):
    sizes, train, test = learning_curve(
        quick(), people.X, people.y, train_sizes=[0.5, 1.0], cv=2, scoring="roc_auc", error_score="raise"
    )
    assert sizes.tolist() == [len(people.X) // 4, len(people.X) // 2]
    assert np.isfinite(train).all()
    assert np.isfinite(test).all()


# ---- beside and around other estimators --------------------------------------------------------------------


@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibrated(method, ensemble, quick, people):
    model = CalibratedClassifierCV(quick(), method=method, cv=2, ensemble=ensemble).fit(people.X, people.y)
    p = model.predict_proba(people.new_X)
    assert model.classes_.tolist() == ["no", "yes"]
    assert model.feature_names_in_.tolist() == list(people.X)
    np.testing.assert_allclose(p.sum(1), 1.0)


def test_a_fitted_estimator_is_calibrated_as_it_is(fitted, people):
    frozen = pytest.importorskip("sklearn.frozen", reason="scikit-learn 1.6 brought it").FrozenEstimator(fitted)
    model = CalibratedClassifierCV(frozen, method="sigmoid").fit(people.new_X, people.new_y)
    inner = model.calibrated_classifiers_[0].estimator
    assert np.array_equal(inner.predict_proba(people.X), fitted.predict_proba(people.X))
    order = np.argsort(fitted.predict_proba(people.X)[:, 1], kind="stable")
    assert (np.diff(model.predict_proba(people.X)[order, 1]) >= -1e-9).all()


def test_threshold_tuned_by_scikit_learn(quick, people):
    model = TunedThresholdClassifierCV(quick(), scoring="balanced_accuracy", cv=2).fit(people.X, people.y)
    assert set(model.predict(people.new_X)) <= {"no", "yes"}


def test_vote_and_stack(quick, people, same_fit):
    members = [("sparse", quick(active=0.1)), ("dense", quick(gate="none"))]
    vote = VotingClassifier(members, voting="soft").fit(people.X, people.y)
    expected = np.mean([clone(m).fit(people.X, people.y).predict_proba(people.new_X) for _, m in members], axis=0)
    # the vote numbers the labels before its members see them, and these are in the same order
    assert np.array_equal(vote.predict_proba(people.new_X), expected)
    stack = StackingClassifier(members, LogisticRegression(), cv=2).fit(people.X, people.y)
    assert stack.predict_proba(people.new_X).shape == (len(people.new_X), 2)
    assert same_fit(stack.named_estimators_["sparse"], clone(members[0][1]).fit(people.X, people.y == "yes"))


def test_bagging(quick, people):
    """It makes one array of objects of the table, and gives each member a seed."""
    bag = BaggingClassifier(quick(), n_estimators=2, random_state=0).fit(people.X, people.y)
    assert bag.predict_proba(people.new_X).shape == (len(people.new_X), 2)
    assert len({member.seed_ for member in bag.estimators_}) == 2


# ---- inspection --------------------------------------------------------------------------------------------


def test_permutation_importance(fitted, people):
    found = permutation_importance(fitted, people.new_X, people.new_y, n_repeats=2, random_state=0)
    unread = ~fitted.get_support()
    assert unread.any()
    assert (found.importances[unread] == 0.0).all()
    assert np.abs(found.importances[~unread]).max() > 0


def test_partial_dependence(quick, people):
    model = quick(gate="none").fit(people.X, people.y)
    X = people.new_X.dropna(subset=["region"])  # scikit-learn sorts the values
    for column, kinds in (("age", None), ("region", [list(people.X).index("region")])):
        found = partial_dependence(
            model, X, [column], categorical_features=kinds, response_method="predict_proba",
            grid_resolution=5,
        )  # fmt: skip
        (grid,) = found["grid_values"]
        assert found["average"].shape == (1, len(grid))
        first = X.assign(**{column: grid[0]})
        assert found["average"][0, 0] == pytest.approx(model.predict_proba(first)[:, 1].mean())


# ---- copies ------------------------------------------------------------------------------------------------


def test_a_clone_has_every_parameter():
    given = {
        "active": 0.3, "cost": {"a": 2.0}, "deep": [4], "cin": np.array([2, 2]), "categorical": ["zip"],
        "class_weight": {"yes": 2.0}, "random_state": 7, "history_path": Path("history.jsonl"),
    }  # fmt: skip
    model = L0GMClassifier(**given)
    copied = clone(model).get_params()
    assert copied.keys() == set(inspect.signature(L0GMClassifier).parameters)
    for name, value in model.get_params().items():
        assert type(copied[name]) is type(value)
        assert str(copied[name]) == str(value)
    assert copied["cost"] is not given["cost"]  # a clone shares nothing that can be altered


@pytest.mark.parametrize(
    "duplicate",
    [
        lambda m: pickle.loads(pickle.dumps(m)),
        lambda m: pickle.loads(pickle.dumps(m, protocol=2)),
        copy.deepcopy,
        lambda m: joblib_round(m, compress=0),
        lambda m: joblib_round(m, compress=3),
    ],
    ids=["pickle", "pickle protocol 2", "deepcopy", "joblib", "joblib, compressed"],
)
@pytest.mark.parametrize("which", ["fitted", "fitted_kinds"])
def test_copies_of_a_fitted_estimator_answer_bit_for_bit(duplicate, which, request):
    model = request.getfixturevalue(which)
    task = request.getfixturevalue("people" if which == "fitted" else "kinds")
    twin = duplicate(model)
    assert np.array_equal(twin.predict_proba(task.new_X), model.predict_proba(task.new_X))
    assert (twin.predict(task.new_X) == model.predict(task.new_X)).all()
    assert twin.get_params() == model.get_params()
    assert twin.notes_ == model.notes_
    assert np.array_equal(twin.compact().predict_proba(task.new_X), model.compact().predict_proba(task.new_X))
    again = twin.fit(task.X, task.y)
    assert np.array_equal(again.predict_proba(task.new_X), model.predict_proba(task.new_X))


def joblib_round(model, compress):
    file = io.BytesIO()
    joblib.dump(model, file, compress=compress)
    file.seek(0)
    return joblib.load(file)


def test_a_pickle_is_as_large_as_the_model_not_as_its_rows(quick, people):
    X, y = people.X.drop(columns="account"), people.y
    few, many = (quick(max_bins=4).fit(pd.concat([X] * k), np.concatenate([y] * k)) for k in (1, 16))
    sizes = [len(pickle.dumps(model)) for model in (few, many)]
    assert sizes[0] < 100_000
    assert sizes[1] < sizes[0] + 16 * 0.1 * len(X) * 40 + 20_000  # answers on the calibration rows, a tenth, are kept


def test_a_model_of_an_accelerator_is_pickled_as_one_of_the_cpu(fitted, people, monkeypatch):
    """No accelerator here: the one of this test has no memory at all."""
    twin = copy.deepcopy(fitted)
    state = twin.__getstate__()
    assert state["model_"] is twin.model_
    monkeypatch.setattr(torch.nn.Module, "cpu", lambda self: fitted.model_)
    twin.model_.to("meta")
    state = twin.__getstate__()
    assert (state["model_"], state["_device"]) == (fitted.model_, "meta")
    back = L0GMClassifier()
    back.__setstate__(state)
    assert not hasattr(back, "_device")
    assert np.array_equal(back.predict_proba(people.new_X), fitted.predict_proba(people.new_X))


# ---- weights by routing ------------------------------------------------------------------------------------


def test_weights_reach_fit_where_they_are_asked_for(routing, quick, people, weight, same_fit):
    model = quick().set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
    expected = quick().fit(people.X, people.y, sample_weight=weight)
    assert not same_fit(expected, quick().fit(people.X, people.y))
    pipeline = make_pipeline(FunctionTransformer(), model).fit(people.X, people.y, sample_weight=weight)
    assert same_fit(pipeline[-1], expected)
    search = GridSearchCV(model, {"active": [0.15]}, cv=2, error_score="raise")
    search.fit(people.X, people.y, sample_weight=weight)
    assert same_fit(search.best_estimator_, expected)


def test_weights_are_cut_with_the_rows(routing, quick, people, weight, same_fit):
    model = quick().set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
    found = cross_validate(
        model, people.X, people.y, cv=2, params={"sample_weight": weight}, return_estimator=True, return_indices=True,
        error_score="raise",
    )  # fmt: skip
    rows = found["indices"]["train"][0]
    expected = quick().fit(people.X.iloc[rows], people.y.iloc[rows], sample_weight=weight[rows])
    assert same_fit(found["estimator"][0], expected)


def test_weights_of_the_score(routing, quick, people, weight):
    model = quick().set_fit_request(sample_weight=False).set_score_request(sample_weight=True)
    found = cross_validate(
        model, people.X, people.y, cv=2, params={"sample_weight": weight}, return_estimator=True, return_indices=True,
        error_score="raise",
    )  # fmt: skip
    rows = found["indices"]["test"][0]
    right = found["estimator"][0].predict(people.X.iloc[rows]) == people.y.iloc[rows]
    assert found["test_score"][0] == pytest.approx(np.average(right, weights=weight[rows]))


def test_weights_that_nobody_asked_for_are_refused(routing, quick, people, weight):
    with pytest.raises(ValueError, match="sample_weight"):
        cross_validate(quick(), people.X, people.y, cv=2, params={"sample_weight": weight}, error_score="raise")


def test_weights_without_routing(quick, people, weight, same_fit):
    pipeline = make_pipeline(FunctionTransformer(), quick())
    pipeline.fit(people.X, people.y, l0gmclassifier__sample_weight=weight)
    assert same_fit(pipeline[-1], quick().fit(people.X, people.y, sample_weight=weight))


# ---- conventions -------------------------------------------------------------------------------------------


def test_the_error_of_an_estimator_that_is_not_fitted_is_also_scikit_learns():
    with pytest.raises(sklearn.exceptions.NotFittedError):
        L0GMClassifier().predict({"x": [1]})
    with pytest.raises(NotFittedError):
        L0GMClassifier().predict({"x": [1]})
    with pytest.raises(sklearn.exceptions.NotFittedError):
        check_is_fitted(L0GMClassifier())


def test_a_fit_that_fails_in_training_leaves_nothing_half_done(quick, people, kinds, monkeypatch):
    model = quick().fit(people.X, people.y)
    before = model.predict_proba(people.new_X)
    with pytest.raises(DataError):
        model.fit(kinds.X, kinds.y[:-1])
    assert np.array_equal(model.predict_proba(people.new_X), before)

    def fail(*args):
        raise TrainingError("the loss is not finite")

    monkeypatch.setattr(Training, "run", fail)
    with pytest.raises(TrainingError):
        model.fit(kinds.X, kinds.y)
    with pytest.raises(sklearn.exceptions.NotFittedError):
        check_is_fitted(model)
    with pytest.raises(NotFittedError):
        model.predict_proba(people.new_X)


def test_names_are_kept_where_all_are_text(quick):
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = X[:, 0] > 0
    model = quick(epochs=1)
    for table in (
        X,
        X.tolist(),
        pd.DataFrame(X),
        pd.DataFrame(X, columns=[3, 1, 2]),
        pd.DataFrame(X, columns=["a", 1, 2]),
    ):
        model.fit(pd.DataFrame(X, columns=["a", "b", "c"]), y)
        assert model.feature_names_in_.tolist() == ["a", "b", "c"]
        assert model.feature_names_in_.dtype == object
        model.fit(table, y)
        assert not hasattr(model, "feature_names_in_")
        assert model.n_features_in_ == 3
        assert model.feature_importances_.shape == (3,)
        assert model.get_support().shape == (3,)


def test_seeds_of_every_kind(quick, people, same_fit):
    seven = quick(random_state=7).fit(people.X, people.y)
    assert seven.seed_ == 7
    first, second = (quick(random_state=np.random.RandomState(3)).fit(people.X, people.y) for _ in range(2))
    assert same_fit(first, second)
    stream = quick(random_state=np.random.RandomState(3))
    one, other = (stream.fit(people.X, people.y).seed_ for _ in range(2))
    assert one == first.seed_ != other
    some = quick(random_state=None).fit(people.X, people.y)
    assert some.seed_ != quick(random_state=None).fit(people.X, people.y).seed_
    assert same_fit(some, quick(random_state=some.seed_).fit(people.X, people.y))
    assert some.compact().information["random_state"] == some.seed_


def test_the_score_takes_weights_and_labels_of_every_library(fitted, people, weight):
    y = people.new_y.tolist()
    expected = np.mean(fitted.predict(people.new_X) == people.new_y)
    for labels in (
        y,
        np.array(y),
        pd.Series(y, dtype="category"),
        pl.Series(y),
        pa.array(y).to_numpy(zero_copy_only=False),
    ):
        assert fitted.score(people.new_X, labels) == expected
    weight = weight[: len(y)]
    right = fitted.predict(people.new_X) == people.new_y
    assert fitted.score(people.new_X, y, sample_weight=weight) == pytest.approx(np.average(right, weights=weight))
