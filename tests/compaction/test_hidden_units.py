"""Hidden units with gates of their own: closed ones are cut out of the deep branch, and the answers stay."""

import itertools

import numpy as np
import pytest
import torch
from gated_tables import GATES, SCHEMA, Branches, build, people, probabilities

from l0gm import compaction
from l0gm.data.frames import Table
from l0gm.data.probes import probe_rows
from l0gm.encoders import RowBatch
from l0gm.errors import CompactionError
from l0gm.gates import HardConcreteGate
from l0gm.gates.functional import LOG_ALPHA_BOUND
from l0gm.training.rows import predict

WIDTHS = (6, 4)
OPENED = {
    "all": ((0, 1, 2, 3, 4, 5), (0, 1, 2, 3)),
    "some": ((1, 2, 5), (0, 3)),
    "one each": ((4,), (2,)),
    "first layer alone": ((0, 5), (0, 1, 2, 3)),
}
SHUT = {"first": ((), (0, 2)), "last": ((0, 3), ()), "both": ((), ())}


def gates(opened, hardened=True):
    """Make the gates of the hidden layers, one after the other."""
    left = iter(opened)

    def make(width):
        gate = HardConcreteGate(width, cost=[0.2] * width)
        with torch.no_grad():
            gate.log_alpha.fill_(-2.0)
            gate.log_alpha[list(next(left))] = 2.0
        if hardened:
            gate.harden()
        return gate

    return make


def soft(width):
    """Make a gate whose values are 0, 1 and between."""
    gate = HardConcreteGate(width, inference="soft")
    with torch.no_grad():
        gate.log_alpha.copy_(torch.linspace(-4.0, 4.0, width))
    return gate


def compacted(model):
    plan = compaction.plan(model, SCHEMA)
    program, cut = compaction.apply(model, plan), SCHEMA.restrict(plan.kept)
    assert compaction.verify(model, SCHEMA, program, cut).max_difference <= 1e-5
    return plan, program, cut


def assert_same(model, program, cut, alive=True):
    rows = people()
    expected = probabilities(model, rows)
    np.testing.assert_allclose(program.probabilities(cut.encode(rows)), expected, rtol=0, atol=1e-5)
    if alive:  # the comparison says something
        assert np.ptp(expected[:, 0]) > 0.003


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize(
    "branches", [Branches(), Branches("off", cin=()), Branches("ungated", cin=(3, 2), rank=2)], ids=str
)
@pytest.mark.parametrize("gate", ["dense", "hardened", "soft, not hardened"])
@pytest.mark.parametrize("opened", OPENED)
def test_the_cut_model_answers_as_the_gated_one(opened, gate, branches, n_outputs):
    model = build(GATES[gate](), branches, n_outputs, hidden=gates(OPENED[opened]))
    plan, program, cut = compacted(model)
    assert_same(model, program, cut, opened != "one each" or branches.linear != "off")  # a single unit may be dead
    counts = [len(units) for units in OPENED[opened]]
    assert [weight.shape for weight, _ in program.deep] == [
        (counts[0], plan.n_open),
        (counts[1], counts[0]),
        (n_outputs, counts[1]),
    ]


def test_the_numbers_that_are_left_are_those_of_open_units():
    model = build(GATES["dense"](), hidden=gates(OPENED["some"]))
    _, program, _ = compacted(model)
    (a, b, c), ((w1, b1), (w2, b2), (w3, b3)) = model.head.deep.linears, program.deep
    first, second = map(list, OPENED["some"])
    assert np.array_equal(w1, a.weight.detach()[first])
    assert np.array_equal(b1, a.bias.detach()[first])
    assert np.array_equal(w2, b.weight.detach()[second][:, first])
    assert np.array_equal(b2, b.bias.detach()[second])
    assert np.array_equal(w3, c.weight.detach()[:, second])
    assert np.array_equal(b3, c.bias.detach())


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("gate", ["dense", "soft, not hardened"])
def test_values_between_go_into_the_next_layer(gate, n_outputs):
    model = build(GATES[gate](), n_outputs=n_outputs, hidden=soft)
    z = [gate.inference_values().detach() for gate in model.head.deep if isinstance(gate, HardConcreteGate)]
    assert all(((v > 0) & (v < 1)).any() for v in z)
    plan, program, cut = compacted(model)
    assert plan.hidden_units == tuple((int((v > 0).sum()), len(v)) for v in z)
    assert_same(model, program, cut)


