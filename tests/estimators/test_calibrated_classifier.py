"""Calibration, thresholds and prediction sets of an estimator, and that they travel with the compacted model."""

from __future__ import annotations

import numpy as np
import pytest

from l0gm import load
from l0gm.calibration import METHODS
from l0gm.datasets import load as load_data
from l0gm.decisions import ConformalSets, best_threshold, threshold_for_precision
from l0gm.errors import DataError, NotFittedError, ParameterError
from l0gm.metrics import by_group


@pytest.fixture(scope="module")
def many():
    """Rows enough to count on: 3,000 to fit on, 1,000 new ones."""
    data = load_data("synthetic:mixed", rows=4000)
    rows, new = data.split()
    return data.features.iloc[rows], data.labels.iloc[rows], data.features.iloc[new], data.labels.iloc[new]


@pytest.fixture(scope="module")
def by_method(quick, many):
    """The same fit with every method."""
    X, y, _, _ = many
    return {name: quick(calibration=name, calibration_fraction=0.2, calibrated=True).fit(X, y) for name in METHODS}


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_fitted_applied_and_kept(name, by_method, many, tmp_path):
    model, new = by_method[name], many[2]
    raw = by_method["temperature"]._raw(new)
    assert np.array_equal(model._raw(new), raw)
    assert model.calibrator_.kind == name
    labels, proba = model._calibration_rows
    assert model.calibrator_ == METHODS[name].fit(proba, labels)
    scaled = model.predict_proba(new)
    assert np.array_equal(scaled, model.calibrator_.apply(raw))
    assert np.abs(scaled - raw).max() > 1e-3
    served = load(model.save(tmp_path / "model.l0gm"))
    assert served.calibrator == model.calibrator_
    assert served.calibrated
    assert str(model.calibrator_) in served.card()
    off = np.abs(served.predict_proba(new) - scaled).max(1)
    assert np.quantile(off, 0.99) < 1e-4  # a step function may turn a rounding error into a step
    assert np.abs(served.predict_proba(new, calibrated=False) - raw).max() < 1e-5


def test_calibration_of_several_classes(quick, kinds):
    for name in METHODS:
        model = quick(calibration=name, calibrated=True).fit(kinds.X, kinds.y)
        got = model.predict_proba(kinds.new_X)
        assert got.shape == (len(kinds.new_X), 4)
        np.testing.assert_allclose(got.sum(1), 1)
        assert np.abs(model.compact().predict_proba(kinds.new_X) - got).max(1).mean() < 0.01


def test_methods_that_ask_for_many_rows_say_so(by_method):
    for name, model in by_method.items():
        said = [note for note in model.notes_ if f"calibration={name!r} has 600 rows" in note]
        assert len(said) == (name in ("isotonic", "venn_abers"))


def test_a_class_without_calibration_rows_is_noted(quick, people):
    y = np.where(np.arange(len(people.y)) < 3, "rare", people.y)
    model = quick(calibration="platt", calibrated=True).fit(people.X, y)
    assert "no calibration row of 'rare': such probabilities stay as they are" in model.notes_
    assert np.isfinite(model.predict_proba(people.new_X)).all()


@pytest.mark.parametrize("calibration", ["sigmoid", None, 3, ["platt"]])
def test_an_unknown_method_is_named(quick, people, calibration):
    with pytest.raises(ParameterError, match=r"calibration=.*choose one of temperature, platt, isotonic"):
        quick(calibration=calibration).fit(people.X, people.y)


def test_weights_of_calibration_rows_count(quick, people):
    weight = np.random.default_rng(0).exponential(size=len(people.y))
    plain = quick(calibration="platt").fit(people.X, people.y, weight)
    labels, proba = plain._calibration_rows
    assert plain.calibrator_ != METHODS["platt"].fit(proba, labels)


# ---- thresholds --------------------------------------------------------------------------------------------


def test_a_threshold_by_cost_is_obeyed_everywhere(quick, many, tmp_path):
    X, y, new, new_y = many
    model = quick().fit(X, y)
    assert model.decision_threshold_ is None
    most_probable = model.predict(new)
    found = model.tune_threshold(X.iloc[:500], y.iloc[:500], cost=(1, 8))
    labels = np.searchsorted(model.classes_, y.iloc[:500])
    proba = model.predict_proba(X.iloc[:500])
    assert found == best_threshold(labels, proba, cost_false_positive=1, cost_false_negative=8)
    assert model.decision_threshold_ == found.value < 0.4
    expected = model.classes_[(model.predict_proba(new)[:, 1] >= found.value).astype(int)]
    assert (expected != most_probable).any()
    served = load(model.save(tmp_path / "model.l0gm"))
    for answers in (model.predict(new), model.compact().predict(new), served.predict(new)):
        assert (answers == expected).all()
    assert model.score(new, new_y) == np.mean(expected == new_y)
    assert served.decision_threshold == found.value
    assert f"yes from a probability of {found.value:.4g} on" in served.card()
    assert (served.with_threshold(None).predict(new) == most_probable).all()
    model.decision_threshold_ = None
    assert (model.predict(new) == most_probable).all()


