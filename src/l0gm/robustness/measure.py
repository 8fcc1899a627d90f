"""Rob mu: a metric's mean over the conditions of the paper's Appendix B, of any fitted classifier."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.frames import Table
from l0gm.data.labels import encode_labels
from l0gm.errors import DataError, ParameterError
from l0gm.robustness.answers import METRICS, Measures, classes_of, measured
from l0gm.robustness.conditions import CONDITIONS, Condition
from l0gm.robustness.containers import copied
from l0gm.robustness.perturb import applies, perturb
from l0gm.robustness.results import Comparison, OverSeeds, Robustness
from l0gm.robustness.statistics import InputStatistics
from l0gm.robustness.streams import check_seed

__all__ = ["compare", "rob_mu_over", "robustness"]


def robustness(
    classifier: Any,
    X: Any,
    y: Any,
    *,
    statistics: InputStatistics | None = None,
    X_train: Any = None,
    conditions: Sequence[Condition] = CONDITIONS,
    seeds: Sequence[int] = (0,),
    metric: str = "accuracy",
    text: Collection[str] = (),
) -> Robustness:
    """Measure a fitted classifier on test rows, as they are and under each condition.

    Parameters
    ----------
    classifier : classifier
        Any that is fitted and has ``classes_`` and ``predict_proba``, or ``predict`` alone: scikit-learn's, a Pipeline,
        an :class:`l0gm.L0GMClassifier`, an :class:`l0gm.CompactModel`.
    X : table (n, columns)
        Test rows as the classifier takes them; see :func:`perturb` for the kinds. Not modified.
    y : sequence (n,)
        Their labels.
    statistics : InputStatistics, optional
        Of the training rows. Either this or ``X_train`` is given.
    X_train : table, optional
        The training rows.
    conditions : sequence of Condition
    seeds : sequence of int
        Of the corruption, all different; each gives other corrupted inputs.
    metric : {"accuracy", "auc", "log_loss", "ece"}
        What ``rob_mu`` is the mean of; the others are measured, too. Accuracy is that of the most probable class.
    text : collection of str
        Columns that are texts: they lose words, not cells.

    Raises
    ------
    DataError
        If the classifier refuses rows (the message names the condition and the remedy), the rows or labels cannot be
        used, the metric has no value, or no condition has a form for such inputs.
    ParameterError
        If an argument means nothing, or the classifier is not fitted.
    """
    name = type(classifier).__name__
    measured_alike = compare(
        {name: classifier},
        X,
        y,
        statistics=statistics,
        X_train=X_train,
        conditions=conditions,
        seeds=seeds,
        metric=metric,
        text=text,
    )
    return measured_alike[name]


def compare(
    classifiers: Mapping[str, Any],
    X: Any,
    y: Any,
    *,
    statistics: InputStatistics | None = None,
    X_train: Any = None,
    conditions: Sequence[Condition] = CONDITIONS,
    seeds: Sequence[int] = (0,),
    metric: str = "accuracy",
    text: Collection[str] = (),
) -> Comparison:
    """Measure several classifiers on the same corrupted inputs, which are made once.

    Parameters
    ----------
    classifiers : mapping
        From names to fitted classifiers.
    X, y, statistics, X_train, conditions, seeds, metric, text
        As of :func:`robustness`, and so are the errors.
    """
    if not classifiers:
        raise ParameterError("classifiers is empty: give at least one")
    if metric not in METRICS:
        raise ParameterError(f"metric={metric!r}: choose one of {', '.join(METRICS)}")
    listed = _distinct("conditions", list(conditions))
    drawn = _distinct("seeds", [check_seed(seed) for seed in seeds])
    units = _statistics(statistics, X_train)
    n_rows = len(Table(X))
    if n_rows == 0:
        raise DataError("X has no rows: give test rows with their labels")
    classes = {name: classes_of(classifier, name) for name, classifier in classifiers.items()}
    labels = {name: _labels(y, classes[name], n_rows, name) for name in classifiers}

    def each(rows: Any, condition: Condition | None) -> dict[str, Measures]:
        return {
            name: measured(classifier, copied(rows), labels[name], classes[name], name, condition)
            for name, classifier in classifiers.items()
        }

    clean = each(X, None)
    found: dict[str, dict[Condition, tuple[Measures, ...] | None]] = {name: {} for name in classifiers}
    for condition in listed:
        under = None
        if applies(condition, X, units, text=text):
            under = [each(perturb(X, condition, units, seed, text=text), condition) for seed in drawn]
        for name, kept in found.items():
            kept[condition] = None if under is None else tuple(measures[name] for measures in under)
    return Comparison(
        {name: Robustness(metric, tuple(drawn), n_rows, clean[name], found[name]) for name in classifiers}
    )


def rob_mu_over(classifiers: Mapping[int, Any], X: Any, y: Any, **options: Any) -> OverSeeds:
    """Measure one method that was trained with several seeds: Rob mu and Worst (Appendix B).

    Parameters
    ----------
    classifiers : mapping
        From training seed to fitted classifier. All get the same corrupted inputs.
    X, y
        As of :func:`robustness`. Where test rows differ from seed to seed, measure each by itself and give the
        results to :class:`OverSeeds`.
    **options
        Those of :func:`robustness`; its errors, too. ``seeds`` are those of the corruption.
    """
    seeds = {str(seed): seed for seed in classifiers}
    named = compare({str(seed): classifier for seed, classifier in classifiers.items()}, X, y, **options)
    return OverSeeds({seeds[name]: result for name, result in named.results.items()})


def _statistics(statistics: InputStatistics | None, X_train: Any) -> InputStatistics:
    if (statistics is None) == (X_train is None):
        raise ParameterError("statistics and X_train: give one of the two; both are of the training rows")
    return InputStatistics.fit(X_train) if statistics is None else statistics


def _labels(y: Any, classes: list[Any], n_rows: int, name: str) -> NDArray[np.int64]:
    try:
        labels = encode_labels(y, classes)
    except DataError as error:
        raise DataError(f"{name}: {error}") from error
    if len(labels) != n_rows:
        raise DataError(f"y has {len(labels)} labels for {n_rows} rows")
    return labels


def _distinct(argument: str, values: list[Any]) -> list[Any]:
    if not values or len(set(values)) < len(values):
        raise ParameterError(f"{argument}: give one or more, all different")
    return values
