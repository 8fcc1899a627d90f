"""Temperature scaling: recovers a known temperature, fits its own rows best, keeps the order."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from l0gm.calibration import TemperatureScaling
from l0gm.errors import DataError, ParameterError
from l0gm.metrics import accuracy, ece, ece_null


def smoothed_loss(proba, y, weight=None):
    """Log loss where one row in n + 2 counts as wrong, n being what the weights are worth."""
    weight = np.ones(len(y)) if weight is None else weight
    log = np.log(proba)
    right = log[np.arange(len(y)), y]
    others = (log.sum(axis=1) - right) / (proba.shape[1] - 1)
    wrong = 1 / (weight.sum() ** 2 / (weight**2).sum() + 2)
    return -np.average((1 - wrong) * right + wrong * others, weights=weight)


def synthetic(temperature, n_classes, n=20_000, seed=0):
    """Logits whose softmax is right at the given temperature, and labels drawn accordingly."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, n_classes)) * 2 * temperature
    truth = np.cumsum(softmax(logits / temperature, axis=1), axis=1)[:, :-1]
    return logits, (rng.random((n, 1)) > truth).sum(axis=1)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("n_classes", [2, 5])
def test_recovers_the_temperature(temperature, n_classes):
    logits, y = synthetic(temperature, n_classes)
    proba = softmax(logits, axis=1)
    scaling = TemperatureScaling.fit(proba, y)
    assert scaling.temperature == pytest.approx(temperature, rel=0.05)
    scaled = scaling.apply(proba)
    assert ece(y, scaled) <= 1.5 * ece_null(scaled, draws=200).p95
    np.testing.assert_allclose(scaled, softmax(logits / scaling.temperature, axis=1), atol=1e-10)


def test_is_the_minimum_that_scipy_finds():
    logits, y = synthetic(1.7, 3, n=500, seed=4)
    weight = np.random.default_rng(1).uniform(0, 2, size=500)

    def loss(log_t):
        return smoothed_loss(softmax(logits / np.exp(log_t), axis=1), y, weight)

    found = TemperatureScaling.fit(softmax(logits, axis=1), y, sample_weight=weight)
    best = minimize_scalar(loss, bounds=(-2, 2), method="bounded", options={"xatol": 1e-10})
    assert np.log(found.temperature) == pytest.approx(best.x, abs=1e-6)
    assert found != TemperatureScaling.fit(softmax(logits, axis=1), y)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(1, 40), st.floats(0.1, 6))
def test_fits_its_rows_no_worse_than_no_scaling_and_keeps_the_order(seed, n_classes, n, scale):
    rng = np.random.default_rng(seed)
    proba = softmax(rng.normal(size=(n, n_classes)).clip(-2.5, 2.5) * scale, axis=1)
    y = rng.integers(n_classes, size=n)
    scaling = TemperatureScaling.fit(proba, y)
    scaled = scaling.apply(proba)
    assert smoothed_loss(scaled, y) <= smoothed_loss(proba, y) + 1e-12
    assert TemperatureScaling.bounds[0] <= scaling.temperature <= TemperatureScaling.bounds[1]
    np.testing.assert_allclose(scaled.sum(axis=1), 1)
    top = np.take_along_axis(scaled, proba.argmax(axis=1)[:, None], axis=1)[:, 0]
    np.testing.assert_array_equal(top, scaled.max(axis=1))


def test_accuracy_stays_and_one_is_the_identity():
    logits, y = synthetic(3.0, 4, n=2000)
    proba = softmax(logits, axis=1)
    scaled = TemperatureScaling.fit(proba, y).apply(proba)
    np.testing.assert_array_equal(scaled.argmax(axis=1), proba.argmax(axis=1))
    assert accuracy(y, scaled) == accuracy(y, proba)
    np.testing.assert_allclose(TemperatureScaling().apply(proba), proba, atol=1e-15)


