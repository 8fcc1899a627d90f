"""Summaries by hand, the t quantile and the paired interval against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from l0gm.errors import ParameterError
from l0gm.metrics import DIRECTION, evaluate, paired_interval, summarise, summarise_runs
from l0gm.metrics.seeds import two_sided_t


def test_summary_by_hand():
    values = [0.8, 0.9, 0.7]
    up = summarise(values, higher_is_better=True)
    assert up == {"mean": pytest.approx(0.8), "std": pytest.approx(0.1), "worst": 0.7, "seeds": values}
    assert summarise(values, higher_is_better=False)["worst"] == 0.9
    assert "worst" not in summarise(values, higher_is_better=None)


def test_one_seed_has_no_spread():
    one = summarise([0.3], higher_is_better=False)
    assert one == {"mean": 0.3, "std": 0.0, "worst": 0.3, "seeds": [0.3]}


def test_runs_know_the_direction_of_each_metric():
    rng = np.random.default_rng(0)
    runs = []
    for _ in range(3):
        p1 = rng.random(100)
        y = (rng.random(100) < p1).astype(int)
        runs.append(evaluate(y, np.column_stack([1 - p1, p1]), draws=20))
    summary = summarise_runs(runs)
    assert summary.keys() == runs[0].keys()
    for name, one in summary.items():
        seeds = [run[name] for run in runs]
        assert one["seeds"] == seeds
        assert one["std"] == pytest.approx(np.std(seeds, ddof=1))
        if name in ("accuracy", "auc"):
            assert one["worst"] == min(seeds)
        elif name in ("log_loss", "brier", "ece", "ece_adaptive", "ece_positive"):
            assert one["worst"] == max(seeds)
        else:
            assert name not in DIRECTION
            assert "worst" not in one


@pytest.mark.parametrize("df", [1, 2, 3, 4, 5, 9, 30, 101, 1000])
@pytest.mark.parametrize("confidence", [0.01, 0.5, 0.8, 0.95, 0.99, 0.9999])
def test_t_quantile_is_scipys(df, confidence):
    assert two_sided_t(confidence, df) == pytest.approx(stats.t.ppf((1 + confidence) / 2, df), rel=1e-8)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=12), st.floats(0.05, 0.999))
def test_paired_interval_is_scipys(pairs, confidence):
    a, b = map(list, zip(*pairs, strict=True))
    mean, low, high = paired_interval(a, b, confidence)
    assert mean == pytest.approx(np.mean(a) - np.mean(b), abs=1e-12)
    if np.std(np.subtract(a, b)) < 1e-6:  # scipy warns of lost precision
        assert high - low < 0.01
        return
    expected = stats.ttest_rel(a, b).confidence_interval(confidence)
    np.testing.assert_allclose([low, high], [expected.low, expected.high], rtol=1e-8, atol=1e-10)


def test_paired_interval_of_a_constant_difference_is_a_point():
    assert paired_interval([2.0, 3.0, 5.0], [1.0, 2.0, 4.0]) == (1.0, 1.0, 1.0)


def test_bad_arguments_are_named():
    with pytest.raises(ParameterError, match="values is empty"):
        summarise([], higher_is_better=True)
    with pytest.raises(ParameterError, match=r"values\[1\] is nan"):
        summarise([0.1, float("nan")], higher_is_better=True)
    with pytest.raises(ParameterError, match="runs is empty"):
        summarise_runs([])
    with pytest.raises(ParameterError, match=r"runs\[1\] and runs\[0\] differ in \['auc'\]"):
        summarise_runs([{"accuracy": 0.5}, {"accuracy": 0.5, "auc": 0.5}])
    for a, b in [([0.1], [0.2]), ([0.1, 0.2], [0.1]), ([], [])]:
        with pytest.raises(ParameterError, match="two or more seeds"):
            paired_interval(a, b)
    with pytest.raises(ParameterError, match=r"b\[0\] is inf"):
        paired_interval([0.1, 0.2], [float("inf"), 0.2])
    for confidence in (0, 1, 95, float("nan")):
        with pytest.raises(ParameterError, match="confidence is"):
            paired_interval([0.1, 0.2], [0.1, 0.3], confidence)
    with pytest.raises(ParameterError, match="df is 0"):
        two_sided_t(0.95, 0)
