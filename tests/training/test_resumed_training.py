"""A training that is cut short again and again ends as one that was not, bit for bit."""

from __future__ import annotations

import itertools
import json
import math
import random
from dataclasses import replace

import pytest
import torch
from torch.nn import functional
from toy_training import model, problem

from l0gm import files
from l0gm.gates import FixedMaskGate, HardConcreteGate, IdentityGate, MagnitudeGate
from l0gm.schedules import Schedule
from l0gm.training import Checkpoint, History, Trainer, checkpoint
from l0gm.training.state import Position


class Cut(Exception):  # noqa: N818  # no error
    """Ends a training after a step."""


@pytest.fixture(autouse=True)
def before_each_step(monkeypatch):
    """Write the checkpoint before each step, and leave it to the system when it is on the disk."""
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", math.inf)
    monkeypatch.setattr(files.os, "fsync", lambda descriptor: None)


def weighted(rows):
    return replace(rows, weight=torch.rand(rows.inputs.n_rows, generator=torch.Generator().manual_seed(1)))


def softened(rows):
    return replace(rows, target=functional.one_hot(rows.y).float() * 0.8 + 0.1)


def small_network(**options):
    return model(10, hidden=(8,), dropout=0.2, **options)


ROWS = problem(256, 10)
FEW = problem(48, 20)
OPTIONS = {
    "active": 0.3,
    "schedule": Schedule(0.2, 0.3, 0.2),
    "epochs": 8,
    "batch_size": 64,
    "lr": 0.02,
    "patience": 100,
}
LONG = {"epochs": 40, "batch_size": 16}
CASES = {
    "target": (small_network, ROWS, {}),
    "a mask a batch": (lambda: small_network(gate=HardConcreteGate(10, mask="batch")), ROWS, {}),
    "several classes": (lambda: small_network(n_classes=3), problem(256, 10, 3), {}),
    "weights": (small_network, tuple(map(weighted, ROWS)), {}),
    "soft targets": (small_network, tuple(map(softened, ROWS)), {}),
    "a last batch of its own size": (small_network, problem(203, 10), {"batch_size": 60}),
    "penalty": (small_network, ROWS, {"active": None, "penalty": 0.01}),
    "costs": (lambda: model(10, gate=HardConcreteGate(10, cost=[1.0 + i % 3 for i in range(10)])), ROWS, {}),
    "a hold that is stretched": (small_network, ROWS, {"gate_lr": 1e-9}),
    "gates hardened at the end": (small_network, ROWS, {"active": None, "schedule": Schedule(0.1, 0.5, 0.4)}),
    "the safeguard": (lambda: model(20, hidden=(64,)), FEW, LONG | {"active": 0.5}),
    "patience": (lambda: model(20, gate=IdentityGate(20), hidden=(64,)), FEW, LONG | {"active": None, "patience": 3}),
    "magnitude": (lambda: model(10, gate=MagnitudeGate(10)), ROWS, {}),
    "a given mask": (lambda: model(10, gate=FixedMaskGate.random(10, 3, seed=1)), ROWS, {}),
}


def train(case, path=None, on_step=None):
    """Return the trainer, after training."""
    make, rows, options = CASES[case]
    paths = (None, None) if path is None else (path / "history.jsonl", path / "checkpoint.pt")
    trainer = Trainer(
        make(), **{**OPTIONS, **options}, history=History(paths[0]), checkpoint=Checkpoint(paths[1]), on_step=on_step
    )
    trainer.fit(*rows)
    return trainer


def relay(case, path):
    """Train in legs of 2 to 6 steps; return the last leg's trainer and where the others were cut."""
    cuts, random_lengths = [], random.Random(case)
    for leg in itertools.count():
        length, torch_state = random_lengths.randint(2, 6), torch.random.get_rng_state()
        steps = itertools.count(1)

        def cut(progress, steps=steps, length=length):
            if next(steps) == length:
                cuts.append(progress)
                raise Cut

        try:
            return train(case, path, cut), cuts
        except Cut:
            assert torch.equal(torch.random.get_rng_state(), torch_state)
            assert leg < 100  # each leg has to get on


