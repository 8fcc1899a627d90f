import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l0gm.data.splits import stratified_split, three_way
from l0gm.errors import DataError, ParameterError


def labels(*counts: int) -> np.ndarray:
    """Counts[k] rows of class k, in an order that has nothing to do with the classes."""
    y = np.repeat(np.arange(len(counts)), counts)
    return y[np.argsort((np.arange(len(y)) * 7919) % 104729)]


def test_parts_are_disjoint_whole_and_in_order():
    y = labels(700, 200, 100)
    train, test = stratified_split(y, 250, seed=3)
    assert (len(train), len(test)) == (750, 250)
    assert train.dtype == test.dtype == np.int64
    np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(1000))
    assert (np.diff(train) > 0).all()
    assert (np.diff(test) > 0).all()
    np.testing.assert_array_equal(np.bincount(y[test]), [175, 50, 25])


def test_sizes_are_exact_by_largest_remainder():
    # Quotas of 10 rows among 5 + 9 + 19 of 33: 1.52, 2.73, 5.76. The floors leave 2 rows, for the last two.
    y = labels(5, 9, 19)
    _, test = stratified_split(y, 10, seed=0)
    np.testing.assert_array_equal(np.bincount(y[test]), [1, 3, 6])


def test_same_seed_same_rows_and_another_seed_other_rows():
    y = labels(60, 40)
    first, again, other = (stratified_split(y, 0.2, seed=seed)[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_rows_do_not_depend_on_numpys_version():
    _, test = stratified_split(labels(60, 40), 20, seed=1)
    found = hashlib.sha256(test.astype("<i8").tobytes()).hexdigest()
    assert found == "8611cb87672dca5ee934caa79a29106a15ca5eb152d702bf9494b609ed636862"


def test_the_kind_of_label_does_not_matter():
    y = labels(30, 20)
    expected = stratified_split(y, 10, seed=0)[1]
    for same in (y.astype(bool), np.array(["a", "b"])[y], np.array(["a", "b"], dtype=object)[y], y.tolist()):
        np.testing.assert_array_equal(stratified_split(same, 10, seed=0)[1], expected)


def test_which_rows_are_held_out_is_uniform_within_a_class():
    y = labels(6, 4)
    held_out = np.zeros(10)
    for seed in range(2000):
        held_out[stratified_split(y, 5, seed=seed)[1]] += 1
    # 3 of 6 and 2 of 4: each row half the time; 5 standard deviations of a binomial count.
    np.testing.assert_allclose(held_out / 2000, 0.5, atol=5 * 0.5 / np.sqrt(2000))


def test_three_parts_of_the_asked_sizes():
    y = labels(700, 200, 100)
    train, validation, calibration = three_way(y, 0.1, 0.1, seed=0)
    np.testing.assert_array_equal(np.bincount(y[train]), [560, 160, 80])
    np.testing.assert_array_equal(np.bincount(y[validation]), [70, 20, 10])
    np.testing.assert_array_equal(np.bincount(y[calibration]), [70, 20, 10])
    np.testing.assert_array_equal(np.sort(np.concatenate([train, validation, calibration])), np.arange(1000))


def test_a_part_may_be_empty():
    train, validation, calibration = three_way(labels(30, 20), validation=10, calibration=0, seed=0)
    assert (len(train), len(validation), len(calibration)) == (40, 10, 0)


def test_a_fraction_gives_at_least_one_row():
    assert len(stratified_split(labels(5, 4), 0.01, seed=0)[1]) == 1


def test_a_class_of_three_rows_keeps_one_in_training():
    y = labels(2000, 3)
    for seed in range(5):
        train, _, _ = three_way(y, 0.1, 0.1, seed=seed)
        assert (y[train] == 1).sum() >= 1
    train, validation, calibration = three_way(labels(3, 3), 2, 2, seed=0)
    assert (len(train), len(validation), len(calibration)) == (2, 2, 2)


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(2, 40), min_size=2, max_size=6),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    seed=st.integers(0, 2**63),
)
def test_any_feasible_request_is_met_exactly(counts, shares, seed):
    room = sum(counts) - len(counts)
    validation = int(shares[0] * room)
    calibration = int(shares[1] * (room - validation))
    y = labels(*counts)
    parts = three_way(y, validation, calibration, seed)
    assert [len(part) for part in parts[1:]] == [validation, calibration]
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(len(y)))
    assert set(y[parts[0]]) == set(y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([], "no rows"),
        ([1, 1, 1], r"one class only, 1 \(3 rows\)"),
        (["a", "a", "b"], r"class b has 1 row\(s\)"),
        ([[0, 1], [1, 0]], r"one dimension, not shape \(2, 2\)"),
    ],
)
def test_labels_that_cannot_be_split(y, message):
    with pytest.raises(DataError, match=message):
        three_way(y, 0.1, 0.1, seed=0)


def test_parts_that_leave_no_room_for_training():
    with pytest.raises(DataError, match=r"class 1, 2 rows\) leave room for 5 rows .* and 6 are asked for"):
        three_way(labels(5, 2), 3, 3, seed=0)


@pytest.mark.parametrize("size", [-1, 1.0, -0.1, 1.5, float("nan"), True, "10"])
def test_sizes_that_mean_nothing(size):
    with pytest.raises(ParameterError, match="test_size"):
        stratified_split(labels(5, 5), size, seed=0)


@pytest.mark.parametrize("seed", [-1, 1.5, True, None])
def test_seeds_that_mean_nothing(seed):
    with pytest.raises(ParameterError, match="seed"):
        stratified_split(labels(5, 5), 2, seed=seed)
