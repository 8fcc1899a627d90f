"""GraphSAINT and FastGCN: what a sample shows of the graph is right on average, and answers are exact."""

import pickle

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.base import clone

from l0gm import Graph
from l0gm.baselines.base import size_of
from l0gm.baselines.graph_fastgcn import FastGCN, LayerSamples
from l0gm.baselines.graph_saint import GraphSAINT, Subgraphs, by_norm, walks
from l0gm.baselines.graph_samples import matrix_of
from l0gm.data.adjacency import Structure, adjacencies
from l0gm.data.propagation import Operator
from l0gm.errors import DataError, NotFittedError, ParameterError

N = 40


def graph(seed=0, n=N, m=90):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    ends = rng.integers(0, n - 3, (2, 6 * m))  # the last three have no edge
    alike = (y[ends[0]] == y[ends[1]]) | (rng.random(6 * m) < 0.1)
    x = rng.normal(size=(n, 5)) + 1.5 * np.eye(2, 5)[y]
    return Graph(x.astype(np.float32), ends[:, alike][:, :m]), np.array(["no", "yes"])[y]


@pytest.fixture(scope="module")
def messages():
    return matrix_of(Operator.symmetric(adjacencies(graph()[0], Structure("undirected"))[0], loop=True))


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(5).normal(size=(N, 3))


def test_the_matrix_is_what_propagates(messages, x):
    operator = Operator.symmetric(adjacencies(graph()[0], Structure("undirected"))[0], loop=True)
    assert np.allclose(messages @ x, operator(x.astype(np.float32)), atol=1e-5)
    assert np.allclose(messages.diagonal()[-3:], 1.0)


# ---- GraphSAINT ----------------------------------------------------------------------------------------------


def drawing(kind, messages, seed=0, size=8):
    random = np.random.default_rng(seed)
    return walks(messages, np.arange(N), size, 2, random) if kind == "walk" else by_norm(messages, 12, random)


@pytest.mark.parametrize("kind", ["walk", "node"])
def test_what_a_node_receives_is_right_over_the_subgraphs_that_hold_it(kind, messages, x):
    counted = Subgraphs(messages, np.arange(N), drawing(kind, messages), presamples=1000)
    sums, held, n = np.zeros((N, 3)), np.zeros(N), 1000
    for _ in range(n):  # others than those that were counted before
        sample = counted.sample()
        sums[sample.nodes] += csr_array(sample.messages) @ x[sample.nodes]
        held[sample.nodes] += 1
    found, exact = sums / held[:, None], messages @ x
    assert held.min() > 30
    assert np.abs(found - exact).max() < 0.3
    assert np.abs(found - exact).mean() < 0.04
    naive, again = np.zeros((N, 3)), np.zeros(N)
    for _ in range(200):  # without the correction it is not
        nodes = np.unique(counted.draw())
        naive[nodes] += messages[nodes][:, nodes] @ x[nodes]
        again[nodes] += 1
    assert np.abs(naive / again[:, None] - exact).mean() > 0.1


@pytest.mark.parametrize("kind", ["walk", "node"])
def test_the_loss_is_right_on_average(kind, messages):
    train = np.arange(0, N, 3)
    counted = Subgraphs(messages, train, drawing(kind, messages), presamples=800)
    losses = np.random.default_rng(2).random(N)
    found = []
    for _ in range(800):
        sample = counted.sample()
        nodes = sample.nodes[sample.places]
        assert {*nodes} <= {*train}
        found.append((sample.weight * losses[nodes]).mean())
    assert np.mean(found) == pytest.approx(losses[train].mean(), abs=5 * np.std(found) / np.sqrt(800) + 0.02)


