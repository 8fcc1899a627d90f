"""The served model: what it reads, what it answers, and that it can prove it."""

from dataclasses import replace

import handmade
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from l0gm import load
from l0gm.data.labels import encode_labels
from l0gm.data.probes import probe_rows
from l0gm.data.schema import Schema
from l0gm.errors import ArtifactError, DataError
from l0gm.metrics import evaluate
from l0gm.runtime import Certificate, CompactModel
from l0gm.runtime.served import label_array


@pytest.fixture(scope="module")
def served():
    return handmade.model(("a", "b", "c"))


@pytest.fixture(scope="module")
def rows():
    return handmade.rows(120)


@pytest.fixture(scope="module")
def answers(served, rows):
    return served.predict_proba(rows)


# ---- one row and many --------------------------------------------------------------------------------------


def test_one_row_and_many_rows_give_the_same_bits(served, rows, answers):
    ones = [served.predict_proba(handmade.take(rows, [i])) for i in range(120)]
    assert np.array_equal(np.concatenate(ones), answers)
    records = [dict(zip(rows, values, strict=True)) for values in zip(*rows.values(), strict=True)]
    assert np.array_equal(np.concatenate([served.predict_proba([r]) for r in records]), answers)


@pytest.mark.parametrize("calibrated", [False, True])
@pytest.mark.parametrize("size", [1, 2, 5, 7, 32, 119])
def test_any_batches_give_the_same_bits(size, calibrated, served, rows):
    whole = served.predict_proba(rows, calibrated=calibrated)
    parts = [range(start, min(start + size, 120)) for start in range(0, 120, size)]
    split = [served.predict_proba(handmade.take(rows, part), calibrated=calibrated) for part in parts]
    assert np.array_equal(np.concatenate(split), whole)


def test_many_rows(served, rows, answers):
    many = {name: values * 2000 for name, values in rows.items()}
    assert np.array_equal(served.predict_proba(many).reshape(2000, 120, 3), np.broadcast_to(answers, (2000, 120, 3)))


def test_fitted_models_answer_alike_for_one_row_and_many(fitted):
    whole = fitted.compact.predict_proba(fitted.X)
    ones = [fitted.compact.predict_proba(fitted.X.iloc[[i]]) for i in range(len(fitted.X))]
    assert np.array_equal(np.concatenate(ones), whole)


# ---- columns -----------------------------------------------------------------------------------------------


def test_columns_are_found_by_name(served, rows, answers):
    turned = dict(reversed(rows.items()))
    assert np.array_equal(served.predict_proba(turned), answers)
    more = {"first": [object()] * 120, **turned, "constant": [None] * 120, "last": [[1, 2]] * 120}
    assert np.array_equal(served.predict_proba(more), answers)


def test_a_column_that_was_dropped_may_be_absent(fitted):
    read = list(fitted.compact.feature_names_in_)
    dropped = [name for name in fitted.X if name not in read]
    assert dropped
    whole = fitted.compact.predict_proba(fitted.X)
    assert np.array_equal(fitted.compact.predict_proba(fitted.X[read[::-1]]), whole)
    spoilt = fitted.X.assign(**dict.fromkeys(dropped, "anything"))
    assert np.array_equal(fitted.compact.predict_proba(spoilt), whole)


def test_a_column_that_it_reads_may_not_be_absent(served, rows):
    for name in served.feature_names_in_:
        fewer = {n: v for n, v in rows.items() if n != name}
        with pytest.raises(DataError, match=rf"column '{name}' missing"):
            served.predict_proba(fewer)
    with pytest.raises(DataError, match=r"columns 'age', 'job', .* missing: the model reads them"):
        served.predict_proba({"other": [1]})


def test_values_of_another_kind(served, rows):
    with pytest.raises(DataError, match=r"'age'.*'old'.* is no number"):
        served.predict_proba({**rows, "age": ["old"] * 120})
    with pytest.raises(DataError, match=r"'seen'.*is no date"):
        served.predict_proba({**rows, "seen": ["soon"] * 120})
    with pytest.raises(DataError, match=r"'age'.*infinite"):
        served.predict_proba({**rows, "age": [float("inf")] * 120})


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "pyarrow"])
def test_any_library(make, served, rows, answers):
    assert np.array_equal(served.predict_proba(make(rows)), answers)


def test_no_rows_and_no_columns(served, rows):
    assert served.predict_proba({name: [] for name in rows}).shape == (0, 3)
    assert served.predict({name: [] for name in rows}).shape == (0,)
    with pytest.raises(DataError, match="no columns"):
        served.predict_proba({})