def test_gates_that_were_not_hardened_are_taken_as_they_stand():
    model = build(GATES["binary, not hardened"](), hidden=gates(OPENED["some"], hardened=False))
    plan, program, cut = compacted(model)
    assert plan.hidden_units == ((3, 6), (2, 4))
    assert_same(model, program, cut)


# ---- the plan --------------------------------------------------------------------------------------------------


def test_the_plan_names_the_units_that_stay():
    plan = compaction.plan(build(GATES["dense"](), hidden=gates(OPENED["some"])), SCHEMA)
    assert (plan.hidden, plan.open_hidden) == (WIDTHS, OPENED["some"])
    assert plan.hidden_units == ((3, 6), (2, 4))
    assert not plan.without_deep
    first = "keep 15 of 15 dimensions, 5 of 5 fields, 3 of 3 coordinates of the interaction maps, 3 of 6 and 2 of 4"
    assert str(plan).splitlines()[0] == f"{first} hidden units"


def test_one_hidden_layer():
    plan = compaction.plan(build(GATES["dense"](), Branches(deep=(6,)), hidden=gates([(1, 2)])), SCHEMA)
    assert str(plan).splitlines()[0].endswith("interaction maps, 2 of 6 hidden units")


def test_hidden_units_without_gates_are_not_spoken_of():
    plan = compaction.plan(build(GATES["dense"]()), SCHEMA)
    assert (plan.hidden, plan.open_hidden, plan.hidden_units, plan.without_deep) == ((), (), (), False)
    assert "hidden" not in str(plan)


def test_gates_of_hidden_units_are_no_parameters_of_the_gated_model():
    plain, gated = (build(GATES["dense"](), hidden=hidden) for hidden in (None, gates(OPENED["some"])))
    assert compaction.plan(gated, SCHEMA).n_parameters == compaction.plan(plain, SCHEMA).n_parameters


# ---- a layer that is shut --------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("opened", SHUT)
def test_behind_a_layer_without_an_open_unit_the_branch_is_a_constant(opened, n_outputs):
    model = build(GATES["hardened"](), n_outputs=n_outputs, hidden=gates(SHUT[opened]))
    plan, program, cut = compacted(model)
    assert plan.without_deep
    assert plan.hidden_units == ((0, 6), (0, 4))
    assert program.deep == ()
    assert_same(model, program, cut)
    assert not np.array_equal(program.bias, model.head.bias.detach())  # the constant went there


@pytest.mark.parametrize("opened", SHUT)
def test_with_no_other_branch_the_answer_is_one_constant(opened):
    model = build(GATES["hardened"](), Branches("off", cin=()), 3, hidden=gates(SHUT[opened]))
    _, program, cut = compacted(model)
    answers = program.probabilities(cut.encode(people()))
    np.testing.assert_allclose(answers, probabilities(model, people()), atol=1e-6)
    assert (answers == answers[0]).all()


def test_units_that_are_not_finite_are_refused_though_they_are_shut():
    model = build(GATES["dense"](), hidden=gates(SHUT["first"]))
    with torch.no_grad():
        model.head.deep.linears[0].bias[0] = torch.nan
    plan = compaction.plan(model, SCHEMA)
    with pytest.raises(CompactionError, match="finite"):
        compaction.verify(model, SCHEMA, compaction.apply(model, plan), SCHEMA.restrict(plan.kept))


def test_compaction_leaves_the_gates_as_they_were():
    model = build(GATES["hardened"](), hidden=gates(SHUT["last"]))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert any(abs(v.max()) == LOG_ALPHA_BOUND for name, v in before.items() if "deep" in name and "alpha" in name)
    compacted(model)
    assert all((value == before[name]).all() for name, value in model.state_dict().items())
    assert model.training


# ---- and back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opened", "n_outputs"), list(itertools.product([*OPENED.values(), *SHUT.values()], [1, 3])), ids=str
)
def test_the_narrow_network_can_be_trained_on(opened, n_outputs):
    model = build(GATES["dense"](), n_outputs=n_outputs, hidden=gates(opened))
    _, program, cut = compacted(model)
    again = compaction.expand(program, cut)
    if all(opened):
        assert [layer.out_features for layer in again.head.deep.linears] == [*map(len, opened), n_outputs]
    else:
        assert again.head.deep is None
    rows = Table(probe_rows(SCHEMA, 500, 5))
    answers = predict(again, RowBatch.of(cut.encode(rows))).numpy()
    np.testing.assert_allclose(answers, program.probabilities(cut.encode(rows)), rtol=0, atol=1e-6)
    assert len(again.gates()) == 1
