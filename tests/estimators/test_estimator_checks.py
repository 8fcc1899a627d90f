"""scikit-learn's own checks of an estimator, and what sits around one."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from l0gm import L0GMClassifier
from l0gm.errors import CellTypeError, DataError

pytest.importorskip("sklearn", minversion="1.6", reason="older ones cannot be told which checks cannot hold")

from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

# the accuracy that some checks ask for takes a few steps; fewer dimensions and layers take none of it away
QUICK = {"active": 0.5, "epochs": 6, "batch_size": 32, "lr": 0.03, "deep": (8,), "cin": (2,), "embedding_dim": 4}

CANNOT_HOLD = {
    "check_sample_weight_equivalence_on_dense_data": (
        "a row of weight 2 is one row, and two equal rows are two: they are dealt into the held-out parts and into "
        "the random batches of training one by one"
    ),
    "check_dtype_object": (
        "where an estimator takes text, this check wants it to take a dict in a cell, too; l0gm refuses one by name "
        "wherever it reads the cell"
    ),
}


def cannot_hold(estimator):
    return CANNOT_HOLD


@parametrize_with_checks([L0GMClassifier(**QUICK)], expected_failed_checks=cannot_hold)
def test_checks(estimator, check):
    check(estimator)


def test_checks_that_cannot_hold_do_not_and_the_guide_says_why():
    with pytest.raises(AssertionError, match="not equivalent to fitting with removed or repeated"):
        estimator_checks.check_sample_weight_equivalence_on_dense_data("L0GMClassifier", L0GMClassifier(**QUICK))
    guide = (Path(__file__).parents[2] / "docs" / "howto" / "scikit-learn.md").read_text()
    assert set(re.findall(r"^\| `(check_\w+)` \|", guide, re.MULTILINE)) == set(CANNOT_HOLD)


class NumbersAlone(L0GMClassifier):
    """An estimator that does not tell scikit-learn that it takes text, which makes a check stricter."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = False
        return tags


def test_the_error_of_a_dict_in_a_cell_is_the_one_that_scikit_learn_asks_for():
    model = NumbersAlone(**QUICK, calibration_fraction=0, validation_fraction=0)  # every row is trained on
    estimator_checks.check_dtype_object("NumbersAlone", model)
    for error in (CellTypeError, DataError, TypeError, ValueError):
        with pytest.raises(error, match="column 'b' holds values of type dict"):
            model.fit({"a": [1, 2, 3, 4], "b": ["x", {}, "y", "z"]}, [0, 1, 0, 1])


def test_tags():
    tags = get_tags(L0GMClassifier())
    assert (tags.estimator_type, tags.requires_fit, tags.non_deterministic) == ("classifier", True, False)
    assert tags.classifier_tags.multi_class
    assert not tags.classifier_tags.multi_label
    assert (tags.input_tags.allow_nan, tags.input_tags.string, tags.input_tags.sparse) == (True, True, False)
    assert tags.target_tags.required


# ---- what the checks leave out because the tags say that l0gm takes it -------------------------------------


def numbers(n=40):
    X = np.random.default_rng(0).normal(size=(n, 3))
    return X, (X[:, 0] > 0).astype(int)


def test_infinite_values_are_refused_in_fit_and_predict():
    X, y = numbers()
    model = L0GMClassifier(**QUICK).fit(X, y)
    X[0] = np.inf
    for use in (model.predict, model.predict_proba, lambda X: L0GMClassifier(**QUICK).fit(X, y)):
        with pytest.raises(ValueError, match="infinite value"):
            use(X)


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array])
def test_sparse_matrices_are_refused_with_what_to_do(kind):
    X, y = numbers()
    model = L0GMClassifier(**QUICK).fit(X, y)
    for use in (model.predict, lambda X: L0GMClassifier(**QUICK).fit(X, y)):
        with pytest.raises(DataError, match=r"a sparse matrix is no table: pass X\.toarray\(\)"):
            use(kind(X))
    assert np.array_equal(
        model.predict_proba(pd.DataFrame.sparse.from_spmatrix(sparse.csr_array(X))), model.predict_proba(X)
    )


def test_an_answer_does_not_depend_on_the_rows_beside_it():
    X, y = numbers(300)
    model = L0GMClassifier(epochs=1).fit(X, y)  # of full width: single precision would show
    whole = model.predict_proba(X)
    order = np.random.default_rng(1).permutation(300)
    np.testing.assert_allclose(model.predict_proba(X[order]), whole[order], rtol=1e-13)
    alone = np.concatenate([model.predict_proba(X[[i]]) for i in range(30)])
    np.testing.assert_allclose(alone, whole[:30], rtol=1e-13)
