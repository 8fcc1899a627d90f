"""The contract of a baseline: a scikit-learn classifier that holds out the rows that L0GM does, and tells its size."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import _safe_indexing

from l0gm.baselines.threads import pinned
from l0gm.data.labels import encode_target
from l0gm.data.splits import three_way
from l0gm.errors import MissingExtraError, ParameterError
from l0gm.estimators.conventions import EstimatorNotFittedError, seed_of
from l0gm.metrics import accuracy, log_loss

__all__ = ["HELD_OUT", "RowBaseline", "Size", "needed", "size_of"]

HELD_OUT = (0.1, 0.1)
"""Shares of the training rows for validation and calibration, as by default in :class:`l0gm.L0GMClassifier`."""


class Size(NamedTuple):
    """How large a fitted model is.

    Attributes
    ----------
    n_open, n_dimensions : int or None
        Of the interface that feeds the classifier; None where there is none. Feature
        selection counts the columns that it keeps.
    n_parameters : int or None
        Numbers that were learned; for trees, the values of their leaves and the thresholds of their splits.
    """

    n_open: int | None
    n_dimensions: int | None
    n_parameters: int | None


class RowBaseline(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn ships no types
    """A classifier of rows to compare with.

    ``fit`` takes whatever rows and labels scikit-learn users have, holds out the validation rows that
    :class:`l0gm.L0GMClassifier` with the same ``random_state`` holds out, and its calibration rows, which no baseline
    learns from; a subclass learns from the rest and stops by the validation rows.

    Attributes
    ----------
    classes_ : array (C,)
    seed_ : int
        What ``random_state`` came to.
    metrics_ : dict
        ``{"validation": {"log_loss", "accuracy"}}``, of the raw probabilities.

    Notes
    -----
    ``threads``, where a subclass has it, is how many OpenMP, BLAS and PyTorch may use in ``fit`` and
    ``predict_proba``; None leaves them as they are.
    """

    random_state: Any
    threads: int | None = None

    def fit(self, X: Any, y: Any) -> RowBaseline:
        """Fit.

        Parameters
        ----------
        X : pandas.DataFrame (n, columns), or texts (n,)
        y : sequence (n,)
            Labels: str, int or bool.

        Raises
        ------
        DataError
            If the labels cannot be used.
        """
        classes, codes = encode_target(y, len(X))
        self.seed_ = seed_of(self.random_state)
        train, valid, _ = three_way(codes, *HELD_OUT, self.seed_)
        with self._pinned():
            self.classes_: NDArray[Any] = np.array(classes)
            self._learn(_safe_indexing(X, train), codes[train], _safe_indexing(X, valid), codes[valid])
        proba = self.predict_proba(_safe_indexing(X, valid))
        self.metrics_ = {
            "validation": {"log_loss": log_loss(codes[valid], proba), "accuracy": accuracy(codes[valid], proba)}
        }
        return self

    @abstractmethod
    def _learn(self, X: Any, y: NDArray[np.int64], V: Any, v: NDArray[np.int64]) -> None:
        """Learn from rows X with class indices y; V and v say when to stop."""

    @abstractmethod
    def _answer(self, X: Any) -> NDArray[Any]:
        """Return the probabilities of the classes (n, C)."""

    @abstractmethod
    def size(self) -> Size:
        """Return how large the fitted model is."""

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the class probabilities (n, C), in float64; missing values and unseen categories have an answer."""
        if not hasattr(self, "classes_"):
            raise EstimatorNotFittedError(f"this {type(self).__name__} is not fitted: call fit first")
        with self._pinned():
            found = np.asarray(self._answer(X), dtype=np.float64)
        summed: NDArray[np.float64] = found / found.sum(axis=1, keepdims=True)  # single precision does not sum to 1
        return summed

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable label of each row, (n,)."""
        places = self.predict_proba(X).argmax(axis=1)
        found: NDArray[Any] = self.classes_[places]
        return found

    def _pinned(self) -> AbstractContextManager[None]:
        if self.threads is None:
            return nullcontext()
        if isinstance(self.threads, bool) or not isinstance(self.threads, int) or self.threads < 1:
            raise ParameterError(f"threads={self.threads!r}: a whole number of at least 1, or None")
        return pinned(self.threads)


def size_of(model: Any) -> Size:
    """Return how large a fitted model is: a baseline, or one of l0gm's estimators."""
    if isinstance(model, RowBaseline) or hasattr(model, "size"):
        found: Size = model.size()
        return found
    gate = model.model_.gate
    return Size(gate.n_open, gate.dim, int(model.compact().n_parameters))


def needed(package: str, what: str, extra: str = "baselines") -> Any:
    """Return a module that a baseline needs.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise MissingExtraError(package, extra, what) from error
