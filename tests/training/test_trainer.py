"""The training loop: reproducible, restartable from its best hardened epoch, honest about what goes wrong."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
import torch
from toy_training import Numbers, model, problem, train

from l0gm.errors import TrainingError
from l0gm.gates import HardConcreteGate, IdentityGate
from l0gm.metrics import log_loss
from l0gm.model import probabilities
from l0gm.training import History, Rows, Trainer, predict


def weights(made):
    return {name: value.clone() for name, value in made.state_dict().items()}


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


def epochs_of(trainer):
    return [r for r in trainer.history.records if r["event"] == "epoch"]


def strict(text):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


# ---- random numbers ------------------------------------------------------------------------------------------


def fit_from(seed, mask="example"):
    made = model(10, gate=HardConcreteGate(10, mask=mask), hidden=(8,), dropout=0.2)
    train(made, problem(256, 10), active=0.3, epochs=8, seed=seed)
    return weights(made)


@pytest.mark.parametrize("mask", ["example", "batch"])
def test_a_seed_gives_the_same_weights_bit_for_bit(mask):
    first = fit_from(1, mask)
    torch.rand(7)  # whatever the global state is
    assert same(first, fit_from(1, mask))
    assert not same(first, fit_from(2, mask))


def test_global_random_states_are_left_alone():
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002  # the state that others may rely on
    torch.manual_seed(1)
    before = random.getstate(), np.random.get_state()[1].copy(), torch.random.get_rng_state()  # noqa: NPY002
    fit_from(3)
    assert random.getstate() == before[0]
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert torch.equal(torch.random.get_rng_state(), before[2])


# ---- learning ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 3])
def test_it_learns(n_classes):
    rows = problem(1024, 8, n_classes)
    made = model(8, n_classes, hidden=(16,))
    trainer = train(made, rows, active=0.5)
    proba = predict(made, rows[1].inputs)
    assert proba.shape == (512, n_classes)
    share = torch.bincount(rows[1].y).double() / 512
    constant = float(-(share * share.log()).sum())
    assert trainer.history.last("end")["best_log_loss"] < 0.8 * constant
    assert (proba.argmax(1) == rows[1].y).double().mean() > share.max() + 0.1


def test_weights_are_as_good_as_repeated_rows():
    """In one batch of all rows, where the mean over the batch is the mean over the rows."""
    rows, valid = problem(128, 6)
    times = torch.arange(128) % 3
    index = torch.arange(128).repeat_interleave(times)
    repeated = Rows(rows.inputs.take(index), rows.y[index])
    weighted = Rows(rows.inputs, rows.y, times.float())
    results = []
    for data in (weighted, repeated, rows):
        made = model(6, gate=IdentityGate(6)).double()
        double = Rows(Numbers(data.inputs.x.double()), data.y, data.weight)
        train(made, (double, Rows(Numbers(valid.inputs.x.double()), valid.y)), batch_size=1000, epochs=10)
        results.append(made.encoder.scale.detach())
    torch.testing.assert_close(results[0], results[1], atol=1e-6, rtol=1e-6)
    assert not torch.allclose(results[0], results[2], atol=1e-3)


def test_batches_of_weightless_rows_do_no_harm():
    rows, valid = problem(128, 6)
    weight = torch.zeros(128)
    weight[:3] = 1.0
    made = model(6)
    train(made, (Rows(rows.inputs, rows.y, weight), valid), batch_size=8, epochs=3)
    assert all(bool(p.isfinite().all()) for p in made.parameters())


def test_validation_weights_choose_the_checkpoint():
    rows, valid = problem(256, 6)
    weight = torch.rand(128)
    made = model(6)
    trainer = train(made, (rows, Rows(valid.inputs, valid.y, weight)), active=0.5, epochs=8)
    score = log_loss(valid.y.numpy(), predict(made, valid.inputs).numpy(), sample_weight=weight.numpy())
    assert trainer.history.last("end")["best_log_loss"] == pytest.approx(score, abs=1e-9)


def test_smoothing_keeps_predictions_away_from_certainty():
    rows = problem(512, 6, useful=1)
    sure, smoothed = (
        train(model(6, gate=IdentityGate(6)), rows, smoothing=s, epochs=30, patience=30) for s in (0.0, 0.5)
    )
    certainty = [predict(t.model, rows[1].inputs).amax(1).mean() for t in (sure, smoothed)]
    assert certainty[1] < certainty[0] - 0.1


def test_the_gate_has_its_own_rate_and_no_decay():
    made = model(6, hidden=(4,))
    trainer = Trainer(made, lr=1e-3, gate_lr=0.05, weight_decay=0.1)
    groups = trainer.optimizer.param_groups
    of = {name: [g for g in groups if any(p is q for q in g["params"])] for name, p in made.named_parameters()}
    assert all(len(found) == 1 for found in of.values())
    assert of["gate.log_alpha"][0]["weight_decay"] == 0.0
    assert of["head.deep.0.weight"][0]["weight_decay"] == 0.1
    assert of["head.deep.0.bias"][0]["weight_decay"] == 0.0
    assert of["gate.log_alpha"][0]["lr"] == 0.05
    trainer.fit(*problem(64, 6))
    assert of["gate.log_alpha"][0]["lr"] == 0.05


def watched(look, made, rows, **options):
    """Train, and return what ``look(trainer)`` gave after each step."""
    seen = []
    trainer = Trainer(made, **{"batch_size": 64, **options}, on_step=lambda progress: seen.append(look(trainer)))
    trainer.fit(*rows)
    return seen


def test_log_alpha_stays_within_its_bounds():
    largest = watched(
        lambda t: (t.gate.hardened, float(t.gate.log_alpha.detach().abs().max())),
        model(10),
        problem(256, 10),
        penalty=0.0,
        gate_lr=2.0,
        epochs=10,
    )
    assert max(size for hardened, size in largest if not hardened) == 10.0


def test_gradients_are_clipped():
    def norm(trainer):
        return float(torch.stack([p.grad.norm() for p in trainer.model.parameters() if p.grad is not None]).norm())

    rows = problem(256, 10)
    free = watched(norm, model(10), rows, epochs=5, clip=1e9)
    clipped = watched(norm, model(10), rows, epochs=5, clip=0.01)
    assert max(clipped) <= 0.01 * (1 + 1e-4)
    assert max(free) > 0.02


def test_the_rate_rises_holds_and_falls_in_the_fine_tuning():
    rates = watched(
        lambda t: (t.gate.hardened, t.optimizer.param_groups[0]["lr"]),
        model(10),
        problem(256, 10),
        penalty=0.0,
        lr=1e-3,
        epochs=50,
        patience=50,
    )
    before = [rate for hardened, rate in rates if not hardened]
    after = [rate for hardened, rate in rates if hardened]
    assert before[0] < before[2] < 1e-3  # the first 2 % of 200 steps
    assert set(before[4:]) == {1e-3}
    assert after == sorted(after, reverse=True)
    assert after[0] == pytest.approx(1e-3, rel=0.01)
    assert after[-1] < 1e-5


# ---- the checkpoint ------------------------------------------------------------------------------------------


def test_the_checkpoint_is_the_best_hardened_epoch():
    rows = problem(512, 20)
    made = model(20)
    trainer = train(made, rows, active=0.05, epochs=20)
    records = epochs_of(trainer)
    hardened = [r["valid_log_loss"] for r in records if r["hardened"]]
    dense = [r["valid_log_loss"] for r in records if not r["hardened"]]
    assert min(dense) < min(hardened) - 0.05  # a dense early epoch would have won
    score = log_loss(rows[1].y.numpy(), predict(made, rows[1].inputs).numpy())
    assert score == pytest.approx(min(hardened), abs=1e-9)
    assert trainer.history.last("end")["best_log_loss"] == min(hardened)
    assert made.gate.hardened
    assert made.gate.n_open == 1
    assert not made.training


def test_it_is_not_the_last_epoch_where_that_is_worse():
    rows, valid = problem(48, 20)
    made = model(20, gate=IdentityGate(20), hidden=(64,))
    trainer = train(made, (rows, valid), epochs=60, batch_size=16, patience=60)
    losses = [r["valid_log_loss"] for r in epochs_of(trainer)]
    assert len(losses) == 60
    assert losses[-1] > min(losses) + 0.01  # it overfits
    score = log_loss(valid.y.numpy(), predict(made, valid.inputs).numpy())
    assert score == pytest.approx(min(losses), abs=1e-9)


def test_training_stops_when_patience_is_over():
    rows, valid = problem(48, 20)
    made = model(20, gate=IdentityGate(20), hidden=(64,))
    trainer = train(made, (rows, valid), epochs=60, batch_size=16, patience=3)
    losses = [r["valid_log_loss"] for r in epochs_of(trainer)]
    assert len(losses) < 60
    assert int(np.argmin(losses)) == len(losses) - 1 - 3
    assert trainer.history.last("end")["epochs"] == len(losses)


def test_patience_counts_from_hardening():
    trainer = train(model(20), problem(512, 20), active=0.05, epochs=20, patience=1)
    harden = trainer.history.last("harden")["epoch"]
    assert harden > 5  # though the validation loss rose long before
    hardened = [r["hardened"] for r in epochs_of(trainer)]
    assert hardened == sorted(hardened)


def test_the_support_stays_as_it_is_in_the_fine_tuning():
    gate = HardConcreteGate(10)
    masks = []
    train(
        model(10, gate=gate),
        problem(256, 10),
        active=0.3,
        epochs=10,
        patience=100,
        on_step=lambda progress: masks.append(tuple(gate.open_mask().tolist())) if gate.hardened else None,
    )
    assert len(masks) > 4
    assert len(set(masks)) == 1


# ---- history and progress ------------------------------------------------------------------------------------


def test_the_history_file_is_valid_json_lines_as_it_goes(tmp_path):
    path = tmp_path / "history.jsonl"
    lengths = []
    trainer = train(
        model(10),
        problem(256, 10),
        active=0.3,
        epochs=8,
        history=History(path),
        on_step=lambda progress: lengths.append(len(strict(path.read_text()))),
    )
    assert lengths[0] == 0
    assert lengths == sorted(lengths)
    assert len(set(lengths)) >= 8  # it grew with every epoch
    records = strict(path.read_text())
    assert records == trainer.history.records
    events = [r["event"] for r in records]
    assert events.count("harden") == 1
    assert events[-1] == "end"
    assert [r["epoch"] for r in records if r["event"] == "epoch"] == list(range(1, events.count("epoch") + 1))


def test_progress_is_reported_after_each_step():
    seen = []
    trainer = train(model(10), problem(256, 10), active=0.3, epochs=8, patience=100, on_step=seen.append)
    assert [p.step for p in seen] == list(range(1, len(seen) + 1))
    assert seen[-1].step == seen[-1].total
    assert {p.dim for p in seen} == {10}
    assert seen[0].n_open == 10
    assert seen[-1].n_open == 3
    order = list(dict.fromkeys(p.phase for p in seen))
    assert order == ["warm-up", "ramp", "hold", "fine-tune"]
    first = [p.loss for p in seen[:4]]
    assert epochs_of(trainer)[0]["train_loss"] == pytest.approx(np.mean(first))


# ---- what goes wrong -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_an_error(value):
    rows, valid = problem(64, 4)
    rows.inputs.x[5, 2] = value
    with pytest.raises(TrainingError, match=r"epoch 1: lower lr=0\.02"):
        train(model(4), (rows, valid))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_validation_part_may_lack_a_class(n_classes, tmp_path):
    rows, valid = problem(256, 6, n_classes)
    there = (valid.y == 0).nonzero()[:, 0]
    made = model(6, n_classes)
    history = History(tmp_path / "history.jsonl")
    trainer = train(made, (rows, Rows(valid.inputs.take(there), valid.y[there])), active=0.5, epochs=6, history=history)
    assert made.gate.n_open == 3
    assert trainer.history.last("end")["best_log_loss"] > 0
    harden = next(r for r in strict(history.path.read_text()) if r["event"] == "harden")
    assert harden["auc_before"] is None


def test_training_can_be_left_by_an_exception():
    def stop(progress):
        if progress.step == 5:
            raise KeyboardInterrupt

    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    with pytest.raises(KeyboardInterrupt):
        train(model(6), problem(256, 6), on_step=stop)
    assert torch.equal(torch.random.get_rng_state(), state)


# ---- prediction ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 3])
def test_predict_is_the_model_at_inference(n_classes):
    made = model(6, n_classes, hidden=(8,), dropout=0.5).train()
    inputs = problem(100, 6, n_classes)[0].inputs
    whole = predict(made, inputs)
    assert made.training  # as it was
    assert whole.dtype == torch.float64
    torch.testing.assert_close(whole.sum(1), torch.ones(100, dtype=torch.float64))
    torch.testing.assert_close(predict(made, inputs, batch_size=7), whole)
    made.eval()
    torch.testing.assert_close(probabilities(made(inputs).detach().double()), whole)
    predict(made, inputs)
    assert not made.training


def test_only_the_ratios_of_weights_matter():
    made = {scale: model(6, hidden=(4,)) for scale in (1.0, 40.0)}
    made[40.0].load_state_dict(made[1.0].state_dict())
    train, valid = problem(200, 6)
    weight = torch.rand(200) + 0.1
    for scale, one in made.items():
        weighted = Rows(train.inputs, train.y, scale * weight)
        Trainer(one, active=0.5, epochs=3, batch_size=32).fit(weighted, valid)
    for a, b in zip(made[1.0].parameters(), made[40.0].parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


def test_a_rare_heavy_class_is_learned_at_its_weight():
    """Dividing each batch's loss by the weights in it would lose the ratio: most batches have no heavy row."""
    torch.manual_seed(0)
    x = torch.zeros(2000, 2)
    y = (torch.arange(2000) % 50 == 0).long()
    rows = Rows(Numbers(x), y, torch.where(y == 1, 49.0, 1.0))
    made = model(2)
    Trainer(made, epochs=40, batch_size=16, lr=0.02, patience=40).fit(rows, rows)
    share = float(predict(made, Numbers(x[:1]))[0, 1])
    assert share == pytest.approx(0.5, abs=0.05)
