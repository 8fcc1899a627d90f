"""teacher=: out-of-fold answers of a scikit-learn classifier, and what training makes of them."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from l0gm import L0GMClassifier
from l0gm.data.fitting import SchemaFitter
from l0gm.data.frames import Table
from l0gm.datasets import load
from l0gm.distillation import out_of_fold, soft_targets, teacher_frame
from l0gm.errors import DataError, ParameterError, TrainingError
from l0gm.training.objective import task_loss

QUICK = {"epochs": 3, "deep": (8,), "cin": (2,), "embedding_dim": 4, "batch_size": 64}


class Recorder(ClassifierMixin, BaseEstimator):
    """Answers with what it learned of each row; keeps the rows that it saw in ``seen``."""

    seen: list = []  # noqa: RUF012  # shared by its clones on purpose

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        self.seen.append((X, y, sample_weight))
        self.known_ = set(X["x"])
        return self

    def predict_proba(self, X):
        assert not self.known_ & set(X["x"])
        return np.tile([0.25, 0.75], (len(X), 1))


@pytest.fixture
def recorder():
    Recorder.seen.clear()
    return Recorder()


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "x": rng.permutation(300) / 7.0,
            "colour": rng.choice(["red", "green", None], 300),
            "day": pd.date_range("2024-01-01", periods=300),
        }
    )
    y = ((X["x"] > 20) ^ (rng.random(300) < 0.1)).astype(int).to_numpy()
    schema, _ = SchemaFitter().fit(X, y)
    return X, y, schema


def test_each_row_is_answered_by_a_copy_that_did_not_see_it(table, recorder):
    X, y, schema = table
    answers = out_of_fold(recorder, schema, Table(X), y, 2, None, seed=0, given=lambda: X)
    assert answers.shape == (300, 2)
    assert (answers == [0.25, 0.75]).all()
    assert len(recorder.seen) == 5
    assert sum(len(rows) for rows, _, _ in recorder.seen) == 4 * 300


def test_what_a_teacher_sees(table):
    X, _, schema = table
    frame = teacher_frame(schema, Table(X))
    assert frame["x"].tolist() == X["x"].tolist()
    assert frame["colour"].isna().tolist() == X["colour"].isna().tolist()
    assert isinstance(frame["colour"].dtype, pd.CategoricalDtype)
    assert len(set(zip(frame["colour"].dropna(), X["colour"].dropna(), strict=True))) == 2
    assert "day:elapsed_days" in frame
    assert frame.drop(columns="colour").dtypes.eq(np.float64).all()


def test_a_pipeline_sees_the_rows_as_they_were_given(table):
    X, y, schema = table
    teacher = make_pipeline(
        make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["colour"]), ("passthrough", ["x"])),
        LogisticRegression(),
    )
    answers = out_of_fold(teacher, schema, Table(X), y, 2, np.ones(300, np.float32), seed=0, given=lambda: X)
    assert ((answers[:, 1] > 0.5) == y).mean() > 0.8


@pytest.mark.parametrize("teacher", ["trees", RandomForestClassifier(20), HistGradientBoostingClassifier(max_iter=20)])
def test_trees_and_forests_learn_from_mixed_tables(teacher, table):
    X, y, schema = table
    answers = out_of_fold(teacher, schema, Table(X), y, 2, None, seed=0, given=lambda: X)
    np.testing.assert_allclose(answers.sum(1), 1.0)
    assert ((answers[:, 1] > 0.5) == y).mean() > 0.8


def test_identifiers_of_many_values_are_no_obstacle():
    rng = np.random.default_rng(1)
    X = pd.DataFrame({"who": rng.integers(0, 400, 4000).astype(str), "x": rng.normal(size=4000)})
    y = (X["who"].astype(int) % 2).to_numpy()
    schema, _ = SchemaFitter(min_count=1).fit(X, y)
    assert schema.n_rows[0] > 255
    answers = out_of_fold("trees", schema, Table(X), y, 2, None, seed=0, given=lambda: X)
    assert ((answers[:, 1] > 0.5) == y).mean() > 0.9


def test_weights_reach_the_teacher(table, recorder):
    X, y, schema = table
    weight = np.arange(300, dtype=np.float32)
    out_of_fold(recorder, schema, Table(X), y, 2, weight, seed=0, given=lambda: X)
    for rows, _, given in recorder.seen:
        assert given.tolist() == weight[[X["x"].tolist().index(x) for x in rows["x"]]].tolist()


def test_the_same_seed_gives_the_same_answers(table):
    X, y, schema = table
    first, again, other = (
        out_of_fold("trees", schema, Table(X), y, 2, None, seed=s, given=lambda: X) for s in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_targets_lie_between_label_and_answer():
    target = soft_targets(np.array([0, 1]), np.array([[0.6, 0.4], [0.6, 0.4]]), 0.5)
    np.testing.assert_allclose(target, [[0.8, 0.2], [0.3, 0.7]])
    assert soft_targets(np.array([1]), np.array([[0.6, 0.4]]), 0.0).tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_the_loss_towards_a_target_is_the_mixture_of_both_losses(n_outputs):
    generator = torch.Generator().manual_seed(0)
    n_classes = max(2, n_outputs)
    logits = torch.randn(20, n_outputs, generator=generator)
    y = torch.randint(n_classes, (20,), generator=generator)
    answers = torch.rand(20, n_classes, generator=generator).softmax(1)
    target = torch.from_numpy(soft_targets(y.numpy(), answers.double().numpy(), 0.3))
    mixture = 0.7 * task_loss(logits, y) + 0.3 * task_loss(logits, y, target=answers)
    assert float(task_loss(logits, y, target=target)) == pytest.approx(float(mixture), rel=1e-5)


def test_a_student_of_a_constant_teacher_answers_like_it():
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    X, y = {"x": x, "z": rng.normal(size=600)}, (x > 0).astype(int)

    class Constant(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self

        def predict_proba(self, X):
            return np.tile([0.3, 0.7], (len(X), 1))

    options = {"epochs": 12, "deep": (8,), "cin": (), "embedding_dim": 4, "active": 0.5, "lr": 5e-3}
    alone = L0GMClassifier(**options).fit(X, y)
    taught = L0GMClassifier(**options, teacher=Constant(), teacher_weight=1.0).fit(X, y)
    assert np.ptp(alone.predict_proba(X)[:, 1]) > 0.8
    np.testing.assert_allclose(taught.predict_proba(X)[:, 1], 0.7, atol=0.1)
    assert any(note.startswith("teacher, out of fold") for note in taught.notes_)


@pytest.mark.parametrize("name", ["synthetic:mixed", "synthetic:multiclass"])
def test_the_estimator_learns_from_a_teacher(name):
    data = load(name, rows=500)
    model = L0GMClassifier(**QUICK, teacher="trees").fit(data.features, data.labels)
    again = L0GMClassifier(**QUICK, teacher="trees").fit(data.features, data.labels)
    alone = L0GMClassifier(**QUICK).fit(data.features, data.labels)
    assert np.array_equal(model.predict_proba(data.features), again.predict_proba(data.features))
    assert not np.array_equal(model.predict_proba(data.features), alone.predict_proba(data.features))
    model.compact().verify()


def test_a_weight_of_zero_asks_no_teacher(recorder):
    data = load("synthetic:mixed", rows=300)
    model = L0GMClassifier(**QUICK, teacher=recorder, teacher_weight=0.0).fit(data.features, data.labels)
    assert not recorder.seen
    assert not any("teacher" in note for note in model.notes_)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"teacher": "tree"}, "'tree'"),
        ({"teacher": HistGradientBoostingClassifier}, "classifier"),
        ({"teacher": object()}, "predict_proba"),
        ({"teacher": "trees", "teacher_weight": 1.5}, "teacher_weight"),
        ({"teacher": "trees", "teacher_weight": None}, "teacher_weight"),
    ],
)
def test_what_a_teacher_cannot_be(options, words):
    data = load("synthetic:mixed", rows=300)
    with pytest.raises(ParameterError, match=words):
        L0GMClassifier(**QUICK, **options).fit(data.features, data.labels)


def test_a_teacher_that_fails_is_named(table):
    X, y, schema = table
    with pytest.raises(TrainingError, match=r"LogisticRegression.*NaN"):
        out_of_fold(LogisticRegression(), schema, Table(X), y, 2, None, seed=0, given=lambda: X)


def test_a_teacher_without_weights_is_refused_where_there_are_some(table):
    from sklearn.neighbors import KNeighborsClassifier

    X, y, schema = table
    with pytest.raises(ParameterError, match="sample_weight"):
        out_of_fold(KNeighborsClassifier(), schema, Table(X), y, 2, np.ones(300, np.float32), seed=0, given=lambda: X)


def test_a_class_of_one_row_cannot_be_answered_for(table):
    X, _, schema = table
    y = np.zeros(300, dtype=np.int64)
    y[7] = 1
    with pytest.raises(DataError, match="1 training row,"):
        out_of_fold("trees", schema, Table(X), y, 2, None, seed=0, given=lambda: X)
