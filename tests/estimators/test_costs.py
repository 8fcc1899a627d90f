"""cost=: an expensive column leaves first."""

import numpy as np
import pytest
import torch

from l0gm import HardConcreteGate, L0GMClassifier
from l0gm.errors import ParameterError


@pytest.fixture(scope="module")
def twins():
    """Two columns that tell the same, and noise."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    return {"left": x, "right": x.copy(), "noise": rng.normal(size=600)}, x + 0.3 * rng.normal(size=600) > 0


@pytest.mark.parametrize("dear", ["left", "right"])
@pytest.mark.parametrize("knob", [{"active": 0.34}, {"penalty": 0.01}])
def test_of_two_columns_that_tell_the_same_the_dear_one_leaves(dear, knob, twins):
    X, y = twins
    model = L0GMClassifier(**knob, cost={dear: 20.0}, embedding_dim=4, deep=(8,), cin=(), epochs=24, lr=3e-3)
    opened = dict(zip(("left", "right", "noise"), model.fit(X, y).open_dimensions_.sum(1), strict=True))
    cheap = "right" if dear == "left" else "left"
    assert opened[dear] < opened[cheap]
    assert opened[cheap] > 0


def test_the_target_is_met_whatever_the_costs(twins, quick):
    model = quick(active=0.5, epochs=24, cost={"left": 5.0, "noise": 0.1}).fit(*twins)
    assert model.model_.gate.n_open == 6
    assert model.history_.last("harden")["decided"]


def test_costs_of_one_change_nothing(twins, quick, same_fit):
    assert same_fit(quick().fit(*twins), quick(cost=dict.fromkeys(twins[0], 1.0)).fit(*twins))


@pytest.mark.parametrize("groups", [None, [0, 0, 1]])
def test_the_expected_cost_weighs_the_open_probabilities(groups):
    gate = HardConcreteGate(3, groups, cost=[1.0, 2.0, 5.0])
    with torch.no_grad():
        gate.log_alpha.copy_(torch.linspace(-1.0, 1.0, gate.n_gates))
    expected = (gate.open_probability() * torch.tensor([1.0, 2.0, 5.0])).sum()
    assert float(gate.expected_cost().detach()) == pytest.approx(float(expected.detach()))
    gate.expected_cost().backward()
    assert (gate.log_alpha.grad > 0).all()
    assert float(HardConcreteGate(3, groups).expected_cost().detach()) == pytest.approx(
        float(HardConcreteGate(3, groups).expected_open().detach())
    )


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        ({"lefft": 2.0}, "lefft"),
        ({"left": 0.0}, "left"),
        ({"left": -1.0}, "left"),
        ({"left": float("inf")}, "left"),
        ({"left": "dear"}, "left"),
        ([1.0, 2.0], "mapping"),
    ],
)
def test_costs_that_cannot_be(cost, words, twins, quick):
    with pytest.raises(ParameterError, match=words):
        quick(cost=cost).fit(*twins)


@pytest.mark.parametrize("gate", ["none", "random", "magnitude"])
def test_gates_that_learn_nothing_take_no_cost(gate, twins, quick):
    with pytest.raises(ParameterError, match="cost"):
        quick(gate=gate, cost={"left": 2.0}).fit(*twins)


@pytest.mark.parametrize("cost", [[1.0], [1.0, 2.0, 0.0], [1.0, 2.0, float("nan")]])
def test_a_gate_refuses_costs_that_do_not_fit(cost):
    with pytest.raises(ParameterError, match="cost"):
        HardConcreteGate(3, cost=cost)
