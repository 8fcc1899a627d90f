"""Batches in parts: gradients that add up, rows of like length, learning rates of modules, gates inside an encoder."""

import torch
from torch import nn
from toy_training import Numbers, Scaled, model, problem, train

from l0gm.gates import HardConcreteGate, IdentityGate
from l0gm.heads import Deep, IntegratedHead
from l0gm.model import GatedModel
from l0gm.schedules import Schedule
from l0gm.training import Rows, Trainer
from l0gm.training.order import bucketed


def weights_after(micro_batch, gate=None, **options):
    made = model(gate=IdentityGate(20) if gate is None else gate)
    train(made, problem(n=200), epochs=3, micro_batch=micro_batch, **options)
    return made.state_dict()


def test_parts_of_a_batch_add_up_to_it():
    whole = weights_after(None)
    for micro_batch in (7, 64, 1000):
        for name, value in weights_after(micro_batch).items():
            assert torch.allclose(value, whole[name], atol=1e-5), name


def test_the_penalty_counts_once_a_batch():
    still = {"penalty": 1e-3, "epochs": 1, "schedule": Schedule(0.0, 0.3, 0.1)}
    gradients = []
    for micro_batch in (None, 16):
        made = model(gate=HardConcreteGate(20))
        trainer = Trainer(made, batch_size=64, lr=0.01, micro_batch=micro_batch, **still)
        made.head.deep.requires_grad_(False).apply(lambda m: nn.init.zeros_(m.weight) if hasattr(m, "weight") else None)
        trainer._step(
            problem(n=64)[0], torch.arange(64), 0.9
        )  # of the head's zeros only the penalty's gradient is left
        gradients.append(made.gate.log_alpha.grad.clone())
    assert gradients[0].abs().min() > 0
    assert torch.allclose(*gradients)


class Long(Numbers):
    """Numbers of which each row has a length."""

    def __init__(self, x, lengths):
        super().__init__(x)
        self.lengths = lengths
        self.taken = []

    def take(self, rows):
        self.taken.append(rows)
        return Numbers(self.x[rows])


def test_batches_have_rows_of_like_length():
    order, lengths = torch.randperm(1000), torch.randint(1, 300, (1000,))
    arranged = bucketed(order, lengths, 32)
    assert torch.equal(arranged.sort().values, torch.arange(1000))
    spread = [float(lengths[b].max() - lengths[b].min()) for b in arranged.split(32)]
    assert sum(spread) / len(spread) < 40
    assert torch.equal(bucketed(torch.arange(5), torch.tensor([3, 1, 2, 5, 4]), 8), torch.tensor([1, 2, 0, 4, 3]))


def test_the_trainer_takes_batches_of_like_length():
    rows, valid = problem(n=320)
    lengths = torch.randint(1, 100, (320,))
    inputs = Long(rows.inputs.x, lengths)
    train(model(gate=IdentityGate(20)), (Rows(inputs, rows.y), valid), epochs=1, batch_size=20, by_length=True)
    assert sorted(torch.cat(inputs.taken).tolist()) == [*range(320)]
    assert max(float(lengths[some].max() - lengths[some].min()) for some in inputs.taken) < 40


def test_the_learning_rate_rises_over_its_share():
    trainer = Trainer(model(), lr=1.0, rise=0.5)

    class At:
        step, total, lr, harden_step = 4, 20, 1.0, 20

    trainer._set_lr(At)
    assert trainer.optimizer.param_groups[0]["lr"] == 0.5


class Inside(Scaled):
    """An encoder with a gate of its own, on what its second part reads."""

    def __init__(self, dim):
        super().__init__(dim)
        self.inner = HardConcreteGate(dim)
        self.mix = nn.Linear(dim, dim)
        with torch.no_grad():
            self.mix.weight.copy_(torch.eye(dim))

    def forward(self, batch):
        return self.mix(self.inner(batch.x * self.scale))


def test_a_gate_inside_an_encoder_is_listed_penalised_and_hardened():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = GatedModel(Inside(20), HardConcreteGate(20), IntegratedHead(20, 1, deep=Deep(20, (), 1)))
    assert [*made.gates()] == ["encoder.inner", "gate"]
    trainer = train(made, problem(n=512, useful=4), active=0.3, epochs=20, micro_batch=16)
    assert made.gate.n_open == 6
    inner = made.encoder.inner
    assert inner.hardened
    assert 0 < inner.n_open < 20  # it felt the penalty, too
    values = inner.values(torch.zeros(3, 20))
    assert {*values.unique().tolist()} <= {0.0, 1.0}
    assert trainer.history.last("end")["best_log_loss"] < 0.69
