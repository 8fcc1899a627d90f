"""Adjacencies against dense matrices, and the order of nodes in which propagation runs."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from l0gm.data.adjacency import DIRECTIONS, Adjacency, Structure, adjacencies, locality_order
from l0gm.data.graphs import Graph
from l0gm.errors import DataError, ParameterError


def random_graph(n, n_edges, seed, weighted=False, kinds=0):
    rng = np.random.default_rng(seed)
    edges = rng.integers(0, n, (2, n_edges))
    weight = rng.integers(0, 9, n_edges) / 4 if weighted else None
    relation = np.array(["b", "c", "a"])[rng.integers(0, kinds, n_edges)] if kinds else None
    return Graph(np.zeros((n, 1), np.float32), edges, weight=weight, relation=relation)


def dense(adjacency):
    """Receivers in rows, senders in columns; an entry that is stored is never 0 where there are no weights."""
    n = adjacency.n_nodes
    matrix, stored = np.zeros((n, n)), np.zeros((n, n), int)
    for i in range(n):
        for e in range(adjacency.starts[i], adjacency.starts[i + 1]):
            matrix[i, adjacency.senders[e]] = 1 if adjacency.weights is None else adjacency.weights[e]
            stored[i, adjacency.senders[e]] += 1
    assert stored.max(initial=0) <= 1
    return matrix, stored


def expected(graph, direction, kept):
    """The same from the list of edges, as the docstrings have it: weights are added, then the heavier way counts."""
    n = graph.n_nodes
    found = []
    for names in kept:
        matrix, stored = np.zeros((n, n)), np.zeros((n, n), int)
        for e in range(graph.n_edges):
            s, t = graph.sources[e], graph.targets[e]
            if s != t and graph.relations[graph.relation[e]] in names:
                matrix[t, s] += 1 if graph.weights is None else graph.weights[e]
                stored[t, s] = 1
        if direction == "undirected":
            matrix, stored = np.maximum(matrix, matrix.T), np.maximum(stored, stored.T)
        found.append((matrix if graph.weights is not None else stored, stored))
        if direction == "both":
            found.append(tuple(part.T for part in found[-1]))
    return found


def check(graph, structure, kept):
    made = adjacencies(graph, structure)
    wanted = expected(graph, structure.direction, kept)
    assert len(made) == len(wanted) == structure.n_channels
    for adjacency, (matrix, stored) in zip(made, wanted, strict=True):
        assert (adjacency.starts.dtype, adjacency.senders.dtype) == (np.int64, np.int32)
        assert adjacency.starts.shape == (graph.n_nodes + 1,)
        assert adjacency.starts[0] == 0
        assert adjacency.starts[-1] == adjacency.n_edges == len(adjacency.senders) == stored.sum()
        for got, want in zip(dense(adjacency), (matrix, stored), strict=True):
            np.testing.assert_array_equal(got, want)
        for i in range(graph.n_nodes):
            assert (np.diff(adjacency.senders[adjacency.starts[i] : adjacency.starts[i + 1]]) > 0).all()
        assert (adjacency.weights is None) == (graph.weights is None)
        if adjacency.weights is not None:
            assert adjacency.weights.dtype == np.float32
            assert adjacency.weights.shape == adjacency.senders.shape
        received, sent, pairs = adjacency.received(), adjacency.sent(), adjacency.pairs()
        assert (received.dtype, sent.dtype, pairs.dtype) == (np.float32, np.float32, np.int64)
        np.testing.assert_allclose(received, matrix.sum(axis=1))
        np.testing.assert_allclose(sent, matrix.sum(axis=0))
        assert pairs.shape == (2, adjacency.n_edges)
        np.testing.assert_array_equal(pairs[::-1], np.argwhere(stored).T)


@settings(max_examples=100, deadline=None)
@given(
    n=st.integers(1, 12),
    n_edges=st.integers(0, 50),
    seed=st.integers(0, 10**6),
    weighted=st.booleans(),
    direction=st.sampled_from(DIRECTIONS),
    kinds=st.sampled_from([0, 1, 3]),
    relations=st.sampled_from(["fold", "keep", "list"]),
)
def test_an_adjacency_is_the_dense_matrix(n, n_edges, seed, weighted, direction, kinds, relations):
    graph = random_graph(n, n_edges, seed, weighted, kinds)
    asked = list(reversed(graph.relations)) if relations == "list" else relations
    structure = Structure.of(graph, direction, asked)
    kept = [graph.relations] if relations == "fold" else [[name] for name in structure.relations]
    if relations != "fold":
        assert list(structure.relations) == (asked if relations == "list" else sorted(graph.relations))
    check(graph, structure, kept)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_no_edges_and_only_loops(direction, weighted):
    for edges in (np.zeros((2, 0), int), np.array([[0, 1], [0, 1]])):
        graph = Graph(np.zeros((3, 1)), edges, weight=np.ones(edges.shape[1]) if weighted else None)
        for adjacency in adjacencies(graph, Structure.of(graph, direction, "fold")):
            assert adjacency.n_edges == 0
            assert adjacency.starts.tolist() == [0, 0, 0, 0]
            assert adjacency.received().tolist() == adjacency.sent().tolist() == [0, 0, 0]
            assert adjacency.pairs().shape == (2, 0)
            assert adjacency.reordered(np.array([2, 0, 1])).n_edges == 0
            assert sorted(locality_order(adjacency)) == [0, 1, 2]


def test_an_edge_that_is_there_both_ways():
    graph = Graph(np.zeros((2, 1)), np.array([[0, 1], [1, 0]]))
    assert adjacencies(graph, Structure("undirected"))[0].pairs().tolist() == [[1, 0], [0, 1]]
    graph = Graph(np.zeros((2, 1)), np.array([[0, 1], [1, 0]]), weight=[2, 3])
    assert adjacencies(graph, Structure("undirected"))[0].weights.tolist() == [3, 3]
    forward, backward = adjacencies(graph, Structure("both"))
    assert (forward.weights.tolist(), backward.weights.tolist()) == ([3, 2], [2, 3])


def test_weights_of_zero_are_edges():
    graph = Graph(np.zeros((2, 1)), np.array([[0], [1]]), weight=[0])
    assert adjacencies(graph, Structure("forward"))[0].n_edges == 1


def test_small_weights_after_large_ones_count():
    graph = Graph(np.zeros((3, 1)), np.array([[1, 0, 0], [0, 1, 2]]), weight=[1e20, 1e-3, 1e-20])
    np.testing.assert_allclose(adjacencies(graph, Structure("forward"))[0].received(), [1e20, 1e-3, 1e-20])


def test_rows_of_many_senders_in_any_order():
    n = 20_000
    leaves = np.arange(1, n, dtype=np.int32)
    hub = np.zeros(n - 1, np.int32)
    orders = [leaves, leaves[::-1], np.concatenate([leaves[::2], leaves[1::2][::-1]]), np.roll(leaves, 7)]
    for order in orders:
        graph = Graph(np.zeros((n, 1)), np.stack([order, hub]), weight=order / 8)
        weighted = adjacencies(graph, Structure("forward"))[0]
        np.testing.assert_array_equal(weighted.senders, leaves)
        np.testing.assert_array_equal(weighted.weights, leaves / 8)
        graph = Graph(np.zeros((n, 1)), np.stack([np.tile(order, 2), np.tile(hub, 2)]))
        np.testing.assert_array_equal(adjacencies(graph, Structure("forward"))[0].senders, leaves)


def test_edges_stay_as_they_were():
    graph = random_graph(10, 40, 0, weighted=True)
    before = graph.sources.copy(), graph.targets.copy(), graph.weights.copy()
    for made in (graph, Graph.of_arrays(graph.nodes, graph.sources, graph.targets)):
        made.sources.flags.writeable = made.targets.flags.writeable = False
        for direction in DIRECTIONS:
            adjacencies(made, Structure(direction))
    for held, old in zip((graph.sources, graph.targets, graph.weights), before, strict=True):
        np.testing.assert_array_equal(held, old)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 12), st.integers(0, 50), st.integers(0, 10**6), st.booleans())
def test_reordered_is_the_permuted_matrix(n, n_edges, seed, weighted):
    adjacency = adjacencies(random_graph(n, n_edges, seed, weighted), Structure("forward"))[0]
    order = np.random.default_rng(seed).permutation(n)
    moved = adjacency.reordered(order)
    assert (moved.starts.dtype, moved.senders.dtype) == (np.int64, np.int32)
    for got, want in zip(dense(moved), dense(adjacency), strict=True):
        np.testing.assert_array_equal(got, want[np.ix_(order, order)])
    np.testing.assert_array_equal(moved.received(), adjacency.received()[order])  # to the bit
    for got, want in zip(dense(moved.reordered(np.argsort(order))), dense(adjacency), strict=True):
        np.testing.assert_array_equal(got, want)


def two_cliques(size=20):
    """Even nodes are one clique and odd ones the other; one edge joins them."""
    pairs = [(i, j) for i in range(2 * size) for j in range(i) if (i - j) % 2 == 0]
    edges = np.array([*pairs, (0, 1)]).T
    return adjacencies(Graph(np.zeros((2 * size, 1)), edges), Structure("undirected"))[0]


@pytest.mark.parametrize("seed", range(5))
def test_an_order_puts_communities_together(seed):
    order = locality_order(two_cliques(), seed=seed)
    assert sorted(order) == list(range(40))
    assert (np.diff(order % 2) != 0).sum() == 1
    np.testing.assert_array_equal(order, locality_order(two_cliques(), seed=seed))


def test_an_order_is_a_permutation_of_any_graph():
    for trial in range(10):
        adjacency = adjacencies(random_graph(30, 4 * trial, trial), Structure("forward"))[0]
        for rounds in (1, 5):
            np.testing.assert_array_equal(np.sort(locality_order(adjacency, rounds, trial)), np.arange(30))
    with pytest.raises(ParameterError, match="rounds=0: at least 1"):
        locality_order(adjacency, 0)


def test_structures():
    graph = random_graph(10, 30, 0, kinds=3)
    assert Structure.of(graph, "both", "fold") == Structure("both")
    assert Structure.of(graph, "both", "fold").folded
    kept = Structure.of(graph, "both", "keep")
    assert (kept.relations, kept.n_channels, kept.folded) == (("a", "b", "c"), 6, False)
    assert Structure.of(graph, "forward", ("c", "a")).relations == ("c", "a")
    numbered = Graph(np.zeros((2, 1)), np.array([[0, 1], [1, 0]]), relation=[0, 1])
    assert Structure.of(numbered, "forward", [1, 0]).relations == ("1", "0")


@pytest.mark.parametrize(
    ("direction", "relations", "message"),
    [
        ("backward", "fold", "direction='backward': choose one of undirected, forward, both"),
        ("both", "merge", "relations='merge': choose 'fold', 'keep' or a list"),
        ("both", ["a", "z"], r"relations=\['a', 'z'\]: the graph has a, b, c"),
        ("both", [], r"relations=\[\]: the graph has a, b, c"),
        ("both", ["a", "a"], r"relations=\['a', 'a'\] names one twice"),
    ],
)
def test_structures_that_mean_nothing(direction, relations, message):
    with pytest.raises(ParameterError, match=message):
        Structure.of(random_graph(10, 30, 0, kinds=3), direction, relations)


def test_a_relation_that_the_model_does_not_know():
    fitted = Structure.of(random_graph(10, 30, 0, kinds=2), "forward", "keep")
    assert fitted.relations == ("b", "c")
    with pytest.raises(DataError, match="edges of the relation 'a', and the model knows 'b', 'c': drop these edges"):
        adjacencies(random_graph(10, 30, 0, kinds=3), fitted)
    with pytest.raises(DataError, match="edges of the relation 'edge'"):
        adjacencies(random_graph(10, 30, 0), fitted)
    edgeless = random_graph(10, 30, 0, kinds=3).subgraph([0])  # it has the names still, and no such edge
    assert [adjacency.n_edges for adjacency in adjacencies(edgeless, fitted)] == [0, 0]
    one = Graph(np.zeros((2, 1)), np.array([[0], [1]]), relation=["c"])
    assert [adjacency.n_edges for adjacency in adjacencies(one, fitted)] == [0, 1]
    none = Graph(np.zeros((2, 1)), np.zeros((2, 0)))
    assert [adjacency.n_edges for adjacency in adjacencies(none, fitted)] == [0, 0]


def test_an_adjacency_counts_its_nodes_and_pairs():
    adjacency = Adjacency(np.array([0, 2, 2, 3]), np.array([1, 2, 0], np.int32))
    assert (adjacency.n_nodes, adjacency.n_edges) == (3, 3)
    assert adjacency.received().tolist() == [2, 0, 1]
    assert adjacency.sent().tolist() == [1, 1, 1]
    assert adjacency.pairs().tolist() == [[1, 2, 0], [0, 0, 2]]
