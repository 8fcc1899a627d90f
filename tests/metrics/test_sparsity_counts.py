from __future__ import annotations

import numpy as np
import pytest

from l0gm.errors import ParameterError
from l0gm.metrics import active_fraction, n_open, open_by_group


def test_counts():
    mask = np.array([True, False, True, False, False])
    assert n_open(mask) == 2
    assert active_fraction(mask) == 0.4
    counts = open_by_group(mask, ["b", "b", "a", "c", "b"])
    assert counts == {"b": 1, "a": 1, "c": 0}
    assert list(counts) == ["b", "a", "c"]
    assert sum(counts.values()) == n_open(mask)
    assert type(n_open(mask)) is int
    assert all(type(count) is int for count in counts.values())


@pytest.mark.parametrize("mask", [[], [0, 1], [0.5, 1.0], [[True, False]]])
def test_only_boolean_vectors_count(mask):
    for call in (n_open, active_fraction, lambda m: open_by_group(m, ["a"] * len(m))):
        with pytest.raises(ParameterError, match="boolean vector"):
            call(mask)


def test_groups_have_to_name_every_dimension():
    with pytest.raises(ParameterError, match="names 1 dimensions and mask has 2"):
        open_by_group([True, False], ["a"])
