"""The objective: log loss by hand, weights, smoothing, and the penalty on the expected count."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from torch import nn
from toy_training import model, problem

from l0gm.encoders import Encoder
from l0gm.gates import HardConcreteGate, IdentityGate
from l0gm.heads import Deep, IntegratedHead
from l0gm.model import GatedModel
from l0gm.training import Objective, task_loss
from l0gm.training.objective import parameter_groups


def data(n_outputs, n=30, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(n, n_outputs, dtype=torch.float64, generator=generator)
    y = torch.randint(max(n_outputs, 2), (n,), generator=generator)
    return logits, y


def log_p(logits):
    """Log probabilities of all classes, (n, C), by scipy."""
    array = logits.numpy()
    return log_softmax(np.column_stack([np.zeros(len(array)), array]) if array.shape[1] == 1 else array, axis=1)


@pytest.mark.parametrize("n_outputs", [1, 2, 4])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_log_loss_by_hand(n_outputs, smoothing):
    logits, y = data(n_outputs)
    losses = log_p(logits)
    target = np.full(losses.shape, smoothing / losses.shape[1])
    target[np.arange(len(y)), y] += 1 - smoothing
    expected = -(target * losses).sum(1).mean()
    assert float(task_loss(logits, y, smoothing=smoothing)) == pytest.approx(expected)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_weight_is_as_good_as_repeating_the_row(n_outputs, smoothing):
    logits, y = data(n_outputs)
    times = torch.arange(30) % 4  # some rows not at all
    repeated = task_loss(logits.repeat_interleave(times, 0), y.repeat_interleave(times), None, smoothing)
    weight = times.double() / times.double().mean()
    torch.testing.assert_close(task_loss(logits, y, weight, smoothing), repeated)
    assert not torch.isclose(task_loss(logits, y, None, smoothing), repeated)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_a_batch_of_weightless_rows_has_no_loss_and_no_gradient(n_outputs):
    logits, y = data(n_outputs)
    logits.requires_grad_()
    loss = task_loss(logits, y, torch.zeros(30))
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert not logits.grad.any()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_objective_is_the_loss_plus_lambda_times_the_expected_count(n_classes):
    made = model(dim=4, n_classes=n_classes)
    alpha = [-1.0, 0.3, 2.0, 5.0]
    with torch.no_grad():
        made.gate.log_alpha.copy_(torch.tensor(alpha))
    (rows, _), objective = problem(64, 4, n_classes), Objective(made)
    expected = objective.expected_cost()
    by_hand = sum(1 / (1 + math.exp(-(a - 2 / 3 * math.log(0.1 / 1.1)))) for a in alpha)
    assert float(expected.detach()) == pytest.approx(by_hand, rel=1e-5)
    torch.manual_seed(3)
    total, loss = objective(rows.inputs, rows.y, None, 0.03, expected)
    torch.manual_seed(3)  # the same masks
    logits = made(rows.inputs).detach().double()
    task = -log_p(logits)[np.arange(64), rows.y].mean()
    assert float(loss.detach()) == pytest.approx(task, rel=1e-4)
    assert float(total.detach()) == pytest.approx(task + 0.03 * by_hand, rel=1e-4)


def test_weights_and_smoothing_reach_the_task_loss():
    made = model(dim=4, gate=IdentityGate(4))
    (rows, _), weight = problem(64, 4), torch.rand(64)
    loss = Objective(made, smoothing=0.2)(rows.inputs, rows.y, weight, 0.0, None)[1]
    torch.testing.assert_close(loss, task_loss(made(rows.inputs), rows.y, weight, 0.2))


def test_the_penalty_acts_on_open_gates_alone():
    made = model(dim=4)
    objective = Objective(made)
    rows, _ = problem(64, 4)
    total, loss = objective(rows.inputs, rows.y, None, 0.0, objective.expected_cost())
    assert total is loss  # no pressure
    total, loss = objective(rows.inputs, rows.y, None, -0.5, objective.expected_cost())
    assert float(total.detach()) < float(loss.detach())  # pressure may be negative
    made.gate.harden(2)
    assert objective.expected_cost() is None
    total, loss = objective(rows.inputs, rows.y, None, 1.0, None)
    assert total is loss
    assert Objective(model(dim=4, gate=IdentityGate(4))).expected_cost() is None


class GatedInside(Encoder):
    def __init__(self):
        super().__init__()
        self.dim = 3
        self.layer = nn.Linear(4, 3)
        self.gate = HardConcreteGate(4)
        self.register_buffer("groups", torch.arange(3))

    def forward(self, batch):
        return self.layer(self.gate(batch.x))


def test_gates_inside_the_encoder_count_as_well():
    made = GatedModel(GatedInside(), HardConcreteGate(3), IntegratedHead(3, 1, deep=Deep(3, (), 1)))
    objective = Objective(made)
    both = float(objective.expected_cost().detach())
    made.gate.harden(1)
    inner = float(made.encoder.gate.expected_open().detach())
    assert float(objective.expected_cost().detach()) == pytest.approx(inner)
    assert both > inner + 2.9


def test_weight_decay_is_for_matrices():
    made = model(dim=4, hidden=(5,))
    groups = parameter_groups(made, 0.1)
    matrices, vectors = ([p for g in groups if g["weight_decay"] == decay for p in g["params"]] for decay in (0.1, 0.0))
    names = {id(p): name for name, p in made.named_parameters()}
    assert sorted(names[id(p)] for p in matrices) == ["head.deep.0.weight", "head.deep.3.weight"]
    assert sorted(names[id(p)] for p in vectors) == [
        "encoder.scale",
        "head.bias",
        "head.deep.0.bias",
        "head.deep.3.bias",
    ]


def test_a_module_may_carry_the_settings_of_its_training():
    made = model(dim=4, hidden=(5,))
    made.head.deep.lr_scale = 3.0
    made.head.deep[0].lr_scale, made.head.deep[0].decay_scale, made.head.deep[0].adam_eps = 0.5, 10.0, 1e-5
    names = {id(p): name for name, p in made.named_parameters()}
    found = {
        names[id(p)]: (g["scale"], g["weight_decay"], g["eps"])
        for g in parameter_groups(made, 0.1)
        for p in g["params"]
    }
    assert found["head.deep.0.weight"] == (0.5, 1.0, 1e-5)
    assert found["head.deep.0.bias"] == (0.5, 0.0, 1e-5)
    assert found["head.deep.3.weight"] == (3.0, 0.1, 1e-8)
    assert found["head.bias"] == (1.0, 0.0, 1e-8)
    assert len(found) == len(names) - 1  # but the gate's
