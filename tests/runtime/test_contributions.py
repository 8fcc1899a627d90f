"""Contributions add up, are Shapley values where they say so, and else the integrals that they say."""

import itertools
import math
from dataclasses import replace

import handmade
import numpy as np
import pytest
from handmade import SCHEMA
from summaries import summed_up
from test_program_loop import BRANCHES

from l0gm.data.schema import CategoricalField, Encoded, NumericField, Schema
from l0gm.errors import ArtifactError, DataError, ParameterError
from l0gm.runtime import contributions as module
from l0gm.runtime.tabular import FieldArrays, TabularProgram

CLASSES = {1: ("no", "yes"), 3: ("a", "b", "c")}
TRAINING = handmade.rows(200, seed=1)
ROWS = handmade.rows(40, seed=2)


def made(n_outputs=1, training=TRAINING, **options):
    return summed_up(handmade.model(CLASSES[n_outputs], **options), training)


# ---- an independent evaluation: the program as a function of each field's vector ---------------------------


def vectors(program, encoded):
    """For each row the vectors of its fields: open dimensions and linear term."""
    result = []
    for codes, places in zip(encoded.codes, encoded.fractions.astype(float), strict=True):
        row = []
        for f, code, place in zip(program.fields, codes, places, strict=True):
            value = f.rows[code].astype(float)
            row.append(value if f.slopes is None else value + place * f.slopes[code].astype(float))
        result.append(row)
    return result


def logits(program, row):
    """The logits (C,) of one row's vectors."""
    k = program.open_per_field
    h = np.concatenate([np.zeros(0), *(v[:n] for v, n in zip(row, k, strict=True))])
    out = program.bias.astype(float)
    if program.linear:
        out = out + sum((v[n:] for v, n in zip(row, k, strict=True)), np.zeros(len(out)))
    state = h
    for number, (weight, bias) in enumerate(program.deep):
        state = weight.astype(float) @ (np.maximum(state, 0) if number else state) + bias
    out = out + state if program.deep else out
    if program.cin:
        x0 = np.zeros((len(row), int(program.coordinates.max(initial=-1)) + 1))
        x0[np.repeat(np.arange(len(row)), k), program.coordinates] = h
        before, pooled = x0, []
        for weight in program.cin:
            before = np.einsum("hij,id,jd->hd", weight.astype(float), before, x0)
            pooled += before.sum(1).tolist()
        out = out + program.cin_out.astype(float) @ np.array(pooled)
    return out


def mean_vectors(model, training):
    rows = vectors(model.program, model.encode(training))
    return [np.mean([row[i] for row in rows], axis=0) for i in range(len(model.program.fields))]


def shapley(program, base, row):
    """The Shapley values (m, C) of the game in which a field is at the row or at the base, set by set."""
    m = len(row)

    def worth(members):
        return logits(program, [row[i] if i in members else base[i] for i in range(m)])

    values = np.zeros((m, program.n_outputs))
    for i in range(m):
        others = [j for j in range(m) if j != i]
        for size in range(m):
            weight = math.factorial(size) * math.factorial(m - 1 - size) / math.factorial(m)
            for members in itertools.combinations(others, size):
                values[i] += weight * (worth({*members, i}) - worth(members))
    return values


def integrated(program, base, row, steps=200):
    """Integrated gradients (m, C), one field at a time, by differences at many points of the line."""
    values = np.zeros((len(row), program.n_outputs))
    step = 0.5 / steps
    for t in (np.arange(steps) + 0.5) / steps:
        here = [b + t * (v - b) for b, v in zip(base, row, strict=True)]
        for i, (b, v) in enumerate(zip(base, row, strict=True)):
            ahead, behind = ([*here[:i], here[i] + sign * step * (v - b), *here[i + 1 :]] for sign in (1, -1))
            values[i] += logits(program, ahead) - logits(program, behind)
    return values


def cube(values):
    """Contributions as (n, m, C), whatever the number of classes."""
    return values if values.ndim == 3 else values[..., None]


