"""The gates that learn nothing: dense, given, random, by magnitude."""

from __future__ import annotations

import pytest
import torch

from l0gm.errors import ParameterError
from l0gm.gates import FixedMaskGate, IdentityGate, MagnitudeGate


def seen(gate, scale, batches=5):
    torch.manual_seed(0)
    for _ in range(batches):
        gate(torch.randn(64, gate.dim) * torch.tensor(scale))
    return gate


def test_identity_hands_h_through():
    h = torch.randn(3, 4)
    gate = IdentityGate(4)
    assert gate(h) is h
    assert gate.n_open == 4
    with pytest.raises(ParameterError, match="keeps all of its 4"):
        gate.harden(3)
    assert gate.hardened
    assert gate.harden(4).all()


def test_a_given_mask_is_kept():
    gate = FixedMaskGate([True, False, True])
    assert gate.hardened
    assert gate(torch.ones(2, 3)).tolist() == [[1.0, 0.0, 1.0]] * 2
    assert gate.harden(2).tolist() == [True, False, True]
    with pytest.raises(ParameterError, match="fixed with 2"):
        gate.harden(1)
    with pytest.raises(ParameterError, match="at least one"):
        FixedMaskGate([False, False])


def test_random_masks_have_k_open_and_follow_their_seed_alone():
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    masks = [FixedMaskGate.random(50, 7, seed).open_mask() for seed in range(5)]
    assert torch.equal(torch.random.get_rng_state(), state)
    assert {int(mask.sum()) for mask in masks} == {7}
    assert len({tuple(mask.tolist()) for mask in masks}) == 5
    assert torch.equal(FixedMaskGate.random(50, 7, 3).open_mask(), masks[3])
    for k in (0, 51):
        with pytest.raises(ParameterError, match=f"k={k}"):
            FixedMaskGate.random(50, k, 0)


def test_random_masks_are_uniform():
    counts = sum(FixedMaskGate.random(6, 2, seed).open_mask().int() for seed in range(600))
    assert int(counts.min()) > 150  # 200 expected, standard deviation 11.5
    assert int(counts.max()) < 250


def test_magnitude_keeps_the_largest_mean_size():
    gate = seen(MagnitudeGate(5), [1.0, 3.0, 0.1, 2.0, 0.5])
    assert gate.n_open == 5
    assert gate.harden(2).tolist() == [False, True, False, True, False]
    assert gate.hardened


def test_magnitude_compares_groups_by_their_mean_not_their_sum():
    gate = seen(MagnitudeGate(4, [0, 0, 0, 1]), [1.0, 1.0, 1.0, 2.0])
    assert gate.harden(3).tolist() == [False, False, False, True]


def test_magnitude_looks_in_training_only_and_until_it_is_hardened():
    gate = MagnitudeGate(2).eval()
    gate(torch.ones(3, 2))
    assert not gate.magnitude.any()
    gate.train()(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    torch.testing.assert_close(gate.magnitude, torch.tensor([0.02, 0.03]))
    gate.harden(1)
    gate(torch.ones(3, 2))
    torch.testing.assert_close(gate.magnitude, torch.tensor([0.02, 0.03]))


def test_signs_do_not_matter_to_magnitude():
    gate = MagnitudeGate(2)
    gate(torch.tensor([[-5.0, 1.0], [5.0, 1.0]]))
    assert gate.harden(1).tolist() == [True, False]
