"""A classifier's answers as measures, and its refusals as messages that say what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.labels import encode_labels
from l0gm.errors import DataError, ParameterError
from l0gm.metrics import accuracy, auc, ece, log_loss
from l0gm.robustness.conditions import Condition, Family

__all__ = ["METRICS", "Measures", "classes_of", "measured"]

METRICS = ("accuracy", "auc", "log_loss", "ece")
"""Of the class probabilities; of a classifier that gives none, the first one alone."""

Measures = dict[str, float | None]

_IMPUTER = (
    "it has to take missing values: put imputers before it in a Pipeline, as make_pipeline(SimpleImputer(), model), "
    "and let encoders take unknown values, as OneHotEncoder(handle_unknown='ignore')"
)
_FRACTIONS = (
    "it has to take numbers that it has not seen, fractions where they were whole: leave numeric columns out of "
    "encoders of categories, or let these take unknown values, as OneHotEncoder(handle_unknown='ignore')"
)
_REMEDIES: Mapping[Family | None, str] = {
    None: "it has to answer for the rows as they are: give it those columns, in that kind of table, that it was "
    "fitted on",
    "missing": _IMPUTER,
    "occlusion": _IMPUTER,
    "noise": _FRACTIONS,
    "quantisation": _FRACTIONS,
}


def classes_of(classifier: Any, name: str) -> list[Any]:
    """Return the labels of a fitted classifier, in the order of its probabilities.

    Raises
    ------
    ParameterError
        If it is not fitted, or no classifier.
    """
    if isinstance(classifier, type) or not (hasattr(classifier, "predict_proba") or hasattr(classifier, "predict")):
        raise ParameterError(f"{name}: {type(classifier).__name__} is no classifier: give a fitted one with predict")
    try:
        classes = classifier.classes_
    except AttributeError as error:
        raise ParameterError(f"{name} has no classes_: fit it first, and let it be one classifier") from error
    return np.asarray(classes).tolist() if isinstance(classes, np.ndarray) else list(classes)


def measured(
    classifier: Any, X: Any, labels: NDArray[np.int64], classes: list[Any], name: str, condition: Condition | None
) -> Measures:
    """Return the measures of a classifier's answers on these rows.

    Parameters
    ----------
    classifier : classifier
    X : table (n, columns)
        It may write to it.
    labels : int64 (n,)
        Class indices.
    classes : list (C,)
    name : str
        Of the classifier, for messages.
    condition : Condition, optional
        What the rows went through; None if nothing.

    Returns
    -------
    dict
        Each of METRICS; None where it has no value: without probabilities, or the AUC of rows that lack a class.

    Raises
    ------
    DataError
        If the classifier refuses the rows, or answers something else than probabilities or labels.
    """
    under = "the rows as they are" if condition is None else f"condition {condition.name!r}"
    try:
        proba = _probabilities(classifier, X, classes)
    except MemoryError:
        raise
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0]
        raise DataError(
            f"{name}, {under}: the classifier failed ({type(error).__name__}: {first}); "
            f"{_REMEDIES[None if condition is None else condition.family]}"
        ) from error
    try:
        found: Measures = dict.fromkeys(METRICS)
        found["accuracy"] = accuracy(labels, proba)
        if hasattr(classifier, "predict_proba"):
            all_classes = len(np.unique(labels)) == len(classes)
            found |= {
                "auc": auc(labels, proba) if all_classes else None,
                "log_loss": log_loss(labels, proba),
                "ece": ece(labels, proba),
            }
    except DataError as error:
        raise DataError(f"{name}, {under}: {error}") from error
    return found


def _probabilities(classifier: Any, X: Any, classes: list[Any]) -> NDArray[Any]:
    """Return class probabilities (n, C); where there are none, 1 for the label that is predicted."""
    if hasattr(classifier, "predict_proba"):
        return np.asarray(classifier.predict_proba(X))
    codes = encode_labels(np.asarray(classifier.predict(X)), classes)
    return np.eye(len(classes))[codes]
