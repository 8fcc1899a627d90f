"""The heads against literal transcriptions of the paper's equations (8 to 20) and their identities."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from l0gm.encoders import FieldTables, RowBatch
from l0gm.errors import ParameterError
from l0gm.gates import HardConcreteGate
from l0gm.heads import CIN, Deep, FieldLinear, IntegratedHead

SHAPES = [(3, (4,)), (3, (2, 3)), (2, (1, 1, 1)), (4, (3, 2, 5, 2)), (1, (2, 2))]


def fields(n, m, d, seed=0):
    return torch.randn(n, m, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def cin(m, widths, rank=None, seed=0):
    torch.manual_seed(seed)
    return CIN(m, widths, rank).double()


def literal_maps(matrices, x0):
    """Eq. 10, one sum after the other, for one example x0 (m, D)."""
    maps, before = [], x0
    for w in matrices:
        now = np.zeros((len(w), x0.shape[1]))
        for h, i, j in itertools.product(*map(range, w.shape)):
            now[h] += w[h, i, j] * (before[i] * x0[j])
        maps.append(now)
        before = now
    return maps


def literal_pooled(maps):
    """Eqs. 11 and 12."""
    return [sum(row) for x in maps for row in x]


def plain(matrices):
    return [w.detach().numpy() for w in matrices]


# ---- CIN -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rank", [None, 1, 3])
@pytest.mark.parametrize(("m", "widths"), SHAPES)
def test_cin_is_the_literal_loop_over_equations_10_to_12(m, widths, rank):
    made, x = cin(m, widths, rank), fields(5, m, 3)
    out = made(x).detach().numpy()
    assert out.shape == (5, made.n_outputs)
    assert made.n_outputs == sum(widths)
    maps = made.maps(x)
    for r in range(5):
        expected = literal_maps(plain(made.matrices()), x[r].numpy())
        np.testing.assert_allclose(out[r], literal_pooled(expected), atol=1e-10)
        assert len(maps) == len(expected)
        for got, want in zip(maps, expected, strict=True):
            np.testing.assert_allclose(got[r].detach().numpy(), want, atol=1e-10)


@pytest.mark.parametrize(("m", "widths"), SHAPES)
def test_the_factorised_form_is_the_full_one_with_w_equal_to_u_v_transposed(m, widths):
    low, full = cin(m, widths, 2), cin(m, widths, seed=1)
    with torch.no_grad():
        for w, u, v in zip(full.weights, low.left, low.right, strict=True):
            for h in range(len(w)):
                w[h] = u[h] @ v[h].T  # Eq. 14
    x = fields(6, m, 4)
    torch.testing.assert_close(low(x), full(x))
    for a, b in zip(low.matrices(), full.matrices(), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(("m", "widths"), SHAPES)
def test_parameter_counts(m, widths):
    before = (m, *widths[:-1])
    count = sum(h * b * m for h, b in zip(widths, before, strict=True))
    assert sum(p.numel() for p in CIN(m, widths).parameters()) == count
    factorised = sum(h * (b + m) * 2 for h, b in zip(widths, before, strict=True))
    assert sum(p.numel() for p in CIN(m, widths, 2).parameters()) == factorised


def test_maps_of_depth_k_are_homogeneous_of_degree_k_plus_1():
    made, x = cin(3, (4, 3, 2)), fields(5, 3, 2)
    for c in (0.5, -2.0):
        for k, (once, scaled) in enumerate(zip(made.maps(x), made.maps(c * x), strict=True), start=1):
            torch.testing.assert_close(scaled, c ** (k + 1) * once)
            assert not torch.allclose(scaled, c**k * once)  # the degree that Eq. 18's bound would give


def test_expanded_coefficients_at_three_fields():
    """Eqs. 15 and 16: the maps as polynomials in x_1, x_2, x_3, monomial by monomial."""
    m = 3
    made, x = cin(m, (m, m), seed=3), fields(4, m, 5)
    w1, w2 = plain(made.matrices())
    second = np.zeros((m, 4, 5))
    coefficients = np.zeros((m, m, m, m))
    for h, i, j, lo, k in itertools.product(range(m), repeat=5):
        coefficients[h][tuple(sorted((j, k, lo)))] += w2[h, i, j] * w1[i, lo, k]
    for h in range(m):
        for a, b, c in itertools.combinations_with_replacement(range(m), 3):
            second[h] += coefficients[h, a, b, c] * (x[:, a] * x[:, b] * x[:, c]).numpy()
    got = made.maps(x)[1].detach().numpy()
    np.testing.assert_allclose(got, second.transpose(1, 0, 2), atol=1e-10)

    # and read off: a basis of field values gives back the symmetrised pair coefficients of Eq. 15
    for h, (a, b) in itertools.product(range(m), itertools.combinations(range(m), 2)):
        only = torch.zeros(1, m, 1, dtype=torch.float64)
        only[0, [a, b]] = 1.0
        value = made.maps(only)[0][0, h, 0].item()
        assert value == pytest.approx(w1[h, a, a] + w1[h, b, b] + w1[h, a, b] + w1[h, b, a])


def test_all_ones_is_twice_the_factorisation_machine_plus_the_squared_norms():
    m = 5
    made, x = cin(m, (1,)), fields(7, m, 4)
    fm = sum((x[:, i] * x[:, j]).sum(1) for i in range(m) for j in range(i + 1, m))
    with torch.no_grad():
        made.weights[0].fill_(1.0)
        torch.testing.assert_close(made(x)[:, 0], 2 * fm + x.square().sum((1, 2)))
        made.weights[0].copy_(torch.triu(torch.ones(m, m), diagonal=1))
        torch.testing.assert_close(made(x)[:, 0], fm)


def test_a_field_of_zeros_leaves_the_cin():
    made, x = cin(4, (3, 2)), fields(5, 4, 3)
    x[:, 2] = 0.0
    other = cin(3, (3, 2))
    kept = [0, 1, 3]
    with torch.no_grad():
        other.weights[0].copy_(made.weights[0][:, kept][:, :, kept])
        other.weights[1].copy_(made.weights[1][:, :, kept])
    torch.testing.assert_close(other(x[:, kept]), made(x))


@pytest.mark.parametrize("rank", [None, 2])
def test_gradients_of_the_cin(rank):
    made = cin(2, (2, 2), rank)
    assert torch.autograd.gradcheck(made, fields(3, 2, 2).requires_grad_())
    names, values = zip(*made.named_parameters(), strict=True)
    x = fields(3, 2, 2)

    def of(*parameters):
        return torch.func.functional_call(made, dict(zip(names, parameters, strict=True)), (x,))

    assert torch.autograd.gradcheck(of, values)


@pytest.mark.parametrize("rank", [None, 1, 4])
def test_initial_maps_are_of_the_inputs_size(rank):
    made, x = cin(10, (64,), rank), fields(500, 10, 4)
    with torch.no_grad():
        assert float(made.maps(x)[0].std()) == pytest.approx(1.0, rel=0.35)


@pytest.mark.parametrize(
    ("widths", "rank", "named"), [((), None, "widths"), ((3, 0), None, "widths"), ((3,), 0, "rank=0")]
)
def test_impossible_shapes_are_named(widths, rank, named):
    with pytest.raises(ParameterError, match=named):
        CIN(3, widths, rank)


# ---- deep ----------------------------------------------------------------------------------------------------


def test_deep_is_linear_layers_with_relu_between():
    torch.manual_seed(0)
    deep = Deep(4, (5, 3), 2, dropout=0.5).eval()
    x = torch.randn(6, 4)
    a, b, c = deep.linears
    assert [(layer.in_features, layer.out_features) for layer in deep.linears] == [(4, 5), (5, 3), (3, 2)]
    torch.testing.assert_close(deep(x), c(torch.relu(b(torch.relu(a(x))))))
    assert not torch.equal(deep.train()(x), deep(x))  # dropout


def test_deep_without_hidden_layers_is_linear():
    deep = Deep(4, (), 3)
    x = torch.randn(6, 4)
    assert len(deep.linears) == 1
    torch.testing.assert_close(deep(x), x @ deep.linears[0].weight.T + deep.linears[0].bias)


def test_each_hidden_layer_of_deep_has_the_gate_that_is_made_for_its_width():
    torch.manual_seed(0)
    plain = Deep(4, (5, 3), 2, dropout=0.5)
    torch.manual_seed(0)
    gated = Deep(4, (5, 3), 2, dropout=0.5, gate=HardConcreteGate)
    assert [layer.dim for layer in gated if isinstance(layer, HardConcreteGate)] == [5, 3]
    assert all(torch.equal(a.weight, b.weight) for a, b in zip(plain.linears, gated.linears, strict=True))
    x, (a, b, c) = torch.randn(6, 4), gated.linears
    first, second = (layer for layer in gated if isinstance(layer, HardConcreteGate))
    with torch.no_grad():
        first.log_alpha[1], second.log_alpha[0] = -3.0, -3.0
    z, v = first.inference_values(), second.inference_values()
    assert (z.tolist(), v.tolist()) == ([1, 0, 1, 1, 1], [0, 1, 1])
    torch.testing.assert_close(gated.eval()(x), c(v * torch.relu(b(z * torch.relu(a(x))))))
    assert not torch.equal(gated.train()(x), gated(x))
    gated(x).sum().backward()
    assert first.log_alpha.grad.any()


# ---- linear --------------------------------------------------------------------------------------------------

N_ROWS, NUMERIC, WIDTH = (3, 4), (False, True), 2


def raw_batch(n=8, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.column_stack([rng.integers(0, k, size=n) for k in N_ROWS])
    fractions = rng.random((n, 2)) * (codes > 0) * np.array(NUMERIC)
    return RowBatch(torch.from_numpy(codes), torch.from_numpy(fractions.astype(np.float32)))


def linear(n_outputs=1, gated=True, seed=0):
    torch.manual_seed(seed)
    made = FieldLinear(FieldTables(N_ROWS, NUMERIC, n_outputs, 1.0), gated)
    with torch.no_grad():
        made.tables.base.normal_()
        made.tables.slope.normal_()
    return made


def test_linear_starts_at_nothing():
    made = FieldLinear(FieldTables(N_ROWS, NUMERIC, 1, 1.0))
    assert not made(torch.ones(4), raw_batch()).any()


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_linear_is_the_sum_of_its_fields_terms(n_outputs):
    made, batch = linear(n_outputs), raw_batch()
    terms = made.tables(batch)
    torch.testing.assert_close(made(torch.ones(4), batch), terms[:, 0] + terms[:, 1])


def test_a_fields_term_is_off_when_all_its_dimensions_are_shut():
    made, batch = linear(), raw_batch()
    terms = made.tables(batch)
    for z, expected in (
        ([0.0, 0.0, 1.0, 0.0], terms[:, 1]),
        ([0.0, 1.0, 0.0, 0.0], terms[:, 0]),
        ([1.0, 1.0, 0.0, 1.0], terms[:, 0] + terms[:, 1]),
        ([0.0, 0.0, 0.0, 0.0], 0 * terms[:, 0]),
        ([0.5, 0.5, 0.0, 0.2], 0.75 * terms[:, 0] + 0.2 * terms[:, 1]),
    ):
        torch.testing.assert_close(made(torch.tensor(z), batch), expected)


def test_a_mask_an_example_acts_on_its_own_example():
    made, batch = linear(3), raw_batch()
    z = torch.rand(8, 4, generator=torch.Generator().manual_seed(0)).round(decimals=1)
    z[z < 0.3] = 0.0
    each = [made(z[r], batch.take(torch.tensor([r]))) for r in range(8)]
    torch.testing.assert_close(made(z, batch), torch.cat(each))


def test_the_papers_linear_term_reads_around_the_gate():
    made, batch = linear(gated=False), raw_batch()
    assert torch.equal(made(torch.zeros(4), batch), made(torch.ones(4), batch))
    assert made(torch.zeros(4), batch).any()


@pytest.mark.parametrize("z", [[0.2, 0.7, 0.4, 0.9], [0.0, 0.3, 1.0, 0.6], [0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.5, 1.0]])
@pytest.mark.parametrize("each", [False, True], ids=["a mask a batch", "a mask an example"])
def test_gradient_through_the_gate_of_a_field(z, each):
    made, batch = linear().double(), raw_batch()
    batch = RowBatch(batch.codes, batch.fractions.double())
    weight = made.tables(batch).detach().sum(0)[:, 0]  # the output's sum is weight @ open
    at = torch.tensor(z, dtype=torch.float64, requires_grad=True)
    made(at.expand(8, 4) if each else at, batch).sum().backward()
    others = 1 - torch.tensor(z, dtype=torch.float64).reshape(2, 2).flip(1)  # of two: the other one's 1 - z
    torch.testing.assert_close(at.grad.reshape(2, 2), weight[:, None] * others, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("n_zeros", [0, 1, 2, 5])
def test_gradient_through_wide_fields(n_zeros):
    """The derivative by z_d is the product of the others' 1 - z, with any number of them fully open."""
    width = 16
    torch.manual_seed(n_zeros)
    made = FieldLinear(FieldTables((3,), (False,), 1, 1.0))
    nn.init.ones_(made.tables.base)
    z = 0.9 * torch.rand(5, width)
    z[:, :n_zeros] = 1.0
    z.requires_grad_()
    made(z, RowBatch(torch.zeros(5, 1, dtype=torch.int64), torch.zeros(5, 1))).sum().backward()
    q = 1 - z.detach()
    for d in range(width):
        expected = q[:, [i for i in range(width) if i != d]].prod(1)
        torch.testing.assert_close(z.grad[:, d], expected, rtol=1e-4, atol=1e-5)


