"""Drift: no alarm where nothing changed, at the level that was asked; an alarm that names what did."""

import json
from dataclasses import replace

import handmade
import numpy as np
import pytest
from handmade import SCHEMA
from summaries import summary, summed_up

from l0gm.data.schema import CategoricalField, HashedField, NumericField, Schema
from l0gm.errors import ArtifactError, DataError, ParameterError
from l0gm.runtime import drift as module
from l0gm.runtime import observed

TRAINING = handmade.rows(1500, seed=1)
NOW = handmade.rows(800, seed=2)
FITTED = {  # as fit would have seen them: within the bins
    **TRAINING,
    "age": [None if x is None else min(max(x, 17.0), 90.0) for x in TRAINING["age"]],
    "gain": [None if x is None else min(max(x, -1.0), 0.1 + 0.2) for x in TRAINING["gain"]],
}
LIKE_FITTED = {
    **NOW,
    "age": [None if x is None else min(max(x, 17.0), 90.0) for x in NOW["age"]],
    "gain": [None if x is None else min(max(x, -1.0), 0.1 + 0.2) for x in NOW["gain"]],
}


@pytest.fixture(scope="module")
def model():
    return summed_up(handmade.model(("a", "b", "c")), FITTED)


def one(report, name):
    (found,) = (f for f in report.fields if f.name == name)
    return found


def test_nothing_has_changed(model):
    report = model.drift(LIKE_FITTED)
    assert report.changed == []
    assert (report.n_fit, report.n_now) == (1500, 800)
    assert [f.name for f in report.fields] == list(SCHEMA.names)
    job = one(report, "job")
    assert job.missing.fit == sum(x is None for x in FITTED["job"]) / 1500
    assert job.missing.now == sum(x is None for x in NOW["job"]) / 800
    assert job.unseen.now == sum(x in ("diver", "東京") for x in NOW["job"]) / 800
    assert job.below is job.above is None
    assert one(report, "account").unseen is None
    assert one(report, "age").above == module.Change(0.0, 0.0, 1.0, False)


def test_means_of_predictions(model):
    report = model.drift(LIKE_FITTED)
    for means, rows in (("fit", FITTED), ("now", LIKE_FITTED)):
        expected = model.predict_proba(rows, calibrated=False).mean(0)
        assert [getattr(c, means) for c in report.predictions.values()] == pytest.approx(expected.tolist())
    assert list(report.predictions) == ["a", "b", "c"]
    std = model.predict_proba(FITTED, calibrated=False).std(0)
    z = abs(report.predictions["b"].now - report.predictions["b"].fit) / (std[1] * (1 / 1500 + 1 / 800) ** 0.5)
    assert report.predictions["b"].p_value == pytest.approx(2 * 0.5 * _erfc(z / 2**0.5))


def _erfc(x):
    from scipy.special import erfc

    return erfc(x)


