"""The trainer of every modality: warm-up, ramp, hold, harden, fine-tune (paper, Algorithm 1 and section 4)."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from l0gm.errors import ParameterError, TrainingError
from l0gm.gates.hard_concrete import HardConcreteGate
from l0gm.metrics import auc, log_loss
from l0gm.model import GatedModel
from l0gm.schedules import Schedule, TargetControl, cosine
from l0gm.training.history import History
from l0gm.training.objective import Objective, decayed
from l0gm.training.rows import Rows, entropy, predict
from l0gm.training.safeguard import Safeguard

__all__ = ["Progress", "Trainer"]

CLOSE_ENOUGH = 0.02  # of the dimensions: how far from the target the gates' own count may be at hardening
UNMOVED = 0.001  # validation AUC: how far hardening may move it, or one row's worth of it where there are few
GATE_TRAVEL = 24.0  # logits that a gate can move over the ramp, four times the way from open to closed
RESTORED_LR = 0.5  # what the learning rate is multiplied with when the safeguard brings weights back
LEAST_LR = 1 / 16  # of the learning rate: what it does not fall below


@dataclass(frozen=True)
class Progress:
    """What a progress display needs to know, once a step."""

    step: int
    total: int
    phase: str
    loss: float
    n_open: int
    dim: int


class Trainer:
    """Trains a gated model towards a target fraction or under a fixed penalty.

    Parameters
    ----------
    model : GatedModel
        The target is that of ``model.gate``; gates elsewhere in it feel the same penalty and are hardened with it,
        as they stand.
    active : float, optional
        Fraction of the interface's dimensions to leave open, met exactly: round(active * dim), at least one; where
        dimensions share gates, as many whole groups as fit into that, at least one.
    penalty : float, optional
        The paper's lambda on the summed open probabilities; the gate is hardened at its threshold. Give at most
        one of the two; with neither, the gate is hardened as it stands.
    schedule : Schedule
    epochs, batch_size : int
    lr, gate_lr, weight_decay, smoothing, clip : float
        ``gate_lr`` is that of log_alpha, which has no weight decay; default: so that a gate can go from open to
        closed and back several times over the ramp. ``clip`` bounds the gradient's norm.
    patience : int
        Epochs without a better validation log loss, after hardening, before training stops.
    seed : int
    history : History, optional
    on_step : callable, optional
        Called with a :class:`Progress` after each step.

    Raises
    ------
    ParameterError
        If an argument is out of range.
    """

    def __init__(
        self,
        model: GatedModel,
        *,
        active: float | None = None,
        penalty: float | None = None,
        schedule: Schedule | None = None,
        epochs: int = 40,
        batch_size: int = 256,
        lr: float = 1e-3,
        gate_lr: float | None = None,
        weight_decay: float = 1e-5,
        smoothing: float = 0.0,
        clip: float = 5.0,
        patience: int = 8,
        seed: int = 0,
        history: History | None = None,
        on_step: Callable[[Progress], None] | None = None,
    ) -> None:
        if active is not None and penalty is not None:
            raise ParameterError("give active or penalty, not both")
        if active is not None and not 0.0 < active <= 1.0:
            raise ParameterError(f"active={active}: a fraction above 0 and at most 1")
        for name, value in (("epochs", epochs), ("batch_size", batch_size), ("patience", patience)):
            if value < 1:
                raise ParameterError(f"{name}={value}: at least 1")
        for name, rate in (("lr", lr), ("gate_lr", gate_lr), ("clip", clip)):
            if rate is not None and not (rate > 0.0 and math.isfinite(rate)):
                raise ParameterError(f"{name}={rate}: a number above 0")
        for name, amount in (("penalty", penalty), ("weight_decay", weight_decay)):
            if amount is not None and not (amount >= 0.0 and math.isfinite(amount)):
                raise ParameterError(f"{name}={amount}: it must not be negative")
        if not 0.0 <= smoothing < 1.0:
            raise ParameterError(f"label smoothing={smoothing}: at least 0 and below 1")
        self.model = model
        self.gate = model.gate
        self.learned = [gate for gate in model.gates().values() if isinstance(gate, HardConcreteGate)]
        self.target = None if active is None else self.gate.attainable(max(1, round(active * self.gate.dim)))
        self.penalty = penalty
        self.schedule = Schedule() if schedule is None else schedule
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.gate_lr = gate_lr
        self.clip = clip
        self.patience = patience
        self.seed = seed
        self.history = History() if history is None else history
        self.on_step = on_step
        self.objective = Objective(model, smoothing)
        self.control = TargetControl(self.gate.dim, 1, 1.0)
        self.applied = 0.0  # the penalty of the latest step
        matrices, vectors = decayed(model)
        self.optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": weight_decay},
                {"params": vectors, "weight_decay": 0.0},
                {
                    "params": [gate.log_alpha for gate in self.learned],
                    "lr": lr if gate_lr is None else gate_lr,  # None: set in fit, where the number of steps is known
                    "weight_decay": 0.0,
                    "gate": True,
                },
            ],
            lr=lr,
            fused=True,
        )

    def fit(self, train: Rows, valid: Rows) -> GatedModel:
        """Train, and leave the model at its best checkpoint: the lowest validation log loss after hardening.

        Raises
        ------
        TrainingError
            If there are no rows, or the loss is not finite.
        """
        if train.inputs.n_rows == 0 or valid.inputs.n_rows == 0:
            raise TrainingError("no rows to train on, or none to validate on")
        device = train.y.device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(self.seed)
            return self._fit(train, valid)

    def _fit(self, train: Rows, valid: Rows) -> GatedModel:
        n = train.inputs.n_rows
        if train.weight is not None:
            train = replace(train, weight=train.weight / train.weight.mean())
        steps = math.ceil(n / self.batch_size)
        total = planned = self.epochs * steps
        ramp = round(self.schedule.ramp * total)
        self.control = TargetControl(self.gate.dim, ramp, entropy(train))
        if self.gate_lr is None:
            self.optimizer.param_groups[-1]["lr"] = min(GATE_TRAVEL / max(ramp, 1), 0.2)
        harden_step = 0 if self.gate.hardened else round(self.schedule.harden_at * total)
        latest = harden_step + (total if self.target is not None else 0)  # the hold may stretch
        safeguard, least_lr = Safeguard(self.model), self.lr * LEAST_LR
        best, best_state, stale, step, epoch = math.inf, None, 0, 0, 0
        started = time.perf_counter()
        self.model.train()
        while step < total:
            losses, first = 0.0, step
            for rows in torch.randperm(n, device=train.y.device).split(self.batch_size):
                if not self.gate.hardened and step == harden_step and not self._harden(valid, epoch, step >= latest):
                    harden_step += steps
                    total += steps
                self._set_lr(step, total, harden_step)
                progress = min(step / planned, 1.0)
                loss = self._step(train, rows, progress)
                losses += loss
                step += 1
                if self.on_step is not None:
                    phase = self._phase(progress)
                    self.on_step(Progress(step, total, phase, loss, self.gate.n_open, self.gate.dim))
                if step == total:
                    break
            epoch += 1
            if not math.isfinite(losses):
                raise TrainingError(
                    f"the loss became {losses} in epoch {epoch}: lower lr={self.lr:g}, or look for extreme values"
                )
            if step == total and not self.gate.hardened:
                self._harden(valid, epoch, force=True)
            score = self._score(valid)
            self._record(epoch, losses / (step - first), score, time.perf_counter() - started)
            if not self.gate.hardened:
                if safeguard.check(score, lambda: self._score(valid)):
                    self.lr = max(self.lr * RESTORED_LR, least_lr)
                    self.history.append(event="restore", epoch=epoch, lr=self.lr)
                continue
            stale = 0 if score < best else stale + 1
            if score < best:
                best, best_state = score, copy.deepcopy(self.model.state_dict())
            if stale >= self.patience:
                break
        if best_state is not None:
            self.model.load_state_dict(best_state)
        self.history.append(event="end", epochs=epoch, best_log_loss=best, seconds=time.perf_counter() - started)
        self.model.eval()
        return self.model

    def _step(self, train: Rows, rows: Tensor, progress: float) -> float:
        temperature = self.schedule.temperature(progress)
        for gate in self.learned:
            gate.anneal(temperature)
        expected = self.objective.expected_open()
        penalty = 0.0 if expected is None else self._penalty(expected, progress)
        self.applied = penalty
        weight = None if train.weight is None else train.weight[rows]
        objective, loss = self.objective(train.inputs.take(rows), train.y[rows], weight, penalty, expected)
        self.optimizer.zero_grad(set_to_none=True)
        objective.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip, foreach=True)
        self.optimizer.step()
        for gate in self.learned:
            if not gate.hardened:
                gate.clamp_()
        return float(loss.detach())

    def _phase(self, progress: float) -> str:
        if self.gate.hardened:
            return "fine-tune" if self.gate.learned else "train"
        if progress < self.schedule.warmup:
            return "warm-up"
        return "ramp" if progress < self.schedule.ramp_end else "hold"

    def _set_lr(self, step: int, total: int, harden_step: int) -> None:
        """Rise over the first 2 % of steps, stay, and fall to zero along a cosine in the fine-tuning."""
        share = min(1.0, (step + 1) / max(1.0, 0.02 * total))
        if self.gate.hardened:
            share *= 1.0 - cosine((step - harden_step) / max(1, total - harden_step))
        for group in self.optimizer.param_groups:
            if not group.get("gate"):
                group["lr"] = self.lr * share

    def _penalty(self, expected: Tensor, progress: float) -> float:
        if self.penalty is not None:
            return self.penalty * self.schedule.pressure(progress)
        if self.target is None or progress < self.schedule.warmup:
            return 0.0
        if progress >= self.schedule.ramp_end:
            count = float(self.gate.n_open)  # what must be met, at last
        else:
            count = float((expected if len(self.learned) == 1 else self.gate.expected_open()).detach())
        return self.control.update(count, self.schedule.target(progress, self.gate.dim, self.target))

    def _harden(self, valid: Rows, epoch: int, force: bool) -> bool:
        """Fix the support if the gates have decided by themselves, or if it is forced; return whether it is fixed.

        They have when their own count is within CLOSE_ENOUGH of the target and fixing it moves the validation
        AUC by less than UNMOVED.
        """
        n_before, before = self.gate.n_open, self._auc(valid)
        state = copy.deepcopy(self.gate.state_dict())
        self.gate.harden(self._count())
        after = self._auc(valid)
        near = abs(n_before - self.gate.n_open) <= CLOSE_ENOUGH * self.gate.dim
        decided = near and not abs(after - before) >= max(UNMOVED, 1.0 / valid.inputs.n_rows)
        if not (decided or force) and self.gate.learned:
            self.gate.load_state_dict(state)
            return False
        for gate in self.learned:
            if not gate.hardened:
                gate.harden()
        self.history.append(
            event="harden",
            epoch=epoch,
            n_open_before=n_before,
            n_open=self.gate.n_open,
            auc_before=before,
            auc_after=after,
            decided=decided,
        )
        return True

    def _count(self) -> int | None:
        """Return how many dimensions to leave open: the target, or those that the paper's pi leaves open."""
        if self.target is None and isinstance(self.gate, HardConcreteGate) and self.gate.inference == "soft":
            return self.gate.above_threshold() or None
        return self.target

    def _auc(self, valid: Rows) -> float:
        """Return the validation AUC, NaN where a class has no rows there."""
        y, proba = valid.y.cpu().numpy(), predict(self.model, valid.inputs).cpu().numpy()
        return auc(y, proba) if len(np.unique(y)) == proba.shape[1] else math.nan

    def _score(self, valid: Rows) -> float:
        """Return the validation log loss."""
        proba = predict(self.model, valid.inputs).cpu().numpy()
        if not np.isfinite(proba).all():
            raise TrainingError(f"predictions are not finite: lower lr={self.lr:g}, or look for extreme values")
        weight = valid.weight
        usable = weight is not None and bool(weight.any())
        return log_loss(
            valid.y.cpu().numpy(), proba, sample_weight=weight.cpu().numpy() if usable and weight is not None else None
        )

    def _record(self, epoch: int, train_loss: float, score: float, seconds: float) -> None:
        self.history.append(
            event="epoch",
            epoch=epoch,
            train_loss=train_loss,
            valid_log_loss=score,
            n_open=self.gate.n_open,
            expected_open=float(self.gate.expected_open().detach()),
            temperature=getattr(self.gate, "temperature", None),
            penalty=self.applied,
            hardened=self.gate.hardened,
            seconds=round(seconds, 3),
        )
