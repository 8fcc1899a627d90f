"""Texts: one vector each, pooled from what the text holds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from l0gm.data.fitting import NgramReader, TextReader
from l0gm.data.texts import NgramField, TextField
from l0gm.encoders.base import Encoder
from l0gm.encoders.batch import TextBatch
from l0gm.errors import ParameterError

__all__ = ["NgramBag", "Ngrams", "TextEncoder", "TextEncoding"]


DIM, MOST_DIM = 16, 128


class TextEncoder(Encoder):
    """Maps a batch of n texts to h (n, dim), the pooled vectors."""

    @abstractmethod
    def forward(self, batch: TextBatch | Tensor) -> Tensor:
        """Return h, (n, dim), of texts, or of what :meth:`TextEncoding.prepared` made of them."""

    def start(self, batch: TextBatch | Tensor, y: Tensor, n_classes: int) -> TextBatch | Tensor:
        """Take initial weights from the training rows and their classes, int64 (n,), and return the rows to train on.

        By default nothing is taken from them, and they stay as they are.
        """
        return batch

    @property
    def direct(self) -> list[tuple[int, int]]:
        """Which coordinates are logits already: pairs of a coordinate and the output that it counts towards."""
        return []


class NgramBag(TextEncoder):
    """One vector an n-gram; a text is the sum of those that it holds, divided by the root of their number.

    An n-gram that a text lists twice, as those at its end are, counts twice in the sum.

    The first coordinates start at the naive-Bayes log-count ratio (Wang and Manning 2012, "Baselines and bigrams",
    section 2), at a fifth of it, so that the model starts from their classifier: one coordinate for two classes, else
    one a class against the others. Weight decay pulls them towards the ratio, not to zero. A training row's own label
    is left out of the ratios that it is trained with: counted in, each n-gram would seem to tell more than it does in
    other rows. The other coordinates start small and at random, and move at a tenth of the pace.

    Parameters
    ----------
    n_rows : int
        Of the table: n-grams, and row 0 for texts without any.
    dim : int
    n_outputs : int
        1 for two classes, else the number of classes.
    dropout : float
        Share of a text's n-grams that are left out in training, another one each time.
    scale : float
        Standard deviation of the initial entries.
    """

    smoothing = 0.5
    strength = 0.2
    ratio: Tensor

    def __init__(
        self, n_rows: int, dim: int, n_outputs: int = 1, *, dropout: float = 0.0, scale: float = 0.003
    ) -> None:
        super().__init__()
        self.dim = max(dim, n_outputs)
        self.n_outputs = n_outputs
        self.dropout = dropout
        self.register_buffer("ratio", torch.zeros(n_rows, n_outputs))
        self.first = _Table(torch.zeros(n_rows, n_outputs), lr_scale=4.0)
        self.others = _Table(torch.randn(n_rows, self.dim - n_outputs) * scale, lr_scale=0.4)
        self.register_buffer("groups", torch.zeros(self.dim, dtype=torch.int64), persistent=False)
        with torch.no_grad():
            self.others.rows[0] = 0.0

    @property
    def direct(self) -> list[tuple[int, int]]:
        """The coordinates that start at a log-count ratio."""
        return [(i, i) for i in range(self.n_outputs)]

    @torch.no_grad()
    def start(self, batch: TextBatch | Tensor, y: Tensor, n_classes: int) -> TextBatch:
        """Take the log-count ratios of the training rows; return the rows with what their own label adds to theirs."""
        assert isinstance(batch, TextBatch)
        a, n_rows = self.smoothing, len(self.ratio)
        offset = torch.zeros(batch.n_rows, self.n_outputs)
        pairs = torch.unique(batch.owners * n_rows + batch.ids)  # each n-gram once a text
        owners, ids = pairs // n_rows, pairs % n_rows
        for k in range(self.n_outputs):
            positive = y == (1 if self.n_outputs == 1 else k)
            of_class = positive[owners]
            inside = torch.bincount(ids[of_class], minlength=n_rows).double()
            outside = torch.bincount(ids[~of_class], minlength=n_rows).double()
            ratio = ((inside + a) / (inside + a).sum()).log() - ((outside + a) / (outside + a).sum()).log()
            self.ratio[:, k] = self.strength * ratio.float()
            own = torch.stack([(x + a).log() - ((x - 1.0).clamp_min(0.0) + a).log() for x in (inside, outside)])
            of_row = _pooled(own.T.float(), batch)
            offset[:, k] = self.strength * torch.where(positive, -of_row[:, 0], of_row[:, 1])
        self.ratio[0] = 0.0
        return batch._replace(offset=offset)

    def forward(self, batch: TextBatch | Tensor) -> Tensor:
        """Return h, (n, dim)."""
        assert isinstance(batch, TextBatch)
        weights = None
        if self.training and self.dropout > 0.0:
            kept = torch.rand(len(batch.ids), device=batch.ids.device) >= self.dropout
            weights = kept.to(self.ratio.dtype) / (1.0 - self.dropout)
        first = _pooled(self.ratio, batch, weights) + _pooled(self.first.rows, batch, weights)
        if batch.offset is not None:
            first = first + batch.offset
        if self.dim == self.n_outputs:
            return first
        return torch.cat([first, _pooled(self.others.rows, batch, weights)], 1)

    @torch.no_grad()
    def vectors(self) -> Tensor:
        """Return the vector of each n-gram, (n_rows, dim)."""
        return torch.cat([self.ratio + self.first.rows, self.others.rows], 1)


class _Table(nn.Module):
    """A row an n-gram, with the settings of its training (:func:`l0gm.training.objective.parameter_groups`)."""

    decay_scale = 15.0
    adam_eps = 1e-5  # a rare n-gram has few gradients, and a small epsilon would make much of each

    def __init__(self, rows: Tensor, lr_scale: float) -> None:
        super().__init__()
        self.rows = nn.Parameter(rows)
        self.lr_scale = lr_scale


def _pooled(table: Tensor, batch: TextBatch, weights: Tensor | None = None) -> Tensor:
    """Return the sum of each text's rows of ``table``, divided by the root of their number."""
    total = functional.embedding_bag(
        batch.ids, table, batch.starts, mode="sum", per_sample_weights=weights, include_last_offset=True
    )
    return total * batch.lengths.clamp_min(1).to(total.dtype).rsqrt().unsqueeze(1)


