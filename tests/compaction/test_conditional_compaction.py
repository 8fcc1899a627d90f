"""A conditional gate is cut to its support, and what it does inside it is computed row by row."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gated_tables import DIM, GROUPS, SCHEMA, Branches, build, people, probabilities

from l0gm import compaction
from l0gm.errors import ArtifactError, CompactionError
from l0gm.gates import ConditionalGate, functional
from l0gm.runtime import conditioning
from l0gm.runtime.tabular import TabularProgram

HEADS = [
    Branches(),
    Branches("gated", (), ()),
    Branches("off", (6, 4), ()),
    Branches("off", (), (3,)),
    Branches("ungated", (6, 4), (3, 2)),
    Branches("gated", (5,), (3, 2, 2), 1),
]


def gate_of(logits, groups=None, k=None, **options):
    torch.manual_seed(2)
    gate = ConditionalGate(DIM, groups, rank=3, **options)
    with torch.no_grad():
        gate.log_alpha.copy_(torch.as_tensor(logits))
        gate.function.up.copy_(2.0 * torch.randn(gate.function.up.shape))
    if k is not None:
        gate.harden(k)
    return gate


SPREAD = torch.linspace(-3.0, 5.0, DIM)[torch.randperm(DIM, generator=torch.Generator().manual_seed(5))]
GATES = {
    "hardened": lambda: gate_of(SPREAD, k=6),
    "not hardened": lambda: gate_of(SPREAD),
    "not hardened, soft": lambda: gate_of(SPREAD, inference="soft"),
    "groups": lambda: gate_of([2.0, -2.0, 2.5, -2.0, 3.0], GROUPS, k=9),
    "one dimension": lambda: gate_of(SPREAD, k=1),
    "nothing": lambda: gate_of([-5.0] * DIM),
}


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
    rows = people()
    np.testing.assert_allclose(program.probabilities(cut.encode(rows)), probabilities(model, rows), rtol=0, atol=1e-5)


def test_rows_differ_from_what_the_static_gate_makes_of_them():
    gate = gate_of(SPREAD, k=6)
    answers = probabilities(build(gate), people())
    with torch.no_grad():
        gate.function.up.zero_()
    assert np.abs(answers - probabilities(build(gate), people())).max() > 0.05


def test_a_row_is_answered_alike_alone_and_among_others():
    program, cut = compacted(build(gate_of(SPREAD, k=6)))
    rows = cut.encode(people())
    together = program.logits(rows)
    alone = np.concatenate([program.logits(rows.take(np.array([i]))) for i in range(40)])
    np.testing.assert_array_equal(together[:40], alone)


def test_logits_far_below_zero_close_and_are_no_overflow():
    gate = gate_of(SPREAD, k=6)
    with torch.no_grad():
        gate.function.up.mul_(1e6)
    model = build(gate)
    program, cut = compacted(model)
    rows = people()
    with np.errstate(all="raise"):
        answers = program.probabilities(cut.encode(rows))
    np.testing.assert_allclose(answers, probabilities(model, rows), rtol=0, atol=1e-5)


def parts():
    program, cut = compacted(build(gate_of(SPREAD, k=6)))
    return dict(program.arrays()), program.structure(), cut


def test_arrays_and_structure_make_the_program_again():
    arrays, structure, cut = parts()
    again = TabularProgram.from_arrays(arrays, structure, cut)
    rows = cut.encode(people())
    np.testing.assert_array_equal(again.logits(rows), compacted(build(gate_of(SPREAD, k=6)))[0].logits(rows))
    assert structure["conditioning"] is True


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays, structure: arrays.pop("conditioning.up"),
        lambda arrays, structure: structure.pop("conditioning"),
        lambda arrays, structure: structure.update(conditioning="yes"),
        lambda arrays, structure: arrays.update({"conditioning.base": arrays["conditioning.base"][:-1]}),
        lambda arrays, structure: arrays.update({"conditioning.up": arrays["conditioning.up"][:, :-1]}),
        lambda arrays, structure: arrays.update({"conditioning.down": arrays["conditioning.down"][:, :0]}),
        lambda arrays, structure: arrays.update({"conditioning.down": arrays["conditioning.down"].astype(float)}),
        lambda arrays, structure: arrays["conditioning.up"].fill(np.nan),
    ],
)
def test_a_file_that_was_tampered_with_is_refused(change):
    arrays, structure, cut = parts()
    arrays = {name: array.copy() for name, array in arrays.items()}
    change(arrays, structure)
    with pytest.raises(ArtifactError):
        TabularProgram.from_arrays(arrays, structure, cut)


def test_shares_of_a_linear_term_need_one():
    program, cut = compacted(build(gate_of(SPREAD, k=6), Branches("off", (6, 4), ())))
    structure = {**program.structure(), "conditioning": True}
    with pytest.raises(ArtifactError, match="fit each other"):
        TabularProgram.from_arrays(program.arrays(), structure, cut)


def test_the_soft_value_is_that_of_the_gates():
    assert (float(conditioning.GAMMA), float(conditioning.ZETA)) == pytest.approx((functional.GAMMA, functional.ZETA))


def test_it_cannot_be_trained_on():
    program, cut = compacted(build(gate_of(SPREAD, k=6)))
    with pytest.raises(CompactionError, match="conditional gate"):
        compaction.expand(program, cut)
