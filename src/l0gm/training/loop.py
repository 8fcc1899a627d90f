"""The trainer of every modality: warm-up, ramp, hold, harden, fine-tune (paper, Algorithm 1 and section 4)."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import l0gm
from l0gm.errors import ParameterError, TrainingError
from l0gm.gates.hard_concrete import HardConcreteGate
from l0gm.metrics import auc, log_loss
from l0gm.model import GatedModel
from l0gm.schedules import Schedule, TargetControl, cosine
from l0gm.training.average import Average
from l0gm.training.checkpoint import Checkpoint, Stateful
from l0gm.training.history import History
from l0gm.training.identity import describe_model, describe_rows
from l0gm.training.objective import Objective, gate_groups, parameter_groups
from l0gm.training.rows import Rows, entropy, predict
from l0gm.training.safeguard import Safeguard
from l0gm.training.state import Best, Position, RandomNumbers
from l0gm.training.team import Team

__all__ = ["Progress", "Trainer"]

CLOSE_ENOUGH = 0.02  # of the dimensions: how far from the target the gates' own count may be at hardening
UNMOVED = 0.001  # validation AUC: how far hardening may move it, or one row's worth of it where there are few
GATE_TRAVEL = 24.0  # logits that a gate can move over the ramp: four times the way from open to closed
RESTORED_LR = 0.5  # what the learning rate is multiplied with when the safeguard brings weights back
LEAST_LR = 1 / 16  # of the learning rate: what it does not fall below
NOT_SETTINGS = ("self", "model", "history", "on_step", "checkpoint", "parts")  # other arguments decide what is learned


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
        The target is that of ``model.gate``, or of the gates that it follows; gates elsewhere in it feel the same
        penalty and are hardened with it, as they stand.
    active : float, optional
        Fraction of the interface's dimensions to leave open, met exactly: round(active * dim), at least one; where
        dimensions share gates, as many whole groups as fit into that, at least one.
    penalty : float, optional
        The paper's lambda on the summed open probabilities; the gate is hardened at its threshold. Give at most
        one of the two; with neither, the gate is hardened as it stands.
    schedule : Schedule
    epochs, batch_size : int
    lr, gate_lr, weight_decay, l2, smoothing, clip : float
        ``gate_lr`` is that of log_alpha, which has no weight decay, and of other gates' parameters in proportion to
        their ``lr_scale``; default: so that a gate can go from open to closed and back several times over the
        ramp, or over the hold where there is no ramp.
        ``weight_decay`` shrinks matrices beside the gradient's step; ``l2`` times a matrix is added to its gradient,
        which Adam then scales: where a few rows are all there is to learn from and their gradients fade, it is much
        the stronger. ``clip`` bounds the gradient's norm.
    coupling : float
        Weight of a batch's soft-binned calibration error beside its task loss; of a part's, with ``micro_batch``.
    averaging : float
        Decay of the weights' moving average once the gates are fixed (:class:`l0gm.training.average.Average`); 0 for
        none.
    rise : float
        Share of the steps over which the learning rates rise to what they are.
    micro_batch : int, optional
        Rows whose gradients are computed at a time and added up over a batch; default: all of it. It takes less
        memory, and the result is the same but for rounding and the gates' noise.
    by_length : bool
        Whether the rows of a batch are of like length (:func:`l0gm.training.order.bucketed`); the inputs then have
        ``lengths``, int64 (n,).
    patience : int
        Epochs without a better validation log loss, after hardening, before training stops.
    keep_start : bool
        Whether the weights that the model comes with are a checkpoint, too, where its gate is hardened already:
        training then never ends with a worse validation log loss.
    passes : int
        How often an epoch goes through the rows, after which the validation rows are looked at: more than once where
        few batches hold them all.
    seed : int
    history : History, optional
    on_step : callable, optional
        Called with a :class:`Progress` after each step.
    checkpoint : Checkpoint, optional
        Where the state of training is kept, and found again.
    parts : mapping from str to Stateful, optional
        What else the checkpoint keeps, by name: the state of ``on_step``, say.

    Notes
    -----
    Started by ``torchrun``, several processes train one model together (:class:`l0gm.training.team.Team`): the one of
    rank 0 writes history and checkpoint.

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
        l2: float = 0.0,
        smoothing: float = 0.0,
        coupling: float = 0.0,
        clip: float = 5.0,
        averaging: float = 0.0,
        rise: float = 0.02,
        micro_batch: int | None = None,
        by_length: bool = False,
        patience: int = 8,
        keep_start: bool = False,
        passes: int = 1,
        seed: int = 0,
        history: History | None = None,
        on_step: Callable[[Progress], None] | None = None,
        checkpoint: Checkpoint | None = None,
        parts: Mapping[str, Stateful] | None = None,
    ) -> None:
        self.settings = {name: value for name, value in locals().items() if name not in NOT_SETTINGS}
        if active is not None and penalty is not None:
            raise ParameterError("give active or penalty, not both")
        if active is not None and not 0.0 < active <= 1.0:
            raise ParameterError(f"active={active}: a fraction above 0 and at most 1")
        whole = {"epochs": epochs, "batch_size": batch_size, "patience": patience, "passes": passes}
        for name, value in {**whole, "micro_batch": micro_batch}.items():
            if value is not None and value < 1:
                raise ParameterError(f"{name}={value}: at least 1")
        for name, rate in (("lr", lr), ("gate_lr", gate_lr), ("clip", clip)):
            if rate is not None and not (rate > 0.0 and math.isfinite(rate)):
                raise ParameterError(f"{name}={rate}: a number above 0")
        amounts = {"penalty": penalty, "weight_decay": weight_decay, "l2": l2, "calibration_coupling": coupling}
        for name, amount in amounts.items():
            if amount is not None and not (amount >= 0.0 and math.isfinite(amount)):
                raise ParameterError(f"{name}={amount}: a finite number, not negative")
        if not 0.0 <= averaging < 1.0:
            raise ParameterError(f"averaging={averaging}: at least 0 and below 1")
        if not 0.0 <= rise < 1.0:
            raise ParameterError(f"rise={rise}: at least 0 and below 1")
        if not 0.0 <= smoothing < 1.0:
            raise ParameterError(f"label smoothing={smoothing}: at least 0 and below 1")
        self.model = model
        self.gate = model.gate.targeted
        self.learned = [gate for gate in model.gates().values() if gate.learned]
        self.target = None if active is None else self.gate.attainable(max(1, round(active * self.gate.dim)))
        self.penalty = penalty
        self.schedule = Schedule() if schedule is None else schedule
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.gate_lr = gate_lr
        self.l2 = l2
        self.clip = clip
        self.averaging = averaging
        self.rise = rise
        self.micro_batch = micro_batch
        self.by_length = by_length
        self.patience = patience
        self.keep_start = keep_start
        self.passes = passes
        self.seed = seed
        self.history = History() if history is None else history
        self.on_step = on_step
        self.checkpoint = Checkpoint() if checkpoint is None else checkpoint
        self.parts = dict(parts or {})
        self.objective = Objective(model, smoothing, coupling)
        costs = [getattr(gate, "cost", None) for gate in self.learned]
        self.counted = len(costs) == 1 and costs[0] is None  # the penalised sum is the count
        self.control = TargetControl(self.gate.dim, 1, 1.0)
        self.applied = 0.0  # the penalty of the latest step
        self.team = Team(torch.device("cpu"), alone=True)
        self.parameters = list(model.parameters())  # to look for them takes a while
        self.optimizer = torch.optim.AdamW(
            [
                *parameter_groups(model, weight_decay),
                *gate_groups(self.learned, lr if gate_lr is None else gate_lr),  # None: set in fit, by the steps
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
        ParameterError
            If the checkpoint is another training's or damaged, or a file cannot be written.
        KeyboardInterrupt
            If training is interrupted (Ctrl-C); with a checkpoint it is written first.
        """
        if train.inputs.n_rows == 0 or valid.inputs.n_rows == 0:
            raise TrainingError("no rows to train on, or none to validate on")
        device = train.y.device
        self.team = Team(device)
        if self.team.rank:
            self.history.path, self.on_step, self.checkpoint = None, None, Checkpoint()
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), self.checkpoint:
            torch.manual_seed(self.seed + (self.team.rank << 32))
            return self._fit(train, valid)

    def harden(self, valid: Rows) -> None:
        """Fix the gates now, as the target asks for, whether or not they have decided; the history says whether."""
        self._harden(valid, 0, force=True)

    def _fit(self, train: Rows, valid: Rows) -> GatedModel:
        n, device = train.inputs.n_rows, train.y.device
        window = getattr(train.inputs, "window", None)
        if train.weight is not None:
            train = replace(train, weight=train.weight / train.weight.mean())
        steps = math.ceil(n / self.batch_size) * self.passes
        planned = self.epochs * steps
        way = round((self.schedule.ramp or self.schedule.hold) * planned)  # without a ramp, all of it is in the hold
        self.control = TargetControl(self.gate.dim, way, entropy(train))
        if self.gate_lr is None:
            for group in self.optimizer.param_groups:
                if group.get("gate"):
                    group["lr"] = min(GATE_TRAVEL / max(way, 1), 0.2) * group["scale"]
        harden_step = 0 if self.gate.hardened else round(self.schedule.harden_at * planned)
        latest = harden_step + (planned if self.target is not None else 0)  # the hold may stretch
        at = Position(total=planned, harden_step=harden_step, latest=latest, lr=self.lr)
        best, safeguard, random = Best(), Safeguard(self.model), RandomNumbers(device)
        average = Average(self.model, self.averaging)
        self.model.train()
        parts: dict[str, Stateful] = {
            "model": self.model,
            "optimizer": self.optimizer,
            "control": self.control,
            "history": self.history,
            "position": at,
            "best": best,
            "safeguard": safeguard,
            "average": average,
            "random": random,
            **self.parts,
        }
        self.checkpoint.begin(parts, lambda: self._conditions(train, valid))
        self.team.begin_as_one({name: part for name, part in parts.items() if name != "random"}, self.parameters)
        lengths = train.inputs.lengths if self.by_length else None  # type: ignore[attr-defined]  # the caller's promise
        if self.keep_start and self.gate.hardened and best.weights is None:
            best.offer(self._score(valid), self.model)
            self.history.append(event="start", valid_log_loss=best.score)
        while at.step < at.total and best.stale < self.patience:
            orders = random.orders(self.passes, n, window, lengths, self.batch_size)
            self.team.agree(orders)
            batches = [rows for order in orders for rows in order.split(self.batch_size)]
            for rows in batches[at.step - at.first :]:
                self.checkpoint.pass_by(f"epoch {at.epoch + 1}")
                due = not self.gate.hardened and at.step == at.harden_step
                if due and not self._harden(valid, at.epoch, at.step >= at.latest):
                    at.harden_step += steps
                    at.total += steps
                self._set_lr(at)
                progress = min(at.step / planned, 1.0)
                loss = self._step(train, rows, progress)
                if self.gate.hardened:
                    average.update()
                at.losses += loss
                at.step += 1
                if self.on_step is not None:
                    phase = self._phase(progress)
                    self.on_step(Progress(at.step, at.total, phase, loss, self.gate.n_open, self.gate.dim))
                if at.step == at.total:
                    break
            at.epoch += 1
            if not math.isfinite(at.losses):
                raise TrainingError(
                    f"the loss became {at.losses} in epoch {at.epoch}: lower lr={self.lr:g}, or look for extreme values"
                )
            if at.step == at.total and not self.gate.hardened:
                self._harden(valid, at.epoch, force=True)
            with average.in_place():
                score = self._score(valid)
                if self.gate.hardened:
                    best.offer(score, self.model)
            self._record(at, score)
            at.losses, at.first = 0.0, at.step
            if not self.gate.hardened and safeguard.check(score, lambda: self._score(valid)):
                at.lr = max(at.lr * RESTORED_LR, self.lr * LEAST_LR)
                self.history.append(event="restore", epoch=at.epoch, lr=at.lr)
        self.checkpoint.end()
        if best.weights is not None:
            self.model.load_state_dict(best.weights)
        self.history.append(event="end", epochs=at.epoch, best_log_loss=best.score, seconds=at.seconds)
        self.model.eval()
        return self.model

    def _step(self, train: Rows, rows: Tensor, progress: float) -> float:
        temperature = self.schedule.temperature(progress)
        for gate in self.learned:
            gate.anneal(temperature)
        expected = self.objective.expected_cost()
        penalty = 0.0 if expected is None else self._penalty(expected, progress)
        self.applied = penalty
        self.optimizer.zero_grad(set_to_none=True)
        total: Tensor | float = 0.0
        own = self.team.share(rows)
        for number, some in enumerate(own.split(self.micro_batch or max(len(own), 1))):
            if len(some) == 0:  # fewer rows than processes
                continue
            if number:  # the graph of the part before is used up
                expected = self.objective.expected_cost()
            weight, target = (None if part is None else part[some] for part in (train.weight, train.target))
            inputs = train.inputs.take(some)
            objective, loss = self.objective(inputs, train.y[some], weight, penalty, expected, target)
            share = len(some) / len(rows)
            (objective * share).backward()
            total = total + loss.detach() * share
        self.team.add_gradients(self.parameters)
        torch.nn.utils.clip_grad_norm_(self.parameters, self.clip, foreach=True)
        if self.l2:
            self._add_l2()
        self.optimizer.step()
        for gate in self.learned:
            if not gate.hardened:
                gate.clamp_()
        return float(self.team.total(torch.as_tensor(total, device=train.y.device)))

    @torch.no_grad()
    def _add_l2(self) -> None:
        for p in self.parameters:
            if p.ndim > 1 and p.grad is not None:
                p.grad.add_(p, alpha=self.l2)

    def _phase(self, progress: float) -> str:
        if self.gate.hardened:
            return "fine-tune" if self.gate.learned else "train"
        if progress < self.schedule.warmup:
            return "warm-up"
        return "hold" if self.schedule.holds(progress) else "ramp"

    def _conditions(self, train: Rows, valid: Rows) -> dict[str, Any]:
        """Return what decides the weights that training ends with."""
        return {
            **self.settings,
            "device": train.y.device.type,
            "model": describe_model(self.model),
            "training rows": describe_rows(train),
            "validation rows": describe_rows(valid),
            "torch": torch.__version__,
            "l0gm": l0gm.__version__,
        }

    def _set_lr(self, at: Position) -> None:
        """Rise over the first steps, stay, and fall to zero along a cosine in the fine-tuning."""
        share = min(1.0, (at.step + 1) / max(1.0, self.rise * at.total))
        if self.gate.hardened:
            share *= 1.0 - cosine((at.step - at.harden_step) / max(1, at.total - at.harden_step))
        for group in self.optimizer.param_groups:
            if not group.get("gate"):
                group["lr"] = at.lr * share * group["scale"]

    def _penalty(self, expected: Tensor, progress: float) -> float:
        if self.penalty is not None:
            return self.penalty * self.schedule.pressure(progress)
        if self.target is None or progress < self.schedule.warmup:
            return 0.0
        if self.schedule.holds(progress):
            count = float(self.gate.n_open)  # what must be met, at last
        else:
            count = float((expected if self.counted else self.gate.expected_open()).detach())
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
        y, proba = valid.y.cpu().numpy(), self._answers(valid)
        return auc(y, proba) if len(np.unique(y)) == proba.shape[1] else math.nan

    def _answers(self, rows: Rows) -> NDArray[np.float64]:
        """Return the class probabilities (n, C), of which each process makes its share: what is decided is one."""
        n = rows.inputs.n_rows
        own = self.team.share(torch.arange(n))
        found = predict(self.model, rows.inputs, rows=own)
        if self.team.size > 1:
            whole = found.new_zeros((n, found.shape[1]))
            whole[own.to(whole.device)] = found
            found = self.team.total(whole)
        return np.asarray(found.cpu().numpy())

    def _score(self, valid: Rows) -> float:
        """Return the validation log loss."""
        proba = self._answers(valid)
        if not np.isfinite(proba).all():
            raise TrainingError(f"predictions are not finite: lower lr={self.lr:g}, or look for extreme values")
        weight = valid.weight
        usable = weight is not None and bool(weight.any())
        return log_loss(
            valid.y.cpu().numpy(), proba, sample_weight=weight.cpu().numpy() if usable and weight is not None else None
        )

    def _record(self, at: Position, score: float) -> None:
        self.history.append(
            event="epoch",
            epoch=at.epoch,
            train_loss=at.losses / (at.step - at.first),
            valid_log_loss=score,
            n_open=self.gate.n_open,
            expected_open=float(self.gate.expected_open().detach()),
            temperature=getattr(self.gate, "temperature", None),
            penalty=self.applied,
            hardened=self.gate.hardened,
            seconds=round(at.seconds, 3),
        )
