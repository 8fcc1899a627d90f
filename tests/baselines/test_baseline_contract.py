"""The contract suite refuses what breaks it."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from l0gm.baselines import RowBaseline, Size
from l0gm.baselines.base import HELD_OUT
from l0gm.data.splits import three_way
from l0gm.metrics import log_loss
from l0gm.testing import check_baseline


class Plain(RowBaseline):
    """A logistic regression on two columns, without anything wrong; and what breaks a clause in subclasses."""

    def __init__(self, random_state=0, threads=None):
        self.random_state = random_state
        self.threads = threads

    def matrix(self, X):
        x = X["x"].astype(float).fillna(0.0).clip(-9, 9)
        return np.stack([x, X["kind"] == "a", X["kind"] == "c"], axis=1).astype(float)

    def _learn(self, X, y, V, v):
        self.model_ = LogisticRegression().fit(self.matrix(X), y)

    def _answer(self, X):
        return self.model_.predict_proba(self.matrix(X))

    def size(self):
        return Size(None, None, self.model_.coef_.size)


class LearnsFromCalibrationRows(Plain):
    def fit(self, X, y):
        super().fit(X, y)
        codes = np.searchsorted(self.classes_, np.asarray(y))
        train, valid, calibration = three_way(codes, *HELD_OUT, self.seed_)
        rows = np.concatenate([train, calibration])
        self._learn(X.iloc[rows], codes[rows], X.iloc[valid], codes[valid])
        self.metrics_["validation"]["log_loss"] = log_loss(codes[valid], self.predict_proba(X.iloc[valid]))
        return self


class LooksAtOtherRows(Plain):
    def matrix(self, X):
        found = super().matrix(X)
        return found - found.mean(0)


class LeavesChance(Plain):
    def _answer(self, X):
        found = super()._answer(X)
        return np.clip(found + 1e-4 * np.random.default_rng().normal(size=found.shape), 1e-6, None)


class KnowsTrainingValuesAlone(Plain):
    def matrix(self, X):
        for kind in set(X["kind"].dropna()):
            {"a": 0, "b": 1, "c": 2}[kind]
        return super().matrix(X)


class MeasuresTrainingRows(Plain):
    def _learn(self, X, y, V, v):
        super()._learn(X, y, V, v)
        self.score_ = log_loss(y, self.predict_proba(X))

    def fit(self, X, y):
        super().fit(X, y)
        self.metrics_["validation"]["log_loss"] = self.score_
        return self


class Guesses(Plain):
    def _answer(self, X):
        return np.tile([0.5, 0.5] if len(self.classes_) == 2 else [0.3, 0.3, 0.4], (len(X), 1))


class ChangesItsParameters(Plain):
    def _learn(self, X, y, V, v):
        self.threads = 1
        super()._learn(X, y, V, v)


class SaysNothingOfItsSize(Plain):
    def size(self):
        return 7


class SortsNoClasses(Plain):
    def _learn(self, X, y, V, v):
        super()._learn(X, y, V, v)
        self.classes_ = self.classes_[::-1]


class CannotBePickled(Plain):
    def _learn(self, X, y, V, v):
        super()._learn(X, y, V, v)
        self.hook_ = lambda: None


def maker(kind):
    return lambda seed, threads: kind(random_state=seed, threads=threads if kind is not ChangesItsParameters else None)


def test_a_sound_baseline_passes():
    check_baseline(maker(Plain))


@pytest.mark.parametrize(
    ("kind", "clause"),
    [
        (LearnsFromCalibrationRows, "calibration rows are not learned from"),
        (MeasuresTrainingRows, "measures the validation rows"),
        (LooksAtOtherRows, "answers do not depend on other rows"),
        (LeavesChance, "a seed decides the answers"),
        (KnowsTrainingValuesAlone, "strange and missing values have answers"),
        (Guesses, "learns"),
        (ChangesItsParameters, "leaves its parameters"),
        (SaysNothingOfItsSize, "says how large it is"),
        (SortsNoClasses, "over the classes in order"),
        (CannotBePickled, "pickled answers are the same"),
    ],
)
def test_a_broken_one_is_refused(kind, clause):
    with pytest.raises(AssertionError, match=f"{kind.__name__} breaks the clause '[^']*({clause})"):
        check_baseline(maker(kind))
