"""Contributions and drift from the estimator: over its own training rows, of the model that it compacts."""

import numpy as np
import pytest
import torch

from l0gm.data.fitting import SchemaFitter, least_count
from l0gm.data.frames import Table
from l0gm.data.schema import CategoricalField
from l0gm.encoders.batch import RowBatch
from l0gm.encoders.text import Ngrams
from l0gm.errors import NotFittedError
from l0gm.estimators import L0GMClassifier
from l0gm.estimators import reference as module
from l0gm.estimators.preparation import prepare


def parts(X, y, weight=None):
    """The parts that fit makes with its defaults."""
    return prepare(
        Table(X),
        y,
        weight,
        fitter=SchemaFitter(),
        schema_rows=200_000,
        class_weight=None,
        validation_fraction=0.1,
        calibration_fraction=0.1,
        seed=0,
    )


def test_the_summary_is_of_the_training_part(fitted, people):
    train = parts(people.X, people.y).train.table
    rows, reference = fitted.schema_.encode(train), fitted._reference
    assert reference.n_rows == len(train) < len(people.X)
    for i, n in enumerate(fitted.schema_.n_rows):
        assert reference.counts[i].tolist() == [int((rows.codes[:, i] == code).sum()) for code in range(n)]
        sums = [rows.fractions[rows.codes[:, i] == code, i].sum(dtype=np.float64) for code in range(n)]
        np.testing.assert_allclose(reference.fractions[i], sums, rtol=1e-12)
    proba = fitted._raw(train)
    np.testing.assert_allclose(reference.mean, proba.mean(0), rtol=1e-9)
    np.testing.assert_allclose(reference.std, proba.std(0), rtol=1e-6)


def test_the_base_is_the_gated_model_at_the_mean_of_its_training_rows(fitted, people):
    train = parts(people.X, people.y).train.table
    model = fitted.model_.eval()
    with torch.no_grad():
        batch = RowBatch.of(fitted.schema_.encode(train))
        h = model.encoder(batch).mean(0, keepdim=True)
        z = model.gate.inference_values()
        head = model.head
        linear = head.linear(z, batch).mean(0)
        base = (
            head.bias
            + linear
            + head.deep(z * h)[0]
            + head.cin_out(head.cin((z * h).unflatten(1, (head.n_fields, -1))))[0]
        )
    np.testing.assert_allclose(fitted.contributions(people.new_X).base, base.numpy()[0], rtol=1e-4, atol=1e-5)


def test_it_is_read_in_parts(fitted, people, monkeypatch):
    prepared = parts(people.X, people.y)
    rows = prepared.train.rows(prepared.schema, Ngrams(), torch.device("cpu"))
    whole = module.summarise(fitted.model_, prepared.schema, rows, 5)
    monkeypatch.setattr(module, "ROWS_AT_ONCE", {False: 33})
    again = module.summarise(fitted.model_, prepared.schema, rows, 5)
    assert all(np.array_equal(a, b) for a, b in zip(whole.counts, again.counts, strict=True))
    np.testing.assert_allclose(whole.mean, again.mean)


def test_rows_of_weight_zero_are_left_out(quick):
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    weight = (np.arange(300) % 3 > 0).astype(float)
    x[weight == 0] += 1000.0
    model = quick(active=1.0).fit({"x": x}, x > 0, sample_weight=weight)
    train = parts({"x": x}, x > 0, weight).train
    assert model._reference.n_rows == int((train.weight > 0).sum()) < len(train)
    assert model.drift({"x": x}).changed[0] == "x"  # the others lie above the range that was seen in fit


def test_how_often_a_listed_value_has_to_occur(people, fitted):
    assert [least_count(most, 5) for most in (9, 5, 4, 2, 1, 0)] == [5, 5, 2, 2, 1, 1]
    assert least_count(1, 1) == 1
    for f, counts, least in zip(
        fitted.schema_.fields, fitted._reference.counts, fitted._reference.least.tolist(), strict=True
    ):
        assert least in ((5, 2, 1) if isinstance(f, CategoricalField) else (0,))
        assert least == 0 or least <= counts[2:].min(initial=least)


def test_the_same_from_the_estimator_and_from_the_file(fitted_kinds, kinds, tmp_path):
    from l0gm import load

    served = load(fitted_kinds.save(tmp_path / "model.l0gm"))
    mine, its = fitted_kinds.contributions(kinds.new_X), served.contributions(kinds.new_X)
    assert np.array_equal(mine.values, its.values)
    assert mine.names == served.feature_names_in_
    assert fitted_kinds.drift(kinds.new_X) == served.drift(kinds.new_X)
    by_field = fitted_kinds.contributions(kinds.new_X, by="field")
    assert by_field.names == served.schema.names


def test_they_add_up_to_the_log_odds_of_the_gated_model(fitted, people):
    c = fitted.contributions(people.new_X)
    p = fitted.predict_proba(people.new_X)
    np.testing.assert_allclose(c.base + c.values.sum(1), np.log(p[:, 1] / p[:, 0]), rtol=1e-3, atol=1e-3)


def test_a_column_that_left_the_model_contributes_nothing(fitted, people):
    kept = list(fitted.compact().feature_names_in_)
    gone = [name for name in people.X.columns if name not in kept]
    assert gone
    c = fitted.contributions(people.new_X)
    assert list(c.names) == kept
    assert np.array_equal(fitted.contributions(people.new_X.drop(columns=gone)).values, c.values)
    scrambled = people.new_X.assign(**dict.fromkeys(gone, "something else"))
    assert np.array_equal(fitted.contributions(scrambled).values, c.values)
    assert fitted.drift(scrambled) == fitted.drift(people.new_X)


def test_rows_of_the_same_table_have_not_drifted(fitted, people):
    assert fitted.drift(people.new_X).changed == []
    assert fitted.drift(people.new_X.assign(balance=1e9)).changed[0] == "balance"


def test_files_are_read_in_batches(fitted, people, tmp_path):
    people.new_X.to_parquet(tmp_path / "new.parquet")
    assert fitted.drift(tmp_path / "new.parquet") == fitted.drift(people.new_X)
    assert np.array_equal(
        fitted.contributions(tmp_path / "new.parquet").values, fitted.contributions(people.new_X).values
    )


def test_a_model_of_files_sums_up_its_training_rows(quick, people, tmp_path):
    people.X.assign(churned=people.y).to_parquet(tmp_path / "train.parquet")
    in_memory = quick(active=0.2).fit(people.X, people.y)
    of_files = quick(active=0.2).fit(tmp_path / "train.parquet", "churned")
    mine, its = in_memory._reference, of_files._reference
    assert its.n_rows == mine.n_rows
    assert all(np.array_equal(a, b) for a, b in zip(its.counts, mine.counts, strict=True))
    assert of_files.drift(people.new_X).changed == []


def test_not_fitted():
    for ask in (L0GMClassifier().contributions, L0GMClassifier().drift):
        with pytest.raises(NotFittedError):
            ask({"x": [1.0]})