def test_a_model_that_reads_nothing():
    schema = Schema((), ("age",))
    nothing = handmade.program(1, opened=(), schema=schema)
    p = nothing.probabilities(schema.encode({"age": [1, 2]}))
    answers = np.repeat(p[:1], 10, 0).astype(np.float32)
    certificate = Certificate(10, 0, 1e-5, 0.0, answers)
    model = CompactModel(schema=schema, program=nothing, classes_=("no", "yes"), certificate=certificate)
    assert model.predict_proba({"age": [1, 2, 3]}).shape == (3, 2)
    assert np.array_equal(model.predict_proba({"anything": ["x"] * 2}), p)
    assert model.verify() < 1e-6
    assert model.feature_names_in_ == ()
    assert "no column (constant output)" in model.card()


def test_a_model_that_reads_nothing_survives_its_file(tmp_path):
    schema = Schema((), ("age",))
    program = handmade.program(3, opened=(), schema=schema, cin=(2, 2))
    p = program.probabilities(schema.encode({"age": [1]}))
    certificate = Certificate(4, 0, 1e-5, 0.0, np.repeat(p, 4, 0).astype(np.float32))
    model = CompactModel(schema=schema, program=program, classes_=(1, 2, 3), certificate=certificate)
    path = model.save(tmp_path / "model.l0gm")
    back = load(path)
    assert np.array_equal(back.predict_proba({"x": [0]}), p)
    assert back.verify() < 1e-6


# ---- labels and temperature --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "classes", [("a", "b", "c"), (3, 5, 9), (False, True), (0, 1, 2**70), (-1, 0, 2**63), ("x", "x\0", "y")], ids=repr
)
def test_predicted_labels(classes, rows):
    model = handmade.model(classes)
    best = model.predict_proba(rows).argmax(1)
    predicted = model.predict(rows)
    assert [(type(x), x) for x in predicted.tolist()] == [(type(classes[i]), classes[i]) for i in best]
    assert len(set(best)) > 1
    assert label_array(classes).tolist() == list(classes)


def test_calibration_by_argument_and_by_default(served, rows, answers):
    softened = served.calibrator.apply(answers)
    assert np.abs(softened - answers).max() > 0.01
    assert np.array_equal(served.predict_proba(rows, calibrated=True), softened)
    assert np.array_equal(served.predict_proba(rows, calibrated=False), answers)
    on = replace(served, calibrated=True)
    assert np.array_equal(on.predict_proba(rows), softened)
    assert np.array_equal(on.predict_proba(rows, calibrated=False), answers)
    assert np.array_equal(on.predict_proba(rows, calibrated=True), softened)
    assert (on.predict(rows) == served.predict(rows)).all()


def test_the_default_survives_the_file(served, rows, tmp_path):
    on = load(replace(served, calibrated=True).save(tmp_path / "on"))
    off = load(served.save(tmp_path / "off"))
    assert np.array_equal(on.predict_proba(rows), served.predict_proba(rows, calibrated=True))
    assert np.array_equal(off.predict_proba(rows), served.predict_proba(rows, calibrated=False))


def test_evaluate_is_the_metrics_of_its_probabilities(served, rows, answers):
    y = np.array(["a", "b", "c"])[np.arange(120) % 3]
    assert served.evaluate(rows, y) == evaluate(np.arange(120) % 3, answers)
    softened = served.predict_proba(rows, calibrated=True)
    assert served.evaluate(rows, y, calibrated=True) == evaluate(np.arange(120) % 3, softened)
    on = replace(served, calibrated=True)
    assert on.evaluate(rows, y) == served.evaluate(rows, y, calibrated=True) != served.evaluate(rows, y)


@pytest.mark.parametrize(
    "y",
    [["b", "a", "c"], ("b", "a", "c"), np.array(["b", "a", "c"]), pd.Series(["b", "a", "c"], index=[9, 9, 0]),
     pd.Categorical(["b", "a", "c"]), pl.Series(["b", "a", "c"]), pa.array(["b", "a", "c"]),
     pa.chunked_array([["b"], ["a", "c"]]), pd.DataFrame({"y": ["b", "a", "c"]})],
    ids=lambda y: type(y).__name__,
)  # fmt: skip
def test_labels_as_class_indices(y):
    codes = encode_labels(y, ("a", "b", "c"))
    assert codes.dtype == np.int64
    assert codes.tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("y", "classes", "says"),
    [
        (["a", "d"], ("a", "b"), r"label 'd' is none of the model's classes \['a', 'b'\]"),
        (["a", None], ("a", "b"), "label None is none"),
        ([1.5], (1, 2), r"The target holds 1\.5"),
        ([float("nan")], (1, 2), "a label is missing"),
        (["1"], (1, 2), "label '1' is none"),
        ([["a"]], ("a", "b"), "values of type list"),
        ([{}], ("a", "b"), "values of type dict"),
    ],
)
def test_labels_that_are_none(y, classes, says):
    with pytest.raises(DataError, match=says):
        encode_labels(y, classes)


