"""xDeepFM (Lian et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from l0gm.baselines.field_network import FieldNetwork
from l0gm.encoders.rows import RowEncoder
from l0gm.heads import IntegratedHead

__all__ = ["XDeepFM"]


class XDeepFM(FieldNetwork):
    """Linear term, compressed interaction network and deep branch (Lian et al. 2018): Eq. 20 without a gate.

    It is ``L0GMClassifier(gate="none", linear="ungated", cin=cin)``.

    Parameters
    ----------
    cin : sequence of int
        Widths of the CIN's depths.
    embedding_dim, deep, dropout, lr, weight_decay, batch_size, epochs, patience, device, random_state, threads
        See :class:`l0gm.baselines.field_network.FieldNetwork`.
    """

    def __init__(
        self,
        *,
        cin: Sequence[int] = (8,),
        embedding_dim: int | None = None,
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
            embedding_dim=embedding_dim,
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
        self.cin = cin

    def _parts(self, inputs: Any, n_outputs: int) -> tuple[RowEncoder, IntegratedHead]:
        return self._predictor(n_outputs, self.cin)
