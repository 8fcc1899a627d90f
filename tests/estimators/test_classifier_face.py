"""The estimator's face: scikit-learn's conventions, what fit leaves, and what each method returns."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

import l0gm
from l0gm import L0GMClassifier
from l0gm.errors import NotFittedError
from l0gm.metrics import evaluate
from l0gm.runtime import CompactModel

# ---- parameters --------------------------------------------------------------------------------------------


def test_parameters_are_kept_as_they_were_given():
    deep, weights = [4], {"a": 1.0}
    model = L0GMClassifier(active=0.3, deep=deep, class_weight=weights, random_state=5)
    assert model.get_params()["deep"] is deep
    assert model.get_params()["class_weight"] is weights
    assert model.active == 0.3
    assert model.set_params(active=None, penalty=0.1) is model
    assert (model.active, model.penalty) == (None, 0.1)
    with pytest.raises(ValueError, match="Invalid parameter 'sparsity'"):
        model.set_params(sparsity=0.3)


def test_a_clone_has_the_parameters_and_is_not_fitted(fitted):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "model_")
    assert is_classifier(copy)
    assert repr(copy).startswith("L0GMClassifier(active=0.2")


def test_every_parameter_is_documented():
    head = L0GMClassifier.__doc__.split("Attributes\n")[0]
    assert [name for name in L0GMClassifier().get_params() if name not in head] == []


def test_the_public_names():
    assert l0gm.L0GMClassifier is L0GMClassifier


# ---- what fit leaves ---------------------------------------------------------------------------------------


def test_fit_returns_the_estimator_and_leaves_its_input_alone(quick, people):
    X, y = people.X.copy(deep=True), people.y.copy(deep=True)
    model = quick()
    assert model.fit(X, y) is model
    pd.testing.assert_frame_equal(X, people.X)
    pd.testing.assert_series_equal(y, people.y)
    check_is_fitted(model)


def test_attributes(fitted, people):
    assert fitted.classes_.tolist() == ["no", "yes"]
    assert fitted.feature_names_in_.tolist() == list(people.X)
    assert fitted.feature_names_in_.dtype == object
    assert fitted.n_features_in_ == people.X.shape[1] == 12
    assert not fitted.model_.training
    assert fitted.model_.gate.hardened
    assert fitted.schema_.columns == tuple(people.X)
    assert fitted.history_.last("end") is not None
    assert fitted.calibrator_.temperature > 0
    assert fitted.metrics_.keys() == {"validation", "calibration"}
    assert fitted.metrics_["validation"]["n_rows"] == fitted.metrics_["calibration"]["n_rows"] == 38
    assert all(isinstance(note, str) for note in fitted.notes_)


def test_metrics_are_those_of_the_held_out_rows(quick, people):
    """Not of training rows, even where these choose the checkpoint."""
    model = quick(validation_fraction=0.0).fit(people.X, people.y)
    assert model.metrics_.keys() == {"calibration"}
    assert "no validation rows: the checkpoint was chosen on the training rows" in model.notes_
    model = quick(calibration_fraction=0.0).fit(people.X, people.y)
    assert model.metrics_.keys() == {"validation"}
    assert model.calibrator_.temperature == 1.0
    assert "no calibration rows: probabilities stay as they are, and there are no prediction sets" in model.notes_
    model = quick(validation_fraction=0, calibration_fraction=60).fit(people.X, people.y)
    assert model.metrics_["calibration"]["n_rows"] == 60


def test_open_dimensions_and_importances(fitted, people):
    opened = fitted.open_dimensions_
    assert opened.shape == (len(fitted.schema_.fields), 4)
    assert opened.dtype == bool
    assert opened.sum() == fitted.model_.gate.n_open == round(0.2 * opened.size)
    importances = fitted.feature_importances_
    assert importances.shape == (12,)
    assert importances.sum() == pytest.approx(1.0)
    for name, importance in zip(people.X, importances, strict=True):
        rows = [i for i, f in enumerate(fitted.schema_.fields) if f.source == name]
        assert importance == pytest.approx(opened[rows].sum() / opened.sum())
    dates = [f for f in fitted.schema_.fields if f.source == "last_seen"]
    assert len(dates) > 1  # their parts count together
    assert importances[[list(people.X).index("constant"), list(people.X).index("empty")]].tolist() == [0.0, 0.0]


def test_support(fitted):
    mask = fitted.get_support()
    assert mask.dtype == bool
    assert (mask == (fitted.feature_importances_ > 0)).all()
    assert np.array_equal(fitted.get_support(indices=True), np.flatnonzero(mask))
    assert 0 < mask.sum() < 12
    assert set(fitted.compact().feature_names_in_) == set(fitted.feature_names_in_[mask])


def test_the_support_of_a_literal_linear_term_is_every_field(quick, people):
    model = quick(active=0.05, linear="ungated").fit(people.X, people.y)
    assert model.get_support().sum() == 10  # all but the constant and the empty column
    assert (model.feature_importances_ > 0).sum() < 10
    assert len(model.compact().feature_names_in_) == 10


def test_a_second_fit_forgets_the_first(quick, people, kinds, same_fit):
    model = quick(active=0.3).fit(people.X, people.y).fit(kinds.X, kinds.y)
    assert same_fit(model, quick(active=0.3).fit(kinds.X, kinds.y))
    assert model.classes_.tolist() == ["core", "east", "north", "rim"]
    assert model.predict_proba(kinds.new_X).shape == (len(kinds.new_X), 4)


# ---- predict -----------------------------------------------------------------------------------------------


def test_probabilities_and_labels(fitted, people):
    p = fitted.predict_proba(people.new_X)
    assert p.shape == (len(people.new_X), 2)
    assert p.dtype == np.float64
    np.testing.assert_allclose(p.sum(1), 1.0, rtol=1e-12)
    assert (p >= 0).all()
    assert np.ptp(p[:, 0]) > 0.05
    assert (fitted.predict(people.new_X) == fitted.classes_[p.argmax(1)]).all()
    assert fitted.score(people.new_X, people.new_y) == np.mean(fitted.predict(people.new_X) == people.new_y)


def test_one_row_is_as_good_as_many(fitted, people):
    whole = fitted.predict_proba(people.new_X)
    ones = np.concatenate([fitted.predict_proba(people.new_X.iloc[[i]]) for i in range(20)])
    np.testing.assert_allclose(ones, whole[:20], rtol=0, atol=1e-6)


def test_evaluate(fitted, fitted_kinds, people, kinds):
    for model, task in ((fitted, people), (fitted_kinds, kinds)):
        found = model.evaluate(task.new_X, task.new_y)
        codes = np.searchsorted(model.classes_, task.new_y)
        gate = model.model_.gate
        expected = evaluate(codes, model.predict_proba(task.new_X))
        assert found == {**expected, "n_open": gate.n_open, "active_fraction": gate.n_open / gate.dim}
        served = model.compact().evaluate(task.new_X, task.new_y)
        assert served == pytest.approx(expected, abs=1e-3)


def test_calibration_is_off_or_on_by_one_argument(quick, people, same_fit, fitted):
    on = quick(active=0.2, calibrated=True).fit(people.X, people.y)
    assert same_fit(on, fitted)
    raw, soft = fitted.predict_proba(people.new_X), on.predict_proba(people.new_X)
    assert np.array_equal(soft, fitted.calibrator_.apply(raw))
    assert np.abs(soft - raw).max() > 1e-3
    assert on.metrics_ == fitted.metrics_
    assert np.abs(on.compact().predict_proba(people.new_X) - soft).max() < 1e-5
    assert np.abs(on.compact().predict_proba(people.new_X, calibrated=False) - raw).max() < 1e-5
    assert np.abs(fitted.compact().predict_proba(people.new_X) - raw).max() < 1e-5


# ---- compact and save --------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["fitted", "fitted_kinds"])
def test_compact(which, request):
    model = request.getfixturevalue(which)
    task = request.getfixturevalue("people" if which == "fitted" else "kinds")
    small = model.compact()
    assert isinstance(small, CompactModel)
    assert small.classes_ == tuple(model.classes_)
    assert np.abs(small.predict_proba(task.new_X) - model.predict_proba(task.new_X)).max() <= 1e-5
    assert (small.predict(task.new_X) == model.predict(task.new_X)).all()
    assert small.verify() <= 1.1e-5
    plan = model.plan()
    assert small.n_parameters < plan.n_parameters
    about = small.information
    assert about["n_open"] == model.model_.gate.n_open == plan.n_open
    assert about["n_dimensions"] == model.model_.gate.dim
    assert about["n_parameters_gated"] == plan.n_parameters
    assert about["support"] == plan.support
    assert about["dropped"] == list(plan.dropped)
    assert about["notes"] == model.notes_
    assert about["metrics"] == model.metrics_
    assert about["training_rows"] == len(task.X) - sum(m["n_rows"] for m in model.metrics_.values())
    assert about["random_state"] == 0


def test_save(fitted, people, tmp_path):
    path = fitted.save(tmp_path / "model.l0gm")
    assert path == tmp_path / "model.l0gm"
    assert path.stat().st_size < 200_000
    back = l0gm.load(path)
    assert np.array_equal(back.predict_proba(people.new_X), fitted.compact().predict_proba(people.new_X))
    assert back.information == fitted.compact().information


def test_numpy_numbers_as_parameters(quick, people, tmp_path):
    """As a grid of numpy's numbers brings them."""
    model = quick(
        active=np.float64(0.2),
        random_state=np.int64(3),
        epochs=np.int64(2),
        embedding_dim=np.int64(3),
        deep=np.array([4]),
    ).fit(people.X, people.y)
    assert l0gm.load(model.save(tmp_path / "model.l0gm")).information["random_state"] == 3


