"""A linear layer with gates of its own: in a plain PyTorch loop, cut, and behind an interface."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from l0gm.errors import ParameterError
from l0gm.gates import L0Linear, ReadGate

KINDS = ["weight", "unit", "input"]


def layer_of(weights, spread=True, **options):
    torch.manual_seed(0)
    layer = L0Linear(5, 3, weights=weights, **options)
    with torch.no_grad():
        layer.bias.copy_(torch.tensor([0.5, -0.4, 0.3]))
        if spread:
            layer.gate.log_alpha.copy_(torch.linspace(-3.0, 3.0, layer.gate.dim)[torch.randperm(layer.gate.dim)])
    return layer


@pytest.mark.parametrize("weights", KINDS)
def test_the_gates_are_where_they_are_said_to_be(weights):
    layer = layer_of(weights)
    assert layer.gate.dim == {"weight": 15, "unit": 3, "input": 5}[weights]
    h = torch.randn(4, 5)
    z = layer.gate.eval().inference_values()
    shape = {"weight": (3, 5), "unit": (3, 1), "input": (1, 5)}[weights]
    weight = layer.weight * z.view(shape)
    bias = layer.bias * z if weights == "unit" else layer.bias
    torch.testing.assert_close(layer.eval()(h), h @ weight.T + bias)


@pytest.mark.parametrize("weights", KINDS)
def test_training_draws_one_mask_a_batch(weights):
    layer, h = layer_of(weights), torch.randn(1, 5).expand(6, 5)
    first, second = layer(h), layer(h)
    assert torch.equal(first, first[:1].expand_as(first))
    assert not torch.equal(first, second)
    layer.eval()
    assert torch.equal(layer(h), layer(h))


@pytest.mark.parametrize("inference", ["binary", "soft"])
@pytest.mark.parametrize("weights", KINDS)
def test_what_is_cut_computes_the_same(weights, inference):
    layer = layer_of(weights, inference=inference).eval()
    if weights == "weight":
        layer.gate.log_alpha.data.view(3, 5)[1] = -9.0  # an output that reads nothing
        layer.gate.log_alpha.data.view(3, 5)[:, 2] = -9.0  # an input that nothing reads
    h = torch.randn(50, 5)
    cut = layer.compact()
    assert type(cut.linear) is nn.Linear
    out = cut.rest.expand(50, -1).clone()
    out[:, cut.outputs] = cut.linear(h[:, cut.inputs])
    torch.testing.assert_close(out, layer(h))
    if inference == "binary":
        assert cut.linear.weight.numel() < layer.weight.numel()
    if weights == "weight":
        assert 1 not in cut.outputs
        assert 2 not in cut.inputs


def test_all_closed_is_a_constant():
    layer = layer_of("weight")
    with torch.no_grad():
        layer.gate.log_alpha.fill_(-5.0)
    layer.harden()
    cut = layer.compact()
    assert cut.linear.weight.shape == (0, 0)
    torch.testing.assert_close(cut.rest, layer(torch.randn(1, 5))[0])


def test_harden_leaves_k_and_they_stay():
    layer = layer_of("weight")
    layer.harden(4)
    assert layer.n_open == 4
    assert float(layer.expected_open().detach()) == pytest.approx(4, abs=0.1)
    h = torch.randn(3, 5)
    assert torch.equal(layer.train()(h), layer.eval()(h))


def test_a_plain_loop_recovers_a_planted_support():
    torch.manual_seed(0)
    planted = torch.zeros(4, 12, dtype=torch.bool)
    planted[[0, 0, 1, 2, 3], [1, 5, 5, 7, 0]] = True
    truth = planted * torch.where(torch.rand(4, 12) < 0.5, -1.0, 1.0)
    x = torch.randn(2000, 12)
    y = x @ truth.T + 0.1 * torch.randn(2000, 4)
    layer = L0Linear(12, 4)
    optimiser = torch.optim.Adam(
        [{"params": [layer.weight, layer.bias], "lr": 0.02}, {"params": layer.gate.parameters(), "lr": 0.1}]
    )
    for step in range(600):
        layer.gate.anneal(max(0.5, 2.0 - step / 200))
        rows = torch.randint(2000, (128,))
        loss = (layer(x[rows]) - y[rows]).square().mean() + 0.01 * layer.expected_open()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        layer.gate.clamp_()
    mask = layer.harden()
    assert torch.equal(mask.view(4, 12), planted)
    torch.testing.assert_close(layer.inference_weight(), truth, atol=0.1, rtol=0.0)
    assert layer.compact().inputs.tolist() == [0, 1, 5, 7]


def test_it_starts_as_a_plain_layer_with_the_same_seed():
    torch.manual_seed(3)
    plain = nn.Linear(5, 3)
    torch.manual_seed(3)
    assert torch.equal(L0Linear(5, 3).weight, plain.weight)
    assert L0Linear(5, 3, bias=False).eval().compact().rest.tolist() == [0.0] * 3
    with pytest.raises(ParameterError, match="weights='row'"):
        L0Linear(5, 3, weights="row")


# ---- behind an interface -------------------------------------------------------------------------------------


def test_a_dimension_is_open_where_any_weight_reads_it():
    layer = layer_of("weight", spread=False)
    with torch.no_grad():
        layer.gate.log_alpha.fill_(-4.0)
        layer.gate.log_alpha.view(3, 5)[2, 1] = layer.gate.log_alpha.view(3, 5)[0, 4] = 4.0
    gate = ReadGate(layer)
    assert gate.open_mask().tolist() == [False, True, False, False, True]
    assert gate.targeted is layer.gate
    assert gate.gate_parameters() == []
    layer.harden(1)
    assert gate.hardened
    assert gate.n_open == 1


def test_its_training_values_are_the_chances_of_the_samples():
    layer = layer_of("weight", spread=False)
    with torch.no_grad():
        layer.gate.log_alpha.copy_(torch.linspace(-4.0, 0.0, 15))
    gate = ReadGate(layer).train()
    torch.manual_seed(0)
    layer.gate.anneal(2.0 / 3.0)
    drawn = torch.stack([(layer.gate.values(torch.empty(0)) > 0).view(3, 5).any(0) for _ in range(4000)])
    torch.testing.assert_close(gate.values(torch.empty(0)), drawn.float().mean(0), atol=0.03, rtol=0.0)
    assert float(gate.expected_open().detach()) == pytest.approx(float(drawn.sum(1).float().mean()), abs=0.05)


def test_copies_of_a_model_follow_their_own_layer():
    model = nn.ModuleDict({"layer": layer_of("weight")})
    model["gate"] = ReadGate(model["layer"])
    twin = copy.deepcopy(model)
    twin["layer"].harden(1)
    assert twin["gate"].hardened
    assert not model["gate"].hardened


def test_a_layer_that_reads_all_inputs_has_no_such_gate():
    with pytest.raises(ParameterError, match="reads all"):
        ReadGate(layer_of("unit"))
