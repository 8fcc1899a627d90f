"""The knob: an exact open count after gates that decided by themselves, or the paper's fixed penalty."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from toy_training import model, problem, train

from l0gm.errors import ParameterError
from l0gm.gates import FixedMaskGate, HardConcreteGate, IdentityGate, MagnitudeGate
from l0gm.schedules import Schedule
from l0gm.training import Trainer

DIM = 40
FRACTIONS = [0.05, 0.12, 0.15, 0.35, 0.6]
SEEDS = range(3)


@pytest.fixture(scope="module")
def runs():
    """One trainer for each fraction and seed, of problems with as many useful inputs as are asked for."""
    made = {}
    for fraction in FRACTIONS:
        for seed in SEEDS:
            rows = problem(1024, DIM, seed=seed, useful=round(fraction * DIM))
            made[fraction, seed] = train(model(DIM, seed=seed), rows, active=fraction, seed=seed)
    return made


@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_open_count_is_exact(runs, fraction, seed):
    trainer = runs[fraction, seed]
    assert trainer.gate.hardened
    assert trainer.gate.n_open == round(fraction * DIM)
    assert trainer.history.last("harden")["n_open"] == round(fraction * DIM)


def test_the_gates_had_decided(runs):
    undecided = 0
    for trainer in runs.values():
        harden = trainer.history.last("harden")
        near = abs(harden["n_open_before"] - harden["n_open"]) <= 0.02 * DIM
        unmoved = abs(harden["auc_after"] - harden["auc_before"]) < 0.001
        assert harden["decided"] == (near and unmoved)
        undecided += not harden["decided"]
    assert undecided <= 3  # of 15


def test_a_target_is_met_without_annealing():
    schedule = Schedule(warmup=0.0, ramp=0.0, hold=0.6, start_temperature=2 / 3, end_temperature=2 / 3)
    rows = problem(1024, DIM, useful=10)
    trainer = train(model(DIM), rows, active=0.25, schedule=schedule)  # full pressure from the first step, and no NaN
    assert trainer.gate.n_open == 10
    losses = [record["train_loss"] for record in trainer.history.records if record["event"] == "epoch"]
    assert losses[-1] < losses[0]


def test_the_inputs_that_matter_are_kept(runs):
    for (fraction, _), trainer in runs.items():
        useful = round(fraction * DIM)
        assert int(trainer.gate.open_mask()[:useful].sum()) >= 0.8 * useful


def test_the_count_is_at_least_one_and_at_most_all():
    rows = problem(256, 10)
    for active, expected in ((1e-9, 1), (1.0, 10)):
        trainer = train(model(10), rows, active=active, epochs=6)
        assert trainer.gate.n_open == expected


def test_groups_stay_whole():
    rows = problem(512, 12, useful=6)
    gate = HardConcreteGate(12, [i // 3 for i in range(12)])
    trainer = train(model(12, gate=gate), rows, active=0.5)
    assert trainer.gate.n_open == 6
    assert trainer.gate.open_mask().reshape(4, 3).float().std(1).eq(0).all()


def test_hardening_waits_for_gates_that_have_not_decided_but_not_for_ever():
    rows = problem(256, 10)
    trainer = train(model(10), rows, active=0.3, epochs=10, gate_lr=1e-9, patience=100)
    harden, end = trainer.history.last("harden"), trainer.history.last("end")
    assert not harden["decided"]
    assert harden["n_open_before"] == 10
    assert trainer.gate.n_open == 3
    assert harden["epoch"] > 10 * trainer.schedule.harden_at + 1
    assert 10 < end["epochs"] <= 20


def test_gates_whose_hardening_moves_the_auc_have_not_decided():
    """One gate too many is open, which is near enough; but it is the one that matters."""
    rows, valid = problem(256, 100, useful=1)
    gate = HardConcreteGate(100, threshold=0.9)
    made = model(100, gate=gate)
    with torch.no_grad():
        gate.log_alpha.fill_(-5.0)
        gate.log_alpha[:11] = 5.0
        gate.log_alpha[0] = 4.0
        made.head.deep.linears[0].weight.zero_()[0, 0] = rows.inputs.x[rows.y == 1, 0].mean().sign()
    at_once = Schedule(warmup=0.0, ramp=0.0, hold=0.0)
    trainer = train(
        made, (rows, valid), active=0.1, schedule=at_once, epochs=2, lr=1e-12, gate_lr=1e-12, weight_decay=0.0
    )
    harden = trainer.history.last("harden")
    assert (harden["n_open_before"], harden["n_open"]) == (11, 10)
    assert harden["auc_before"] > 0.8
    assert abs(harden["auc_after"] - 0.5) < 0.1
    assert not harden["decided"]
    assert harden["epoch"] == 2  # it waited for as long as it may


def test_undecided_gates_go_on_learning():
    gate = HardConcreteGate(10)
    counts = []

    def watch(progress):
        if not gate.hardened:
            counts.append((progress.step, progress.n_open, gate.log_alpha.detach().clone()))

    trainer = train(model(10, gate=gate), problem(256, 10), active=0.3, epochs=10, gate_lr=0.05, on_step=watch)
    asked = round(10 * 4 * trainer.schedule.harden_at)  # ten epochs of four steps
    before, after = counts[asked - 1], counts[-1]
    assert after[0] > before[0] == asked
    assert before[1] > 3  # not yet
    assert not torch.equal(after[2], before[2])  # harden was undone, and learning goes on
    assert float(after[2].abs().max()) < 10.0


def test_controls_meet_the_count_too():
    rows = problem(512, 10)
    kept = train(model(10, gate=MagnitudeGate(10)), rows, active=0.3).gate
    assert kept.n_open == 3
    mask = FixedMaskGate.random(10, 3, seed=1)
    given = mask.open_mask()
    assert torch.equal(train(model(10, gate=mask), rows, active=0.3, epochs=3).gate.open_mask(), given)
    dense = train(model(10, gate=IdentityGate(10)), rows, epochs=3)
    assert dense.gate.n_open == 10
    assert dense.history.last("harden") is None  # nothing to wait for


# ---- a fixed penalty -----------------------------------------------------------------------------------------


def test_a_larger_penalty_leaves_fewer_open():
    counts = [
        train(model(20), problem(512, 20), penalty=penalty, epochs=30).gate.n_open for penalty in (0.0, 1e-2, 1e-1, 1.0)
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 20
    assert 10 <= counts[2] <= 17
    assert counts[3] < 10


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.9])
def test_the_penalty_path_hardens_at_the_threshold(threshold):
    gate = HardConcreteGate(20, threshold=threshold, init=1.0)
    last = {}

    def watch(progress):
        if not gate.hardened:
            last["alpha"] = gate.log_alpha.detach().clone()

    trainer = train(model(20, gate=gate), problem(512, 20), penalty=3e-3, epochs=10, gate_lr=0.1, on_step=watch)
    expected = torch.sigmoid(last["alpha"]) > threshold
    assert torch.equal(gate.open_mask(), expected)
    harden = trainer.history.last("harden")
    assert harden["n_open_before"] == harden["n_open"] == int(expected.sum())
    assert harden["auc_before"] == harden["auc_after"]
    assert harden["decided"]


def test_it_hardens_where_the_schedule_says():
    phases = []
    schedule = Schedule(warmup=0.2, ramp=0.3, hold=0.1)
    train(
        model(6),
        problem(128, 6),
        penalty=1e-3,
        schedule=schedule,
        epochs=10,
        patience=100,
        on_step=lambda progress: phases.append((progress.step, progress.total, progress.phase)),
    )
    assert [step for step, _, _ in phases] == list(range(1, 21))  # 10 epochs of 2 steps
    assert {total for _, total, _ in phases} == {20}
    assert [phase for _, _, phase in phases] == ["warm-up"] * 4 + ["ramp"] * 6 + ["hold"] * 2 + ["fine-tune"] * 8


def test_there_is_no_pressure_in_the_warm_up_and_the_temperature_falls_after_it():
    def epochs(penalty):
        schedule = Schedule(warmup=0.5, ramp=0.3, hold=0.2)
        trainer = train(model(10), problem(256, 10), penalty=penalty, schedule=schedule, gate_lr=0.2)
        return [r for r in trainer.history.records if r["event"] == "epoch"]

    free, pressed = epochs(0.0), epochs(10.0)
    for r, s in zip(free[:10], pressed[:10], strict=True):
        assert r["valid_log_loss"] == s["valid_log_loss"]
        assert r["expected_open"] == s["expected_open"]
        assert r["temperature"] == 2.0
    assert pressed[18]["expected_open"] < 5 < free[18]["expected_open"]
    assert 0.5 < pressed[12]["temperature"] < 2.0
    assert pressed[16]["temperature"] == pytest.approx(0.5)


def test_without_a_knob_the_gate_is_hardened_as_it_stands():
    trainer = train(model(10), problem(256, 10), epochs=5)
    assert trainer.gate.hardened
    assert trainer.gate.n_open == 10


def test_the_ranges_of_table_7_are_accepted():
    made = model(4)
    grid = itertools.product([1e-4, 1e-3, 1e-2], [64, 128, 256, 512], [1e-4, 3e-4, 1e-3], [0.0, 1e-6, 1e-5, 1e-4])
    for penalty, batch_size, lr, decay in grid:
        trainer = Trainer(made, penalty=penalty, batch_size=batch_size, lr=lr, weight_decay=decay)
        assert (trainer.penalty, trainer.batch_size, trainer.lr) == (penalty, batch_size, lr)
        assert {group["weight_decay"] for group in trainer.optimizer.param_groups} == {0.0, decay}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"active": 0.1, "penalty": 1e-3}, "not both"),
        ({"active": 0.0}, "active=0.0"),
        ({"active": 1.1}, "active=1.1"),
        ({"active": math.nan}, "active=nan"),
        ({"penalty": -1e-3}, "penalty=-0.001"),
        ({"epochs": 0}, "epochs=0"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"patience": 0}, "patience=0"),
    ],
)
def test_bad_arguments_are_named(options, named):
    with pytest.raises(ParameterError, match=named):
        Trainer(model(4), **options)
