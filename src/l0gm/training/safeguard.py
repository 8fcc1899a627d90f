"""Against overfitting before the gates have decided: weights that were better come back, and learn more slowly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from l0gm.model import GatedModel

__all__ = ["Safeguard"]


class Safeguard:
    """Keeps the weights that validate best under the gates as they are NOW.

    Choosing a support takes many steps, on a small table more than the weights can bear. An earlier checkpoint
    cannot simply be kept, since its gates were open; so after each epoch the kept weights are tried with today's
    gates. Weights that have lost to them for ``patience`` epochs running are replaced by them.

    Parameters
    ----------
    model : GatedModel
    patience : int
    """

    def __init__(self, model: GatedModel, patience: int = 3) -> None:
        gated = model.gate_parameters()
        self._weights: list[nn.Parameter] = [p for p in model.parameters() if p not in gated]
        self._kept: list[Tensor] | None = None
        self._patience = patience
        self._lost = 0

    def check(self, score: float, evaluate: Callable[[], float]) -> bool:
        """Compare the weights, whose validation log loss is ``score``, with the kept ones; return whether these won.

        ``evaluate`` returns the validation log loss of the model as it stands when it is called.
        """
        now = [w.detach().clone() for w in self._weights]
        if self._kept is not None:
            self._set(self._kept)
            if evaluate() < score:
                self._lost += 1
                if self._lost >= self._patience:
                    self._lost = 0
                    return True
                self._set(now)
                return False
            self._set(now)
        self._kept, self._lost = now, 0
        return False

    def state_dict(self) -> dict[str, Any]:
        """Return the kept weights and how often the others have lost to them."""
        return {"kept": self._kept, "lost": self._lost}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._kept, self._lost = state["kept"], state["lost"]

    @torch.no_grad()
    def _set(self, values: list[Tensor]) -> None:
        for weight, value in zip(self._weights, values, strict=True):
            weight.copy_(value)
