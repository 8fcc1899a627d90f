"""Copies that training takes of its model: when, and which."""

from __future__ import annotations

import torch
from toy_training import model, problem

from l0gm.gates import IdentityGate
from l0gm.training import Trainer
from l0gm.training.copies import Copies


def watched(copies, trainer):
    """Train, and return the model's states after each step with the counts of open dimensions."""
    states, counts = {}, {}

    def look(progress):
        states[progress.step] = {name: value.clone() for name, value in trainer.model.state_dict().items()}
        counts[progress.step] = progress.n_open

    trainer.on_step = look
    copies.watch(trainer)
    trainer.fit(*problem())
    return states, counts


def step_of(copy, states):
    (step,) = [n for n, state in states.items() if all(torch.equal(copy[name], state[name]) for name in state)]
    return step


def test_a_copy_of_the_last_step_of_each_window():
    copies = Copies([(0.0, 0.0), (0.1, 0.5), (1.0, 1.0)])
    states, _ = watched(copies, Trainer(model(gate=IdentityGate(20)), epochs=5, batch_size=64))
    assert len(states) == 40
    assert [step_of(copy, states) for copy in copies.taken] == [1, 20, 40]


def test_a_copy_of_the_latest_step_whose_count_is_nearest():
    copies = Copies([(0.3, 0.7), (0.7, 1.0)], [12, 5])
    trainer = Trainer(model(), active=0.2, epochs=30, batch_size=64, lr=0.02)
    states, counts = watched(copies, trainer)
    total = max(counts)
    for copy, begin, end, count in zip(copies.taken, (0.3, 0.7), (0.7, 1.0), (12, 5), strict=True):
        inside = {n: abs(counts[n] - count) for n in counts if begin * total <= n <= round(end * total)}
        assert step_of(copy, states) == max(n for n in inside if inside[n] == min(inside.values()))


def test_they_go_on_from_their_state():
    copies = Copies([(0.0, 0.0), (1.0, 1.0)])
    states, _ = watched(copies, Trainer(model(gate=IdentityGate(20)), epochs=2, batch_size=64))
    other = Copies([(0.0, 0.0), (1.0, 1.0)])
    other.load_state_dict(copies.state_dict())
    assert step_of(other.taken[1], states) == step_of(copies.taken[1], states)
