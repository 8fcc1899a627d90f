"""The safeguard: weights that validate better under today's gates come back, after they have won often enough."""

import pytest
import torch
from toy_training import model

from l0gm.training.safeguard import Safeguard


@pytest.fixture
def made():
    return model(4)


def weights(made):
    return torch.cat([p.detach().flatten() for n, p in made.named_parameters() if not n.endswith("log_alpha")])


def move(made, by):
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(by)


def scorer(made, scores):
    """Score the model by what its weights sum to, as if that had been measured."""
    return lambda: scores[round(float(weights(made).sum()), 3)]


def test_better_weights_are_kept_until_they_have_won_often_enough(made):
    guard = Safeguard(made, patience=2)
    good = weights(made)
    scores = {round(float(good.sum()), 3): 0.1}
    assert not guard.check(0.1, scorer(made, scores))
    move(made, 0.5)
    worse = weights(made)
    assert not guard.check(0.2, scorer(made, scores))
    torch.testing.assert_close(weights(made), worse)  # one loss is an accident
    assert guard.check(0.2, scorer(made, scores))
    torch.testing.assert_close(weights(made), good)


def test_a_win_in_between_starts_the_count_anew(made):
    guard = Safeguard(made, patience=2)
    scores = {round(float(weights(made).sum()), 3): 0.1}
    guard.check(0.1, scorer(made, scores))
    move(made, 0.5)
    assert not guard.check(0.2, scorer(made, scores))
    assert not guard.check(0.05, scorer(made, scores))  # now these are the ones to beat
    better = weights(made)
    scores = {round(float(better.sum()), 3): 0.05}
    move(made, 0.5)
    assert not guard.check(0.2, scorer(made, scores))
    assert guard.check(0.2, scorer(made, scores))
    torch.testing.assert_close(weights(made), better)


def test_the_kept_weights_are_tried_with_the_gates_as_they_are_now(made):
    guard = Safeguard(made, patience=1)
    guard.check(0.1, lambda: pytest.fail("nothing to compare with yet"))
    with torch.no_grad():
        made.gate.log_alpha.fill_(-3.0)
    move(made, 0.25)
    seen = []

    def evaluate():
        seen.append(made.gate.log_alpha.detach().clone())
        return 0.0

    assert guard.check(0.2, evaluate)
    torch.testing.assert_close(seen[0], torch.full((4,), -2.75))
    torch.testing.assert_close(made.gate.log_alpha.detach(), torch.full((4,), -2.75))  # gates go on
