"""fit goes on from a model: its fields and its support stay, its weights never become worse where they are measured."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from l0gm import L0GMClassifier, load
from l0gm.errors import ArtifactError, DataError, NotFittedError, ParameterError
from l0gm.metrics import log_loss


@pytest.fixture(scope="module")
def model(quick, people, tmp_path_factory):
    """What fit goes on from: an estimator, its compacted model and its file."""
    fitted = quick(active=0.2).fit(people.X, people.y)
    return fitted, fitted.compact(), fitted.save(tmp_path_factory.mktemp("model") / "people.l0gm")


def test_every_form_of_the_initial_model_gives_the_same_fit(model, quick, people, same_fit):
    fits = [quick(initial_model=form).fit(people.new_X, people.new_y) for form in (*model, str(model[2]))]
    assert all(same_fit(fits[0], other) for other in fits[1:])


def test_fields_and_support_stay(model, quick, people):
    _, compact, _ = model
    warm = quick(initial_model=compact, lr=0.01).fit(people.new_X, people.new_y)
    again = warm.compact()
    assert again.schema.fields == compact.schema.fields
    assert again.classes_ == compact.classes_
    assert again.program.coordinates.tolist() == compact.program.coordinates.tolist()
    assert again.program.open_per_field.tolist() == compact.program.open_per_field.tolist()
    assert not np.allclose(again.predict_proba(people.X), compact.predict_proba(people.X), atol=1e-3)
    assert again.verify() < 1e-5
    for name in ("n_open", "n_dimensions", "n_parameters_gated", "support", "dropped"):
        assert again.information[name] == compact.information[name]
    assert "started from a model of" in warm.notes_[0]
    assert warm.history_.last("harden") is None


def test_dates_are_certified_whatever_parts_of_them_are_left(model, quick, people):
    """The probe rows of a column are the same for any part of the schema."""
    _, compact, _ = model
    parts = [i for i, f in enumerate(compact.schema.fields) if getattr(f, "part", None)]
    assert parts
    again = quick(initial_model=compact, epochs=1, lr=1e-9).fit(people.new_X, people.new_y).compact()
    np.testing.assert_allclose(again.certificate.probabilities, compact.certificate.probabilities, atol=1e-5)


@pytest.mark.parametrize("lr", [1e-9, 1e-3, 0.5])
def test_the_validation_loss_never_ends_above_the_starts(model, quick, people, lr):
    warm = quick(initial_model=model[1], lr=lr, epochs=4).fit(people.new_X, people.new_y)
    history = warm.history_
    start, end = history.last("start")["valid_log_loss"], history.last("end")["best_log_loss"]
    assert end <= start
    assert warm.metrics_["validation"]["log_loss"] == pytest.approx(end, rel=1e-5)
    if lr == 0.5:  # training went astray, and the start came back
        assert min(r["valid_log_loss"] for r in history.records if r["event"] == "epoch") > start
        np.testing.assert_allclose(warm.predict_proba(people.X), model[1].predict_proba(people.X), atol=1e-5)


def test_more_rows_help(quick, step):
    rows, y = step
    few = quick(epochs=30, active=1.0).fit({name: x[:60] for name, x in rows.items()}, y[:60])
    warm = quick(initial_model=few, epochs=20, lr=0.01).fit(rows, y)
    x = np.linspace(-2, 2, 401)
    new = {"x": x, "noise": np.zeros(401)}
    before, after = (log_loss((x > 0).astype(int), m.predict_proba(new)) for m in (few, warm))
    assert after < 0.7 * before


def test_what_no_new_row_shows_is_as_it_was_learned(quick):
    """Values that only the old rows had keep their embeddings, weight decay apart."""
    rng = np.random.default_rng(0)
    job = np.array(["a", "b", "c"])[rng.integers(0, 3, 600)]
    y = (job == "c") ^ (rng.random(600) < 0.05)
    first = quick(active=1.0, epochs=20, lr=0.02).fit({"job": job}, y)
    new = rng.permutation(np.repeat(["a", "b"], 100))
    warm = quick(initial_model=first).fit({"job": new}, (new == "b") ^ (rng.random(200) < 0.1))
    before, after = (m.predict_proba({"job": ["c"]})[0, 1] for m in (first, warm))
    assert before > 0.8
    assert after > 0.6


def test_classes_may_be_missing_but_not_new(fitted_kinds, quick, kinds):
    names = sorted(set(kinds.y))
    some = kinds.y.isin(names[:2]).to_numpy()
    for class_weight in (None, "balanced"):
        warm = quick(initial_model=fitted_kinds, class_weight=class_weight).fit(kinds.X[some], kinds.y[some])
        assert warm.classes_.tolist() == names
        assert warm.predict_proba(kinds.new_X).shape[1] == 4
        assert warm.compact().verify() < 1e-5
    with pytest.raises(DataError, match=r"label 'core!' is none of .*; |drop these rows, or fit without initial_model"):
        quick(initial_model=fitted_kinds).fit(kinds.X, kinds.y.replace("core", "core!"))
    with pytest.raises(DataError, match="alone would make the model forget the other classes"):
        quick(initial_model=fitted_kinds).fit(kinds.X[:50], ["core"] * 50)
    with pytest.raises(DataError, match="50 labels for 60 rows"):
        quick(initial_model=fitted_kinds).fit(kinds.X[:60], kinds.y[:50])


def test_one_row_of_a_class_is_too_few(model, quick, people):
    y = ["yes", *["no"] * (len(people.new_X) - 1)]
    with pytest.raises(DataError, match="class 'yes' has 1 row"):
        quick(initial_model=model[1]).fit(people.new_X, y)


def test_columns_that_are_not_read_may_come_and_go(model, quick, people):
    _, compact, _ = model
    reads = list(compact.feature_names_in_)
    warm = quick(initial_model=compact).fit(people.new_X[reads].assign(more=1.0), people.new_y)
    assert warm.feature_names_in_.tolist() == [*reads, "more"]
    assert warm.get_support().tolist() == [True] * len(reads) + [False]
    with pytest.raises(DataError, match=f"{reads[0]!r} missing"):
        quick(initial_model=compact).fit(people.new_X[reads[1:]], people.new_y)


def test_arrays_have_the_columns_of_the_first_fit(quick, step):
    rows, y = step
    X = np.column_stack([rows["x"], rows["noise"]])
    first = quick(active=0.5).fit(X, y)
    assert quick(initial_model=first).fit(X[:100], y[:100]).predict(X).shape == (400,)
    with pytest.raises(DataError, match="expecting 2 features"):
        quick(initial_model=first).fit(np.column_stack([X, X]), y)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("active", 0.1), ("active", "auto"), ("penalty", 0.01), ("cost", {"age": 2.0}), ("hidden_cost", 0.2)],
)
def test_parameters_that_ask_for_another_support(model, quick, people, parameter, value):
    with pytest.raises(ParameterError, match=f"leave {parameter} out, or fit without initial_model"):
        quick(initial_model=model[1], **{parameter: value}).fit(people.new_X, people.new_y)


def test_what_is_no_model(quick, people, tmp_path):
    for junk in (3, {}, people.X, L0GMClassifier):
        with pytest.raises((ParameterError, TypeError)):
            quick(initial_model=junk).fit(people.X, people.y)
    with pytest.raises(ArtifactError, match="no such file"):
        quick(initial_model=tmp_path / "none.l0gm").fit(people.X, people.y)
    with pytest.raises(NotFittedError):
        quick(initial_model=quick()).fit(people.X, people.y)


def test_fewer_epochs_by_default(model, people):
    X = pd.concat([people.new_X] * 8)
    y = pd.concat([people.new_y] * 8)
    warm = L0GMClassifier(initial_model=model[2]).fit(X, y)
    epochs = warm.history_.last("end")["epochs"]
    assert epochs * len(X) / 16 < 1500  # steps of the smallest batches; a fit from nothing takes at least as many


def test_the_calibrator_is_fitted_again(model, quick, people):
    warm = quick(initial_model=model[1], calibrated=True, lr=1e-9).fit(people.new_X, people.new_y)
    assert warm.calibrator_ != model[0].calibrator_
    assert warm.compact().calibrated


def test_a_file_of_an_older_format(quick, people):
    from pathlib import Path

    old = Path(__file__).parents[1] / "runtime" / "fixtures" / "format1-binary.safetensors"
    rng = np.random.default_rng(0)
    n = 300
    rows = {
        "age": rng.normal(45, 14, n),
        "job": rng.choice(["clerk", "nurse", "diver"], n),
        "since": pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 9000, n), unit="h"),
        "account": rng.choice(["a1", "a2"], n),
        "member": rng.random(n) < 0.5,
    }
    warm = quick(initial_model=old).fit(rows, np.where(rng.random(n) < 0.5, "ja", "nein"))
    assert warm.compact().schema.fields == load(old).schema.fields


def test_it_is_a_parameter_like_others(model, quick, people):
    estimator = quick(initial_model=model[1])
    assert clone(estimator).get_params()["initial_model"].classes_ == model[1].classes_
    assert clone(quick(initial_model=model[2])).fit(people.new_X, people.new_y).classes_.tolist() == ["no", "yes"]


def test_an_interrupted_fit_goes_on_from_the_same_initial_model_alone(model, quick, people, same_fit, tmp_path):
    path = tmp_path / "fit.checkpoint"
    whole = quick(initial_model=model[1]).fit(people.new_X, people.new_y)
    for _ in range(2):
        kept = quick(initial_model=model[2], checkpoint_path=path).fit(people.new_X, people.new_y)
        assert same_fit(whole, kept)
