"""Copies of a model's weights and gates, taken while it is trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from l0gm.training.loop import Progress, Trainer

__all__ = ["Copies"]


class Copies:
    """What a model was at times of its training: a copy for each of several windows; a part of the checkpoint.

    Parameters
    ----------
    windows : sequence of (float, float)
        From and to which fraction of the steps, in ascending order.
    counts : sequence of int, optional
        For each window an open count: the copy is of the latest step in it whose count is nearest. Default: of the last
        step.

    Attributes
    ----------
    taken : list of dict
        The state for each window so far.
    """

    def __init__(self, windows: Sequence[tuple[float, float]], counts: Sequence[int] | None = None) -> None:
        self._windows = list(windows)
        self._counts = counts
        self._off = math.inf  # of the latest copy's count
        self.taken: list[dict[str, Tensor]] = []

    def watch(self, trainer: Trainer) -> None:
        """Take copies in this training, and then call its own ``on_step``."""
        then = trainer.on_step

        def look(progress: Progress) -> None:
            self._look(trainer, progress)
            if then is not None:
                then(progress)

        trainer.on_step = look
        trainer.parts["copies"] = self

    def _look(self, trainer: Trainer, progress: Progress) -> None:
        for number, (begin, end) in enumerate(self._windows):
            last = max(1, round(end * progress.total))
            if not min(begin * progress.total, last) <= progress.step <= last:
                continue
            if len(self.taken) <= number:
                self._off = math.inf
            off = 0 if self._counts is None else abs(progress.n_open - self._counts[number])
            if off <= self._off and (self._counts is not None or progress.step == last):
                self._off = off
                state = {name: value.detach().clone() for name, value in trainer.model.state_dict().items()}
                self.taken[number:] = [state]

    def state_dict(self) -> dict[str, Any]:
        """Return the copies."""
        return {"taken": self.taken, "off": self._off}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.taken, self._off = list(state["taken"]), state["off"]
