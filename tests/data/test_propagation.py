"""Propagation against dense matrices, by PyTorch and by the compiled loop."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from l0gm.data import propagation
from l0gm.data.adjacency import Adjacency, Structure, adjacencies
from l0gm.data.graphs import Graph
from l0gm.data.propagation import Operator, hop_operators, hop_states, operators
from l0gm.errors import MissingExtraError, ParameterError

BFLOAT16 = 2.0**-8


@pytest.fixture
def without_torch(monkeypatch):
    monkeypatch.setattr(propagation, "find_spec", lambda name: None)


@pytest.fixture(params=["torch", "loop"])
def either_way(request):
    if request.param == "loop":
        request.getfixturevalue("without_torch")


def adjacency_of(n=30, n_edges=90, seed=0, weighted=True, direction="forward"):
    """Of a graph with loops, double edges and isolated nodes: the last quarter of its nodes has no edge."""
    rng = np.random.default_rng(seed)
    edges = rng.integers(0, max(1, 3 * n // 4), (2, n_edges))
    weight = rng.integers(0, 9, n_edges) / 4 if weighted else None
    graph = Graph(np.zeros((n, 1), np.float32), edges, weight=weight)
    return adjacencies(graph, Structure(direction))[0]


def dense(adjacency):
    """Receivers in rows, senders in columns."""
    matrix = np.zeros((adjacency.n_nodes, adjacency.n_nodes))
    senders, receivers = adjacency.pairs()
    matrix[receivers, senders] = 1.0 if adjacency.weights is None else adjacency.weights
    return matrix


def inverse(sums, power):
    return np.where(sums > 0, np.where(sums > 0, sums, 1.0) ** -power, 0.0)


def symmetric(matrix, loop):
    """D_in^-1/2 (A + loop I) D_out^-1/2."""
    matrix = matrix + loop * np.eye(len(matrix))
    return inverse(matrix.sum(1), 0.5)[:, None] * matrix * inverse(matrix.sum(0), 0.5)


def mean(matrix):
    return inverse(matrix.sum(1), 1.0)[:, None] * matrix


def attributes(n, k, seed=1):
    return np.random.default_rng(seed).normal(size=(n, k)).astype(np.float32)


GRAPHS = {
    "directed": {"weighted": False},
    "weighted": {},
    "undirected": {"weighted": False, "direction": "undirected"},
    "undirected and weighted": {"direction": "undirected"},
    "few edges": {"n_edges": 2},
    "no edges": {"n_edges": 0},
    "no edges, which would weigh": {"n_edges": 0, "weighted": False},
    "one node": {"n": 1, "n_edges": 1},
}


@pytest.mark.parametrize("given", GRAPHS.values(), ids=GRAPHS.keys())
def test_an_operator_is_its_dense_matrix(given, either_way):
    adjacency = adjacency_of(**given)
    x, matrix = attributes(adjacency.n_nodes, 5), dense(adjacency)
    for operator, expected in (
        (Operator.symmetric(adjacency, loop=True), symmetric(matrix, 1)),
        (Operator.symmetric(adjacency, loop=False), symmetric(matrix, 0)),
        (Operator.mean(adjacency), mean(matrix)),
    ):
        y = operator(x)
        assert y.dtype == np.float32
        np.testing.assert_allclose(y, expected @ x, atol=2e-6)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 12), n_edges=st.integers(0, 40), seed=st.integers(0, 10**6), k=st.integers(0, 4),
    loop=st.booleans(), weighted=st.booleans(), size=st.sampled_from([1, 64, 200, 2**26]),
)  # fmt: skip
def test_any_graph_in_blocks_of_any_size(n, n_edges, seed, k, loop, weighted, size):
    adjacency = adjacency_of(n, n_edges, seed, weighted)
    x = attributes(n, k, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(propagation, "BLOCK_BYTES", size)
        y = Operator.symmetric(adjacency, loop)(x)
    np.testing.assert_allclose(y, symmetric(dense(adjacency), loop) @ x, atol=2e-6)


def test_blocks_follow_each_other_and_are_no_larger_than_asked_for(monkeypatch):
    operator, x = Operator.symmetric(adjacency_of(), True), attributes(30, 4)
    monkeypatch.setattr(propagation, "BLOCK_BYTES", 7 * 4 * 4)
    rows = [(block.start, block.stop, sums.shape) for block, sums in operator.blocks(x)]
    assert rows == [(first, min(first + 7, 30), (min(7, 30 - first), 4)) for first in range(0, 30, 7)]


def test_the_size_of_a_block_changes_no_bit(either_way, monkeypatch):
    operator, x = Operator.symmetric(adjacency_of(), True), attributes(30, 4)
    whole = operator(x)
    monkeypatch.setattr(propagation, "BLOCK_BYTES", 1)
    assert np.array_equal(operator(x), whole)


def test_weights_of_edges_and_loops_are_those_of_the_operator():
    """What training multiplies messages with."""
    adjacency = adjacency_of()
    for operator, expected in (
        (Operator.symmetric(adjacency, True), symmetric(dense(adjacency), 1)),
        (Operator.mean(adjacency), mean(dense(adjacency))),
    ):
        matrix = np.diag(operator.loops(np.arange(len(operator.left)))).astype(np.float64)
        senders, receivers = adjacency.pairs()
        matrix[receivers, senders] += operator.messages(senders, receivers, np.arange(adjacency.n_edges))
        np.testing.assert_allclose(matrix, expected, atol=1e-6)


def test_the_compiled_loop_gives_the_same_sums_as_torch(request):
    operator, x = Operator.symmetric(adjacency_of(200, 3000), True), attributes(200, 7)
    by_torch = operator(x)
    request.getfixturevalue("without_torch")
    np.testing.assert_allclose(operator(x), by_torch, atol=1e-6)


def test_half_precision_is_off_by_no_more_than_its_rounding():
    adjacency, x = adjacency_of(200, 3000, weighted=False, direction="undirected"), attributes(200, 7)
    for operator, matrix in (
        (Operator.symmetric(adjacency, True), symmetric(dense(adjacency), 1)),
        (Operator.mean(adjacency), mean(dense(adjacency))),
    ):
        y = operator(x, "bfloat16")
        assert y.dtype == np.float32
        assert not np.array_equal(y, operator(x))
        assert (np.abs(y - matrix @ x) <= 2 * BFLOAT16 * (matrix @ np.abs(x))).all()


def test_half_precision_with_weights():
    adjacency, x = adjacency_of(200, 3000), attributes(200, 7)
    matrix = symmetric(dense(adjacency), 0)
    y = Operator.symmetric(adjacency, False)(x, "bfloat16")
    assert (np.abs(y - matrix @ x) <= 4 * BFLOAT16 * (matrix @ np.abs(x)) + 1e-6).all()


def test_half_precision_needs_torch(without_torch):
    operator = Operator.mean(adjacency_of())
    with pytest.raises(MissingExtraError, match=r"propagation in bfloat16 needs torch.*l0gm\[train\]"):
        operator(attributes(30, 2), "bfloat16")


def test_a_precision_that_is_none():
    with pytest.raises(ParameterError, match="precision='float16': choose one of float32, bfloat16"):
        Operator.mean(adjacency_of())(attributes(30, 2), "float16")


@pytest.mark.parametrize("precision", propagation.PRECISIONS)
def test_no_column_gives_none(precision):
    assert Operator.symmetric(adjacency_of(), True)(attributes(30, 0), precision).shape == (30, 0)


def test_the_sums_go_where_they_are_asked_to():
    operator, x = Operator.mean(adjacency_of()), attributes(30, 3)
    before, out = x.copy(), np.full((30, 3), np.nan, np.float32)
    assert operator(x, out=out) is out
    assert np.array_equal(out, operator(x))
    assert np.array_equal(x, before)


@pytest.mark.parametrize("loop", [True, False])
def test_what_may_be_overwritten_gives_the_same_sums(loop, either_way, monkeypatch):
    operator, x = Operator.symmetric(adjacency_of(), loop), attributes(30, 4)
    whole = operator(x)
    monkeypatch.setattr(propagation, "BLOCK_BYTES", 7 * 4 * 4)
    parts = [sums for _, sums in operator.blocks(x.copy(), in_place=True)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)


def test_columns_in_any_layout(either_way):
    operator, x = Operator.mean(adjacency_of()), attributes(30, 6)
    assert np.array_equal(operator(np.asfortranarray(x)), operator(x))
    assert np.array_equal(operator(x[:, ::2]), operator(np.ascontiguousarray(x[:, ::2])))


def mapped(array, path):
    """The same array in a file, read only."""
    np.save(path, array)
    return np.load(path, mmap_mode="r")


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("precision", propagation.PRECISIONS)
def test_graphs_that_were_mapped_read_only(weighted, precision, tmp_path):
    """Without a warning, too, which would be an error here."""
    held = adjacency_of(weighted=weighted)
    parts = {"starts": held.starts, "senders": held.senders, "weights": held.weights}
    on_disk = Adjacency(*(None if a is None else mapped(a, tmp_path / f"{n}.npy") for n, a in parts.items()))
    x = attributes(30, 3)
    x_on_disk = mapped(x, tmp_path / "x.npy")
    for make in (Operator.mean, lambda a: Operator.symmetric(a, True)):
        assert np.array_equal(make(on_disk)(x_on_disk, precision), make(held)(x, precision))


def test_mapped_graphs_without_torch(without_torch, tmp_path):
    held = adjacency_of()
    starts, senders, weights = (
        mapped(getattr(held, n), tmp_path / f"{n}.npy") for n in ("starts", "senders", "weights")
    )
    x = attributes(30, 3)
    found = Operator.mean(Adjacency(starts, senders, weights))(mapped(x, tmp_path / "x.npy"))
    assert np.array_equal(found, Operator.mean(held)(x))


def test_hops_are_powers_of_the_matrix_without_loops():
    one, other = adjacency_of(), adjacency_of(seed=5, weighted=False)
    x = attributes(30, 3)
    states = list(hop_states(x, hop_operators((one, other), 3), 3))
    assert len(states) == 1 + 2 * 3
    assert states[0] is x
    for place, adjacency in ((1, one), (4, other)):
        matrix, expected = symmetric(dense(adjacency), 0), x.astype(np.float64)
        for state in states[place : place + 3]:
            expected = matrix @ expected
            np.testing.assert_allclose(state, expected, atol=1e-5)


def test_no_hops_are_the_attributes_alone():
    x = attributes(30, 3)
    mixed = hop_operators((adjacency_of(),), 0)
    assert mixed == ()
    assert [state is x for state in hop_states(x, mixed, 0)] == [True]


def test_operators_by_name():
    adjacency, x = adjacency_of(), attributes(30, 3)
    for mixing, expected in (
        ("mean", Operator.mean(adjacency)),
        ("symmetric", Operator.symmetric(adjacency, True)),
        ("attention", Operator.symmetric(adjacency, True)),  # which reads the graph, and none of its weights
    ):
        (found,) = operators((adjacency,), mixing, loop=True)
        assert np.array_equal(found(x), expected(x))