def test_by_default_it_is_tuned_on_the_calibration_rows(by_method):
    for model in (by_method["temperature"], by_method["isotonic"]):
        labels, proba = model._calibration_rows
        scaled = model.calibrator_.apply(proba)
        assert model.tune_threshold(precision=0.6, confidence=0.9) == threshold_for_precision(
            labels, scaled, 0.6, confidence=0.9
        )
        model.decision_threshold_ = None


def test_a_new_fit_forgets_the_threshold(quick, people):
    model = quick().fit(people.X, people.y)
    model.tune_threshold(cost=(1, 2))
    assert model.fit(people.X, people.y).decision_threshold_ is None


def test_what_has_no_threshold(quick, fitted, fitted_kinds, people):
    with pytest.raises(DataError, match="between two classes"):
        fitted_kinds.tune_threshold(cost=(1, 1))
    for options in ({}, {"cost": (1, 1), "precision": 0.5}):
        with pytest.raises(ParameterError, match="and not both"):
            fitted.tune_threshold(**options)
    with pytest.raises(ParameterError, match="cannot be promised"):
        fitted.tune_threshold(precision=0.999)
    assert fitted.decision_threshold_ is None
    with pytest.raises(ParameterError, match="there are 4"):
        fitted_kinds.compact().with_threshold(0.5)
    without = quick(calibration_fraction=0).fit(people.X, people.y)
    with pytest.raises(ParameterError, match="pass X and y"):
        without.tune_threshold(cost=(1, 1))
    without.tune_threshold(people.new_X, people.new_y, cost=(1, 1))
    for method in ("tune_threshold", "predict_set"):
        with pytest.raises(NotFittedError):
            getattr(quick(), method)(people.X)


# ---- sets --------------------------------------------------------------------------------------------------


def test_sets_cover_as_often_as_stated(by_method, many, tmp_path):
    """Not whatever the calibrator: they are made of raw probabilities, which owe nothing to the calibration rows."""
    new, new_y = many[2:]
    model = by_method["venn_abers"]
    labels = np.searchsorted(model.classes_, new_y)
    served = load(model.save(tmp_path / "model.l0gm"))
    for coverage in (0.8, 0.9, 0.95):
        sets = model.predict_set(new, coverage)
        assert sets.shape == (1000, 2)
        assert sets.dtype == bool
        held = sets[np.arange(1000), labels].mean()
        spread = np.sqrt(coverage * (1 - coverage) * (1 / 1000 + 1 / 600))
        assert abs(held - coverage) < 3.5 * spread
        assert np.array_equal(by_method["temperature"].predict_set(new, coverage), sets)
        assert np.array_equal(model.compact().predict_set(new, coverage), sets)
        assert np.array_equal(served.predict_set(new, coverage), sets)
    assert np.array_equal(model.predict_set(new), model.predict_set(new, 0.9))
    assert model.conformal_ == ConformalSets.fit(model._calibration_rows[1], model._calibration_rows[0])


def test_sets_of_several_classes(fitted_kinds, kinds):
    small, large = (fitted_kinds.predict_set(kinds.new_X, c) for c in (0.6, 0.95))
    assert small.shape == (len(kinds.new_X), 4)
    assert (small <= large).all()
    assert small.sum() < large.sum()


def test_sets_need_calibration_rows(quick, fitted, people):
    with pytest.raises(ParameterError, match=r"38 calibration rows allow for 0\.97 at most"):
        fitted.predict_set(people.new_X, 0.99)
    without = quick(calibration_fraction=0).fit(people.X, people.y)
    assert without.conformal_ is None
    with pytest.raises(ParameterError, match="no calibration rows"):
        without.predict_set(people.new_X)
    with pytest.raises(ParameterError, match="without calibration rows"):
        without.compact().predict_set(people.new_X)


# ---- groups ------------------------------------------------------------------------------------------------


def test_measures_by_any_column(fitted, people):
    codes = np.searchsorted(fitted.classes_, people.new_y)
    proba = fitted.predict_proba(people.new_X)
    constant = fitted.evaluate_by(people.new_X, people.new_y, "constant")
    assert list(constant.values()) == list(by_group(codes, proba, ["x"] * len(codes)).values())
    for by in ("member", people.new_X["member"], people.new_X["member"].tolist()):
        found = fitted.evaluate_by(people.new_X, people.new_y, by)
        assert sum(part["n_rows"] for part in found.values()) == len(codes)
        assert 2 <= len(found) <= 3
    ages = fitted.evaluate_by(people.new_X, people.new_y, "age")
    assert [name for name in ages if name is not None and " to " in name]
    served = fitted.compact().evaluate_by(people.new_X, people.new_y, "member", calibrated=False)
    assert served.keys() == found.keys()
    with pytest.raises(DataError, match="no such column"):
        fitted.evaluate_by(people.new_X, people.new_y, "colour")