def test_a_subgraph_holds_every_edge_among_its_nodes(messages):
    counted = Subgraphs(messages, np.arange(N), drawing("walk", messages), presamples=1)
    sample = counted.sample()
    inside = messages[sample.nodes][:, sample.nodes].toarray() != 0
    assert np.array_equal(csr_array(sample.messages).toarray() != 0, inside)
    assert np.isfinite(sample.messages.data).all()
    assert (sample.messages.data >= messages[sample.nodes][:, sample.nodes].tocoo().data - 1e-6).all()


def test_walks_go_along_edges_and_stay_where_there_is_none(messages):
    path = csr_array(np.diag(np.ones(3), 1) + np.diag(np.ones(3), -1) + np.eye(4))
    draw = walks(path, np.array([0]), 500, 2, np.random.default_rng(0))
    one, two, three = np.split(draw(), 3)
    assert {*one} == {0}
    assert {*two} == {1}  # never in place
    assert {*three} == {0, 2}
    alone = walks(messages, np.array([N - 1]), 5, 3, np.random.default_rng(0))
    assert {*alone()} == {N - 1}


# ---- FastGCN -------------------------------------------------------------------------------------------------


def received(sample, x):
    return csr_array(sample.messages) @ x


def test_a_layer_receives_what_is_right_on_average(messages, x):
    sampler = LayerSamples(messages, np.arange(N), (10,), N, np.random.default_rng(0))
    n, sums = 800, np.zeros((N, 3))
    squares = np.zeros((N, 3))
    for _ in range(n):
        sample = sampler.sample()
        got = received(sample, x[sample.nodes])[:N]
        sums[sample.nodes[:N]] += got
        squares[sample.nodes[:N]] += got**2
    error = sums / n - messages @ x
    spread = np.sqrt(squares / n - (sums / n) ** 2) / np.sqrt(n)
    assert (np.abs(error) < 5 * spread + 1e-6).all()
    assert spread.max() < 0.12


def test_two_layers_are_right_on_average_too(messages, x):
    """Without anything between the layers, which is linear."""
    sampler = LayerSamples(messages, np.arange(N), (15, 15), N, np.random.default_rng(1))
    n, sums, squares = 800, np.zeros((N, 3)), np.zeros((N, 3))
    for _ in range(n):
        sample = sampler.sample()
        got = received(sample, received(sample, x[sample.nodes]))[:N]
        sums[sample.nodes[:N]] += got
        squares[sample.nodes[:N]] += got**2
    spread = np.sqrt(squares / n - (sums / n) ** 2) / np.sqrt(n)
    assert (np.abs(sums / n - messages @ (messages @ x)) < 5 * spread + 1e-6).all()
    assert spread.max() < 0.12


def test_all_neighbours_are_exact(messages, x):
    sampler = LayerSamples(messages, np.arange(7), (-1, -1), 4, np.random.default_rng(0))
    for size in (4, 3, 4):
        sample = sampler.sample()
        assert len(sample.places) == size
        got = received(sample, received(sample, x[sample.nodes]))[sample.places]
        assert np.allclose(got, (messages @ (messages @ x))[sample.nodes[sample.places]], atol=1e-6)


def test_nodes_are_drawn_by_the_norm_of_their_columns(messages):
    sampler = LayerSamples(messages, np.arange(N), (5,), N, np.random.default_rng(0))
    columns = np.linalg.norm(messages.toarray(), axis=0) ** 2
    drawn = np.concatenate([sampler.sample().nodes[N:] for _ in range(500)])
    assert np.corrcoef(np.bincount(drawn, minlength=N), columns)[0, 1] > 0.9


def test_nodes_are_drawn_from_those_that_matter(messages, x):
    """A few nodes at hand: what they receive is right on average, and comes from their neighbours alone."""
    train = np.array([2, 5, 17])
    sampler = LayerSamples(messages, train, (4,), 3, np.random.default_rng(0))
    near = {*np.flatnonzero((messages[train].toarray() != 0).any(0))}
    n, found = 1500, np.zeros((1500, N, 3))
    for i in range(n):
        sample = sampler.sample()
        assert {*sample.nodes[3:]} <= near
        found[i, sample.nodes[:3]] = received(sample, x[sample.nodes])[:3]
    spread = found.std(0) / np.sqrt(n)
    assert (np.abs(found.mean(0) - messages @ x) < 5 * spread + 1e-6)[train].all()
    assert spread[train].max() < 0.1


