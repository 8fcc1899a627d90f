"""Which fields of a table to keep: filter, wrapper and embedded selection (Guyon and Elisseeff 2003)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.svm import l1_min_c

from l0gm.baselines.columns import binned, one_hot
from l0gm.baselines.lightgbm import LightGBM
from l0gm.metrics import log_loss

if TYPE_CHECKING:
    import pandas as pd

    from l0gm.data.schema import Field

__all__ = ["SELECTIONS", "Task", "elimination", "l1", "mutual_information", "tree_importance"]

REPEATS = 3
"""Permutations of a field, over which its importance is averaged."""
SHARE = 0.1
"""Of the fields that are left, how many at most are eliminated at a time; at least one."""
DOUBLINGS = 20
STEPS = 200


@dataclass(frozen=True)
class Task:
    """What fields are chosen for.

    Parameters
    ----------
    fields : tuple of Field (m,)
    X, V : pandas.DataFrame (n, m), (k, m)
        Training and validation rows, as :func:`l0gm.distillation.teacher_frame` gives them.
    y, v : int64 (n,), (k,)
        Class indices.
    seed : int
    threads : int, optional
    """

    fields: tuple[Field, ...]
    X: pd.DataFrame
    y: NDArray[np.int64]
    V: pd.DataFrame
    v: NDArray[np.int64]
    seed: int
    threads: int | None


def mutual_information(task: Task, n: int) -> list[str]:
    """Return the n fields that tell most of the label, each by itself: a filter.

    Numbers count by their quantile bins, and missing values as a value. What a field of so many values tells by chance
    is taken off, (values - 1)(classes - 1) / 2 rows (Miller 1955): identifiers would lead otherwise.
    """
    codes = np.stack([column.cat.codes for _, column in binned(task.fields, task.X).items()], axis=1)
    told = mutual_info_classif(codes, task.y, discrete_features=True)
    values = np.array([len(np.unique(column)) for column in codes.T])
    chance = (values - 1) * (len(np.unique(task.y)) - 1) / (2 * len(task.y))
    return _largest(task.X, told - chance, n)


def elimination(task: Task, n: int) -> list[str]:
    """Return the n fields that are left by recursive elimination: a wrapper.

    A logistic regression on bins and categories is fitted to the fields that are left; those without which its
    validation log loss rises least, their values permuted, go: a tenth of them at a time, at least one.
    """
    X, V = (binned(task.fields, rows) for rows in (task.X, task.V))
    blocks = _blocks(X, V)
    rng = np.random.default_rng(task.seed)
    left = np.arange(len(blocks))
    while len(left) > n:
        learned = hstack([blocks[j][0] for j in left], format="csr")
        ends = np.cumsum([blocks[j][0].shape[1] for j in left])[:-1]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the order of the fields is all that is asked for
            model = LogisticRegression(max_iter=STEPS).fit(learned, task.y)
        weights = np.split(model.coef_, ends, axis=1)
        terms = [blocks[j][1] @ w.T for j, w in zip(left, weights, strict=True)]  # of the logits, (k, outputs) a field
        logits = model.intercept_ + sum(terms)
        lost = [
            np.mean([_loss(logits + term[rng.permutation(len(term))] - term, task.v) for _ in range(REPEATS)])
            for term in terms
        ]
        gone = min(len(left) - n, max(1, int(SHARE * len(left))))
        left = np.sort(np.delete(left, np.argsort(lost, kind="stable")[:gone]))
    return [str(X.columns[j]) for j in left.tolist()]


def l1(task: Task, n: int) -> list[str]:
    """Return the n fields that enter a logistic regression first as its L1 penalty is lowered: embedded.

    The penalty's weight is halved until coefficients of n fields are not zero; of more, those of the largest ones stay.
    """
    blocks = [learned for learned, _ in _blocks(task.X, task.V)]
    matrix = hstack(blocks, format="csr")
    owner = np.repeat(np.arange(len(blocks)), [block.shape[1] for block in blocks])
    older = tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 8)
    model = LogisticRegression(
        **({"penalty": "l1"} if older else {"l1_ratio": 1.0}),
        solver="saga",
        max_iter=STEPS,
        tol=1e-3,
        warm_start=True,
        random_state=task.seed,
    )
    least = l1_min_c(matrix, task.y, loss="log")  # up to which no coefficient leaves zero
    size = np.zeros(len(blocks))
    for doubling in range(1, DOUBLINGS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.set_params(C=float(least * 2.0**doubling)).fit(matrix, task.y)
        size[:] = 0.0
        np.maximum.at(size, owner, np.abs(model.coef_).max(0))
        if (size > 0).sum() >= n:
            break
    return _largest(task.X, size, n)


def tree_importance(task: Task, n: int) -> list[str]:
    """Return the n fields that the splits of LightGBM, stopped early, gain most by: embedded."""
    booster = LightGBM(threads=task.threads).boosted(task.X, task.y, task.V, task.v, task.seed)
    return _largest(task.X, booster.feature_importance("gain"), n)


SELECTIONS: Mapping[str, Callable[[Task, int], list[str]]] = {
    "mutual_information": mutual_information,
    "elimination": elimination,
    "l1": l1,
    "trees": tree_importance,
}


def _largest(X: pd.DataFrame, size: NDArray[Any], n: int) -> list[str]:
    """Return the names of the n largest, in the order of the columns; of equal ones, the first."""
    return [str(X.columns[j]) for j in np.sort(np.argsort(-size, kind="stable")[:n])]


def _blocks(X: pd.DataFrame, V: pd.DataFrame) -> list[tuple[csr_array, csr_array]]:
    """Return training and validation rows as numbers, field by field."""
    blocks = []
    for name in X:
        encoder = one_hot().fit(X[[name]])
        blocks.append((csr_array(encoder.transform(X[[name]])), csr_array(encoder.transform(V[[name]]))))
    return blocks


def _loss(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return the log loss of logits (n, C), or (n, 1) of the second of two classes."""
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])
    return log_loss(labels, softmax(logits, axis=1))
