"""The learned gate alone: what it draws, counts, keeps, refuses, and that it finds the inputs that matter."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from l0gm.errors import ParameterError
from l0gm.gates import HardConcreteGate, functional

N = 20_000


def gate_at(log_alpha, **options):
    gate = HardConcreteGate(options.pop("dim", len(log_alpha)), **options)
    with torch.no_grad():
        gate.log_alpha.copy_(torch.tensor(log_alpha))
    return gate


def regression(seed, groups=None, **options):
    """Three of twenty inputs matter; return the trained gate."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(400, 20, generator=generator)
    y = x[:, 2] - 1.5 * x[:, 7] + 0.7 * x[:, 13] + 0.3 * torch.randn(400, generator=generator)
    torch.manual_seed(seed)
    gate, linear = HardConcreteGate(20, groups, **options), nn.Linear(20, 1)
    optimizer = torch.optim.Adam(
        [{"params": linear.parameters(), "lr": 0.02}, {"params": gate.parameters(), "lr": 0.1}]
    )
    for _ in range(400):
        optimizer.zero_grad()
        error = linear(gate(x))[:, 0] - y
        (error.square().mean() + 0.05 * gate.expected_open()).backward()
        optimizer.step()
        gate.clamp_()
    return gate


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mask", ["example", "batch"])
def test_finds_exactly_the_three_inputs_that_matter(mask, seed):
    gate = regression(seed, mask=mask)
    assert gate.open_mask().nonzero().flatten().tolist() == [2, 7, 13]
    assert float(gate.expected_open().detach()) == pytest.approx(3, abs=0.1)  # it has decided


