"""The compacted model computes what the gated one computes, whatever the head and the gate."""

import itertools

import numpy as np
import pytest
from gated_tables import GATES, SCHEMA, Branches, build, people, probabilities

from l0gm import compaction

HEADS = [
    Branches(linear, deep, cin, rank)
    for linear, deep, (cin, rank) in itertools.product(
        ("gated", "ungated", "off"),
        ((), (6, 4)),
        (((), None), ((3,), None), ((3, 2), None), ((3,), 2), ((3, 2, 2), 1)),
    )
    if linear != "off" or deep or cin
]


def compacted(model):
    plan = compaction.plan(model, SCHEMA)
    return compaction.apply(model, plan), SCHEMA.restrict(plan.kept)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("branches", HEADS, ids=str)
@pytest.mark.parametrize("gate", GATES)
def test_probabilities_are_those_of_the_gated_model(gate, branches, n_outputs):
    model = build(GATES[gate](), branches, n_outputs)
    program, cut = compacted(model)
    certificate = compaction.verify(model, SCHEMA, program, cut, n_rows=400)
    assert certificate.max_difference <= 1e-5
    assert certificate.probabilities.shape == (400, max(n_outputs, 2))

    rows = people()
    expected = probabilities(model, rows)
    np.testing.assert_allclose(program.probabilities(cut.encode(rows)), expected, rtol=0, atol=1e-5)
    if gate != "nothing" or branches.linear == "ungated":  # the comparison says something
        assert np.ptp(expected[:, 0]) > 0.003
        assert np.ptp(certificate.probabilities[:, 0]) > 0.003


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("branches", [b for b in HEADS if b.linear != "ungated"], ids=str)
def test_with_every_gate_shut_the_answer_is_one_constant(branches, n_outputs):
    program, cut = compacted(build(GATES["nothing"](), branches, n_outputs))
    assert cut.fields == ()
    assert cut.sources == ()
    answers = program.probabilities(cut.encode({"anything": [1, 2, 3]}))
    assert answers.shape == (3, max(n_outputs, 2))
    assert (answers == answers[0]).all()
    assert 0.0 < answers[0, 0] < 1.0


def test_a_field_without_an_open_dimension_changes_nothing():
    model = build(GATES["fields closed"]())
    program, cut = compacted(model)
    assert cut.names == ("job", "seen:hour")
    rows = people()
    shuffled = {**rows, "age": rows["age"][::-1], "gain": rows["gain"][::-1], "account": rows["account"][::-1]}
    answers = program.probabilities(cut.encode(shuffled))
    np.testing.assert_allclose(answers, probabilities(model, rows), rtol=0, atol=1e-5)
    needed = {name: rows[name] for name in ("seen", "job")}
    assert (program.probabilities(cut.encode(needed)) == answers).all()


def test_an_ungated_linear_term_keeps_every_field():
    model = build(GATES["nothing"](), Branches("ungated"))
    program, cut = compacted(model)
    assert cut.names == SCHEMA.names
    assert program.open_per_field.tolist() == [0] * 5
    rows = people()
    moved = {**rows, "job": np.roll(rows["job"], 1)}
    assert (program.probabilities(cut.encode(rows)) != program.probabilities(cut.encode(moved))).any()


def test_a_soft_gate_is_multiplied_into_the_tables():
    """Not only which dimensions are open, but by how much: half a gate gives half a table."""
    gate = GATES["soft, not hardened"]()
    z = gate.inference_values().detach().numpy().reshape(5, 3)
    assert ((z > 0) & (z < 1)).sum() >= 4
    model = build(gate, Branches("off", (), (2,)))
    plan = compaction.plan(model, SCHEMA)
    program = compaction.apply(model, plan)
    tables = model.encoder.fields.tables.tables()
    for i, field in zip(plan.kept, program.fields, strict=True):
        dims = list(plan.open_dimensions[i])
        rows, slopes = tables[i]
        np.testing.assert_allclose(field.rows, rows[:, dims] * z[i, dims], rtol=1e-6)
        assert (field.slopes is None) == (slopes is None)
        if slopes is not None:
            np.testing.assert_allclose(field.slopes, slopes[:, dims] * z[i, dims], rtol=1e-6)


def test_the_mode_of_the_model_does_not_matter():
    model = build(GATES["soft, not hardened"]())
    first = compacted(model)[0].arrays()
    second = compacted(model.eval())[0].arrays()
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_compaction_leaves_the_gated_model_as_it_was():
    model = build(GATES["hardened"]())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    program, cut = compacted(model)
    compaction.verify(model, SCHEMA, program, cut)
    for part in program.arrays().values():
        part[...] = 0
    assert all((value == before[name]).all() for name, value in model.state_dict().items())
    assert model.training
