"""Logistic regression of scikit-learn, on standardised numbers, or on their bins, and one-hot categories."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression as Model
from sklearn.pipeline import make_pipeline

from l0gm.baselines.base import Size
from l0gm.baselines.columns import TableBaseline, binned, one_hot
from l0gm.errors import ParameterError

__all__ = ["LogisticRegression"]

STEPS = 1000


class LogisticRegression(TableBaseline):
    """Logistic regression with an L2 penalty; of several classes, multinomial.

    Parameters
    ----------
    C : float
        Inverse of the penalty's weight.
    numbers : {"scaled", "bins"}
        Numbers as they are, standardised, or a category for each of up to 48 quantile bins.
    random_state : int
        Of the rows that are held out; the solution depends on nothing else.
    threads : int, optional
    """

    def __init__(
        self,
        *,
        C: float = 1.0,  # scikit-learn's name
        numbers: Literal["scaled", "bins"] = "scaled",
        random_state: Any = 0,
        threads: int | None = None,
    ) -> None:
        self.C = C
        self.numbers = numbers
        self.random_state = random_state
        self.threads = threads

    def _read(self, X: Any) -> Any:
        if self.numbers not in ("scaled", "bins"):
            raise ParameterError(f"numbers={self.numbers!r}: choose 'scaled' or 'bins'")
        frame = super()._read(X)
        return frame if self.numbers == "scaled" else binned(self.schema_.fields, frame)

    def _fit(self, X: Any, y: NDArray[np.int64], V: Any, v: NDArray[np.int64]) -> None:
        self.model_ = make_pipeline(one_hot(), Model(C=self.C, max_iter=STEPS))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the note says it
            self.model_.fit(X, y)
        if self.model_[-1].n_iter_.max() >= STEPS:
            self.notes_.append(f"the solver has not converged in {STEPS} steps")

    def _probabilities(self, X: Any) -> NDArray[Any]:
        found: NDArray[Any] = self.model_.predict_proba(X)
        return found

    def size(self) -> Size:
        """Return the number of coefficients, intercepts among them."""
        return Size(None, None, self.model_[-1].coef_.size + self.model_[-1].intercept_.size)