def untimed(records):
    return [{name: value for name, value in record.items() if name != "seconds"} for record in records]


@pytest.mark.parametrize("case", CASES)
def test_the_last_leg_ends_where_one_run_does(case, tmp_path):
    whole = train(case)
    last, cuts = relay(case, tmp_path)
    expected, found = whole.model.state_dict(), last.model.state_dict()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert untimed(whole.history.records) == untimed(last.history.records)
    on_disk = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert [record["event"] for record in on_disk] == [record["event"] for record in whole.history.records]
    assert len(cuts) >= 3
    assert not last.model.training


@pytest.mark.parametrize(
    ("case", "phases", "events"),
    [
        ("target", {"warm-up", "ramp", "hold", "fine-tune"}, {"harden", "epoch", "end"}),
        ("a hold that is stretched", {"warm-up", "ramp", "hold", "fine-tune"}, {"harden", "epoch", "end"}),
        ("the safeguard", {"warm-up", "ramp", "hold", "fine-tune"}, {"harden", "epoch", "end", "restore"}),
        ("patience", {"train"}, {"epoch", "end"}),
    ],
)
def test_the_cuts_are_in_every_phase(case, phases, events, tmp_path):
    """The test above tests what it says."""
    last, cuts = relay(case, tmp_path)
    assert {cut.phase for cut in cuts} == phases
    assert {record["event"] for record in last.history.records} >= events
    steps_an_epoch = math.ceil(CASES[case][1][0].inputs.n_rows / last.batch_size)
    assert {cut.step % steps_an_epoch for cut in cuts} == set(range(steps_an_epoch))
    if case == "a hold that is stretched":
        assert any(cut.total > OPTIONS["epochs"] * steps_an_epoch for cut in cuts)


def test_a_training_that_has_ended_is_over_at_once(tmp_path):
    first = train("target", tmp_path)
    again = train("target", tmp_path, on_step=lambda progress: pytest.fail("trained again"))
    expected, found = first.model.state_dict(), again.model.state_dict()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert untimed(first.history.records) == untimed(again.history.records)


def test_the_seconds_of_all_legs_count():
    at = Position(total=10, harden_step=6, latest=6, lr=0.1, step=3)
    later = Position(total=10, harden_step=6, latest=6, lr=0.1)
    later.load_state_dict(at.state_dict() | {"seconds": 1000.0})
    assert later.step == 3
    assert 1000.0 <= later.seconds < 1000.0 + at.seconds + 60.0


def test_a_fit_of_several_trainings_repeats_none_that_has_ended(tmp_path):
    """As active="auto" does: one checkpoint, one training after the other."""

    def fit(cut_at=None):
        states, steps, kept = [], itertools.count(1), Checkpoint(tmp_path / "checkpoint.pt")

        def cut(progress):
            if next(steps) == cut_at:
                raise Cut

        for active in (0.2, 0.5, 0.3):
            trainer = Trainer(small_network(), **OPTIONS | {"active": active}, checkpoint=kept, on_step=cut)
            trainer.fit(*ROWS)
            states.append({name: value.clone() for name, value in trainer.model.state_dict().items()})
        return states, next(steps) - 1

    expected, n_steps = fit()
    assert fit()[1] == 0
    (tmp_path / "checkpoint.pt").unlink()
    for cut_at in (20, 30, 10):  # steps of each leg: the second one ends in the second training
        with pytest.raises(Cut):
            fit(cut_at)
    states, rest = fit()
    assert rest == n_steps - (20 + 30 + 10 - 3)  # the step that was cut is repeated
    for a, b in zip(expected, states, strict=True):
        assert all(torch.equal(a[name], b[name]) for name in a)