class TextEncoding(ABC):
    """How texts become vectors: what reads them, and what encodes what has been read."""

    @property
    @abstractmethod
    def reader(self) -> TextReader:
        """What makes a field of a text column."""

    @property
    def training(self) -> Mapping[str, Any]:
        """Arguments of :class:`l0gm.training.Trainer` that suit the encoder; by default its own defaults do."""
        return {}

    @abstractmethod
    def encoder(self, field: TextField, n_outputs: int) -> TextEncoder:
        """Return a new encoder for the texts of a field."""

    def prepared(self, field: TextField, batch: TextBatch) -> TextBatch | Tensor:
        """Return what need not be computed in each epoch again: by default the texts as they are."""
        return batch


@dataclass(frozen=True)
class Ngrams(TextEncoding):
    """Word n-grams in an embedding bag (:class:`NgramBag`): trains on a CPU, compacts to tables, runs without PyTorch.

    Parameters
    ----------
    dim : int, optional
        Dimensions of a text's vector, on which the gate acts; at least one a class is needed for more than two.
        Default: 16 for two classes, else 8 a class, but at most 128 where that is not less than one a class.
    words : int
        Of the longest n-gram, at most 3.
    min_count : int
        Training rows that an n-gram has to be in.
    most : int
        N-grams that are kept: those in the most rows.
    tail : float
        Share of a text's words, from its end, whose n-grams count twice: a verdict comes last. 0 for none.
    dropout : float
        Share of a text's n-grams that are left out in training.
    epochs : int
        Unless the estimator is told otherwise.

    Raises
    ------
    ParameterError
        If an argument is out of range.
    """

    dim: int | None = None
    words: int = 3
    min_count: int = 2
    most: int = 1_000_000
    tail: float = 0.1
    dropout: float = 0.0
    epochs: int = 8

    def __post_init__(self) -> None:
        for name, least in (("dim", 1), ("words", 1), ("min_count", 1), ("most", 1), ("epochs", 1)):
            value = getattr(self, name)
            if (type(value) is not int or value < least) and not (name == "dim" and value is None):
                raise ParameterError(f"{name}={value!r}: a whole number, at least {least}")
        if self.words > 3:
            raise ParameterError(f"words={self.words}: n-grams have at most 3 words")
        if not 0.0 <= self.tail <= 1.0:
            raise ParameterError(f"tail={self.tail}: a share from 0 to 1")
        if not 0.0 <= self.dropout < 1.0:
            raise ParameterError(f"dropout={self.dropout}: at least 0 and below 1")

    @property
    def training(self) -> Mapping[str, Any]:
        """How the trainer goes about it."""
        return {"epochs": self.epochs}

    @property
    def reader(self) -> NgramReader:
        """What finds the n-grams."""
        return NgramReader(self.words, self.min_count, self.most, self.tail)

    def encoder(self, field: TextField, n_outputs: int) -> NgramBag:
        """Return a new bag for a field of n-grams."""
        assert isinstance(field, NgramField)  # of this reader
        usual = DIM if n_outputs == 1 else min(8 * n_outputs, MOST_DIM)
        return NgramBag(field.n_rows, usual if self.dim is None else self.dim, n_outputs, dropout=self.dropout)
