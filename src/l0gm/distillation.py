"""Teachers: any scikit-learn classifier, whose answers on rows that it did not see the gated model aims at, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.frames import Table
from l0gm.data.schema import NumericField, Schema
from l0gm.errors import DataError, ParameterError, TrainingError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_teacher", "out_of_fold", "soft_targets", "target_encoder", "teacher_frame"]

FOLDS = 5
MOST_CATEGORIES = 254  # with missing ones, what HistGradientBoosting takes


def soft_targets(labels: NDArray[np.int64], answers: NDArray[np.float64], weight: float) -> NDArray[np.float32]:
    """Return the distributions (n, C) to aim at: ``weight`` of the answers, the rest on the label.

    Cross-entropy towards them is the weighted sum of the losses towards label and teacher (Hinton et al. 2015,
    section 2, at a temperature of 1).
    """
    target = answers * weight
    target[np.arange(len(labels)), labels] += 1.0 - weight
    return target.astype(np.float32)


def teacher_frame(schema: Schema, table: Table) -> pd.DataFrame:
    """Return the rows as boosted trees take them, a column a field.

    Numbers, parts of dates among them, are float64 with NaN where missing. Categories and identifiers are pandas
    categories named by their codes in the schema, which become plain numbers where a model knows no categories.
    """
    import pandas as pd

    columns: dict[str, Any] = {}
    for field in schema.fields:
        if isinstance(field, NumericField):
            columns[field.name] = field.values(table)
        else:
            codes = field.encode(table)
            columns[field.name] = pd.Categorical.from_codes(codes - 1, categories=pd.RangeIndex(1, field.n_rows))
    return pd.DataFrame(columns)


def check_teacher(teacher: Any) -> None:
    """Raise ParameterError unless ``teacher`` is None, "trees" or a classifier that gives probabilities."""
    if teacher is None or (isinstance(teacher, str) and teacher == "trees"):
        return
    if isinstance(teacher, (str, type)) or not (hasattr(teacher, "fit") and hasattr(teacher, "predict_proba")):
        raise ParameterError(f"teacher={teacher!r}: 'trees', or a classifier with fit and predict_proba, is needed")


def out_of_fold(
    teacher: Any,
    schema: Schema,
    table: Table,
    labels: NDArray[np.int64],
    n_classes: int,
    weight: NDArray[np.float32] | None,
    seed: int,
    given: Any,
) -> NDArray[np.float64]:
    """Return the teacher's class probabilities (n, C) of each row, from a copy of it that was fitted without the row.

    Parameters
    ----------
    teacher : "trees" or classifier
        ``"trees"`` is scikit-learn's HistGradientBoostingClassifier. A Pipeline gets the rows as they were given; any
        other classifier gets :func:`teacher_frame`. It is cloned, never fitted itself.
    schema : Schema
    table : Table (n, columns)
    labels : int64 (n,)
        Class indices.
    n_classes : int
    weight : float32 (n,), optional
    seed : int
        Of the folds.
    given : callable
        Without arguments, to the same rows in the form that fit was given; asked for a Pipeline alone.

    Raises
    ------
    DataError
        If a class has fewer than two training rows.
    ParameterError
        If the teacher takes no weights and there are some.
    TrainingError
        If the teacher fails, or what it answers are no probabilities.
    """
    from sklearn.base import clone
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import Pipeline
    from sklearn.utils import _safe_indexing
    from sklearn.utils.validation import has_fit_parameter

    rarest = int(np.bincount(labels, minlength=n_classes).min())
    if rarest < 2:
        raise DataError(
            f"a class has {rarest} training row{'s' * (rarest != 1)}, and a teacher needs 2, to answer for one after "
            "learning from the other: bring more rows, merge classes, or fit without a teacher"
        )
    model = _trees(schema, seed) if isinstance(teacher, str) else teacher
    piped = isinstance(model, Pipeline)
    if schema.texts and (isinstance(teacher, str) or not piped):
        names = ", ".join(repr(f.source) for f in schema.texts)
        raise ParameterError(
            f"teacher={teacher!r} reads no text ({names}): give a Pipeline that does, such as "
            "make_pipeline(TfidfVectorizer(), LogisticRegression())"
        )
    rows = given() if piped and not isinstance(teacher, str) else teacher_frame(schema, table)
    learner, step = (model.steps[-1][1], f"{model.steps[-1][0]}__") if piped else (model, "")
    if weight is not None and not has_fit_parameter(learner, "sample_weight"):
        raise ParameterError(f"teacher={learner!r} takes no sample_weight: choose another one, or fit without weights")
    answers = np.zeros((len(labels), n_classes))
    folds = StratifiedKFold(min(FOLDS, rarest), shuffle=True, random_state=seed)
    for learned, asked in folds.split(np.zeros(len(labels)), labels):
        weights = {} if weight is None else {f"{step}sample_weight": weight[learned].astype(np.float64)}
        try:
            fitted = clone(model).fit(_safe_indexing(rows, learned), labels[learned], **weights)
            answers[asked] = fitted.predict_proba(_safe_indexing(rows, asked))
        except Exception as error:  # whatever a foreign model raises on these rows
            raise TrainingError(
                f"the teacher {learner!r} failed ({type(error).__name__}: {error}): give one that takes these rows, "
                "in a Pipeline with what prepares them if need be"
            ) from error
    if not (np.isfinite(answers).all() and (answers >= 0).all() and np.allclose(answers.sum(1), 1.0, atol=1e-3)):
        raise TrainingError(f"the teacher {learner!r} answers with what are no probabilities")
    answers /= answers.sum(1, keepdims=True)
    return answers


def _trees(schema: Schema, seed: int) -> Any:
    """Return boosted trees; identifiers of too many values for them are encoded by their targets, out of fold."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline

    trees = HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_iter=1000,
        max_leaf_nodes=31,
        min_samples_leaf=20,
        early_stopping=True,
        n_iter_no_change=30,
        categorical_features="from_dtype",
        random_state=seed,
    )
    many = [f.name for f in schema.fields if not isinstance(f, NumericField) and f.n_rows > MOST_CATEGORIES]
    if not many:
        return trees
    by_target = (target_encoder(seed), many)
    encoder = make_column_transformer(by_target, remainder="passthrough", verbose_feature_names_out=False)
    return make_pipeline(encoder.set_output(transform="pandas"), trees)


def target_encoder(seed: int) -> Any:
    """Return scikit-learn's TargetEncoder: smoothed target rates of categories, out of fold in training."""
    import sklearn
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import TargetEncoder

    if tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 9):  # which takes no generator of folds
        return TargetEncoder(random_state=seed)
    return TargetEncoder(cv=StratifiedKFold(FOLDS, shuffle=True, random_state=seed))
