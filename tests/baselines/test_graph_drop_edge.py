"""DropEdge: each step of training is without some edges; without it nothing changes, and prediction takes all."""

import numpy as np
import pytest
import torch

from l0gm import Graph, L0GMNodeClassifier
from l0gm.data.adjacency import Structure, adjacencies
from l0gm.data.sampling import drop_edges
from l0gm.encoders.nodes import EVERY, node_inputs
from l0gm.errors import ParameterError

N = 60
QUICK = {"gate": "none", "epochs": 3, "width": 8, "hidden": 8, "dropout": 0.0}


def ends(seed=0, m=300):
    return np.random.default_rng(seed).integers(0, N, (2, m))


def graph(weight=None):
    y = np.arange(N) % 3
    x = np.random.default_rng(1).normal(size=(N, 6)).astype(np.float32) + np.eye(3, 6)[y]
    return Graph(x.astype(np.float32), ends(), weight=weight), y


def adjacency(direction="undirected", weight=None):
    return adjacencies(graph(weight)[0], Structure(direction))[0]


def pairs_of(a):
    return [*map(tuple, a.pairs().T.tolist())]


@pytest.mark.parametrize("direction", ["undirected", "forward"])
def test_edges_that_stay_are_edges_with_their_weights(direction):
    a = adjacency(direction, np.arange(1.0, 301.0))
    b = drop_edges(a, 0.4, seed=3)
    weights = dict(zip(pairs_of(a), a.weights.tolist(), strict=True))
    assert 0 < b.n_edges < a.n_edges
    assert all(weights[pair] == w for pair, w in zip(pairs_of(b), b.weights.tolist(), strict=True))
    assert pairs_of(b) == [pair for pair in pairs_of(a) if pair in {*pairs_of(b)}]  # in their order


def test_an_edge_that_goes_both_ways_stays_or_leaves_as_one():
    b = drop_edges(adjacency(), 0.5, seed=0)
    found = {*pairs_of(b)}
    assert found == {(t, s) for s, t in found}


def test_each_edge_leaves_with_the_same_probability():
    a = adjacency()
    n, share = 400, 0.3
    counts = dict.fromkeys(pairs_of(a), 0)
    for seed in range(n):
        for pair in pairs_of(drop_edges(a, share, seed)):
            counts[pair] += 1
    stayed = np.array([*counts.values()]) / n
    spread = np.sqrt(share * (1 - share) / n)
    assert abs(stayed.mean() - (1 - share)) < 5 * spread / np.sqrt(len(stayed) / 2)
    assert np.abs(stayed - (1 - share)).max() < 5 * spread
    assert stayed.std() == pytest.approx(spread, rel=0.3)  # edges are drawn by themselves, not in blocks


def test_the_same_seed_drops_the_same_edges_and_others_do_not():
    a = adjacency()
    assert pairs_of(drop_edges(a, 0.5, 7)) == pairs_of(drop_edges(a, 0.5, 7)) != pairs_of(drop_edges(a, 0.5, 8))
    assert drop_edges(a, 0.0, 7) is a
    with pytest.raises(ParameterError, match=r"share=1\.0: at least 0 and below 1"):
        drop_edges(a, 1.0, 0)


@pytest.mark.parametrize("kind", ["gcn", "sage"])
@pytest.mark.parametrize("fan_outs", [(EVERY, EVERY), (4, 2)])
def test_messages_are_normalised_by_what_is_left(kind, fan_outs):
    rows = node_inputs(
        kind, np.eye(N, dtype=np.float32), [adjacency()], {"some": np.arange(N)}, hops=0, fan_outs=fan_outs,
        drop_edge=0.5,
    )["some"]  # fmt: skip
    torch.manual_seed(0)
    batch = rows.take(torch.arange(N))
    (edges, weights), seed = batch.channels[0], None
    torch.manual_seed(0)
    seed = int(torch.randint(2**62, (1,)))
    left = drop_edges(adjacency(), 0.5, seed)
    degrees = np.diff(left.starts)
    names = batch.x.argmax(1).numpy()
    sums = np.zeros(N)
    for s, r, w in zip(names[edges[0]], names[edges[1]], weights.numpy(), strict=True):
        if kind == "gcn":
            share = 1.0 if fan_outs[0] == EVERY or s == r else max(degrees[r], 4) / 4
            assert w == pytest.approx(share / np.sqrt((degrees[s] + 1) * (degrees[r] + 1)), rel=1e-5)
        sums[r] += w
    if kind == "sage":
        assert np.allclose(sums, degrees > 0, atol=1e-6)  # a mean; nothing where no neighbour is left
    expected = len(pairs_of(left)) + (N if kind == "gcn" else 0)
    assert len(weights) == expected if fan_outs[0] == EVERY else len(weights) < expected


def test_batches_of_training_differ_and_those_of_evaluation_are_whole():
    x = np.eye(N, dtype=np.float32)
    plain, dropped = (
        node_inputs("gcn", x, [adjacency()], {"all": np.arange(N)}, hops=0, fan_outs=[EVERY], drop_edge=share)["all"]
        for share in (0.0, 0.5)
    )
    rows = torch.arange(N)
    first, second = (dropped.take(rows).channels[0][0] for _ in range(2))
    assert first.shape != second.shape or not torch.equal(first, second)
    with torch.no_grad():
        assert torch.equal(dropped.take(rows).channels[0][1], plain.take(rows).channels[0][1])
    assert dropped.exact


def weights_of(model):
    return torch.cat([p.detach().flatten() for p in model.model_.parameters()])


@pytest.mark.parametrize("encoder", ["gcn", "sage", "gat"])
def test_none_is_as_without_and_some_changes_training_alone(encoder):
    g, y = graph()
    fits = {
        share: L0GMNodeClassifier(encoder=encoder, heads=2, **QUICK, **({} if share is None else {"drop_edge": share}))
        for share in (None, 0.0, 0.5)
    }
    for model in fits.values():
        model.fit(g, y)
    assert torch.equal(weights_of(fits[None]), weights_of(fits[0.0]))
    assert not torch.equal(weights_of(fits[0.0]), weights_of(fits[0.5]))
    again = L0GMNodeClassifier(encoder=encoder, heads=2, **QUICK, drop_edge=0.5).fit(g, y)
    assert torch.equal(weights_of(fits[0.5]), weights_of(again))
    exact = fits[0.5].predict_proba(g)
    assert np.array_equal(exact, fits[0.5].predict_proba(g))
    fits[0.5].model_.eval()
    x = fits[0.5]._attributes.matrix(g.nodes)
    whole = node_inputs(encoder, x, [adjacency()], {"all": np.arange(N)}, hops=0, fan_outs=[EVERY, EVERY])["all"]
    with torch.no_grad():
        logits = fits[0.5].model_(whole.take(torch.arange(N)))
    assert np.allclose(torch.softmax(logits, 1).numpy(), exact, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoder": "sign", "drop_edge": 0.2}, "encoder='sign' propagates over the whole graph once, before training"),
        ({"encoder": "mlp", "drop_edge": 0.2}, "encoder='mlp' reads no edges; leave drop_edge out"),
        ({"drop_edge": 1.0}, "drop_edge=1.0: a share of the edges, at least 0 and below 1"),
        ({"drop_edge": "half"}, "drop_edge='half': a number is needed"),
    ],
)
def test_where_it_has_no_meaning(options, message):
    g, y = graph()
    with pytest.raises(ParameterError, match=message):
        L0GMNodeClassifier(**{**QUICK, **options}).fit(g, y)
