"""NB-SVM and NB-LR (Wang and Manning 2012, "Baselines and bigrams"): linear classifiers of naive-Bayes features."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_array
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from l0gm.baselines.base import RowBaseline, Size
from l0gm.data.frames import Table
from l0gm.data.ngrams import fit_ngrams
from l0gm.errors import DataError, ParameterError
from l0gm.metrics import log_loss

__all__ = ["NaiveBayesLinear"]

ROUNDS = 2000
WIDEST = (-5.0, 5.0)
"""Between which the logarithm of a margin's scale is looked for."""
LEAST_NORM = 1e-9


class NaiveBayesLinear(RowBaseline):
    """A linear classifier of the n-grams that a text holds, each times its naive-Bayes log-count ratio.

    N-grams are those of :mod:`l0gm.data.ngrams`, each counted once a text, and texts are divided by their norm, so that
    long ones weigh no more. For more than two classes there is a classifier of each against the others.

    Parameters
    ----------
    loss : {"log", "hinge"}
        NB-LR, or NB-SVM (the hinge is squared). The second has no probabilities of its own: a logistic function of
        its margins, whose one scale fits the validation rows, gives them.
    C : float
        The inverse of the penalty on weights.
    words : int
        Of the longest n-gram, at most 3.
    min_count : int
        Training texts that an n-gram has to be in.
    smoothing : float
        What is added to each count, the paper's alpha.
    beta : float
        NB-SVM: how far its weights are trusted; the rest is their mean size, which is naive Bayes. The paper's 0.25 is
        for texts that are not divided by their norm.
    threads : int, optional
    random_state : int
    """

    def __init__(
        self,
        loss: Literal["log", "hinge"] = "log",
        C: float = 30.0,
        words: int = 2,
        min_count: int = 2,
        smoothing: float = 1.0,
        beta: float = 1.0,
        *,
        threads: int | None = None,
        random_state: Any = 0,
    ) -> None:
        self.loss = loss
        self.C = C
        self.words = words
        self.min_count = min_count
        self.smoothing = smoothing
        self.beta = beta
        self.threads = threads
        self.random_state = random_state

    def _learn(self, X: Any, y: NDArray[np.int64], V: Any, v: NDArray[np.int64]) -> None:
        if self.loss not in ("log", "hinge"):
            raise ParameterError(f"loss={self.loss!r}: choose 'log' or 'hinge'")
        if not self.C > 0.0 or not self.smoothing > 0.0:
            raise ParameterError(f"C={self.C}, smoothing={self.smoothing}: numbers above 0")
        if not 0.0 <= self.beta <= 1.0:
            raise ParameterError(f"beta={self.beta}: a share from 0 to 1")
        texts = texts_of(X)
        self.vocabulary_ = fit_ngrams(texts, words=self.words, min_count=self.min_count)
        held = self._held(texts)
        first = 1 if len(self.classes_) == 2 else 0
        sides = [y == k for k in range(first, len(self.classes_))]
        self.ratios_ = np.stack([self._ratio(held, inside) for inside in sides], 1)
        self.weights_ = np.empty_like(self.ratios_)
        self.biases_ = np.empty(len(sides))
        for k, inside in enumerate(sides):
            values = self.ratios_[held.indices, k] / np.repeat(self._norms(held)[:, k], np.diff(held.indptr))
            model = self._linear().fit(csr_array((values, held.indices, held.indptr), held.shape), inside)
            weights = model.coef_[0]
            if self.loss == "hinge":
                weights = (1.0 - self.beta) * np.abs(weights).mean() + self.beta * weights
            self.weights_[:, k], self.biases_[k] = weights, model.intercept_[0]
        self.scale_ = 1.0 if self.loss == "log" else self._scale(self._margins(V), v)

    def _held(self, texts: list[str | None]) -> Any:
        """Return which n-grams each text holds, sparse (n, n-grams + 1); the first stands for none."""
        rows = self.vocabulary_.find(texts)
        shape = (len(rows), len(self.vocabulary_) + 1)
        starts = rows.starts.astype(np.int32)  # scikit-learn takes no others
        return csr_array((np.ones(len(rows.ids)), rows.ids, starts), shape)

    def _ratio(self, held: Any, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the log-count ratio of each n-gram for a class against the others."""
        counts = [held[side].sum(0) + self.smoothing for side in (inside, ~inside)]
        ratio: NDArray[np.float64] = np.log(counts[0] / counts[0].sum()) - np.log(counts[1] / counts[1].sum())
        return ratio

    def _linear(self) -> Any:
        settings: dict[str, Any] = {"C": self.C, "dual": True, "max_iter": ROUNDS, "random_state": self.seed_}
        if self.loss == "hinge":
            return LinearSVC(loss="squared_hinge", **settings)
        return LogisticRegression(solver="liblinear", **settings)

    def _norms(self, held: Any) -> NDArray[np.float64]:
        norms: NDArray[np.float64] = np.sqrt(held @ self.ratios_**2)
        return np.maximum(norms, LEAST_NORM)

    def _margins(self, X: Any) -> NDArray[np.float64]:
        held = self._held(texts_of(X))
        margins: NDArray[np.float64] = held @ (self.ratios_ * self.weights_) / self._norms(held) + self.biases_
        return margins

    def _scale(self, margins: NDArray[np.float64], v: NDArray[np.int64]) -> float:
        """Return what to multiply margins with for the least log loss."""
        found = minimize_scalar(
            lambda power: log_loss(v, _probabilities(np.exp(power) * margins)), bounds=WIDEST, method="bounded"
        )
        return float(np.exp(found.x))

    def _answer(self, X: Any) -> NDArray[np.float64]:
        return _probabilities(self.scale_ * self._margins(X))

    def size(self) -> Size:
        """Return the number of n-grams, and of their ratios and weights."""
        n = len(self.vocabulary_)
        return Size(n, n, self.ratios_.size + self.weights_.size + self.biases_.size)


def texts_of(X: Any) -> list[str | None]:
    """Return texts as a list; raise DataError where a row has more than one column."""
    table = Table(X)
    if len(table.names) != 1:
        raise DataError(f"rows of {len(table.names)} columns: texts alone are needed, as a list or as one column")
    return table.texts(table.names[0])


def _probabilities(margins: NDArray[np.float64]) -> NDArray[np.float64]:
    if margins.shape[1] == 1:
        p: NDArray[np.float64] = expit(margins)
        return np.concatenate([1.0 - p, p], 1)
    return np.asarray(softmax(margins, axis=1))
