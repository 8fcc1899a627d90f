"""Neural baselines over the embeddings of fields, which are those of l0gm's predictor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch

from l0gm.assembly import integrated_predictor
from l0gm.baselines.network import Network
from l0gm.encoders.batch import RowBatch
from l0gm.encoders.rows import RowEncoder
from l0gm.encoders.text import Ngrams
from l0gm.heads import IntegratedHead

__all__ = ["FieldNetwork"]


class FieldNetwork(Network):
    """A linear term over the raw fields and a deep branch over their embeddings; subclasses add what they are named by.

    Parameters
    ----------
    embedding_dim : int, optional
        Width of a field's embedding. Default: 16, or less where the table has more than 16 fields.
    deep, dropout, lr, weight_decay, batch_size, epochs, patience, device, random_state, threads
        See :class:`l0gm.baselines.network.Network`.
    """

    bins: ClassVar[Literal["tree", "quantile"]] = "tree"

    def __init__(
        self,
        *,
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
        self.embedding_dim = embedding_dim

    def _read(self, X: Any) -> RowBatch:
        return RowBatch.of(self.schema_.encode(X))

    def _inputs(self, X: RowBatch, device: torch.device) -> RowBatch:
        return RowBatch(X.codes.to(device), X.fractions.to(device))

    def _parts(self, inputs: Any, n_outputs: int) -> tuple[RowEncoder, IntegratedHead]:
        return self._predictor(n_outputs, ())

    def _predictor(self, n_outputs: int, cin: Sequence[int]) -> tuple[RowEncoder, IntegratedHead]:
        return integrated_predictor(
            self.schema_,
            n_outputs,
            width=self.embedding_dim,
            linear="ungated",
            deep=self.deep,
            cin=cin,
            cin_rank=None,
            dropout=self.dropout,
            texts=Ngrams(),  # there are none
        )
