"""The trainer takes any gate that learns, at its own pace, and a target of gates behind the interface."""

from __future__ import annotations

import pytest
import torch
from toy_training import Scaled, model, problem, train

from l0gm.gates import ConditionalGate, GaussianGate, HardConcreteGate, L0Linear, ReadGate, ScaleGate
from l0gm.heads import Deep, IntegratedHead
from l0gm.model import GatedModel
from l0gm.training import Trainer
from l0gm.training.average import Average
from l0gm.training.masks import magnitude_mask
from l0gm.training.objective import gate_groups, parameter_groups

KINDS = {"gaussian": GaussianGate, "scales": ScaleGate, "conditional": ConditionalGate}


def reading(dim=20, hidden=(6,), seed=0):
    """A model with a gate for each weight of the first layer."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        deep = Deep(dim, hidden, 1, first=L0Linear)
        return GatedModel(Scaled(dim), ReadGate(deep.linears[0]), IntegratedHead(dim, 1, deep=deep))


@pytest.mark.parametrize("kind", KINDS)
def test_the_target_is_met_with_what_matters(kind):
    made = model(gate=KINDS[kind](20))
    train(made, problem(useful=5), active=0.25)
    assert made.gate.hardened
    assert made.gate.n_open == 5
    assert made.gate.open_mask()[:5].sum() >= 4


def test_a_target_is_that_of_the_gates_behind_the_interface():
    made = reading()
    trainer = train(made, problem(useful=5), active=0.1)
    layer = made.head.deep.linears[0]
    assert (layer.n_open, trainer.target) == (12, 12)
    assert made.gate.n_open == int(layer.gate.open_mask().view(6, 20).any(0).sum())
    assert made.gate.open_mask()[:5].sum() >= 4
    assert trainer.history.last("epoch")["n_open"] == 12


def test_gates_of_another_pace_have_a_group_of_their_own():
    gates = [GaussianGate(3), ConditionalGate(3), GaussianGate(2), HardConcreteGate(3)]
    slow, usual = gate_groups(gates, 0.3)
    assert [id(p) for p in slow["params"]] == [id(gates[0].mu), id(gates[2].mu)]
    assert (slow["lr"], usual["lr"]) == (pytest.approx(0.05), 0.3)
    assert [id(p) for p in usual["params"]] == [id(gates[1].log_alpha), id(gates[3].log_alpha)]
    assert [group["params"] for group in gate_groups([], 0.3)] == [[]]


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_is_in_one_group(kind):
    made = model(gate=KINDS[kind](20))
    trainer = Trainer(made)
    ids = [id(p) for group in trainer.optimizer.param_groups for p in group["params"]]
    assert sorted(ids) == sorted(id(p) for p in made.parameters())
    weights = {id(p) for group in parameter_groups(made, 0.1) for p in group["params"]}
    assert weights == {id(p) for p in made.parameters()} - {id(p) for p in made.gate_parameters()}


def test_the_function_of_a_conditional_gate_is_averaged_as_weights_are():
    made = model(gate=ConditionalGate(20))
    average = Average(made, 0.5)
    average.update()
    with torch.no_grad():
        made.gate.function.up.add_(1.0)
        made.gate.log_alpha.add_(1.0)
    with average.in_place():
        assert not made.gate.function.up.any()
        assert (made.gate.log_alpha == 4.0).all()


def test_the_static_mask_has_the_largest_mean_sizes_of_the_dense_model():
    made = model(dim=4)
    with torch.no_grad():
        made.encoder.scale.copy_(torch.tensor([0.1, -3.0, 2.0, 0.5]))
    rows = problem(dim=4)[0]
    assert magnitude_mask(made, rows.inputs, 0.5).tolist() == [False, True, True, False]
    assert magnitude_mask(made, rows.inputs, 0.01).tolist() == [False, True, False, False]
    made.encoder.groups = torch.tensor([0, 0, 1, 1])
    assert magnitude_mask(made, rows.inputs, 0.5, by_group=True).tolist() == [True, True, False, False]
