"""A teacher for l0gm: the average of the boosted trees that are installed."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from l0gm.baselines.boosting import CATBOOST, LIGHTGBM, XGBOOST

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AveragedTrees", "averaged_trees"]

TREES = {"xgboost": 300, "lightgbm": 400, "catboost": 800}
"""About those of early stopping on Adult; a teacher has no validation rows."""


class _Answers(dict[str, Any]):
    """Fitted teachers by what they were fitted on; copies of it are the same one, so that models share them."""

    def __deepcopy__(self, memo: dict[int, Any]) -> _Answers:
        return self

    def __reduce__(self) -> Any:
        return _Answers, ()  # what is sent elsewhere learns anew


class AveragedTrees(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """The mean of the libraries' probabilities; codes of categories are plain numbers to them.

    The same rows are learned from once: the second model that it teaches gets the first one's answers.

    Parameters
    ----------
    libraries : tuple of str
        Of ``"xgboost"``, ``"lightgbm"`` and ``"catboost"``.
    seed, threads : int
    most : int
        Trees of each library at most.
    answers : dict
        Where fitted ones are kept.
    """

    def __init__(self, libraries: tuple[str, ...], seed: int, threads: int, most: int, answers: Any) -> None:
        self.libraries, self.seed, self.threads, self.most, self.answers = libraries, seed, threads, most, answers

    def fit(self, X: pd.DataFrame, y: NDArray[np.int64]) -> AveragedTrees:
        """Fit each library on :func:`l0gm.distillation.teacher_frame`'s rows."""
        self.classes_ = np.unique(y)
        matrix = _matrix(X)
        key = hashlib.sha256(matrix.tobytes() + np.ascontiguousarray(y).tobytes()).hexdigest()
        if key not in self.answers:
            given = matrix, y, self.seed, self.threads
            self.answers[key] = [_FIT[name](*given, min(TREES[name], self.most)) for name in self.libraries]
        self.members_ = self.answers[key]
        return self

    def predict_proba(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return class probabilities (n, C)."""
        matrix = _matrix(X)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on names that an array does not have
            answers = [np.asarray(model.predict_proba(matrix), np.float64) for model in self.members_]
        mean: NDArray[np.float64] = np.mean(answers, axis=0)
        return mean


def averaged_trees(seed: int, threads: int, most: int = max(TREES.values())) -> Any:
    """Return a classifier for ``teacher=``, or ``"trees"`` where none of the three libraries is installed.

    Parameters
    ----------
    seed : int
    threads : int
    most : int
        Trees of each library at most.
    """
    installed = tuple(name for name in TREES if importlib.util.find_spec(name) is not None)
    return AveragedTrees(installed, seed, threads, most, _Answers()) if installed else "trees"


def _matrix(X: pd.DataFrame) -> NDArray[np.float32]:
    columns = [X[name].cat.codes if X[name].dtype == "category" else X[name] for name in X.columns]
    return np.stack([column.to_numpy(np.float32) for column in columns], axis=1)


def _xgboost(X: NDArray[Any], y: NDArray[Any], seed: int, threads: int, trees: int) -> Any:
    module = importlib.import_module("xgboost")
    return module.XGBClassifier(n_estimators=trees, random_state=seed, n_jobs=threads, **XGBOOST).fit(X, y)


def _lightgbm(X: NDArray[Any], y: NDArray[Any], seed: int, threads: int, trees: int) -> Any:
    module = importlib.import_module("lightgbm")
    return module.LGBMClassifier(n_estimators=trees, random_state=seed, n_jobs=threads, **LIGHTGBM).fit(X, y)


def _catboost(X: NDArray[Any], y: NDArray[Any], seed: int, threads: int, trees: int) -> Any:
    module = importlib.import_module("catboost")
    model = module.CatBoostClassifier(iterations=trees, random_seed=seed, thread_count=threads, **CATBOOST)
    return model.fit(X.copy(), y)


_FIT: Mapping[str, Callable[..., Any]] = {"xgboost": _xgboost, "lightgbm": _lightgbm, "catboost": _catboost}