def test_by_hand():
    # odds of 9 to 1 become sqrt(9) to 1 at T = 2, and 81 to 1 at T = 0.5
    np.testing.assert_allclose(TemperatureScaling(2.0).apply([[0.1, 0.9]]), [[0.25, 0.75]])
    np.testing.assert_allclose(TemperatureScaling(0.5).apply([[0.1, 0.9]]), [[1 / 82, 81 / 82]])
    # 3 of 4 rows right at odds of 9: the odds of the rule of succession are 4 to 2
    fitted = TemperatureScaling.fit([[0.1, 0.9]] * 4, [1, 1, 1, 0])
    assert fitted.temperature == pytest.approx(np.log(9) / np.log(2), rel=1e-12)
    # all of 7 right: 8 to 1, which is softer than 9 to 1 and no certainty
    fitted = TemperatureScaling.fit([[0.1, 0.9]] * 7, [1] * 7)
    np.testing.assert_allclose(fitted.apply([[0.1, 0.9]]), [[1 / 9, 8 / 9]])


def test_ends_of_the_range():
    low, high = TemperatureScaling.bounds
    assert TemperatureScaling.fit([[0.4999, 0.5001]] * 999, [1] * 999).temperature == pytest.approx(low)
    assert TemperatureScaling.fit([[0.3, 0.7], [0.6, 0.4]], [0, 1]).temperature == pytest.approx(high)
    assert TemperatureScaling.fit(np.full((3, 3), 1 / 3), [0, 1, 2]) == TemperatureScaling(1.0)


def test_saturated_probabilities_stay_finite():
    proba = np.array([[0.0, 1.0], [1.0, 0.0], [0.3, 0.7]])
    scaling = TemperatureScaling.fit(proba, [0, 0, 1])
    assert scaling.temperature > 1
    scaled = scaling.apply(proba)
    assert np.isfinite(scaled).all()
    assert scaled[0, 1] > scaled[2, 1]


def test_keeps_float32():
    proba = np.array([[0.2, 0.8]], dtype=np.float32)
    assert TemperatureScaling(1.3).apply(proba).dtype == np.float32
    assert TemperatureScaling(1.3).apply([[0, 1]]).dtype == np.float64


def test_survives_json():
    scaling = TemperatureScaling.fit([[0.1, 0.9]] * 3, [1, 1, 0])
    assert TemperatureScaling.from_dict(json.loads(json.dumps(scaling.to_dict()))) == scaling


@pytest.mark.parametrize("temperature", [0, -1.0, float("nan"), float("inf"), "1", None, True])
def test_bad_temperatures_are_named(temperature):
    with pytest.raises(ParameterError, match="temperature is"):
        TemperatureScaling(temperature)
    with pytest.raises(ParameterError, match="temperature is"):
        TemperatureScaling.from_dict({"kind": "temperature", "temperature": temperature})


@pytest.mark.parametrize("values", [{}, {"t": 1.0}, {"kind": "temperature", "temperature": 1.0, "bias": 0.0}, [], None])
def test_foreign_keys_are_named(values):
    with pytest.raises(ParameterError, match="has the keys"):
        TemperatureScaling.from_dict(values)
    with pytest.raises(ParameterError, match="not 'platt'"):
        TemperatureScaling.from_dict({"kind": "platt", "temperature": 1.0})


def test_bad_rows_are_named():
    with pytest.raises(DataError, match="not logits"):
        TemperatureScaling.fit([[3.0, -2.0]], [0])
    with pytest.raises(DataError, match="one label a row"):
        TemperatureScaling.fit([[0.5, 0.5]], [0, 1])
    with pytest.raises(DataError, match="one weight for each"):
        TemperatureScaling.fit([[0.5, 0.5]], [0], sample_weight=[1, 2])
    with pytest.raises(DataError, match="sums to"):
        TemperatureScaling().apply([[0.5, 0.6]])
