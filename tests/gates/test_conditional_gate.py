"""The conditional gate: begins as the static one, closes more inside its support, and opens nothing outside."""

from __future__ import annotations

import pytest
import torch

from l0gm.errors import ParameterError
from l0gm.gates import ConditionalGate, HardConcreteGate
from l0gm.gates.functional import soft
from l0gm.testing import check_gate


def gate_of(logits, groups=None, **options):
    torch.manual_seed(0)
    gate = ConditionalGate(len(logits) if groups is None else len(groups), groups, **options)
    with torch.no_grad():
        gate.log_alpha.copy_(torch.tensor(logits))
        gate.function.up.copy_(torch.randn(gate.function.up.shape))
    return gate


@pytest.mark.parametrize("mask", ["example", "batch"])
def test_it_begins_as_the_static_gate(mask):
    static, gate = HardConcreteGate(6, mask=mask), ConditionalGate(6, mask=mask)
    h = torch.randn(9, 6)
    torch.manual_seed(1)
    expected = static(h)
    torch.manual_seed(1)
    torch.testing.assert_close(gate(h), expected)
    torch.testing.assert_close(gate.expected_open(), static.expected_open())
    torch.testing.assert_close(gate.eval()(h), static.eval()(h))


def test_the_function_of_h_learns_from_its_first_step():
    gate = ConditionalGate(6)
    gate.anneal(2.0)
    (gate(torch.randn(32, 6)) * torch.randn(32, 6)).sum().backward()
    assert gate.function.up.grad.abs().max() > 0


def test_hardened_it_goes_on_learning_and_the_static_part_does_not():
    gate = gate_of([4.0, 1.0, -1.0, 6.0])
    gate.harden(3)
    (gate(torch.randn(32, 4)) * torch.randn(32, 4)).sum().backward()
    assert gate.function.up.grad.abs().max() > 0
    assert gate.log_alpha.grad is None


def test_a_row_only_ever_closes():
    gate = gate_of([4.0, 1.0, -1.0, 6.0])
    h = 3.0 * torch.randn(200, 4)
    assert (gate.logits(h) <= gate.log_alpha).all()
    z = gate.eval().values(h)
    assert (z[:, 2] == 0).all()
    assert (z <= soft(gate.log_alpha) * (gate.log_alpha > 0)).all()
    assert len(torch.unique(z[:, 0])) > 20


def test_it_reads_only_what_is_open():
    gate = gate_of([4.0, 1.0, -9.0, 6.0]).eval()
    h = torch.randn(5, 4)
    other = h.clone()
    other[:, 2] += 100.0
    assert torch.equal(gate.values(h), gate.values(other))
    gate.harden()
    assert torch.equal(gate.train().values(h), gate.values(other))


def test_no_gradient_reaches_h_through_the_function():
    gate = gate_of([4.0, 1.0, -1.0, 6.0])
    h = torch.randn(5, 4, requires_grad=True)
    gate.values(h).sum().backward()
    assert h.grad is None
    assert gate.function.down.grad.abs().max() > 0


def test_hardening_goes_by_the_static_part():
    gate = gate_of([4.0, 7.0, -3.0, -1.0, -2.0]).eval()
    assert gate.harden(3).tolist() == [True, True, False, True, False]
    assert float(gate.expected_open().detach()) == 3
    assert (gate.values(torch.randn(50, 5))[:, [2, 4]] == 0).all()


def test_hardened_it_is_open_where_the_function_is_zero_and_closes_at_once_where_it_is_not():
    gate = ConditionalGate(3)
    with torch.no_grad():
        gate.log_alpha.copy_(torch.tensor([5.0, -1.0, -2.0]))
    gate.harden(2)
    h = torch.randn(40, 3)
    torch.testing.assert_close(gate.values(h), torch.tensor([[1.0, 1.0, 0.0]]).expand(40, 3))
    with torch.no_grad():
        gate.function.up.fill_(0.1)
    assert 0.2 < float((gate.values(h)[:, 0] < 1.0).float().mean()) < 0.8


def test_groups_share_their_condition():
    gate = gate_of([4.0, 3.0], [0, 0, 1, 1]).eval()
    z = gate.values(torch.randn(20, 4))
    assert torch.equal(z[:, 0], z[:, 1])
    assert not torch.equal(z[:, 1], z[:, 2])


def test_the_static_part_alone_has_the_gates_learning_rate():
    gate = ConditionalGate(6, rank=2)
    assert [id(p) for p in gate.gate_parameters()] == [id(gate.log_alpha)]
    with pytest.raises(ParameterError, match="rank=0"):
        ConditionalGate(6, rank=0)


class OpensMore(ConditionalGate):
    def values(self, h):
        return soft(self.logits(h))[..., self.group_index] if self.hardened else super().values(h)

    def logits(self, h):
        return super().logits(h) + 20.0 if self.hardened else super().logits(h)


class SteersH(ConditionalGate):
    def gated(self, h):
        z = self.values(h)
        return z * h + 0.1 * (h - h.detach()), z


def test_the_contract_suite_notices_a_conditional_gate_that_breaks_it():
    for broken, clause in ((OpensMore, "a closed dimension has a value|values.h. is"), (SteersH, "gradient to h")):
        with pytest.raises(AssertionError, match=clause):
            check_gate(broken, dims=(6,))
