"""Masks over weights: which ones stay, how many, and that a closed weight stays zero."""

from __future__ import annotations

import pytest
import torch

from l0gm.errors import ParameterError
from l0gm.gates import BlockGate, L0Linear, ReadGate, WeightMagnitudeGate


def layer(gate, inputs=10, outputs=4):
    torch.manual_seed(0)
    return L0Linear(inputs, outputs, gate=gate)


def blocks(n, m):
    return lambda outputs, inputs: BlockGate(outputs, inputs, n, m)


def test_the_largest_weights_stay():
    made = layer(WeightMagnitudeGate)
    made(torch.randn(3, 10))
    with torch.no_grad():
        made.weight[0, :3] = torch.tensor([-9.0, 8.0, 1e-9])  # since the last batch
    made(torch.randn(3, 10))
    mask = made.harden(13).view(4, 10)
    assert mask.sum() == 13
    assert mask[0].tolist()[:3] == [True, True, False]
    assert made.weight.abs()[mask].min() >= made.weight.abs()[~mask].max()


@pytest.mark.parametrize(("n", "m", "inputs", "last"), [(2, 4, 12, 2), (1, 4, 10, 0), (3, 4, 10, 2), (2, 4, 3, 2)])
def test_each_block_keeps_its_largest(n, m, inputs, last):
    """``last`` is how many stay in the last block."""
    made = layer(blocks(n, m), inputs)
    made(torch.randn(2, inputs))
    mask = made.harden(made.gate.attainable(1)).view(4, inputs)
    for first in range(0, inputs, m):
        part, sizes = mask[:, first : first + m], made.weight.detach().abs()[:, first : first + m]
        kept = last if first + m >= inputs else n
        assert part.sum(1).tolist() == [kept] * 4
        for opened, size in zip(part, sizes, strict=True):
            assert set(size.argsort(descending=True)[:kept].tolist()) == set(opened.nonzero()[:, 0].tolist())
    assert made.n_open == int(mask.sum()) == made.gate.attainable(1)


@pytest.mark.parametrize(
    ("active", "pattern"),
    [(0.5, (2, 4)), (0.25, (1, 4)), (0.15, (3, 20)), (0.05, (1, 20)), (0.03, (1, 32)), (0.001, (1, 32)), (1.0, (4, 4))],
)
def test_the_pattern_that_is_nearest_to_a_fraction(active, pattern):
    gate = BlockGate.nearest(2, 64, active)
    assert (gate.n, gate.m) == pattern
    assert gate.attainable(1) >= 2


def test_one_weight_stays_where_the_pattern_has_less_than_that():
    gate = BlockGate(1, 3, 1, 20)
    gate(torch.randn(2, 3))
    assert gate.harden(gate.attainable(1)).sum() == 1


@pytest.mark.parametrize(("gate", "k"), [(WeightMagnitudeGate, 8), (blocks(1, 5), 8)])
def test_what_is_closed_stays_zero(gate, k):
    made = layer(gate)
    read = ReadGate(made)
    optimizer = torch.optim.AdamW(made.parameters(), lr=0.1, weight_decay=0.1)

    def step():
        optimizer.zero_grad()
        made(torch.randn(6, 10)).square().sum().backward()
        optimizer.step()

    step()
    assert made.n_open == 40
    mask = made.harden(k).view(4, 10)
    before = made.weight[mask].detach().clone()
    for _ in range(5):
        step()
    used = made.inference_weight()
    assert torch.equal(used != 0, mask)
    assert not torch.isclose(made.weight[mask], before).any()  # the others learn
    assert torch.equal(read.open_mask(), mask.any(0))
    cut = made.compact()
    assert (cut.linear.weight != 0).sum() == k


def test_what_is_refused():
    with pytest.raises(ParameterError, match="n=5, m=4"):
        BlockGate(2, 8, 5, 4)
    with pytest.raises(ParameterError, match="2:4 keeps 8 of 16"):
        BlockGate(2, 8, 2, 4).harden(5)
    with pytest.raises(ParameterError, match="one of single weights"):
        L0Linear(4, 2, weights="unit", gate=WeightMagnitudeGate)