def test_finds_the_groups_that_matter():
    gate = regression(0, groups=[i // 4 for i in range(20)])
    assert gate.log_alpha.shape == (5,)
    groups = gate.group_index[gate.open_mask()]
    assert groups.tolist() == [0] * 4 + [1] * 4 + [3] * 4


def test_starts_open():
    gate = HardConcreteGate(20)
    assert gate.n_open == 20
    assert float(torch.sigmoid(gate.log_alpha.detach()).min()) == pytest.approx(0.95, abs=0.01)


def test_a_mask_an_example_or_a_batch():
    h = torch.randn(500, 8)
    one_each, shared = HardConcreteGate(8, init=0.0), HardConcreteGate(8, init=0.0, mask="batch")
    assert one_each.values(h).shape == (500, 8)
    assert len(torch.unique(one_each.values(h), dim=0)) > 400
    assert shared.values(h).shape == (8,)
    assert not torch.equal(shared.values(h), shared.values(h))
    assert one_each.values(torch.randn(3, 5, 8)).shape == (3, 5, 8)


def test_dimensions_of_a_group_share_every_draw():
    gate = HardConcreteGate(6, [0, 1, 0, 2, 1, 0], init=0.0)
    z = gate.values(torch.randn(200, 6))
    assert torch.equal(z[:, 0], z[:, 2])
    assert torch.equal(z[:, 0], z[:, 5])
    assert torch.equal(z[:, 1], z[:, 4])
    assert not torch.equal(z[:, 0], z[:, 1])


@pytest.mark.parametrize("temperature", [0.3, 2.0])
def test_draws_have_the_temperature_that_anneal_set(temperature):
    torch.manual_seed(0)
    gate = gate_at([-1.0, 1.5])
    gate.anneal(temperature)
    z = gate.values(torch.zeros(N, 2))
    p = functional.open_probability(gate.log_alpha.detach(), temperature)
    tolerance = 5 * (p * (1 - p) / N).sqrt()
    assert bool((((z > 0).float().mean(0) - p).abs() < tolerance).all())


def test_expected_open_is_taken_at_the_reference_temperature_and_counts_dimensions():
    gate = gate_at([-1.0, 0.5, 2.0], dim=6, groups=[0, 1, 1, 2, 2, 2])
    p = [1 / (1 + math.exp(-(a - 2 / 3 * math.log(0.1 / 1.1)))) for a in (-1.0, 0.5, 2.0)]
    for temperature in (0.1, 2.0):
        gate.anneal(temperature)
        assert float(gate.expected_open().detach()) == pytest.approx(p[0] + 2 * p[1] + 3 * p[2], rel=1e-5)
    torch.testing.assert_close(gate.open_probability(), torch.tensor(p)[[0, 1, 1, 2, 2, 2]])
    gate.expected_open().backward()
    assert bool((gate.log_alpha.grad > 0).all())  # descending it shuts gates


def test_inference_rules():
    log_alpha = [-3.0, -1.0, 0.4, 1.0, 3.0]
    binary, soft = gate_at(log_alpha, threshold=0.7), gate_at(log_alpha, inference="soft")
    assert binary.inference_values().tolist() == [0.0, 0.0, 0.0, 1.0, 1.0]
    torch.testing.assert_close(soft.inference_values(), functional.soft(torch.tensor(log_alpha)))
    assert soft.open_mask().tolist() == [False, True, True, True, True]
    h = torch.randn(3, 5)
    for gate in (binary, soft):
        torch.testing.assert_close(gate.eval()(h), gate.inference_values() * h)
        gate.harden(2)
    assert torch.equal(binary(h), soft(h))  # both rules agree on a hardened gate


def test_harden_keeps_the_largest():
    gate = gate_at([0.3, -2.0, 5.0, 0.2, -0.1])
    assert gate.harden(3).tolist() == [True, False, True, True, False]
    assert gate.log_alpha.detach().tolist() == [10.0, -10.0, 10.0, 10.0, -10.0]


def test_harden_fills_up_with_whole_groups():
    groups = [0, 0, 0, 1, 1, 2]
    log_alpha = [3.0, 2.0, 1.0]
    expected = {1: [2], 2: [1], 3: [0], 4: [0, 2], 5: [0, 1], 6: [0, 1, 2]}
    for k, chosen in expected.items():
        mask = gate_at(log_alpha, dim=6, groups=groups).harden(k)
        assert mask.tolist() == [g in chosen for g in groups], k
    none_fits = gate_at([1.0, 2.0], dim=4, groups=[0, 0, 1, 1])
    assert none_fits.harden(1).tolist() == [False, False, True, True]


@pytest.mark.parametrize("threshold", [1e-6, 1 - 1e-6])
def test_the_threshold_does_not_reach_a_hardened_gate(threshold):
    gate = HardConcreteGate(4, threshold=threshold)
    gate.harden(2)
    assert gate.n_open == 2


def test_clamp_brings_log_alpha_back():
    gate = gate_at([-50.0, 3.0, 50.0])
    gate.clamp_()
    assert gate.log_alpha.detach().tolist() == [-10.0, 3.0, 10.0]


def test_fits_into_any_module():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), HardConcreteGate(16), nn.Linear(16, 2))
    x = torch.randn(9, 5)
    net(x).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    assert torch.equal(net.eval()(x), net(x))
    assert "dim=16" in repr(net)
    torch.manual_seed(7)
    first = net.train()(x)
    torch.manual_seed(7)
    assert torch.equal(net(x), first)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"dim": 0}, "dim=0"),
        ({"groups": [0, 1]}, "2 entries"),
        ({"groups": [0, 0, 2, 2]}, "without a gap"),
        ({"groups": [-3, -3, -3, -3]}, "without a gap"),
        ({"mask": "row"}, "mask='row'"),
        ({"inference": "hard"}, "inference='hard'"),
        ({"threshold": 0.0}, "threshold"),
        ({"threshold": 1.0}, "threshold"),
        ({"threshold": math.nan}, "threshold"),
        ({"init": 11.0}, "init"),
        ({"init": math.nan}, "init"),
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": math.nan}, "temperature"),
        ({"temperature": math.inf}, "temperature"),
    ],
)
def test_bad_arguments_are_named(options, named):
    with pytest.raises(ParameterError, match=named):
        HardConcreteGate(**{"dim": 4, **options})


def test_anneal_refuses_what_is_no_temperature():
    gate = HardConcreteGate(2)
    for temperature in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ParameterError, match="temperature"):
            gate.anneal(temperature)
    assert gate.temperature == pytest.approx(2 / 3)