# ---- what they are -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("branches", BRANCHES, ids=str)
def test_they_add_up_to_the_logit(branches, n_outputs):
    model = made(n_outputs, **branches)
    for by, names in (("column", SCHEMA.sources), ("field", SCHEMA.names)):
        c = model.contributions(ROWS, by=by)
        assert c.names == names
        assert c.values.shape == ((40, len(names), 3) if n_outputs == 3 else (40, len(names)))
        np.testing.assert_allclose(c.base + c.values.sum(1), c.logits, rtol=1e-5, atol=2e-5)
        assert c.max_residual < 1e-4
        assert c.exact == (not branches["deep"] and len(branches["cin"]) < 2)
        assert c.method == ("Shapley values" if c.exact else "integrated gradients")
    assert np.array_equal(c.logits.reshape(40, -1), model.program.logits(model.encode(ROWS)))
    base = logits(model.program, mean_vectors(model, TRAINING))
    np.testing.assert_allclose(np.atleast_1d(c.base), base, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("cin", [(), (3,)])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_they_are_shapley_values(n_outputs, cin):
    """With the linear term and a CIN of one depth, whatever the fields; by brute force over all sets."""
    model = made(n_outputs, deep=(), cin=cin)
    c = model.contributions(ROWS, by="field")
    base = mean_vectors(model, TRAINING)
    assert c.exact
    for r, row in enumerate(vectors(model.program, model.encode(handmade.take(ROWS, range(4))))):
        np.testing.assert_allclose(cube(c.values)[r], shapley(model.program, base, row), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "branches",
    [{"deep": (5,)}, {"deep": (4, 3)}, {"deep": (), "cin": (3, 2)}, {"deep": (4,), "cin": (2, 2, 2, 2)}],
    ids=str,
)
def test_else_they_are_integrated_gradients(branches):
    model = made(3, **{"cin": (), **branches})
    c = model.contributions(ROWS, by="field")
    base = mean_vectors(model, TRAINING)
    assert not c.exact
    (row,) = vectors(model.program, model.encode(handmade.take(ROWS, [0])))
    np.testing.assert_allclose(c.values[0], integrated(model.program, base, row), rtol=1e-2, atol=1e-2)
    difference = np.abs(c.values[0] - shapley(model.program, base, row)).max()
    assert difference > 2e-2  # an approximation of the Shapley values, as it says


@pytest.mark.parametrize("branches", BRANCHES, ids=str)
def test_a_field_at_its_mean_adds_nothing(branches):
    """All training rows have one value: a row that has it, too, gets exactly zero for it."""
    training = {**TRAINING, "job": ["nurse"] * 200, "age": [44.0] * 200, "account": [None] * 200}
    model = made(1, training, **branches)
    rows = {**ROWS, "job": ["nurse"] * 39 + ["pilot"], "age": [44.0] * 39 + [18.0], "account": [None] * 39 + ["a1"]}
    c = model.contributions(rows)
    still = [c.names.index(name) for name in ("job", "age", "account")]
    assert np.abs(c.values[:39, still]).max() < 1e-12
    assert (c.values[39, still] != 0.0).all()


def test_fields_that_do_the_same_get_the_same():
    schema = Schema(tuple(CategoricalField(name, name, ("u", "v")) for name in "abc"), tuple("abc"))
    rng = np.random.default_rng(0)
    same, other = (rng.normal(size=(4, 3)).astype(np.float32) for _ in range(2))
    weight = rng.normal(size=(2, 3, 3)).astype(np.float32)
    swapped = weight[:, [1, 0, 2]][:, :, [1, 0, 2]]
    first = rng.normal(size=(4, 6)).astype(np.float32)
    program = TabularProgram(
        fields=(FieldArrays(same), FieldArrays(same), FieldArrays(other)),
        coordinates=np.array([0, 1] * 3, np.int32),
        open_per_field=np.array([2, 2, 2], np.int32),
        bias=np.ones(1, np.float32),
        linear=True,
        deep=(
            (first + first[:, [2, 3, 0, 1, 4, 5]], np.ones(4, np.float32)),
            (np.ones((1, 4), np.float32), np.ones(1, np.float32)),
        ),
        cin=(weight + swapped,),
        cin_out=np.ones((1, 2), np.float32),
    )
    training = {name: ["u", "v", "v", None] for name in "abc"}
    plain = handmade.model(schema=schema, opened=((0, 1),) * 3)
    model = summed_up(replace(plain, program=program), training)
    c = model.contributions({"a": ["u", "v"], "b": ["u", "u"], "c": ["v", None]})
    np.testing.assert_allclose(c.values[0, 0], c.values[0, 1], rtol=1e-12)
    assert abs(c.values[1, 0] - c.values[1, 1]) > 1e-3


def test_the_parts_of_a_date_are_one_column():
    model = made(3)
    by_field, by_column = (model.contributions(ROWS, by=by) for by in ("field", "column"))
    at = [i for i, f in enumerate(SCHEMA.fields) if f.source == "seen"]
    assert len(at) == 2
    np.testing.assert_allclose(by_column.values[:, -1], by_field.values[:, at].sum(1), rtol=1e-12)
    np.testing.assert_allclose(by_column.values[:, :-1], by_field.values[:, :-2], rtol=1e-12)


# ---- any rows, any support ---------------------------------------------------------------------------------


def test_a_rows_answer_does_not_depend_on_the_rows_around_it(monkeypatch):
    model = made(3)
    whole = model.contributions(ROWS)
    monkeypatch.setattr(module, "NUMBERS_AT_ONCE", 1)
    np.testing.assert_allclose(model.contributions(ROWS).values, whole.values, rtol=1e-9, atol=1e-12)
    alone = model.contributions(handmade.take(ROWS, [7]))
    np.testing.assert_allclose(alone.values[0], whole.values[7], rtol=1e-9, atol=1e-12)
    assert alone.values.shape == (1, 6, 3)


def test_no_rows():
    c = made(3).contributions({name: [] for name in ROWS})
    assert (c.values.shape, c.logits.shape, c.max_residual) == ((0, 6, 3), (0, 3), 0.0)
    assert made(1).contributions({name: [] for name in ROWS}).values.shape == (0, 6)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_no_field_left(n_outputs):
    empty = Schema((), SCHEMA.columns)
    program = handmade.program(n_outputs, opened=(), schema=empty)
    certificate = handmade.model(CLASSES[n_outputs]).certificate
    model = handmade.model(CLASSES[n_outputs])
    model = summed_up(replace(model, schema=empty, program=program, certificate=certificate), TRAINING)
    c = model.contributions(ROWS)
    assert c.names == ()
    assert c.values.shape[:2] == (40, 0)
    np.testing.assert_allclose(np.broadcast_to(c.base, c.logits.shape), c.logits, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("opened", [((),) * 7, ((), (), (0, 1), (), (), (), ())], ids=str)
def test_any_support(opened):
    model = made(1, opened=opened)
    c = model.contributions(ROWS)
    assert c.max_residual < 1e-5
    assert np.ptp(c.values, 0).max() > 0.1


def test_a_unit_that_is_zero_all_along_and_one_that_turns_at_an_end():
    """Layers of zeros, and kinks that lie on the base and on the row."""
    schema = Schema((NumericField("x", "x", (0.0, 1.0, 2.0)),), ("x",))
    ramp = FieldArrays(np.array([[0.0], [0.0], [1.0]], np.float32), np.array([[0.0], [1.0], [1.0]], np.float32))
    program = TabularProgram(
        fields=(ramp,),
        coordinates=np.zeros(1, np.int32),
        open_per_field=np.ones(1, np.int32),
        bias=np.zeros(1, np.float32),
        linear=False,
        deep=(
            (np.array([[1.0], [1.0], [1.0], [0.0]], np.float32), np.array([-1.0, -2.0, -1.5, 0.0], np.float32)),
            (np.array([[1.0, 10.0, 100.0, 1.0]], np.float32), np.zeros(1, np.float32)),
        ),
    )
    plain = handmade.model(schema=schema, opened=((0,),), linear=True)
    model = summed_up(replace(plain, program=program), {"x": [1.0, 1.0]})
    c = model.contributions({"x": [0.0, 1.0, 1.5, 2.0]})
    np.testing.assert_allclose(c.values[:, 0], [0.0, 0.0, 0.5, 51.0], atol=1e-12)
    assert (c.base, c.max_residual) == (0.0, 0.0)


# ---- towards a class ---------------------------------------------------------------------------------------


def test_towards_a_class():
    model = made(1)
    c = model.contributions(ROWS)
    assert np.array_equal(c.towards("yes"), c.values)
    assert np.array_equal(c.towards("no"), -c.values)
    assert c.log_odds("no")[0] == -c.base
    model = made(3)
    c = model.contributions(ROWS)
    p = np.log(model.predict_proba(ROWS, calibrated=False))
    for k, label in enumerate(c.classes):
        base, found = c.log_odds(label)
        odds = p[:, k] - np.delete(p, k, axis=1).mean(1)
        np.testing.assert_allclose(found, odds, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(base + c.towards(label).sum(1), odds, rtol=1e-4, atol=1e-4)
    with pytest.raises(ParameterError, match="label 'd': the classes are 'a', 'b', 'c'"):
        c.towards("d")


# ---- what is refused ---------------------------------------------------------------------------------------


def test_a_model_without_a_summary():
    with pytest.raises(ArtifactError, match="keeps no summary of its training rows"):
        handmade.model().contributions(ROWS)


def test_wrong_arguments():
    model = made()
    with pytest.raises(ParameterError, match="by='row': choose 'column' or 'field'"):
        model.contributions(ROWS, by="row")
    with pytest.raises(DataError, match="'age' missing"):
        model.contributions({name: values for name, values in ROWS.items() if name != "age"})


def test_encoded_rows_are_enough_for_the_program():
    """Codes that no training row had are no error."""
    model = made(1)
    top = np.array(model.schema.n_rows, np.int32)[None] - 1
    base, values = module._shared(model.program, model.reference, Encoded(top, np.ones((1, 7), np.float32)))
    found = base + values.sum(1)
    expected = model.program.logits(Encoded(top, np.ones((1, 7), np.float32)))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
