from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from l0gm.data.binning import LARGEST, constant_edges, quantile_edges, tree_edges
from l0gm.data.schema import NumericField

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def alternating(n: int) -> np.ndarray:
    return np.arange(n, dtype=np.int64) % 2


def counts(x: np.ndarray, edges: tuple[float, ...]) -> list[int]:
    """Rows in each bin."""
    codes, _ = NumericField("x", "x", edges).bin(np.asarray(x, dtype=np.float64))
    return np.bincount(codes, minlength=len(edges))[1:].tolist()


def check(x: np.ndarray, edges: tuple[float, ...], max_bins: int) -> None:
    assert all(type(edge) is float and np.isfinite(edge) for edge in edges)
    assert all(low < high for low, high in pairwise(edges))
    assert 1 <= len(edges) - 1 <= max(max_bins, 2)
    assert np.isfinite(edges[-1] - edges[0])
    assert edges[0] == np.clip(x.min(), -LARGEST, LARGEST)
    if np.clip(x.max(), -LARGEST, LARGEST) > edges[0]:
        assert edges[-1] == np.clip(x.max(), -LARGEST, LARGEST)


@settings(deadline=None)
@given(st.lists(FINITE, min_size=2, max_size=60), st.integers(2, 12), st.integers(1, 5))
@example([0.0, 5e-324], 4, 1)
@example([0.0, -0.0, 1.0], 4, 1)
@example([-1.7976931348623157e308, 1.7976931348623157e308], 4, 1)
@example([1.7e308, 1.7976931348623157e308], 4, 1)
@example([1.0, np.nextafter(1.0, 2.0), np.nextafter(np.nextafter(1.0, 2.0), 3.0)], 4, 1)
def test_edges_always_rise_and_span_the_values(values, max_bins, min_rows):
    x = np.array(values)
    if x.min() == x.max():
        x = np.append(x, x[0] + 1.0 if abs(x[0]) < 1e15 else 0.0)
    y = alternating(len(x))
    check(x, tree_edges(x, y, max_bins, min_rows), max_bins)
    check(x, quantile_edges(x, max_bins), max_bins)


@settings(deadline=None)
@given(FINITE)
@example(np.finfo(np.float64).max)
@example(-np.finfo(np.float64).max)
@example(-0.0)
def test_one_value_makes_one_bin(value):
    low, high = constant_edges(value)
    assert low < high
    assert np.isfinite(high)
    code, fraction = NumericField("x", "x", (low, high)).bin(np.array([value, np.nan]))
    assert code.tolist() == [1, 0]
    assert fraction[0] == (0.0 if abs(value) <= LARGEST else float(value > 0))


def test_tree_edges_lie_where_the_target_changes():
    x = np.arange(1000.0)
    y = ((x > 299) & (x <= 700)).astype(np.int64)
    assert tree_edges(x, y, 48, 20) == (0.0, 299.5, 700.5, 999.0)
    assert tree_edges(x, np.zeros(1000, dtype=np.int64), 48, 20) == (0.0, 999.0)


def test_tree_bins_hold_the_least_number_of_rows_and_are_no_more_than_asked_for():
    x = np.random.default_rng(0).normal(size=2000)
    y = alternating(2000)
    for max_bins, min_rows in ((48, 20), (8, 1), (2, 300)):
        edges = tree_edges(x, y, max_bins, min_rows)
        assert len(edges) - 1 <= max_bins
        assert min(counts(x, edges)) >= min_rows
        assert len(edges) > 2


def test_a_column_that_is_mostly_zero():
    rng = np.random.default_rng(1)
    x = np.where(rng.random(5000) < 0.92, 0.0, rng.integers(100, 99_999, 5000).astype(float))
    y = (x > 7000).astype(np.int64)
    edges = tree_edges(x, y, 48, 20)
    assert any(0.0 < edge <= x[x > 0].min() or x[x <= 7000].max() <= edge < x[x > 7000].min() for edge in edges)
    assert counts(x, edges)[0] >= (x == 0).sum()
    quantiles = quantile_edges(x, 48)
    assert counts(x, quantiles)[0] == (x == 0).sum()
    assert len(quantiles) - 1 <= 48


def test_few_values_each_get_a_bin():
    x = np.repeat([1.0, 2.0, 5.0], 100)
    y = np.concatenate([alternating(100), np.ones(100, dtype=np.int64), np.zeros(100, dtype=np.int64)])
    assert tree_edges(x, y, 48, 20) == (1.0, 1.5, 3.5, 5.0)
    assert quantile_edges(x, 48) == (1.0, 1.5, 3.5, 5.0)


def test_small_differences_on_a_large_offset():
    # single precision, which the tree works in, cannot tell these apart
    x = 1.7e9 + np.arange(400) / 4.0
    assert len(np.unique(x.astype(np.float32))) < 5
    y = (np.arange(400) >= 123).astype(np.int64)
    assert tree_edges(x, y, 48, 20) == (x[0], (x[122] + x[123]) / 2, x[-1])
    large = 2.0**53 + np.arange(0, 100, 2)
    assert tree_edges(large, (np.arange(50) >= 20).astype(np.int64), 8, 1)[1] == large[19]
    assert min(counts(x, quantile_edges(x, 16))) == 25


def test_a_skewed_column():
    x = np.exp(np.random.default_rng(2).normal(0, 12, 3000))
    y = (x > np.median(x)).astype(np.int64)
    edges = tree_edges(x, y, 48, 20)
    below, above = np.sort(x)[1499:1501]
    assert below <= edges[1] < above
    check(x, quantile_edges(x, 48), 48)
    assert max(counts(x, quantile_edges(x, 48))) <= 65


def test_quantile_bins_are_equally_full():
    x = np.random.default_rng(3).permutation(960).astype(float)
    assert counts(x, quantile_edges(x, 48)) == pytest.approx([20] * 48, abs=1)


def test_the_same_rows_give_the_same_edges():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=500), alternating(500)
    assert tree_edges(x, y, 16, 5) == tree_edges(x.copy(), y.copy(), 16, 5)
