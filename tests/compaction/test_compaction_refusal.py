"""A program that is not the gated model's function gets no certificate."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from gated_tables import GATES, SCHEMA, Branches, build, probabilities

from l0gm import compaction
from l0gm.data.probes import probe_rows
from l0gm.data.schema import NumericField, Schema
from l0gm.errors import CompactionError
from l0gm.runtime.tabular import FieldArrays


@pytest.fixture
def parts():
    model = build(GATES["some of each field"](), Branches("gated", (6, 4), (3, 2)), 3)
    plan = compaction.plan(model, SCHEMA)
    return model, compaction.apply(model, plan), SCHEMA.restrict(plan.kept)


def changed(array, at, by=0.01):
    copy = array.copy()
    copy[at] += by
    return copy


def table(program, rows=None, slopes=None):
    """The program with another table for its first field, the age."""
    first, *others = program.fields
    made = FieldArrays(first.rows if rows is None else rows, first.slopes if slopes is None else slopes)
    return replace(program, fields=(made, *others))


def middle_layer(program, weight=None, bias=None):
    first, (w, b), last = program.deep
    return replace(program, deep=(first, (w if weight is None else weight, b if bias is None else bias), last))


# one number changed, by its place; rows 0 and 1 of the age are the missing slot and the first bin, columns 0 and 1
# its open dimensions, 2 to 4 the linear term
TAMPERED = {
    "bias": lambda p: replace(p, bias=changed(p.bias, 1)),
    "weight of the deep branch": lambda p: middle_layer(p, weight=changed(p.deep[1][0], (2, 3), 0.3)),
    "bias of the deep branch": lambda p: middle_layer(p, bias=changed(p.deep[1][1], 2, 0.3)),
    "first depth of the CIN": lambda p: replace(p, cin=(changed(p.cin[0], (0, 0, 2)), p.cin[1])),
    "last depth of the CIN": lambda p: replace(p, cin=(p.cin[0], changed(p.cin[1], (1, 0, 2)))),
    "output of the CIN": lambda p: replace(p, cin_out=changed(p.cin_out, (0, 4))),
    "missing slot": lambda p: table(p, rows=changed(p.fields[0].rows, (0, 0))),
    "bin": lambda p: table(p, rows=changed(p.fields[0].rows, (1, 1))),
    "linear term": lambda p: table(p, rows=changed(p.fields[0].rows, (2, 4))),
    "slope": lambda p: table(p, slopes=changed(p.fields[0].slopes, (2, 0))),
    "coordinates in another order": lambda p: replace(p, coordinates=p.coordinates[::-1].copy()),
    "branch left out": lambda p: replace(p, cin=(), cin_out=None),
}


@pytest.mark.parametrize("place", TAMPERED)
def test_one_changed_number_is_refused(place, parts):
    model, program, cut = parts
    compaction.verify(model, SCHEMA, program, cut)
    with pytest.raises(CompactionError, match=r"differs from the gated one by up to .* was not compacted"):
        compaction.verify(model, SCHEMA, TAMPERED[place](program), cut)


def test_another_schema_is_refused(parts):
    model, program, cut = parts
    age = cut.fields[0]
    assert isinstance(age, NumericField)
    moved = replace(age, edges=(age.edges[0], age.edges[1] + 0.5, *age.edges[2:]))
    with pytest.raises(CompactionError):
        compaction.verify(model, SCHEMA, program, Schema((moved, *cut.fields[1:]), cut.columns))


@pytest.mark.parametrize(
    "what", ["encoder.fields.tables.base", "head.bias", "head.cin_out.weight", "head.deep.3.weight"]
)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(what, value):
    model = build(GATES["some of each field"]())
    with torch.no_grad():
        model.get_parameter(what).view(-1)[0] = value
    plan = compaction.plan(model, SCHEMA)
    with np.errstate(invalid="ignore", over="ignore"), pytest.raises(CompactionError, match="finite"):
        compaction.verify(model, SCHEMA, compaction.apply(model, plan), SCHEMA.restrict(plan.kept))


def test_the_message_names_the_size_the_bound_and_the_row(parts):
    model, program, cut = parts
    worse = replace(program, bias=program.bias + np.array([0, 0, 5.0], np.float32))
    with pytest.raises(
        CompactionError, match=r"up to 0\.\d+ in probability \(probe row (\d+)\); 1e-05 is allowed"
    ) as e:
        compaction.verify(model, SCHEMA, worse, cut, n_rows=50)
    rows = probe_rows(SCHEMA, 50)
    difference = np.abs(probabilities(model, rows) - worse.probabilities(cut.encode(rows))).max(1)
    assert f"probe row {difference.argmax()}" in str(e.value)


def test_the_tolerance_is_kept_and_obeyed(parts):
    model, program, cut = parts
    other = replace(program, bias=changed(program.bias, 0, 0.004))
    certificate = compaction.verify(model, SCHEMA, other, cut, n_rows=100, seed=3, tolerance=0.01)
    assert (certificate.n_rows, certificate.seed, certificate.tolerance) == (100, 3, 0.01)
    assert 1e-5 < certificate.max_difference < 0.01
    expected = probabilities(model, probe_rows(SCHEMA, 100, 3))
    assert np.array_equal(certificate.probabilities, expected.astype(np.float32))
    with pytest.raises(CompactionError):
        compaction.verify(model, SCHEMA, other, cut, n_rows=100, seed=3)