CHANGES = {
    "missing": ("age", lambda v, i: None if i % 8 == 0 else v, {"missing"}),
    "unseen": ("job", lambda v, i: "astronaut" if i % 3 == 0 else v, {"unseen"}),
    "below": ("age", lambda v, i: 3.0 if i % 10 == 0 else v, {"below"}),
    "above": ("gain", lambda v, i: 9.0 if i % 10 == 0 else v, {"above"}),
    "values": ("member", lambda v, i: v and i % 2 == 0, {"values"}),
    "values of a number": ("age", lambda v, i: v and min(v + 20, 90.0), {"values"}),
    "values of an identifier": ("account", lambda v, i: v and "a1" if i % 3 == 0 else v, {"values"}),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_named(what, model):
    column, change, reasons = CHANGES[what]
    report = model.drift({**LIKE_FITTED, column: [change(v, i) for i, v in enumerate(LIKE_FITTED[column])]})
    assert [name for name in report.changed if name != "(prediction)"] == [column]
    assert set(one(report, column).changed) >= reasons
    line = next(line for line in str(report).splitlines() if line.startswith(column))
    assert all(module.QUESTIONS[reason] in line for reason in reasons)
    assert f"changed: {column}" in str(report)


def test_a_column_that_is_missing_all_through_and_one_of_one_value(model):
    report = model.drift({**LIKE_FITTED, "age": [None] * 800, "job": ["pilot"] * 800})
    age, job = one(report, "age"), one(report, "job")
    assert (age.missing.now, age.missing.p_value, age.values) == (1.0, 0.0, None)
    assert age.changed == ("missing",)
    assert {"values", "unseen"} <= set(job.changed)
    assert "(prediction)" in report.changed


def test_one_row(model):
    """Of one row nothing is more than chance, but for what no row can be."""
    report = model.drift(handmade.take(LIKE_FITTED, [0]))
    assert report.changed == []
    assert report.n_now == 1
    assert all(f.values is None for f in report.fields)


def test_small_differences_of_many_rows_do_not_matter_unless_asked():
    many = {name: values * 10 for name, values in FITTED.items()}
    model = summed_up(handmade.model(), many)
    fewer = dict(many)
    fewer["member"] = [None if i % 70 == 0 else v for i, v in enumerate(many["member"])]
    report = model.drift(fewer)
    assert one(report, "member").missing.p_value < 1e-3
    assert report.changed == []
    assert model.drift(fewer, min_rate=0.005).changed == ["member"]


def test_every_row_is_counted_whatever_the_parts(model, monkeypatch):
    whole = model.drift(NOW)
    monkeypatch.setattr(observed, "ROWS_AT_ONCE", 7)
    parts = model.drift(NOW)
    assert parts.fields == whole.fields
    for label, change in whole.predictions.items():
        assert parts.predictions[label].now == pytest.approx(change.now)


def test_as_json(model):
    report = model.drift(NOW)
    found = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert found["changed"] == report.changed != []
    assert found["fields"][0]["above"]["now"] == report.fields[0].above.now
    assert found["fields"][0]["changed"] == list(report.fields[0].changed)
    assert [p["class"] for p in found["predictions"]] == ["a", "b", "c"]


def test_names_of_several_lines_stay_in_theirs():
    schema = Schema((NumericField("a\nb", "a\nb", (0.0, 1.0)),), ("a\nb",))
    model = summed_up(handmade.model(("c\nd", "e"), schema=schema, opened=((0,),)), {"a\nb": [0.0, 1.0]})
    text = str(model.drift({"a\nb": [5.0] * 99}))
    assert "\na b  " in text
    assert "mean p(c d)" in text
    assert "changed: a b" in text


def test_no_field_left():
    empty = Schema((), SCHEMA.columns)
    plain = handmade.model()
    model = replace(plain, schema=empty, program=handmade.program(opened=(), schema=empty))
    report = replace(model, reference=summary(model, TRAINING)).drift(NOW)
    assert report.changed == []
    assert report.fields == ()
    assert "mean p(yes)" in str(report)


# ---- the level ---------------------------------------------------------------------------------------------


def alarms(columns, fields, repeats, levels, least=1, seed=0):
    """How often any alarm is given at each level on halves of rows of one distribution, however small the change."""
    rng = np.random.default_rng(seed)
    count = np.zeros(len(levels))
    for _ in range(repeats):
        table = columns(rng)
        n = len(next(iter(table.values())))
        order = rng.permutation(n)
        before, now = ({k: v[half] for k, v in table.items()} for half in (order[: n // 2], order[n // 2 :]))
        schema = Schema(fields(before), tuple(table))
        opened = ((0,),) * len(schema.fields)
        model = summed_up(handmade.model(schema=schema, opened=opened, n_rows=2, deep=(), cin=()), before, least)
        count += [bool(model.drift(now, level=level, min_rate=0.0, min_psi=0.0).changed) for level in levels]
    return (count / repeats).tolist()


def test_the_level_is_kept_where_nothing_changed():
    def columns(rng):
        x = rng.lognormal(size=1200)
        x[rng.random(1200) < 0.05] = np.nan
        return {"x": x, "k": rng.choice(list("abcdef"), 1200, p=[0.5, 0.3, 0.1, 0.05, 0.045, 0.005])}

    def fields(before):
        edges = np.nanquantile(before["x"], np.linspace(0, 1, 9))
        return (
            NumericField("x", "x", tuple(edges.tolist())),
            CategoricalField("k", "k", ("a", "b", "c", "d")),
            HashedField("id", "k", 3),
        )

    often, seldom = alarms(columns, fields, 80, (0.2, 0.01))
    assert 0.0 < often < 0.3
    assert seldom < 0.05


def test_rare_values_that_fit_learned_by_luck_give_no_alarm():
    """A vocabulary is made from the very rows that are counted: fewer of their values are unseen than of others'."""

    def columns(rng):
        return {"city": rng.choice(400, 4000, p=SHARES).astype(str)}

    def fields(before):
        values, counts = np.unique(before["city"], return_counts=True)
        return (CategoricalField("city", "city", tuple(values[counts >= 5].tolist())),)

    (found,) = alarms(columns, fields, 50, (0.05,), least=5)
    assert found < 0.2


SHARES = np.random.default_rng(3).dirichlet(np.full(400, 2.0))


# ---- what is refused ---------------------------------------------------------------------------------------


def test_wrong_arguments(model):
    with pytest.raises(ArtifactError, match="keeps no summary of its training rows"):
        handmade.model().drift(NOW)
    with pytest.raises(DataError, match="no rows"):
        model.drift({name: [] for name in NOW})
    with pytest.raises(DataError, match="'age' missing"):
        model.drift({name: values for name, values in NOW.items() if name != "age"})
    for name, value in (("level", 2), ("level", -0.1), ("min_rate", "x"), ("min_psi", float("nan")), ("min_psi", True)):
        with pytest.raises(ParameterError, match=f"{name}="):
            model.drift(NOW, **{name: value})
