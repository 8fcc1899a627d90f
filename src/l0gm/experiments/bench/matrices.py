"""Peers that read one matrix of numbers and codes, which is the fastest input of nearly all libraries.

Codes of text columns are plain numbers to them. On Adult, boosted trees are as accurate so as with their own handling
of categories (AUC within 0.001, either way), and answer 1.4 to 6 times as fast; CatBoost is there both ways.
A column of more than :data:`MOST_CODES` values would say nothing as a number: it becomes the smoothed rate of each
class among the training rows of the value, out of fold in training. To look rates up is timed, as l0gm's binning is.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from l0gm.data.splits import stratified_split
from l0gm.experiments.bench.contestant import Answer, Peer
from l0gm.experiments.bench.inputs import Form, Rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MatrixPeer"]

MOST_CODES = 254
SMOOTHING = 10.0
"""Rows at the overall rate that are added to each value's own."""


class MatrixPeer(Peer):
    """A peer whose :meth:`learn` and :meth:`predictor` take a matrix (n, columns)."""

    dtype: ClassVar[Any] = np.float64
    order: ClassVar[Literal["C", "F"]] = "C"

    @abstractmethod
    def learn(self, X: NDArray[Any], y: NDArray[np.int64], V: NDArray[Any], v: NDArray[np.int64]) -> None:
        """Fit on X and y, and stop early on V and v."""

    @abstractmethod
    def predictor(self, threads: int) -> Answer:
        """Return what makes probabilities of a matrix with so many threads."""

    def fit(self, train: Rows, valid: Rows) -> None:
        """Fit on the training rows and stop early on the validation rows."""
        first = len(self.coder.numeric)
        codes = [first + i for i, count in enumerate(self.coder.n_codes) if count > MOST_CODES + 1]
        X, V = (self.coder.matrix(rows.frame, self.dtype, self.order) for rows in (train, valid))
        self.rates = {j: _rates(X[:, j], train.labels, self.coder.n_codes[j - first], self.n_classes) for j in codes}
        inside = _out_of_fold(X, train.labels, self.rates, self.n_classes, self.seed)
        self.learn(inside, train.labels, self._with_rates()(V), valid.labels)
        kind = np.dtype(self.dtype).name
        layout = {"C": "row by row", "F": "column by column"}[self.order]
        from_dict = "the row looked up in dicts, then a matrix of one row"
        rates = f"; {len(codes)} columns of codes become rates, timed" if codes else ""
        self.inputs: dict[Form, str] = {
            "prepared": f"numbers and codes in one {kind} matrix, {layout}{rates}",
            "object": "text looked up in dicts of codes, then the matrix",
            "category": "the columns' codes, renumbered, then the matrix",
            "dict": from_dict,
        }

    def ready(self, form: Form, frame: pd.DataFrame) -> Any:
        """Return the rows in this form."""
        if form == "prepared":
            return self.coder.matrix(frame, self.dtype, self.order)
        return frame.to_dict("records")[0] if form == "dict" else frame

    def answer(self, form: Form, threads: int) -> Answer:
        """Return what is timed."""
        predict, complete, coder = self.predictor(threads), self._with_rates(), self.coder
        dtype, order = self.dtype, self.order
        if form == "prepared":
            return (lambda X: predict(complete(X))) if self.rates else predict
        if form == "dict":
            return lambda row: predict(complete(np.array([coder.row(row)], dtype)))
        return lambda frame: predict(complete(coder.matrix(frame, dtype, order)))

    def _with_rates(self) -> Callable[[NDArray[Any]], NDArray[Any]]:
        """Return what puts rates in the place of codes, behind the other columns."""
        if not self.rates:
            return lambda X: X
        rates = self.rates

        def complete(X: NDArray[Any]) -> NDArray[Any]:
            found = [rate[X[:, j].astype(np.intp)] for j, rate in rates.items()]
            out = np.empty((len(X), X.shape[1] + sum(part.shape[1] for part in found)), X.dtype, self.order)
            out[:, : X.shape[1]] = X
            np.concatenate(found, axis=1, out=out[:, X.shape[1] :], casting="same_kind")
            return out

        return complete


def _rates(codes: NDArray[Any], labels: NDArray[np.int64], n_codes: int, n_classes: int) -> NDArray[np.float64]:
    """Return the smoothed rate of each class but the first among the rows of each code, (n_codes, C - 1)."""
    overall = np.bincount(labels, minlength=n_classes) / len(labels)
    counts = np.bincount(codes.astype(np.intp) * n_classes + labels, minlength=n_codes * n_classes)
    counts = counts.reshape(n_codes, n_classes)
    rates = (counts + SMOOTHING * overall) / (counts.sum(1, keepdims=True) + SMOOTHING)
    return np.ascontiguousarray(rates[:, 1:])


def _out_of_fold(
    X: NDArray[Any], labels: NDArray[np.int64], rates: dict[int, NDArray[np.float64]], n_classes: int, seed: int
) -> NDArray[Any]:
    """Return the training rows with rates that each row's own label is no part of."""
    if not rates:
        return X
    first, second = stratified_split(labels, 0.5, seed)
    found = []
    for j, rate in rates.items():
        part = np.empty((len(X), rate.shape[1]))
        for learned, asked in ((first, second), (second, first)):
            other = _rates(X[learned, j], labels[learned], len(rate), n_classes)
            part[asked] = other[X[asked, j].astype(np.intp)]
        found.append(part)
    order: Literal["C", "F"] = "F" if X.flags.f_contiguous else "C"
    return np.asarray(np.concatenate([X, *found], axis=1), dtype=X.dtype, order=order)
