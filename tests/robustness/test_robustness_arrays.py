"""Representations: what is lost is 0, and everything else as in tables."""

import numpy as np
import pytest
from corrupted import HARDEST
from hypothesis import given
from hypothesis import strategies as st

from l0gm.errors import DataError, ParameterError
from l0gm.robustness import CONDITIONS, Condition, InputStatistics, perturb, perturb_array

MISSING, NOISE, BITS, OCCLUSION = HARDEST


@pytest.fixture(scope="module")
def h():
    return np.random.default_rng(0).normal(3.0, 2.0, (400, 32)).astype(np.float32)


@pytest.fixture(scope="module")
def statistics(h):
    return InputStatistics.fit(h)


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda c: c.name)
def test_it_is_the_table_with_zeros(h, statistics, condition):
    before = h.copy()
    got = perturb_array(h, condition, statistics, 7)
    np.testing.assert_array_equal(h, before)
    assert (got.dtype, got.shape) == (np.float32, h.shape)
    np.testing.assert_array_equal(got, np.nan_to_num(perturb(h, condition, statistics, 7), nan=0.0))
    np.testing.assert_array_equal(perturb_array(h[:31], condition, statistics, 7), got[:31])


def test_a_block_of_dimensions(h, statistics):
    gone = perturb_array(h, OCCLUSION, statistics, 0) == 0.0
    assert (gone.sum(axis=1) == 10).all()  # 0.3 of 32
    assert (np.abs(np.diff(gone.astype(int), axis=1)).sum(axis=1) <= 2).all()


@given(st.integers(0, 4), st.integers(1, 5), st.sampled_from([np.float16, np.float32, np.float64]))
def test_any_size_and_type(rows, width, dtype):
    train = np.array([[np.inf] * width, [1e4] * width, [-np.nan] * width], dtype=dtype)
    test = np.full((rows, width), np.finfo(dtype).max, dtype=dtype)
    for condition in CONDITIONS:
        got = perturb_array(test, condition, InputStatistics.fit(train), 0)
        assert (got.dtype, got.shape) == (dtype, test.shape)
        assert np.isfinite(got).all()


def test_what_is_no_representation(h, statistics):
    for wrong in (h[0], h.astype(int), np.zeros((3, 0)), [["a"]]):
        with pytest.raises(DataError, match="pass floats of shape"):
            perturb_array(wrong, MISSING, statistics, 0)
    with pytest.raises(DataError, match="5 columns without names, and the statistics are of 32"):
        perturb_array(h[:, :5], NOISE, statistics, 0)
    with pytest.raises(ParameterError, match="seed"):
        perturb_array(h, Condition("noise", 0.1), statistics, 0.5)
