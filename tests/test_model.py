"""The gated model: encoder, gate, head in one line, and probabilities from logits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from l0gm.data.schema import CategoricalField, NumericField, Schema
from l0gm.encoders import Encoder, FieldTables, RowBatch, TabularEncoder
from l0gm.errors import ParameterError
from l0gm.gates import FixedMaskGate, HardConcreteGate, IdentityGate, MagnitudeGate
from l0gm.heads import CIN, Deep, FieldLinear, IntegratedHead
from l0gm.model import GatedModel, probabilities

SCHEMA = Schema(
    (
        NumericField("age", "age", (0.0, 1.0, 5.0)),
        CategoricalField("job", "job", ("clerk", "smith")),
        CategoricalField("town", "town", ("A", "B", "C")),
    ),
    ("age", "job", "town"),
)


def batch(n=30, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.column_stack([rng.integers(0, k, size=n) for k in SCHEMA.n_rows])
    fractions = rng.random(codes.shape) * (codes > 0) * np.array([True, False, False])
    return RowBatch(torch.from_numpy(codes), torch.from_numpy(fractions.astype(np.float32)))


def model(gate=None, n_outputs=1, gated=True, width=4):
    torch.manual_seed(0)
    encoder = TabularEncoder(SCHEMA, width)
    head = IntegratedHead(
        3,
        n_outputs,
        linear=FieldLinear(FieldTables(SCHEMA.n_rows, (True, False, False), n_outputs, 1.0), gated),
        deep=Deep(encoder.dim, (8,), n_outputs),
        cin=CIN(3, (4, 2)),
    )
    made = GatedModel(encoder, HardConcreteGate(encoder.dim) if gate is None else gate, head)
    with torch.no_grad():
        for parameter in (*encoder.parameters(), *head.parameters()):
            parameter.normal_()
    return made


def test_the_line_is_encoder_gate_head():
    made, rows = model(FixedMaskGate([i % 3 > 0 for i in range(12)])), batch()
    h, z = made.encoder(rows), made.gate.inference_values()
    torch.testing.assert_close(made(rows), made.head(h * z, z, rows))


@pytest.mark.parametrize("mask", ["example", "batch"])
def test_in_training_h_is_multiplied_by_the_sample_that_the_head_sees(mask):
    made, rows = model(HardConcreteGate(12, init=0.0, mask=mask)), batch()
    seen = []
    made.head.register_forward_hook(lambda head, arguments, out: seen.append(arguments))
    made(rows)
    h, z, _ = seen[0]
    torch.testing.assert_close(h, made.encoder(rows) * z)
    assert z.shape == ((30, 12) if mask == "example" else (12,))
    assert len(torch.unique(z)) > 5
    made.eval()(rows)
    assert torch.equal(seen[1][1], made.gate.inference_values())


def test_a_gate_that_looks_at_h_sees_it():
    gate = MagnitudeGate(12)
    made, rows = model(gate), batch()
    made(rows)
    torch.testing.assert_close(gate.magnitude, 0.01 * made.encoder(rows).detach().abs().mean(0))


@pytest.mark.parametrize("n_outputs", [1, 4])
@pytest.mark.parametrize("how", ["hardened", "in training", "at inference"])
def test_with_every_gate_shut_the_output_is_constant(n_outputs, how):
    made = model(n_outputs=n_outputs)
    with torch.no_grad():
        made.gate.log_alpha.fill_(-100.0)
    if how == "hardened":
        made.gate.harden()
    made.train(how == "in training")
    assert made.gate.n_open == 0
    out = made(batch())
    assert out.shape == (30, n_outputs)
    assert torch.equal(out, out[:1].expand(30, -1))


def test_with_the_papers_linear_term_it_is_not():
    made = model(gated=False).eval()
    with torch.no_grad():
        made.gate.log_alpha.fill_(-100.0)
    assert float(made(batch()).std().detach()) > 0.1


def test_a_field_whose_gates_are_shut_has_no_say():
    mask = [False] * 4 + [True, False, True, True] + [True] * 4
    made, rows = model(FixedMaskGate(mask)), batch()
    codes = rows.codes.clone()
    codes[:, 0] = codes[:, 0].flip(0)
    assert torch.equal(made(RowBatch(codes, rows.fractions.flip(0))), made(rows))
    codes[:, 1] = codes[:, 1].flip(0)
    assert not torch.allclose(made(RowBatch(codes, rows.fractions)), made(rows))


def test_gradients_reach_encoder_gate_and_head():
    made = model()
    torch.manual_seed(1)
    made(batch()).square().sum().backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_the_gates_are_found_wherever_they_are():
    class Twice(Encoder):
        dim = 5

        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 5)
            self.inner = HardConcreteGate(3)

        def forward(self, x):
            return self.layer(self.inner(x))

    made = GatedModel(Twice(), IdentityGate(5), IntegratedHead(5, 1, deep=Deep(5, (), 1)))
    assert made.gates() == {"encoder.inner": made.encoder.inner, "gate": made.gate}


def test_widths_must_agree():
    with pytest.raises(ParameterError, match="gives 12 dimensions, the gate takes 11"):
        model(IdentityGate(11))


def test_one_logit_is_that_of_the_second_class():
    logits = torch.tensor([[0.0], [2.0], [-800.0], [800.0]], dtype=torch.float64)
    p = probabilities(logits)
    assert p.shape == (4, 2)
    expected = 1 / (1 + np.exp(-2.0))
    np.testing.assert_allclose(p[:2].numpy(), [[0.5, 0.5], [1 - expected, expected]])
    assert p[2:].tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_more_logits_are_a_softmax():
    logits = torch.tensor([[1.0, 2.0, 3.0], [1000.0, 0.0, -1000.0]], dtype=torch.float64)
    p = probabilities(logits).numpy()
    e = np.exp([1.0, 2.0, 3.0])
    np.testing.assert_allclose(p, [e / e.sum(), [1.0, 0.0, 0.0]], atol=1e-12)


def test_two_logits_agree_with_one():
    logits = torch.randn(5, 1, dtype=torch.float64)
    pair = torch.cat([torch.zeros_like(logits), logits], 1)
    torch.testing.assert_close(probabilities(pair), probabilities(logits))
