"""Resampled measures are those of the drawn rows and seeds, and intervals hold what they should."""

import numpy as np
import pytest

from l0gm.errors import ParameterError
from l0gm.metrics import accuracy, auc, brier, log_loss
from l0gm.metrics.bootstrap import RESAMPLED, draw, interval, resampled

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
    draws = draw(len(y), 2, repeats=5, seed=3)
    found = resampled(y, [first, second], measure, draws)
    counts = draws.counts(0, 5)
    assert counts.sum(axis=1).tolist() == [len(y)] * 5
    for place in range(5):
        each = [MEASURES[measure](y, proba, sample_weight=counts[place]) for proba in (first, second)]
        assert found[place] == pytest.approx(np.mean([each[seed] for seed in draws.seeds[place]]), abs=1e-6)


def test_blocks_of_draws_change_nothing(monkeypatch):
    y, proba = answers()
    draws = draw(len(y), 1, repeats=20)
    whole = resampled(y, [proba], "auc", draws)
    monkeypatch.setattr("l0gm.metrics.bootstrap.AT_ONCE", 3 * len(y))
    assert np.array_equal(resampled(y, [proba], "auc", draws), whole)


def test_intervals_hold_the_true_accuracy_about_as_often_as_they_say():
    held = []
    for trial in range(200):
        rng = np.random.default_rng(trial)
        y = rng.integers(2, size=300)
        right = rng.random(300) < 0.8
        proba = np.eye(2)[np.where(right, y, 1 - y)]
        low, high = interval(resampled(y, [proba], "accuracy", draw(300, 1, repeats=300, seed=trial)))
        held.append(low <= 0.8 <= high)
    assert 0.88 <= np.mean(held) <= 0.99


def test_what_two_methods_share_drops_out_of_their_difference():
    y, proba = answers()
    better = proba.copy()
    better[:, :] = 0.9 * proba + 0.1 * np.eye(2)[y]
    draws = draw(len(y), 1)
    a, b = (resampled(y, [p], "log_loss", draws) for p in (better, proba))
    apart = interval(a - b)
    assert apart.decided
    assert apart.high < 0
    assert apart.high - apart.low < interval(b).high - interval(b).low


def test_seeds_are_drawn_too():
    y, good = answers(skill=4.0)
    bad = answers(skill=0.0, seed=2)[1]
    found = resampled(y, [good, bad], "accuracy", draw(len(y), 2, repeats=200))
    assert found.max() - found.min() > 0.3  # both from one seed, or from the other


def test_what_cannot_be_resampled_is_refused():
    y, proba = answers()
    with pytest.raises(ParameterError, match="choose one of accuracy, auc, log_loss, brier"):
        resampled(y, [proba], "ece", draw(len(y), 1))
    with pytest.raises(ParameterError, match="draw for these"):
        resampled(y, [proba], "auc", draw(len(y), 2))
    with pytest.raises(ParameterError, match="repeats=0"):
        draw(10, 1, repeats=0)
    with pytest.raises(ParameterError, match="confidence is 1"):
        interval(np.zeros(3), 1)