# ---- integrated ----------------------------------------------------------------------------------------------


def integrated(n_outputs=1, gated=True, branches=("linear", "deep", "cin")):
    torch.manual_seed(1)
    head = IntegratedHead(
        2,
        n_outputs,
        linear=linear(n_outputs, gated) if "linear" in branches else None,
        deep=Deep(4, (5,), n_outputs) if "deep" in branches else None,
        cin=CIN(2, (3, 2)) if "cin" in branches else None,
    )
    nn.init.normal_(head.bias)
    return head


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_logits_are_the_sum_of_the_branches(n_outputs):
    head, batch = integrated(n_outputs), raw_batch()
    z = torch.rand(8, 4)
    h = torch.randn(8, 4) * z
    expected = (
        head.bias + head.linear(z, batch) + head.deep(h) + head.cin(h.reshape(8, 2, WIDTH)) @ head.cin_out.weight.T
    )
    assert head(h, z, batch).shape == (8, n_outputs)
    torch.testing.assert_close(head(h, z, batch), expected)


@pytest.mark.parametrize(
    "branches",
    [c for k in (1, 2) for c in itertools.combinations(("linear", "deep", "cin"), k)],
    ids=" and ".join,
)
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_each_branch_can_be_left_out(branches, n_outputs):
    head, batch = integrated(n_outputs, branches=branches), raw_batch()
    z = torch.ones(4)
    h = torch.randn(8, 4)
    out = head(h, z, batch)
    assert out.shape == (8, n_outputs)
    expected = head.bias.expand(8, -1)
    if "linear" in branches:
        expected = expected + head.linear(z, batch)
    if "deep" in branches:
        expected = expected + head.deep(h)
    if "cin" in branches:
        expected = expected + head.cin_out(head.cin(h.reshape(8, 2, WIDTH)))
    torch.testing.assert_close(out, expected)
    out.sum().backward()
    assert all(p.grad is not None for p in head.parameters())


def test_a_head_without_branches_is_an_error():
    with pytest.raises(ParameterError, match="at least one"):
        IntegratedHead(2, 1)


def test_many_fields_give_the_same_pooled_values_by_the_other_way():
    """With more fields than coordinates times maps, the products would take more room than the maps."""
    torch.manual_seed(0)
    cin = CIN(12, (3, 2))
    x = torch.randn(5, 12, 2)
    assert cin.n_fields > cin.widths[-1] * x.shape[-1]
    pooled = torch.cat([state.sum(-1) for state in cin.maps(x)], 1)
    torch.testing.assert_close(cin(x), pooled)
    wide = torch.cat([x, torch.zeros(5, 12, 6)], -1)  # coordinates of zeros add nothing, and change the way
    assert cin.n_fields <= cin.widths[-1] * wide.shape[-1]
    torch.testing.assert_close(cin(wide), pooled)
