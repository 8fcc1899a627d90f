"""Every gate keeps its contract, and the contract suite notices gates that do not."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from l0gm.errors import ParameterError
from l0gm.gates import (
    BlockGate,
    ConditionalGate,
    FixedMaskGate,
    Gate,
    GaussianGate,
    HardConcreteGate,
    IdentityGate,
    L0Linear,
    MagnitudeGate,
    ReadGate,
    ScaleGate,
    WeightMagnitudeGate,
)
from l0gm.testing import check_gate


def pairs(dim):
    return [i // 2 for i in range(dim)]


def uneven(dim):
    """Groups of one, two, three, ... dimensions, not side by side."""
    numbers = [g for g in range(dim) for _ in range(g + 1)][:dim]
    return numbers[::2] + numbers[1::2]


GATES = {
    "identity": IdentityGate,
    "fixed": lambda dim: FixedMaskGate([i % 3 == 0 for i in range(dim)]),
    "random": lambda dim: FixedMaskGate.random(dim, max(1, dim // 2), seed=3),
    "magnitude": MagnitudeGate,
    "magnitude by group": lambda dim: MagnitudeGate(dim, uneven(dim)),
    "hard concrete": HardConcreteGate,
    "a mask a batch": lambda dim: HardConcreteGate(dim, mask="batch"),
    "soft": lambda dim: HardConcreteGate(dim, inference="soft"),
    "by pairs": lambda dim: HardConcreteGate(dim, pairs(dim)),
    "by uneven groups": lambda dim: HardConcreteGate(dim, uneven(dim), mask="batch", inference="soft"),
    "all in one group": lambda dim: HardConcreteGate(dim, [0] * dim),
    "extreme thresholds": lambda dim: HardConcreteGate(dim, threshold=1.0 - 1e-6),
    "low threshold": lambda dim: HardConcreteGate(dim, threshold=1e-6),
    "Gaussian": GaussianGate,
    "Gaussian, a mask a batch, by uneven groups": lambda dim: GaussianGate(dim, uneven(dim), mask="batch", sigma=0.1),
    "scales": ScaleGate,
    "scales by uneven groups": lambda dim: ScaleGate(dim, uneven(dim)),
    "conditional": ConditionalGate,
    "conditional, a mask a batch, by pairs": lambda dim: ConditionalGate(dim, pairs(dim), rank=1, mask="batch"),
    "conditional, soft": lambda dim: ConditionalGate(dim, inference="soft"),
    "sizes of weights": lambda dim: WeightMagnitudeGate(1, dim),
    "sizes of weights in blocks": lambda dim: BlockGate(1, dim, 2, 5),
    "what pruned weights read": lambda dim: ReadGate(L0Linear(dim, 2, gate=WeightMagnitudeGate)),
    "what weights read": lambda dim: ReadGate(L0Linear(dim, 2)),
    "what inputs' gates read": lambda dim: ReadGate(L0Linear(dim, 3, weights="input", inference="soft")),
}


@pytest.mark.parametrize("make", GATES.values(), ids=GATES.keys())
def test_gate_keeps_the_contract(make):
    check_gate(make)


def test_the_suite_leaves_the_random_state_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    check_gate(HardConcreteGate, dims=(3,))
    assert torch.equal(torch.rand(3), expected)


# ---- gates with one fault each -------------------------------------------------------------------------------


class WrongWidth(HardConcreteGate):
    def __init__(self, dim):
        super().__init__(dim + 1)


class AddsInsteadOfMultiplying(HardConcreteGate):
    def gated(self, h):
        z = self.values(h)
        return h + z, z


class ForgetsItsValues(HardConcreteGate):
    def gated(self, h):
        return h, self.values(h)


class SinglePrecision(HardConcreteGate):
    def values(self, h):
        return super().values(h.float())


class AboveOne(HardConcreteGate):
    def values(self, h):
        return super().values(h) * 1.5

    def inference_values(self):
        return super().inference_values() * 1.5


class HidesThatItLooks(HardConcreteGate):
    per_example = False

    def values(self, h):
        z = super().values(h)
        return z * (h.abs().sum(-1, keepdim=True) > 2.0) if self.training and not self.hardened else z


class CountsEmptyBatches(MagnitudeGate):
    def values(self, h):
        if self.training and not self.hardened:
            self.magnitude.lerp_(h.detach().abs().reshape(-1, self.dim).sum(0).float(), 0.01)
        return self.chosen.to(h.dtype)


class SamplesAtInference(HardConcreteGate):
    def values(self, h):
        if self.hardened:
            return super().values(h)
        training = self.training
        z = self.train().values(h) if not training else super().values(h)
        self.train(training)
        return z


class TwoAnswersAtInference(HardConcreteGate):
    def inference_values(self):
        return super().inference_values().flip(0)

    def values(self, h):
        return super().values(h) if self.training else super().inference_values().to(h.dtype)


class CountsGatesNotDimensions(HardConcreteGate):
    def __init__(self, dim):
        super().__init__(dim, pairs(dim))

    @property
    def n_open(self):
        return int((self.log_alpha > 0).sum())


class ExpectsAVector(HardConcreteGate):
    def expected_open(self):
        return self.open_probability()


class ExpectsAConstant(HardConcreteGate):
    def expected_open(self):
        return super().expected_open().detach()


class StraightToTheConstant(HardConcreteGate):
    def values(self, h):
        return super().values(h).detach()


class OneTooMany(HardConcreteGate):
    def harden(self, k=None):
        return super().harden(k if k is None or k == self.dim else k + 1)


class SplitsGroups(HardConcreteGate):
    def __init__(self, dim):
        super().__init__(dim, pairs(dim))
        self.register_buffer("fixed", torch.zeros(dim, dtype=torch.bool))

    def inference_values(self):
        return self.fixed.float() if self.hardened else super().inference_values()

    def harden(self, k=None):
        mask = self.open_mask()
        super().harden(k)
        if k is not None:
            mask = torch.arange(self.dim) < k
        self.fixed.copy_(mask)
        return mask


class FirstGroupWhateverItsSize(HardConcreteGate):
    def __init__(self, dim):
        super().__init__(dim, uneven(dim))

    def _best(self, preference, k):
        self._check_k(k)
        return (self.group_index == preference.argmax()).clone()


class OpensAllWithoutK(HardConcreteGate):
    def harden(self, k=None):
        return super().harden(self.dim if k is None else k)


class AnyCountGoes(HardConcreteGate):
    def harden(self, k=None):
        return super().harden(None if k is None else min(max(k, 1), self.dim))


class HardensBeforeItLooks(HardConcreteGate):
    def harden(self, k=None):
        self.hard.fill_(True)
        return super().harden(k)


class KeepsSampling(HardConcreteGate):
    def values(self, h):
        hard, self.hard = self.hard, torch.zeros((), dtype=torch.bool)
        z = super().values(h)
        self.hard = hard
        return z


class KeepsLearning(HardConcreteGate):
    def expected_open(self):
        return torch.sigmoid(self.log_alpha).sum()

    def inference_values(self):
        return (self.log_alpha > 0).float()


class LeaksGradient(HardConcreteGate):
    def gated(self, h):
        z = self.values(h)
        out = z * h
        return (out + (h - h.detach()) * 0.1 if self.hardened else out), z


class ForgetsThatItIsHard(HardConcreteGate):
    def __init__(self, dim):
        super().__init__(dim)
        del self.hard
        self.hard = torch.zeros((), dtype=torch.bool)


class HardForEver(HardConcreteGate):
    def harden(self, k=None):
        mask = super().harden(k)
        self.log_alpha.requires_grad_(False)
        return mask


class NoTwoOfAKind(HardConcreteGate):
    def __deepcopy__(self, memo):
        return self


class RefusesToCool(HardConcreteGate):
    def anneal(self, temperature):
        if temperature < 0.5:
            raise ValueError("too cold")
        super().anneal(temperature)


class NotAGate(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim


BROKEN = [
    (WrongWidth, "has the width"),
    (AddsInsteadOfMultiplying, "forward is values times h"),
    (ForgetsItsValues, "forward is values times h"),
    (SinglePrecision, "forward is values times h"),
    (AboveOne, "forward is values times h"),
    (HidesThatItLooks, "h does not matter"),
    (CountsEmptyBatches, "without rows"),
    (SamplesAtInference, "inference is deterministic"),
    (TwoAnswersAtInference, "inference multiplies with inference values"),
    (CountsGatesNotDimensions, "inference multiplies with inference values"),
    (ExpectsAVector, "expected open is a count"),
    (ExpectsAConstant, "a learned gate gets gradients"),
    (StraightToTheConstant, "a learned gate gets gradients"),
    (OneTooMany, "harden leaves k open"),
    (SplitsGroups, "splits a group"),
    (FirstGroupWhateverItsSize, "though a group fits"),
    (OpensAllWithoutK, "harden without k"),
    (AnyCountGoes, "counts out of range"),
    (HardensBeforeItLooks, "counts out of range"),
    (KeepsSampling, "a hardened gate stays"),
    (KeepsLearning, "a hardened gate stays"),
    (LeaksGradient, "only open dimensions pass the gradient"),
    (ForgetsThatItIsHard, "a loaded gate is not hardened"),
    (HardForEver, "let it learn again"),
    (NoTwoOfAKind, "a deep copy stands alone"),
    (RefusesToCool, "anneal is accepted"),
    (NotAGate, "does not derive"),
]


@pytest.mark.parametrize(("make", "clause"), BROKEN, ids=lambda x: getattr(x, "__name__", None))
def test_the_suite_names_the_broken_clause(make, clause):
    with pytest.raises(AssertionError, match=clause):
        check_gate(make, dims=(6,))


def test_a_gate_that_learns_nothing_may_refuse_counts_but_not_its_own():
    class Stubborn(FixedMaskGate):
        def harden(self, k=None):
            if k is not None:
                raise ParameterError(f"k={k}: no")
            return super().harden()

    check_gate(lambda dim: FixedMaskGate(torch.arange(dim) < 2), dims=(5,))
    with pytest.raises(AssertionError, match=r"harden\(2\) refused"):
        check_gate(lambda dim: Stubborn(torch.arange(dim) < 2), dims=(5,))


def test_deep_copies_of_every_gate_are_of_the_same_class():
    for make in GATES.values():
        gate = make(4)
        assert isinstance(gate, Gate)
        assert type(copy.deepcopy(gate)) is type(gate)
