"""Neural baselines: l0gm's own model and training with every dimension open, so that a comparison is of models."""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from l0gm.baselines.base import Size
from l0gm.baselines.columns import TableBaseline
from l0gm.encoders.base import Encoder
from l0gm.encoders.tabular import FieldTables
from l0gm.estimators.conventions import RANDOM_NUMBERS, device_of
from l0gm.estimators.parameters import check_numbers
from l0gm.gates import IdentityGate
from l0gm.heads import Head
from l0gm.model import GatedModel
from l0gm.training.loop import Trainer
from l0gm.training.rows import Batches, Rows, predict

__all__ = ["Matrix", "MatrixEncoder", "Network"]

EPOCHS, LEAST_STEPS = 24, 1500  # those of l0gm.L0GMClassifier


class Network(TableBaseline):
    """Encoder and head without a gate, trained as :class:`l0gm.L0GMClassifier` trains its own (AdamW, cosine decay).

    The weights are those of the epoch with the lowest validation log loss.

    Parameters
    ----------
    deep : sequence of int
        Widths of the hidden layers.
    dropout, lr, weight_decay : float
    batch_size, epochs : int, optional
        Default: 24 epochs of 256 rows; small tables get smaller batches and more epochs.
    patience : int
        Epochs without a better validation log loss before training stops.
    device : str
        ``"auto"`` takes a GPU where there is one.
    random_state : int
    threads : int, optional

    Attributes
    ----------
    model_ : GatedModel
    """

    def __init__(
        self,
        *,
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
        self.deep = deep
        self.dropout = dropout
        self.lr = lr
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.epochs = epochs
        self.patience = patience
        self.device = device
        self.random_state = random_state
        self.threads = threads

    @abstractmethod
    def _parts(self, inputs: Any, n_outputs: int) -> tuple[Encoder, Head]:
        """Return new encoder and head for rows like these inputs; 1 output for two classes."""

    @abstractmethod
    def _inputs(self, X: Any, device: torch.device) -> Batches:
        """Return what :meth:`_read` returned in the form that the encoder takes."""

    def _fit(self, X: Any, y: NDArray[np.int64], V: Any, v: NDArray[np.int64]) -> None:
        check_numbers(
            self, ("dropout", "lr", "weight_decay"), ("batch_size", "epochs", "patience"), ("batch_size", "epochs")
        )
        device, n_classes = device_of(self.device), len(self.classes_)
        train, valid = (
            Rows(self._inputs(rows, device), torch.from_numpy(labels).to(device)) for rows, labels in ((X, y), (V, v))
        )
        size = min(256, max(16, len(y) // 64)) if self.batch_size is None else self.batch_size
        epochs = max(EPOCHS, math.ceil(LEAST_STEPS / math.ceil(len(y) / size))) if self.epochs is None else self.epochs
        cuda = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
        with RANDOM_NUMBERS, torch.random.fork_rng(cuda):
            torch.manual_seed(self.seed_)
            encoder, head = self._parts(train.inputs, 1 if n_classes == 2 else n_classes)
            model = GatedModel(encoder, IdentityGate(encoder.dim), head).to(device)
            self.model_ = Trainer(
                model,
                epochs=epochs,
                batch_size=size,
                lr=self.lr,
                weight_decay=self.weight_decay,
                patience=self.patience,
                seed=self.seed_,
            ).fit(train, valid)
        for module in self.model_.modules():
            if isinstance(module, FieldTables):  # rows that no training row used
                module.fill_unused(train.inputs.counts(module.n_rows))  # type: ignore[attr-defined]  # rows of fields

    def _probabilities(self, X: Any) -> NDArray[Any]:
        """In double precision: single precision would let an answer depend on the rows beside it."""
        device = next(self.model_.parameters()).device
        model = copy.deepcopy(self.model_).to(torch.float64)
        return np.asarray(predict(model, self._inputs(X, device)).cpu())

    def size(self) -> Size:
        """Return the number of weights; every dimension of the interface is open."""
        return Size(self.model_.gate.dim, self.model_.gate.dim, sum(p.numel() for p in self.model_.parameters()))


@dataclass(frozen=True)
class Matrix:
    """Rows of numbers, sparse in memory and dense in a batch."""

    values: csr_array
    device: torch.device

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.values.shape[0])

    def take(self, rows: Tensor) -> Tensor:
        """Return these rows, float32 (n, columns)."""
        return torch.from_numpy(self.values[rows.cpu().numpy()].toarray()).to(self.device)


class MatrixEncoder(Encoder):
    """The numbers themselves."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("groups", torch.arange(dim), persistent=False)

    def forward(self, batch: Tensor) -> Tensor:
        """Return the batch."""
        return batch
