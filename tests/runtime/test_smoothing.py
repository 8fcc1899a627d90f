"""Correct and Smooth against its equations over dense matrices."""

import numpy as np
import pytest

from l0gm.data.graphs import Graph
from l0gm.errors import DataError, ParameterError
from l0gm.runtime.smoothing import correct_and_smooth

N, C = 40, 3


def graph_of(weighted=False, seed=0, n=N):
    """Loops and double edges among its edges; the last nodes have none."""
    rng = np.random.default_rng(seed)
    weight = rng.random(90) if weighted else None
    return Graph(np.zeros((n, 1), np.float32), rng.integers(0, n - 6, (2, 90)), weight=weight)


def answers_of(n=N, seed=1):
    proba = np.random.default_rng(seed).dirichlet(np.ones(C), n)
    known = np.array([3, 0, 11, 20, 25, N - 1])
    return proba, known, np.array([0, 2, 1, 1, 0, 2])


def normalised(graph):
    """D^-1/2 A D^-1/2, edges counted both ways, those between the same two nodes once."""
    weights = np.ones(graph.n_edges) if graph.weights is None else graph.weights.astype(np.float64)
    one_way = np.zeros((graph.n_nodes, graph.n_nodes))
    for s, t, w in zip(graph.sources, graph.targets, weights, strict=True):
        if s != t:
            one_way[t, s] = 1.0 if graph.weights is None else one_way[t, s] + w
    matrix = np.maximum(one_way, one_way.T)
    degree = matrix.sum(1)
    root = np.where(degree > 0, np.where(degree > 0, degree, 1.0) ** -0.5, 0.0)
    return root[:, None] * matrix * root


def expected(graph, proba, known, labels, correction=0.8, smoothing=0.8, iterations=50):
    """E(t+1) = (1 - a) E(0) + a S E(t), scaled by the mean size of E(0) in known nodes; the same of labels."""
    s, truth = normalised(graph), np.eye(C)[labels]
    answers = proba.copy()
    if correction:
        first = np.zeros_like(proba)
        first[known] = truth - proba[known]
        error = first
        for _ in range(iterations):
            error = np.clip((1 - correction) * first + correction * s @ error, -1, 1)
        size = np.abs(first[known]).sum(1).mean()
        reach = np.abs(error).sum(1, keepdims=True)
        answers = proba + np.where(reach > 1e-6, size * error / np.where(reach > 0, reach, 1.0), 0.0)
    if smoothing:
        first = answers.copy()
        first[known] = truth
        answers = first
        for _ in range(iterations):
            answers = np.clip((1 - smoothing) * first + smoothing * s @ answers, 0, 1)
    answers = np.clip(answers, 0, None)
    return answers / answers.sum(1, keepdims=True)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "options",
    [{}, {"correction": 0.3, "smoothing": 0.95}, {"correction": 0.0}, {"smoothing": 0.0}, {"iterations": 1},
     {"correction": 0.0, "smoothing": 0.0}],
    ids=str,
)  # fmt: skip
def test_it_is_what_the_equations_say(options, weighted):
    graph, given = graph_of(weighted), answers_of()
    found = correct_and_smooth(graph, *given, **options)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected(graph, *given, **options), atol=2e-5)
    np.testing.assert_allclose(found.sum(1), 1.0, atol=1e-12)


def test_known_nodes_keep_their_labels_and_others_follow_their_neighbours():
    """Two cliques of which one node each is known, and answers that say nothing."""
    clique = np.array([(i, j) for i in range(5) for j in range(i)]).T
    graph = Graph(np.zeros((11, 1)), np.concatenate([clique, clique + 5], 1))
    found = correct_and_smooth(graph, np.full((11, 2), 0.5), np.array([0, 5]), np.array([1, 0]))
    assert found.argmax(1)[:10].tolist() == [1] * 5 + [0] * 5
    assert found[10].tolist() == [0.5, 0.5]  # nothing reaches it


def test_what_is_given_stays_as_it_was():
    graph, given = graph_of(), answers_of()
    before = [part.copy() for part in given]
    correct_and_smooth(graph, *given)
    assert all(np.array_equal(a, b) for a, b in zip(given, before, strict=True))


def test_without_known_nodes_or_edges():
    proba, known, labels = answers_of()
    nothing = np.zeros(0, np.int64)
    assert np.array_equal(correct_and_smooth(graph_of(), proba, nothing, nothing), proba)
    bare = Graph(np.zeros((N, 1)), np.zeros((2, 0), int))
    found = correct_and_smooth(bare, proba, known, labels)
    others = np.setdiff1d(np.arange(N), known)
    np.testing.assert_allclose(found[others], proba[others], atol=1e-6)
    assert found[known].argmax(1).tolist() == labels.tolist()


def test_answers_that_are_right_already_stay_so():
    graph = graph_of()
    labels = np.zeros(N, np.int64)
    proba = np.eye(C)[labels]
    np.testing.assert_allclose(correct_and_smooth(graph, proba, np.arange(5), labels[:5]), proba, atol=1e-6)


def test_other_graphs_stand_for_one():
    graph, given = graph_of(), answers_of()
    pair = (np.ones((N, 2), np.float32), np.stack([graph.sources, graph.targets]))
    assert np.array_equal(correct_and_smooth(pair, *given), correct_and_smooth(graph, *given))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"correction": 1.0}, "correction=1.0: at least 0 and below 1"),
        ({"smoothing": -0.1}, "smoothing=-0.1: at least 0 and below 1"),
        ({"correction": float("nan")}, "correction=nan: at least 0 and below 1"),
        ({"iterations": 0}, "iterations=0: at least 1"),
    ],
)
def test_arguments_out_of_range(options, message):
    with pytest.raises(ParameterError, match=message):
        correct_and_smooth(graph_of(), *answers_of(), **options)


@pytest.mark.parametrize(
    ("known", "labels", "message"),
    [
        ([1, 2], [0], "2 known with 1 labels"),
        ([1, N], [0, 0], "known 1 is node 40"),
        ([-1], [0], "known 0 is -1|known 0 is node -1"),
        ([1], [3], "labels: class indices from 0 to 2"),
        ([1], [-1], "labels: class indices from 0 to 2"),
    ],
)
def test_nodes_and_labels_that_are_none(known, labels, message):
    with pytest.raises(DataError, match=message):
        correct_and_smooth(graph_of(), answers_of()[0], np.array(known), np.array(labels))


def test_answers_of_another_graph():
    with pytest.raises(DataError, match="39 answers for 40 nodes"):
        correct_and_smooth(graph_of(), answers_of(39)[0], np.array([1]), np.array([0]))
