"""Every method of calibration: what all of them promise, and each against something independent."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, logit, softmax
from sklearn.isotonic import IsotonicRegression

from l0gm.calibration import (
    METHODS,
    BetaCalibration,
    IsotonicCalibration,
    PlattScaling,
    TemperatureScaling,
    VennAbers,
    from_dict,
)
from l0gm.calibration.beta import BetaCurve
from l0gm.calibration.isotonic import IsotonicCurve
from l0gm.calibration.platt import PlattCurve
from l0gm.calibration.venn_abers import VennAbersCurve
from l0gm.errors import DataError, ParameterError
from l0gm.metrics import ece, ece_null, log_loss

ONE_VS_REST = [name for name in METHODS if name != "temperature"]


def binary(p1):
    p1 = np.asarray(p1, dtype=float)
    return np.column_stack([1 - p1, p1])


def distorted(n, n_classes=2, seed=0, power=2.0):
    """Probabilities that are too sure of themselves, and labels drawn from the right ones."""
    rng = np.random.default_rng(seed)
    right = softmax(rng.normal(size=(n, n_classes)) * 1.5, axis=1)
    y = (rng.random((n, 1)) > np.cumsum(right, axis=1)[:, :-1]).sum(axis=1)
    sure = right**power
    return sure / sure.sum(axis=1, keepdims=True), y


# ---- what all of them promise ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("n_classes", [2, 4])
def test_repairs_what_is_too_sure_of_itself(name, n_classes):
    proba, y = distorted(8000, n_classes)
    new, new_y = distorted(8000, n_classes, seed=1)
    fitted = METHODS[name].fit(proba, y)
    better = fitted.apply(new)
    assert log_loss(new_y, better) < log_loss(new_y, new) - 0.03
    null = ece_null(better, draws=100).p95
    assert ece(new_y, better) < 1.6 * null < ece(new_y, new)
    np.testing.assert_allclose(better.sum(axis=1), 1)
    assert fitted.kind == name
    assert fitted.n_classes in (None, n_classes)
    assert str(fitted).startswith(name.split("_")[0])


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_survives_json_to_the_last_bit(name, n_classes):
    proba, y = distorted(500, n_classes)
    fitted = METHODS[name].fit(proba, y)
    again = from_dict(json.loads(json.dumps(fitted.to_dict(), allow_nan=False)))
    assert again == fitted
    assert type(again) is METHODS[name]
    assert again.to_dict() == fitted.to_dict()
    np.testing.assert_array_equal(again.apply(proba), fitted.apply(proba))


@pytest.mark.parametrize("name", METHODS)
def test_keeps_float32_and_counts_columns(name):
    proba, y = distorted(300)
    fitted = METHODS[name].fit(proba, y)
    assert fitted.apply(proba.astype(np.float32)).dtype == np.float32
    assert fitted.apply([[0, 1], [1, 0]]).dtype == np.float64
    with pytest.raises(DataError, match="no rows"):
        fitted.apply(np.empty((0, 2)))
    if name != "temperature":
        with pytest.raises(DataError, match="3 columns, and this calibrator was fitted for 2"):
            fitted.apply(np.full((1, 3), 1 / 3))


@pytest.mark.parametrize("name", METHODS)
def test_weights_matter_by_their_ratio_and_a_row_of_weight_zero_is_absent(name):
    proba, y = distorted(400)
    weight = np.random.default_rng(3).uniform(0.1, 2, 400)
    weight[::4] = 0
    method, new = METHODS[name], distorted(200, seed=9)[0]
    weighted = method.fit(proba, y, sample_weight=weight).apply(new)
    np.testing.assert_allclose(method.fit(proba, y, sample_weight=1e6 * weight).apply(new), weighted, atol=1e-9)
    kept = weight > 0
    without = method.fit(proba[kept], y[kept], sample_weight=weight[kept])
    np.testing.assert_allclose(without.apply(new), weighted, atol=1e-9)
    assert np.abs(method.fit(proba, y).apply(new) - weighted).max() > 1e-3
    np.testing.assert_allclose(
        method.fit(proba, y, sample_weight=np.full(400, 3.0)).apply(new), method.fit(proba, y).apply(new), atol=1e-9
    )


DEGENERATE = {
    "one class": ([0.3, 0.8, 0.6, 0.9, 0.4], [1, 1, 1, 1, 1]),
    "the other class": ([0.3, 0.8, 0.6, 0.9, 0.4], [0, 0, 0, 0, 0]),
    "equal scores": ([0.5] * 8, [0, 1] * 4),
    "equal scores, unequal classes": ([0.7] * 8, [1] + [0] * 7),
    "one row": ([0.7], [1]),
    "two rows": ([0.3, 0.6], [0, 1]),
    "separated": ([0.1, 0.2, 0.3, 0.7, 0.8, 0.9], [0, 0, 0, 1, 1, 1]),
    "separated, many": (np.r_[np.linspace(0, 0.4, 500), np.linspace(0.6, 1, 500)], np.repeat([0, 1], 500)),
    "reversed": ([0.1, 0.2, 0.3, 0.7, 0.8, 0.9], [1, 1, 1, 0, 0, 0]),
    "saturated": ([0.0, 1.0, 0.0, 1.0, 0.5], [0, 1, 1, 0, 1]),
    "saturated and right": ([0.0, 1.0, 0.0, 1.0], [0, 1, 0, 1]),
    "nearly equal scores": ([0.5, 0.5 + 1e-16, 0.5 + 2e-16, np.nextafter(0.5, 1)], [0, 1, 0, 1]),
}
PROBES = binary([0.0, 1e-300, 1e-17, 1e-9, 0.01, 0.1, 0.3, 0.5, 0.5 + 1e-12, 0.7, 0.95, 1 - 1e-12, 1.0])


@pytest.mark.parametrize("rows", DEGENERATE)
@pytest.mark.parametrize("name", METHODS)
def test_odd_rows_give_a_sound_map(name, rows):
    """No NaN, no certainty that the rows do not bear out, and never a reversed order."""
    p1, y = DEGENERATE[rows]
    for sample_weight in (None, np.linspace(0.2, 2, len(y))):
        fitted = METHODS[name].fit(binary(p1), y, sample_weight=sample_weight)
        got = fitted.apply(PROBES)
        assert np.isfinite(got).all()
        np.testing.assert_allclose(got.sum(axis=1), 1)
        assert (np.diff(got[:, 1]) >= -1e-12).all()
        inner = got[np.abs(PROBES[:, 1] - 0.5) < 0.46]
        assert inner.min() > (1e-3 if len(y) < 100 else 1e-12)
        if name != "temperature":  # which leaves a certainty as it is
            assert got.min() > 0
            assert (got < 1).all()
        assert from_dict(json.loads(json.dumps(fitted.to_dict(), allow_nan=False))) == fitted


@pytest.mark.parametrize("name", ONE_VS_REST)
def test_a_class_of_which_there_is_no_row_keeps_its_probabilities(name):
    proba, y = distorted(600, 3)
    some = y != 2
    fitted = METHODS[name].fit(proba[some], y[some])
    assert fitted.curves[2] == fitted.curve.identity()
    np.testing.assert_allclose(fitted.curves[2](np.array([0.1, 0.5])), [0.1, 0.5])
    got = fitted.apply(proba)
    assert np.isfinite(got).all()
    one = METHODS[name].fit(binary([0.2, 0.6]), [1, 1])
    np.testing.assert_allclose(one.apply(binary([0.1, 0.9])), binary([0.1, 0.9]))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(ONE_VS_REST), st.integers(2, 4), st.integers(1, 30))
def test_any_few_rows(seed, name, n_classes, n):
    rng = np.random.default_rng(seed)
    proba = np.round(rng.dirichlet(np.full(n_classes, 0.5), size=n), 2)
    proba /= proba.sum(axis=1, keepdims=True)
    fitted = METHODS[name].fit(proba, rng.integers(n_classes, size=n), sample_weight=rng.exponential(size=n))
    got = fitted.apply(np.concatenate([proba, np.eye(n_classes)]))
    assert np.isfinite(got).all()
    assert (got > 0).all()
    np.testing.assert_allclose(got.sum(axis=1), 1)


# ---- Platt and beta ----------------------------------------------------------------------------------------


def targets(y, weight):
    inside, outside = weight[y == 1].sum(), weight[y == 0].sum()
    return np.where(y == 1, (inside + 1) / (inside + 2), 1 / (outside + 2))


def least(features, y, weight, n_free):
    """The smallest loss that scipy finds with slopes that are not negative, and where."""
    weight = weight * weight.sum() / (weight**2).sum()
    t = targets(y, weight)

    def loss(at):
        z = features @ at[:-1] + at[-1]
        return weight @ (np.logaddexp(0, z) - t * z)

    found = minimize(loss, np.r_[np.ones(n_free), 0.0], bounds=[(0, None)] * n_free + [(None, None)], tol=1e-14)
    return found.fun, loss


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_platt_and_beta_are_the_minima_that_scipy_finds(seed, weighted):
    rng = np.random.default_rng(seed)
    score = rng.beta(0.6, 1.4, size=200)
    y = (rng.random(200) < score ** rng.uniform(0.2, 3)).astype(int)
    weight = rng.exponential(size=200) if weighted else np.ones(200)
    (platt,) = PlattScaling.fit(binary(score), y, sample_weight=weight).curves
    best, loss = least(logit(score)[:, None], y, weight, 1)
    assert loss(np.array([platt.slope, platt.intercept])) == pytest.approx(best, rel=1e-7)
    (beta,) = BetaCalibration.fit(binary(score), y, sample_weight=weight).curves
    best, loss = least(np.column_stack([np.log(score), -np.log1p(-score)]), y, weight, 2)
    assert loss(np.array([beta.a, beta.b, beta.c])) == pytest.approx(best, rel=1e-7)


def test_platt_and_beta_never_reverse_the_order():
    rng = np.random.default_rng(0)
    score = rng.random(300)
    y = (rng.random(300) > score).astype(int)
    (platt,) = PlattScaling.fit(binary(score), y).curves
    share = (y.sum() + 1) / 302
    assert platt.slope == 0
    assert expit(platt.intercept) == pytest.approx(share, abs=0.005)
    (beta,) = BetaCalibration.fit(binary(score), y).curves
    assert (beta.a, beta.b) == (0, 0)


def test_beta_bends_one_end_and_platt_cannot():
    rng = np.random.default_rng(1)
    score = rng.random(20_000)
    y = (rng.random(20_000) < expit(2.0 * np.log(score) - 0.5 * np.log1p(-score) + 1.0)).astype(int)
    beta, platt = (method.fit(binary(score), y) for method in (BetaCalibration, PlattScaling))
    assert (beta.curves[0].a, beta.curves[0].b, beta.curves[0].c) == pytest.approx((2.0, 0.5, 1.0), abs=0.1)
    assert log_loss(y, beta.apply(binary(score))) < log_loss(y, platt.apply(binary(score))) - 0.002


def test_by_hand():
    np.testing.assert_allclose(PlattCurve(2.0, 0.0)(np.array([0.75])), 0.9)
    np.testing.assert_allclose(PlattCurve(1.0, np.log(3))(np.array([0.5])), 0.75)
    np.testing.assert_allclose(BetaCurve(2.0, 1.0, 0.0)(np.array([0.5])), 1 / 3)
    # one score, 3 of 4 events: Platt's smoothed targets give (3 * 4/5 + 1/3) / 4
    np.testing.assert_allclose(
        PlattScaling.fit(binary([0.5] * 4), [1, 1, 1, 0]).apply(binary([0.2]))[0, 1], (3 * 4 / 5 + 1 / 3) / 4
    )
    for curve in (PlattCurve, BetaCurve, IsotonicCurve, VennAbersCurve):
        np.testing.assert_allclose(curve.identity()(np.array([0.0, 0.3, 1.0])), [0, 0.3, 1], atol=1e-12)


# ---- isotonic ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_isotonic_is_scikit_learns_between_the_certainties(weighted):
    rng = np.random.default_rng(2)
    score = np.round(rng.random(400), 2)
    y = (rng.random(400) < score**2).astype(int)
    weight = rng.exponential(size=400) if weighted else np.ones(400)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(score, y, sample_weight=weight)
    (curve,) = IsotonicCalibration.fit(binary(score), y, sample_weight=weight).curves
    between = (theirs.y_thresholds_ > 0) & (theirs.y_thresholds_ < 1)
    assert between.sum() > 10
    np.testing.assert_array_equal(np.array(curve.scores), theirs.X_thresholds_)
    np.testing.assert_allclose(np.array(curve.values)[between], theirs.y_thresholds_[between], rtol=1e-12)
    grid = np.linspace(theirs.X_thresholds_[between][0], theirs.X_thresholds_[between][-1], 500)
    np.testing.assert_allclose(curve(grid), theirs.predict(grid))
    assert curve.values[0] > 0
    assert curve.values[-1] < 1


def test_isotonic_certainties_by_hand():
    # 3 rows without, 2 rows of one half, 4 rows with: 1/5, 1/2, 5/6
    p1, y = [0.1, 0.1, 0.2, 0.5, 0.5, 0.7, 0.8, 0.8, 0.9], [0, 0, 0, 1, 0, 1, 1, 1, 1]
    fitted = IsotonicCalibration.fit(binary(p1), y)
    np.testing.assert_allclose(
        fitted.apply(binary([0.0, 0.2, 0.5, 0.7, 1.0]))[:, 1], [1 / 5, 1 / 5, 1 / 2, 5 / 6, 5 / 6]
    )
    # one row without: 1/3, but not above the next block's 1/4
    p1, y = [0.1, *[0.5] * 4, 0.9], [0, 1, 0, 0, 0, 1]
    fitted = IsotonicCalibration.fit(binary(p1), y)
    np.testing.assert_allclose(fitted.apply(binary([0.1, 0.5, 0.9]))[:, 1], [1 / 4, 1 / 4, 2 / 3])


# ---- Venn-Abers --------------------------------------------------------------------------------------------


def by_definition(score, y, weight, s):
    """p0 and p1 of Vovk, Petej and Fedorova: two isotonic regressions with the row added."""
    return [
        IsotonicRegression(out_of_bounds="clip")
        .fit(np.r_[score, s], np.r_[y, answer], sample_weight=np.r_[weight, 1.0])
        .predict([s])[0]
        for answer in (0, 1)
    ]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 60), st.booleans(), st.booleans())
def test_venn_abers_is_its_definition(seed, n, ties, weighted):
    rng = np.random.default_rng(seed)
    score = np.round(rng.random(n), 1 if ties else 4)
    y = (rng.random(n) < score).astype(int)
    weight = rng.exponential(size=n) if weighted else np.ones(n)
    if y.min() == y.max():
        return
    worth = weight * weight.sum() / (weight**2).sum()
    fitted = VennAbers.fit(binary(score), y, sample_weight=weight)
    places = np.unique(np.r_[score[:6], rng.random(4), 0.0, 1.0])
    off = np.abs(places[:, None] - score).min(axis=1)
    places = places[(off == 0) | (off > 1e-5)]
    low, high = fitted.intervals(binary(places))
    got = fitted.apply(binary(places))
    for i, s in enumerate(places):
        p0, p1 = by_definition(score, y, worth, s)
        assert (low[i, 1], high[i, 1]) == pytest.approx((p0, p1), abs=1e-8)
        assert (low[i, 0], high[i, 0]) == pytest.approx((1 - p1, 1 - p0), abs=1e-8)
        assert got[i, 1] == pytest.approx(p1 / (1 - p0 + p1), abs=1e-8)


def test_venn_abers_by_hand():
    # scores 0.2 (0) and 0.8 (1). At 0.5: with 0, the right block is 1 and p0 = 0; with 1, p1 = 1: one half
    fitted = VennAbers.fit(binary([0.2, 0.8]), [0, 1])
    np.testing.assert_allclose(fitted.apply(binary([0.5])), [[0.5, 0.5]])
    # at 0.1: p0 = 0; with 1, the three scores are 1, 0, 1: pooled 1/2, 1/2, 1. Merged 1/3
    np.testing.assert_allclose(fitted.apply(binary([0.1]))[0, 1], 1 / 3)


def test_one_of_the_two_is_calibrated():
    """Over draws of calibration rows and a new row, the mean of p_Y is the mean of Y, for few rows and a bad model."""
    rng = np.random.default_rng(4)
    chosen, truth = [], []
    for _ in range(1500):
        p = rng.random(31)
        y = (rng.random(31) < p).astype(int)
        if y[:30].min() == y[:30].max():
            continue
        score = binary(p**3)
        low, high = VennAbers.fit(score[:30], y[:30]).intervals(score[30:])
        chosen.append(high[0, 1] if y[30] else low[0, 1])
        truth.append(y[30])
    difference = np.array(chosen) - np.array(truth)
    assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(len(difference))


def test_intervals_shrink_with_the_rows():
    new = distorted(500, seed=5)[0]
    widths = []
    for n in (50, 500, 5000):
        low, high = VennAbers.fit(*distorted(n)).intervals(new)
        assert (low <= high).all()
        widths.append((high - low).mean())
    assert widths[0] > 3 * widths[1] > 9 * widths[2]


def test_a_score_that_is_off_by_rounding_counts_as_equal():
    """A table of few different rows: the compacted model's scores differ in the last digits from fit's."""
    score, y = np.repeat([0.2, 0.6], 50), np.tile([0, 1, 0, 1, 1], 20)
    fitted = VennAbers.fit(binary(score), y)
    at = fitted.apply(binary([0.2, 0.6]))
    for off in (-1e-7, 1e-7):
        np.testing.assert_array_equal(fitted.apply(binary(np.array([0.2, 0.6]) + off)), at)


# ---- what cannot be used -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
def test_bad_rows_are_named(name):
    method = METHODS[name]
    with pytest.raises(DataError, match="not logits"):
        method.fit([[3.0, -2.0]], [0])
    with pytest.raises(DataError, match="one label a row"):
        method.fit([[0.5, 0.5]], [0, 1])
    with pytest.raises(DataError, match="one weight for each"):
        method.fit([[0.5, 0.5]], [0], sample_weight=[1, 2])
    with pytest.raises(DataError, match="0 everywhere"):
        method.fit([[0.5, 0.5]], [0], sample_weight=[0])


STEPS = {"low_from": [0.1], "low": [0.1], "high_to": [0.2], "high": [0.3]}
BAD = [
    None, [], "platt", {}, {"kind": "sigmoid"}, {"kind": None}, {"kind": ["platt"]}, {"kind": "platt"},
    {"kind": "platt", "curves": []}, {"kind": "platt", "curves": {}}, {"kind": "platt", "curves": "x"},
    {"kind": "platt", "curves": [{"slope": 1.0, "intercept": 0.0}] * 2},
    {"kind": "platt", "curves": [{"slope": 1.0, "intercept": 0.0}], "more": 1},
    {"kind": "platt", "curves": [{"slope": 1.0}]}, {"kind": "platt", "curves": [[1.0, 0.0]]},
    {"kind": "platt", "curves": [{"slope": -1.0, "intercept": 0.0}]},
    {"kind": "platt", "curves": [{"slope": True, "intercept": 0.0}]},
    {"kind": "platt", "curves": [{"slope": "1", "intercept": 0.0}]},
    {"kind": "platt", "curves": [{"slope": 1e300, "intercept": 0.0}]},
    {"kind": "platt", "curves": [{"slope": 1.0, "intercept": float("nan")}]},
    {"kind": "platt", "curves": [{"slope": 1.0, "intercept": 10**400}]},
    {"kind": "beta", "curves": [{"a": 1.0, "b": -1e-9, "c": 0.0}]},
    {"kind": "beta", "curves": [{"a": 1.0, "b": 1.0, "c": float("inf")}]},
    {"kind": "isotonic", "curves": [{"scores": [], "values": []}]},
    {"kind": "isotonic", "curves": [{"scores": [0.1], "values": [0.1, 0.2]}]},
    {"kind": "isotonic", "curves": [{"scores": [0.1, 0.1], "values": [0.1, 0.2]}]},
    {"kind": "isotonic", "curves": [{"scores": [0.1, 0.2], "values": [0.2, 0.1]}]},
    {"kind": "isotonic", "curves": [{"scores": [0.1, 0.2], "values": [0.2, 1.1]}]},
    {"kind": "isotonic", "curves": [{"scores": [-0.1, 0.2], "values": [0.2, 0.3]}]},
    {"kind": "isotonic", "curves": [{"scores": "ab", "values": "ab"}]},
    {"kind": "isotonic", "curves": [{"scores": 1, "values": 1}]},
    *({"kind": "venn_abers", "curves": [STEPS | change]} for change in (
        {"low": []}, {"low": [1.5]}, {"high": [-0.1]}, {"low_from": [0.2, 0.1], "low": [0.1, 0.2]},
        {"high_to": [0.1, 0.2], "high": [0.4, 0.2]}, {"low": None}, {"low": [None]}, {"high": ["x"]},
    )),
]  # fmt: skip


@pytest.mark.parametrize("values", BAD, ids=str)
def test_bad_contents_are_refused(values):
    with pytest.raises(ParameterError):
        from_dict(values)


def test_a_calibrator_of_another_method_is_refused():
    values = TemperatureScaling(2.0).to_dict()
    with pytest.raises(ParameterError):
        PlattScaling.from_dict(values)
    with pytest.raises(ParameterError):
        PlattScaling.from_dict({"kind": "beta", "curves": [{"slope": 1.0, "intercept": 0.0}]})
