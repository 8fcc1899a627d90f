"""A Transformer that is trained, made smaller and tuned: what compressing its architecture has in common."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from l0gm.assembly import integrated_predictor, text_encoding
from l0gm.baselines.base import RowBaseline, Size
from l0gm.data.fitting import SchemaFitter
from l0gm.data.frames import Table
from l0gm.encoders.pooled import TrainedTransformer
from l0gm.encoders.text import TextEncoding
from l0gm.encoders.transformer import Scratch, Transformer
from l0gm.errors import DataError, ParameterError
from l0gm.estimators.conventions import RANDOM_NUMBERS, device_of
from l0gm.estimators.preparation import batch_of
from l0gm.gates import IdentityGate
from l0gm.model import GatedModel
from l0gm.training.loop import Trainer
from l0gm.training.rows import Rows, predict

__all__ = ["CompressedTransformer"]

WEIGHT_DECAY = 0.02


class CompressedTransformer(RowBaseline):
    """A classifier of texts by a Transformer a subclass makes smaller, with the head, trainer and settings of l0gm.

    Parameters
    ----------
    encoder : str or TextEncoding
        ``"scratch"``, or a pretrained one by name or folder, which is fine-tuned; see :class:`l0gm.L0GMClassifier`.
    keep : float
        The share that stays, above 0 and at most 1.
    epochs, tune_epochs : int, optional
        Of the training before and after; default: those of the encoding, and a fifth of them.
    lr : float
    batch_size : int, optional
    patience : int
        Epochs without a better validation log loss before training stops.
    device : str
    threads : int, optional
    random_state : int
    """

    trained_first = True
    """Whether the whole network is trained before it is made smaller."""

    def __init__(
        self,
        encoder: str | TextEncoding = "scratch",
        keep: float = 0.5,
        *,
        epochs: int | None = None,
        tune_epochs: int | None = None,
        lr: float = 1e-3,
        batch_size: int | None = None,
        patience: int = 8,
        device: str = "auto",
        threads: int | None = None,
        random_state: Any = 0,
    ) -> None:
        self.encoder = encoder
        self.keep = keep
        self.epochs = epochs
        self.tune_epochs = tune_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.patience = patience
        self.device = device
        self.threads = threads
        self.random_state = random_state

    @abstractmethod
    def _compress(self, network: nn.Module, model: GatedModel, rows: Rows) -> str:
        """Make a network of transformers smaller, in place, and say what stayed; ``rows`` are the training rows."""

    def _learn(self, X: Any, y: NDArray[np.int64], V: Any, v: NDArray[np.int64]) -> None:
        if not 0.0 < self.keep <= 1.0:
            raise ParameterError(f"keep={self.keep}: a share above 0 and at most 1")
        encoding = text_encoding(self.encoder)
        if isinstance(encoding, Transformer):
            encoding = replace(encoding, frozen=False)
        elif not isinstance(encoding, Scratch):
            raise ParameterError(f"encoder={self.encoder!r} is no Transformer: choose 'scratch' or a pretrained one")
        self._encoding = encoding
        self._device = device_of(self.device)
        self.schema_, self.notes_ = SchemaFitter(reader=encoding.reader).fit(Table(X), y)
        if not self.schema_.texts:
            raise DataError("there is no text to read: pass texts, or a table with a column of them")
        with RANDOM_NUMBERS, torch.random.fork_rng():
            torch.manual_seed(self.seed_)
            encoder, head = integrated_predictor(
                self.schema_,
                1 if len(self.classes_) == 2 else len(self.classes_),
                width=None,
                linear="gated",
                deep=None,
                cin=(8,),
                cin_rank=None,
                dropout=0.2,
                texts=encoding,
            )
            self.model_ = GatedModel(encoder, IdentityGate(encoder.dim), head).to(self._device)
            train, valid = (
                Rows(self._batch(some), torch.from_numpy(labels).to(self._device)) for some, labels in ((X, y), (V, v))
            )
            epochs = int(encoding.training["epochs"]) if self.epochs is None else self.epochs
            tuning = math.ceil(epochs / 5) if self.tune_epochs is None else self.tune_epochs
            if self.trained_first or isinstance(encoding, Scratch):
                self._train(train, valid, epochs)
            else:
                tuning = epochs
            for text in encoder.texts:
                assert isinstance(text, TrainedTransformer)  # of this encoding
                self.notes_.append(self._compress(text.network.network, self.model_, train))
            self._train(train, valid, tuning)

    def _train(self, train: Rows, valid: Rows, epochs: int) -> None:
        suited = dict(self._encoding.training)
        usual = suited.pop("batch_size")
        del suited["epochs"]
        Trainer(
            self.model_,
            epochs=epochs,
            batch_size=usual if self.batch_size is None else self.batch_size,
            lr=self.lr,
            weight_decay=WEIGHT_DECAY,
            patience=self.patience,
            keep_start=True,
            seed=self.seed_,
            **suited,
        ).fit(train, valid)

    def _batch(self, X: Any) -> Any:
        return batch_of(self.schema_, self._encoding, self.schema_.encode(Table(X)), self._device)

    def _answer(self, X: Any) -> NDArray[np.float64]:
        return np.asarray(predict(self.model_, self._batch(X)).cpu().numpy())

    def size(self) -> Size:
        """Return the size of the network that is left, with what is behind it."""
        dim = self.model_.gate.dim
        return Size(dim, dim, sum(p.numel() for p in self.model_.parameters()))
