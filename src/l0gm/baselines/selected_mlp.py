"""Feature selection, then an MLP on what was kept."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from l0gm.baselines.base import Size
from l0gm.baselines.mlp import MLP
from l0gm.baselines.selection import SELECTIONS, Task
from l0gm.errors import ParameterError

__all__ = ["SelectedMLP"]


class SelectedMLP(MLP):
    """The plain MLP on a given number of fields, which are chosen first.

    Parameters
    ----------
    select : {"mutual_information", "elimination", "l1", "trees"}
        How: see :mod:`l0gm.baselines.selection`. ``"trees"`` needs LightGBM.
    fields : int or float
        How many fields to keep, or their share (a float above 0 and at most 1, to the nearest whole number, at least
        one). A column is a field; a date is one for each of its parts.
    deep, dropout, lr, weight_decay, batch_size, epochs, patience, device, random_state, threads
        See :class:`l0gm.baselines.network.Network`.

    Attributes
    ----------
    kept_ : list of str
        Names of the fields.
    """

    def __init__(
        self,
        *,
        select: Literal["mutual_information", "elimination", "l1", "trees"] = "mutual_information",
        fields: float = 0.15,
        deep: Sequence[int] = (128, 64),
        dropout: float = 0.2,
        lr: float = 1e-3,
        weight_decay: float = 0.02,
        batch_size: int | None = None,
        epochs: int | None = None,
        patience: int = 8,
        device: str = "auto",
        random_state: Any = 0,
        threads: int | None = None,
    ) -> None:
        super().__init__(
            deep=deep,
            dropout=dropout,
            lr=lr,
            weight_decay=weight_decay,
            batch_size=batch_size,
            epochs=epochs,
            patience=patience,
            device=device,
            random_state=random_state,
            threads=threads,
        )
        self.select = select
        self.fields = fields

    def _fit(self, X: Any, y: NDArray[np.int64], V: Any, v: NDArray[np.int64]) -> None:
        if self.select not in SELECTIONS:
            raise ParameterError(f"select={self.select!r}: choose one of {', '.join(SELECTIONS)}")
        n = self._number(X.shape[1])
        task = Task(self.schema_.fields, X, y, V, v, self.seed_, self.threads)
        self.kept_ = SELECTIONS[self.select](task, n)
        super()._fit(X[self.kept_], y, V[self.kept_], v)

    def _number(self, n_fields: int) -> int:
        """Return how many fields to keep of so many."""
        fields = self.fields
        if isinstance(fields, Integral) and not isinstance(fields, bool) and fields >= 1:
            return min(int(fields), n_fields)
        if isinstance(fields, Real) and not isinstance(fields, (bool, Integral)) and 0.0 < fields <= 1.0:
            return max(1, round(float(fields) * n_fields))
        raise ParameterError(f"fields={fields!r}: a whole number from 1, or a share above 0 and at most 1")

    def _probabilities(self, X: Any) -> NDArray[Any]:
        return super()._probabilities(X[self.kept_])

    def size(self) -> Size:
        """Return the fields that were kept, all fields, and the number of weights."""
        return Size(len(self.kept_), len(self.schema_.fields), super().size().n_parameters)
