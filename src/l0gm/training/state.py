"""What training knows beside model and optimiser: where it is, what was best, and its random numbers."""

from __future__ import annotations

import copy
import math
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from l0gm.training.order import bucketed, shuffled

__all__ = ["Best", "Position", "RandomNumbers"]


@dataclass
class Position:
    """Where training is.

    Parameters
    ----------
    total, harden_step : int
        Steps of the whole training, and the one before which the gates are hardened; both grow with the hold.
    latest : int
        The step before which the gates are hardened, decided or not.
    lr : float
        The learning rate, which the safeguard lowers.
    step, epoch : int
        How many are done.
    first : int
        ``step`` when this epoch began.
    losses : float
        Sum of the losses of this epoch's steps.
    """

    total: int
    harden_step: int
    latest: int
    lr: float
    step: int = 0
    epoch: int = 0
    first: int = 0
    losses: float = 0.0
    _started: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Time spent on training, in all the processes that took part."""
        return time.perf_counter() - self._started

    def state_dict(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return {**asdict(self), "_started": None, "seconds": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        for name in asdict(self):
            setattr(self, name, state[name])
        self._started = time.perf_counter() - state["seconds"]


class Best:
    """The weights with the lowest score so far, and the number of epochs since in which none was lower."""

    def __init__(self) -> None:
        self.score = math.inf
        self.stale = 0
        self.weights: dict[str, Any] | None = None

    def offer(self, score: float, model: nn.Module) -> None:
        """Take note of an epoch's score; keep the weights if it is the lowest."""
        if score < self.score:
            self.score, self.stale, self.weights = score, 0, copy.deepcopy(model.state_dict())
        else:
            self.stale += 1

    def state_dict(self) -> dict[str, Any]:
        """Return score, count and weights."""
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        vars(self).update(state)


class RandomNumbers:
    """The generators that training on ``device`` draws from.

    Within an epoch, its orders are not kept but drawn again: one number a row would be most of a checkpoint.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._before_epoch = self._now()
        self._resumed: list[Tensor] | None = None

    def orders(
        self, passes: int, n: int, window: int | None = None, lengths: Tensor | None = None, batch_size: int = 1
    ) -> list[Tensor]:
        """Return the orders in which this epoch takes the ``n`` rows, int64 (n,) a pass: :func:`.order.shuffled`.

        With ``lengths`` (n,), batches are of like length: :func:`.order.bucketed`.
        """
        if self._resumed is not None:
            self._set(self._before_epoch)
        self._before_epoch = self._now()
        orders = [shuffled(n, self._device, window) for _ in range(passes)]
        if lengths is not None:
            orders = [bucketed(order, lengths, batch_size) for order in orders]
        if self._resumed is not None:
            self._set(self._resumed)
            self._resumed = None
        return orders

    def state_dict(self) -> dict[str, Any]:
        """Return the generators' states, at the beginning of this epoch and now."""
        return {"before_epoch": self._before_epoch, "now": self._now()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there: :meth:`orders` comes next."""
        self._before_epoch, self._resumed = state["before_epoch"], state["now"]

    def _now(self) -> list[Tensor]:
        states = [torch.get_rng_state()]
        return [*states, torch.cuda.get_rng_state(self._device)] if self._device.type == "cuda" else states

    def _set(self, states: list[Tensor]) -> None:
        torch.set_rng_state(states[0])
        if len(states) > 1:
            torch.cuda.set_rng_state(states[1], self._device)
