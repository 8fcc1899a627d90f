"""Resampled measures are those of the drawn rows, and intervals hold the truth as often as they say."""

import numpy as np
import pytest

from l0gm.errors import ParameterError
from l0gm.metrics import accuracy, auc, brier, log_loss
from l0gm.metrics.bootstrap import RESAMPLED, draw, interval, resampled, seed_error

MEASURES = {"accuracy": accuracy, "auc": auc, "log_loss": log_loss, "brier": brier}


def answers(n=400, classes=2, seed=0, skill=1.0):
    rng = np.random.default_rng(seed)
    y = rng.integers(classes, size=n)
    logits = rng.normal(size=(n, classes))
    logits[np.arange(n), y] += skill
    proba = np.exp(logits).round(1) + 0.05  # rounded, so that scores are equal at times
    return y, proba / proba.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("measure", RESAMPLED)
def test_a_resample_is_the_measure_of_its_rows(measure, classes):
    y, first = answers(classes=classes)
    second = answers(classes=classes, seed=1)[1]
    draws = draw(len(y), repeats=5, seed=3)
    found = resampled(y, [first, second], measure, draws)
    counts = draws.counts(0, 5)
    assert counts.sum(axis=1).tolist() == [len(y)] * 5
    for place in range(5):
        each = [MEASURES[measure](y, proba, sample_weight=counts[place]) for proba in (first, second)]
        assert found[place] == pytest.approx(each, abs=1e-6)


def test_blocks_of_draws_change_nothing(monkeypatch):
    y, proba = answers()
    draws = draw(len(y), repeats=20)
    whole = resampled(y, [proba], "auc", draws)
    monkeypatch.setattr("l0gm.metrics.bootstrap.AT_ONCE", 3 * len(y))
    assert np.array_equal(resampled(y, [proba], "auc", draws), whole)


@pytest.mark.parametrize("n_seeds", [1, 2, 5])
@pytest.mark.parametrize("spread", [0.003, 0.03])
def test_intervals_hold_the_truth_about_as_often_as_they_say(n_seeds, spread):
    """Models of a method whose accuracy is 0.8 in the mean over seeds; with one seed, of that seed."""
    held = []
    for trial in range(100):
        rng = np.random.default_rng([trial, n_seeds])
        y = rng.integers(2, size=400)
        skills = 0.8 + spread * rng.standard_normal(n_seeds) * (n_seeds > 1)
        hard = rng.random(400)  # a row is hard for all seeds alike
        right = [hard < skill for skill in skills]
        values = [float(found.mean()) for found in right]
        moved = resampled(
            y, [np.eye(2)[np.where(found, y, 1 - y)] for found in right], "accuracy", draw(400, repeats=100)
        )
        low, high = interval(np.mean(values), moved.mean(axis=1), seed_error(values), n_seeds - 1, seed=trial)
        held.append(low <= 0.8 <= high)
    assert 0.88 <= np.mean(held) <= 1.0


@pytest.mark.parametrize("n_seeds", [2, 5])
def test_a_difference_that_is_none_is_rarely_decided(n_seeds):
    """Two methods that differ by the chance of their seeds alone."""
    decided = []
    for trial in range(100):
        rng = np.random.default_rng([trial, n_seeds, 1])
        apart = 0.02 * rng.standard_normal(n_seeds)  # the rows' part drops out
        found = interval(float(apart.mean()), None, seed_error(apart.tolist()), n_seeds - 1)
        decided.append(found.decided)
    assert np.mean(decided) <= 0.12


def test_what_two_methods_share_drops_out_of_their_difference():
    y, proba = answers()
    better = 0.9 * proba + 0.1 * np.eye(2)[y]
    draws = draw(len(y))
    a, b = (resampled(y, [p], "log_loss", draws)[:, 0] for p in (better, proba))
    apart = interval(log_loss(y, better) - log_loss(y, proba), a - b, 0.0, 0)
    alone = interval(log_loss(y, proba), b, 0.0, 0)
    assert apart.decided
    assert apart.high < 0
    assert apart.high - apart.low < alone.high - alone.low


def test_seeds_widen_an_interval_as_students_t_does():
    few, many = (interval(0.0, None, 1.0, df) for df in (1, 50))
    assert few.high == pytest.approx(12.7, rel=0.1)
    assert many.high == pytest.approx(2.01, rel=0.05)
    assert seed_error([1.0, 3.0]) == pytest.approx(1.0)
    assert seed_error([1.0]) == 0.0
    assert not interval(0.5, None, 0.0, 4).decided  # equal values are no certainty


def test_what_cannot_be_resampled_is_refused():
    y, proba = answers()
    with pytest.raises(ParameterError, match="choose one of accuracy, auc, log_loss, brier"):
        resampled(y, [proba], "ece", draw(len(y)))
    with pytest.raises(ParameterError, match="draw for these"):
        resampled(y, [proba], "auc", draw(len(y) + 1))
    with pytest.raises(ParameterError, match="repeats=0"):
        draw(10, repeats=0)
    with pytest.raises(ParameterError, match="confidence is 1"):
        interval(0.0, None, 1.0, 3, confidence=1)