def test_a_compacted_model_does_not_change_with_the_estimator(quick, people):
    model = quick().fit(people.X, people.y)
    small = model.compact()
    before = small.predict_proba(people.new_X)
    with torch.no_grad():
        for parameter in model.model_.parameters():
            parameter.zero_()
    model.notes_.append("more")
    assert np.array_equal(small.predict_proba(people.new_X), before)
    small.verify()


# ---- not fitted --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "use",
    [
        lambda m, X, y: m.predict(X),
        lambda m, X, y: m.predict_proba(X),
        lambda m, X, y: m.evaluate(X, y),
        lambda m, X, y: m.get_support(),
        lambda m, X, y: m.plan(),
        lambda m, X, y: m.compact(),
        lambda m, X, y: m.save("never.l0gm"),
    ],
)
def test_methods_of_an_estimator_that_is_not_fitted(use, people):
    with pytest.raises(NotFittedError, match="not fitted: call fit first"):
        use(L0GMClassifier(), people.new_X, people.new_y)


@pytest.mark.parametrize("name", ["feature_importances_", "open_dimensions_", "classes_", "model_", "notes_"])
def test_attributes_of_an_estimator_that_is_not_fitted(name):
    assert not hasattr(L0GMClassifier(), name)
    with pytest.raises(AttributeError):
        getattr(L0GMClassifier(), name)