def test_each_training_node_comes_once_an_epoch(messages):
    train = np.array([3, 9, 11, 20, 31])
    sampler = LayerSamples(messages, train, (3,), 2, np.random.default_rng(0))
    for _ in range(2):
        seen = np.concatenate([(s := sampler.sample()).nodes[s.places] for _ in range(3)])
        assert sorted(seen) == train.tolist()


# ---- both ----------------------------------------------------------------------------------------------------

KINDS = {
    "walk": lambda **o: GraphSAINT("walk", 20, presamples=10, **o),
    "node": lambda **o: GraphSAINT("node", 25, presamples=10, **o),
    "fastgcn": lambda **o: FastGCN((30, -1), 8, **o),
}


def made(kind, **options):
    return KINDS[kind](**{"hidden": 8, "steps": 80, "dropout": 0.2, "lr": 0.02, **options})


@pytest.mark.parametrize("kind", list(KINDS))
def test_it_learns_and_answers_exactly(kind):
    g, y = graph(n=120, m=300)
    train, valid, test = np.split(np.random.default_rng(0).permutation(120), [50, 80])
    model = made(kind).fit(g, y, train=train, validation=valid)
    assert np.mean(model.predict(g, test) == y[test]) > 0.85
    assert model.metrics_["validation"]["accuracy"] > 0.85
    proba = model.predict_proba(g)
    assert proba.shape == (120, 2)
    assert np.allclose(proba.sum(1), 1.0)
    assert np.array_equal(model.predict_proba(g, test), proba[test])
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict_proba(g), proba)
    assert size_of(model) == (8, 8, 5 * 8 + 8 + 8 * 8 + 8 + 8 + 1)
    before = torch.random.get_rng_state()
    again = clone(model).fit(g, y, train=train, validation=valid)
    assert torch.equal(before, torch.random.get_rng_state())
    assert np.array_equal(again.predict_proba(g), proba)
    assert not np.array_equal(
        made(kind, random_state=1).fit(g, y, train=train, validation=valid).predict_proba(g), proba
    )


@pytest.mark.parametrize("kind", list(KINDS))
def test_it_answers_for_other_graphs_without_edges_too(kind):
    g, y = graph()
    model = made(kind, steps=10).fit(g, y)
    lonely = Graph(g.nodes[:4], np.zeros((2, 0), int))
    assert model.predict_proba(lonely).shape == (4, 2)
    assert np.isfinite(made(kind, steps=10).fit(Graph(g.nodes, np.zeros((2, 0), int)), y).predict_proba(g)).all()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (GraphSAINT("edge"), "sampler='edge': choose 'walk' or 'node'"),
        (GraphSAINT(roots=0), "roots=0: a whole number, at least 1"),
        (GraphSAINT(steps=1.5), "steps=1.5: a whole number"),
        (FastGCN((0, -1)), r"samples=\(0, -1\): for each layer"),
        (FastGCN(batch_size=0), "batch_size=0"),
    ],
)
def test_parameters_that_mean_nothing(model, message):
    with pytest.raises(ParameterError, match=message):
        model.fit(*graph())


def test_bad_input_is_named():
    g, y = graph()
    with pytest.raises(NotFittedError, match="this FastGCN is not fitted"):
        FastGCN().predict_proba(g)
    with pytest.raises(DataError, match="39 labels for 40 nodes"):
        FastGCN().fit(g, y[1:])
    model = made("fastgcn", steps=2).fit(g, y)
    with pytest.raises(DataError):
        model.predict_proba(Graph(np.ones((3, 2), np.float32), [[0], [1]]))