def test_labels_that_are_equal_but_of_another_type():
    assert encode_labels([1.0, 2.0], (1, 2)).tolist() == [0, 1]
    assert encode_labels(np.array([True, False]), (False, True)).tolist() == [1, 0]


# ---- proof -------------------------------------------------------------------------------------------------


def test_verify_after_loading(fitted, tmp_path):
    back = load(fitted.compact.save(tmp_path / "model.l0gm"))
    assert back.verify() <= 1e-5 + 1e-6
    assert back.certificate.n_rows == 2048
    expected = fitted.estimator.predict_proba(fitted.X)
    assert np.abs(back.predict_proba(fitted.X) - expected).max() <= 1e-5


@pytest.mark.parametrize("name", ["bias", "deep.1.weight", "cin.0", "cin_out", "field.0.rows", "field.0.slopes"])
def test_verify_finds_an_array_that_was_changed(name, served, tmp_path):
    """Though the file's checksum is right."""
    served.program.arrays()[name].flat[-1] += 0.05
    try:
        path = served.save(tmp_path / "model.l0gm")
        changed = load(path)
        with pytest.raises(ArtifactError, match=r"the certificate fails: .* off in probability, 1e-05 allowed"):
            changed.verify()
    finally:
        served.program.arrays()[name].flat[-1] -= 0.05


def test_verify_says_how_far_it_is(served):
    shifted = replace(served.certificate, probabilities=served.certificate.probabilities + np.float32(5e-6))
    assert 4e-6 < replace(served, certificate=shifted).verify() < 6e-6


def test_the_certificate_holds_no_training_row(binary):
    """Its rows can be made again from the schema that was cut."""
    full = probe_rows(binary.estimator.schema_, 2048, 0)
    cut = probe_rows(binary.compact.schema, 2048, 0)
    assert set(cut) < set(full)
    for name, column in cut.items():
        assert np.array_equal(column, full[name]) or pd.Series(column).equals(pd.Series(full[name]))
    identifiers = set(binary.estimator.schema_.columns) & {"account"}
    assert identifiers
    text = binary.compact.card() + str(binary.compact.information)
    assert not any(value in text for value in binary.X["account"].dropna())


# ---- card --------------------------------------------------------------------------------------------------


def test_the_card_tells_the_facts(binary):
    card = binary.compact.card()
    model = binary.estimator.model_
    plan = binary.estimator.plan()
    for fact in (
        "| classes | no, yes |",
        f"| reads | {', '.join(binary.compact.feature_names_in_)} |",
        f"| does not read | {', '.join(plan.dropped)} |",
        f"| open dimensions | {model.gate.n_open} of {model.gate.dim} |",
        f"| parameters | {binary.compact.n_parameters:,} |",
        f"| parameters before compaction | {plan.n_parameters:,} |",
        "| certificate | 2048 made-up rows;",
        f"| calibration | temperature {binary.compact.calibrator.temperature:.4f}; off by default |",
        "## Measured on the validation rows",
        "## Measured on the calibration rows",
        f"| AUC | {binary.estimator.metrics_['calibration']['auc']:.4f} |",
        f"| log loss | {binary.estimator.metrics_['validation']['log_loss']:.4f} |",
        *(f"| {name} | {count} |" for name, count in plan.support.items()),
    ):
        assert fact in card, fact
    assert "on by default" in replace(binary.compact, calibrated=True).card()


def test_the_cards_tables_hold_whatever_names():
    model = handmade.model(("a|b", "two\nlines"))
    model = model.with_information(support={"x|y": 3, "a\n| b": 1}, dropped=["p|q"])
    lines = model.card().splitlines()
    assert r"| classes | a\|b, two lines |" in lines
    assert r"| x\|y | 3 |" in lines
    assert r"| a \| b | 1 |" in lines
    assert r"| does not read | p\|q |" in lines


def test_information_is_added_to(served):
    more = served.with_information(test={"auc": 0.5}, n_open=1)
    assert more.information["test"] == {"auc": 0.5}
    assert more.information["n_open"] == 1
    assert "test" not in served.information
    assert more.program is served.program


def test_sizes(served):
    arrays = served.program.arrays()
    assert served.n_parameters == sum(a.size for n, a in arrays.items() if n not in ("coordinates", "open_per_field"))
    assert served.feature_names_in_ == ("age", "job", "account", "gain", "member", "seen")