@pytest.mark.parametrize("name", ["feature_importances_", "open_dimensions_"])
def test_the_reason_is_told(name):
    with pytest.raises(NotFittedError, match="call fit first"):
        getattr(L0GMClassifier(), name)


# ---- beside scikit-learn -----------------------------------------------------------------------------------


def test_in_a_pipeline_and_a_search(quick, people):
    pipeline = make_pipeline(FunctionTransformer(), quick())
    pipeline.fit(people.X, people.y)
    assert pipeline.predict_proba(people.new_X).shape == (len(people.new_X), 2)
    search = GridSearchCV(quick(), {"active": [0.1, 0.5]}, cv=2, scoring="roc_auc", error_score="raise")
    search.fit(people.X, people.y)
    assert search.best_estimator_.predict(people.new_X).shape == (len(people.new_X),)
    scores = cross_val_score(quick(), people.X, people.y, cv=2, scoring="neg_log_loss", error_score="raise")
    assert np.isfinite(scores).all()


def test_a_fitted_estimator_can_be_pickled(fitted, people):
    copy = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(copy.predict_proba(people.new_X), fitted.predict_proba(people.new_X))
    assert np.array_equal(copy.compact().predict_proba(people.new_X), fitted.compact().predict_proba(people.new_X))


# ---- history and progress ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [str, lambda p: p], ids=["text", "path"])
def test_the_history_is_saved_as_it_goes(kind, quick, people, tmp_path, fitted):
    path = tmp_path / "runs" / "history.jsonl"
    model = quick(active=0.2, history_path=kind(path)).fit(people.X, people.y)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == model.history_.records
    assert [r["event"] for r in lines][-1] == "end"
    assert sum(r["event"] == "epoch" for r in lines) == model.history_.last("end")["epochs"]
    assert np.array_equal(model.predict_proba(people.new_X), fitted.predict_proba(people.new_X))


def test_a_progress_bar_changes_nothing(quick, people, fitted, same_fit, capfd):
    model = quick(active=0.2, progress=True).fit(people.X, people.y)
    seen = capfd.readouterr()
    assert seen.out == ""
    assert "open" in seen.err
    assert same_fit(model, fitted)
