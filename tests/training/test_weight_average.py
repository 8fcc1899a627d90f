"""The moving average of the weights once the gates are fixed."""

import copy
import math

import pytest
import torch
from toy_training import model, problem

from l0gm.errors import ParameterError
from l0gm.training import Trainer
from l0gm.training.average import Average


def weights(made):
    return [p.detach().clone() for name, p in made.named_parameters() if "log_alpha" not in name]


def moved(made, value):
    with torch.no_grad():
        for name, p in made.named_parameters():
            if "log_alpha" not in name:
                p.fill_(value)


def test_the_average_follows_the_recursion():
    made = model(dim=4)
    average = Average(made, 0.9)
    moved(made, 1.0)
    average.update()
    expected, values = 1.0, (2.0, -1.0, 4.0)
    for t, value in enumerate(values, start=2):
        moved(made, value)
        average.update()
        decay = min(0.9, t / (t + 10))
        expected = decay * expected + (1 - decay) * value
    with average.in_place():
        assert all(torch.allclose(w, torch.full_like(w, expected)) for w in weights(made))
    assert all(torch.equal(w, torch.full_like(w, 4.0)) for w in weights(made))  # they are back


def test_weights_come_back_after_an_error():
    made = model(dim=4)
    average = Average(made, 0.9)
    average.update()
    moved(made, 3.0)
    average.update()
    with pytest.raises(RuntimeError, match="in the middle"), average.in_place():
        raise RuntimeError("in the middle")
    assert all(torch.equal(w, torch.full_like(w, 3.0)) for w in weights(made))


def test_gates_are_not_averaged():
    made = model(dim=4)
    average = Average(made, 0.9)
    average.update()
    with torch.no_grad():
        made.gate.log_alpha.fill_(-7.0)
    average.update()
    with average.in_place():
        assert (made.gate.log_alpha == -7.0).all()


def test_none_is_kept_without_a_decay():
    made = model(dim=4)
    average = Average(made, 0.0)
    average.update()
    moved(made, 3.0)
    with average.in_place():
        assert all(torch.equal(w, torch.full_like(w, 3.0)) for w in weights(made))


def test_its_state_goes_on():
    made = model(dim=4)
    first, second = Average(made, 0.9), Average(made, 0.9)
    first.update()
    moved(made, 3.0)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for average in (first, second):
        average.update()
    with first.in_place():
        expected = weights(made)
    with second.in_place():
        assert all(map(torch.equal, weights(made), expected))


def test_the_trained_model_scores_what_its_history_says():
    train, valid = problem(256, 4)
    losses = {}
    for averaging in (0.0, 0.99):
        made = model(dim=4)
        trainer = Trainer(made, active=0.5, epochs=6, batch_size=32, averaging=averaging, seed=3)
        trainer.fit(train, valid)
        losses[averaging] = trainer.history.last("end")["best_log_loss"]
        assert trainer._score(valid) == pytest.approx(losses[averaging], abs=1e-9)
    assert losses[0.0] != losses[0.99]
    assert all(map(math.isfinite, losses.values()))


@pytest.mark.parametrize("averaging", [-0.1, 1.0, float("nan")])
def test_decays_that_cannot_be(averaging):
    with pytest.raises(ParameterError, match="averaging"):
        Trainer(model(dim=4), averaging=averaging)
