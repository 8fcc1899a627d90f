"""The objective J = task loss + penalty * expected open count, or cost (Eqs. 6, 21, 22), and calibration coupling."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from l0gm.gates.base import Gate
from l0gm.model import GatedModel
from l0gm.training.coupling import soft_binned_ece

__all__ = ["Objective", "gate_groups", "parameter_groups", "task_loss"]


def task_loss(
    logits: Tensor,
    y: Tensor,
    weight: Tensor | None = None,
    smoothing: float = 0.0,
    target: Tensor | None = None,
) -> Tensor:
    """Return the weighted mean log loss.

    Parameters
    ----------
    logits : Tensor (n, C), or (n, 1) for binary tasks
    y : int64 Tensor (n,)
        Class indices.
    weight : Tensor (n,), optional
        Row weights, of mean one over all training rows: the loss of a batch is the mean of weight times loss, so
        that rows keep their weight relative to those of other batches.
    smoothing : float
        Share of the label that is spread evenly over the classes.
    target : Tensor (n, C), optional
        Distributions over the classes to aim at instead of ``y``.
    """
    if logits.shape[1] == 1:
        positive = (y if target is None else target[:, 1]).to(logits.dtype) * (1.0 - smoothing) + 0.5 * smoothing
        losses = functional.binary_cross_entropy_with_logits(logits[:, 0], positive, reduction="none")
    else:
        aim = y if target is None else target.to(logits.dtype)
        losses = functional.cross_entropy(logits, aim, reduction="none", label_smoothing=smoothing)
    if weight is None:
        return losses.mean()
    return (losses * weight).mean()


class Objective:
    """Task loss plus the sparsity penalty of every learned gate that is still open to change.

    Parameters
    ----------
    model : GatedModel
    smoothing : float
        Label smoothing.
    coupling : float
        Weight of the batch's calibration error (:func:`l0gm.training.coupling.soft_binned_ece`) beside the task loss.
    """

    def __init__(self, model: GatedModel, smoothing: float = 0.0, coupling: float = 0.0) -> None:
        self.model = model
        self.smoothing = smoothing
        self.coupling = coupling
        self._learned: list[Gate] = [gate for gate in model.gates().values() if gate.learned]

    def expected_cost(self) -> Tensor | None:
        """Return what the penalty multiplies, over the gates under pressure; ``None`` where there is none."""
        costs = [gate.expected_cost() for gate in self._learned if not gate.hardened]
        return sum(costs[1:], start=costs[0]) if costs else None

    def __call__(
        self,
        batch: Any,
        y: Tensor,
        weight: Tensor | None,
        penalty: float,
        expected_cost: Tensor | None,
        target: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return (objective, task loss) of one batch, both scalars."""
        logits = self.model(batch)
        loss = task_loss(logits, y, weight, self.smoothing, target)
        objective = loss if self.coupling == 0.0 else loss + self.coupling * soft_binned_ece(logits, y, weight)
        if expected_cost is None or penalty == 0.0:
            return objective, loss
        return objective + penalty * expected_cost, loss


ADAM_EPS = 1e-8


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return the parameters but those of gates as an optimizer takes them, in groups of one learning rate each.

    Matrices have weight decay, biases have none. A module may carry ``lr_scale``, what the learning rate is multiplied
    with for its parameters and those of the modules in it that carry none, and likewise ``decay_scale``
    and ``adam_eps``, which keeps the steps of rarely used parameters small.
    """
    groups: dict[tuple[float, float, float], dict[str, Any]] = {}

    def walk(module: nn.Module, lr_scale: float, decay_scale: float, eps: float) -> None:
        lr_scale = float(getattr(module, "lr_scale", lr_scale))
        decay_scale = float(getattr(module, "decay_scale", decay_scale))
        eps = float(getattr(module, "adam_eps", eps))
        for parameter in module.parameters(recurse=False):
            if id(parameter) in seen:
                continue
            seen.add(id(parameter))
            decay = weight_decay * decay_scale if parameter.ndim > 1 else 0.0
            group = {"params": [], "weight_decay": decay, "scale": lr_scale, "eps": eps}
            groups.setdefault((lr_scale, decay, eps), group)["params"].append(parameter)
        for child in module.children():
            walk(child, lr_scale, decay_scale, eps)

    seen = {id(p) for gate in model.modules() if isinstance(gate, Gate) for p in gate.gate_parameters()}
    walk(model, 1.0, 1.0, ADAM_EPS)
    return list(groups.values())


def gate_groups(gates: Iterable[Gate], lr: float) -> list[dict[str, Any]]:
    """Return the parameters that decide what is open as an optimizer takes them, in groups of one learning rate each.

    ``lr`` is that of ``log_alpha``; there is a group where no gate learns, too.
    """
    scales: dict[float, list[nn.Parameter]] = {}
    for gate in gates:
        scales.setdefault(gate.lr_scale, []).extend(gate.gate_parameters())
    return [
        {"params": parameters, "lr": lr * scale, "weight_decay": 0.0, "gate": True, "scale": scale}
        for scale, parameters in (scales or {1.0: []}).items()
    ]
