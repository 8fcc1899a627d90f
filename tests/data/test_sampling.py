"""Sampled neighbourhoods: exact where all neighbours are taken, uniform and unbiased where they are drawn."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from l0gm.data.adjacency import Structure, adjacencies
from l0gm.data.graphs import Graph
from l0gm.data.sampling import NeighbourSampler, sample_neighbours
from l0gm.errors import ParameterError


def graph(n, n_edges, seed=0, relation=False):
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 2, n_edges) if relation else None
    return Graph(np.zeros((n, 1), np.float32), rng.integers(0, n, (2, n_edges)), relation=kinds)


def channels(n, n_edges, seed=0, direction="both", relation=True):
    made = graph(n, n_edges, seed, relation)
    return adjacencies(made, Structure.of(made, direction, "keep"))


def star(degree):
    """A hub, node 0, that receives from all others, and passes nothing on."""
    edges = np.stack([np.arange(1, degree + 1), np.zeros(degree, int)])
    return adjacencies(Graph(np.zeros((degree + 1, 1), np.float32), edges), Structure("forward"))


def senders_of(adjacency, node):
    return adjacency.senders[adjacency.starts[node] : adjacency.starts[node + 1]]


def check(sampled, adjs, seeds, fan_outs):
    """Hold what has to be true of every sample."""
    nodes, hops = sampled.nodes, sampled.hops
    assert nodes.dtype == hops.dtype == np.int64
    assert len(np.unique(nodes)) == len(nodes)
    np.testing.assert_array_equal(nodes[: len(seeds)], seeds)
    assert hops.shape == (len(fan_outs) + 1,)
    assert hops[0] == len(seeds)
    assert hops[-1] == len(nodes)
    assert (np.diff(hops) >= 0).all()
    assert len(sampled.edges) == len(sampled.positions) == len(sampled.shares) == len(adjs)
    reached = np.full(len(nodes), len(fan_outs) + 1)  # the hop in which a node is found, from the edges
    reached[: len(seeds)] = 0
    depth = np.searchsorted(hops, np.arange(len(nodes)), side="right")
    for adjacency, edges, positions, shares in zip(adjs, sampled.edges, sampled.positions, sampled.shares, strict=True):
        assert (edges.dtype, positions.dtype, shares.dtype) == (np.int64, np.int64, np.float32)
        assert edges.shape == (2, len(positions))
        assert positions.shape == shares.shape
        senders, receivers = edges
        assert (np.diff(receivers) >= 0).all()
        assert len(np.unique(positions)) == len(positions)
        np.testing.assert_array_equal(adjacency.senders[positions], nodes[senders])
        assert (positions >= adjacency.starts[nodes[receivers]]).all()
        assert (positions < adjacency.starts[nodes[receivers] + 1]).all()
        degrees = np.diff(adjacency.starts)[nodes]
        expanded = np.arange(len(nodes)) < hops[-2]
        limits = np.array([n if n > 0 else 2**31 for n in fan_outs] + [0])[depth]
        drawn = np.where(expanded, np.minimum(degrees, limits), 0)
        np.testing.assert_array_equal(np.bincount(receivers, minlength=len(nodes)), drawn)
        np.testing.assert_allclose(shares, (degrees / np.maximum(drawn, 1))[receivers], rtol=1e-6)
        np.minimum.at(reached, senders, depth[receivers] + 1)
    np.testing.assert_array_equal(reached, depth)


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(0, 150),
    st.integers(0, 10**6),
    st.lists(st.sampled_from([-1, 1, 2, 3, 5, 100]), min_size=1, max_size=4),
    st.data(),
)
def test_every_sample_is_sound(n, n_edges, seed, fan_outs, data):
    adjs = channels(n, n_edges, seed)
    seeds = np.array(data.draw(st.lists(st.integers(0, n - 1), unique=True, max_size=n)), np.int64)
    check(sample_neighbours(adjs, seeds, fan_outs, seed), adjs, seeds, fan_outs)


@pytest.mark.parametrize("direction", ["forward", "undirected", "both"])
@pytest.mark.parametrize("n_hops", [1, 2, 4])
def test_all_neighbours_are_those_of_a_breadth_first_search(direction, n_hops):
    for trial in range(20):
        adjs = channels(60, 70, trial, direction)
        seeds = np.random.default_rng(trial).permutation(60)[: 1 + trial % 5]
        sampled = sample_neighbours(adjs, seeds, [-1] * n_hops, seed=trial)
        check(sampled, adjs, seeds, [-1] * n_hops)
        known, frontier = set(seeds.tolist()), set(seeds.tolist())
        edges = [set() for _ in adjs]
        for hop in range(n_hops):
            found = set()
            for adjacency, own in zip(adjs, edges, strict=True):
                for node in frontier:
                    own |= {(int(sender), node) for sender in senders_of(adjacency, node)}
                    found |= set(senders_of(adjacency, node).tolist())
            frontier = found - known
            known |= frontier
            assert set(sampled.nodes[: sampled.hops[hop + 1]].tolist()) == known
        for own, got in zip(edges, sampled.edges, strict=True):
            assert {(int(s), int(r)) for s, r in sampled.nodes[got].T} == own
        assert all((shares == 1).all() for shares in sampled.shares)


@pytest.mark.parametrize(("degree", "fan_out"), [(2, 1), (7, 3), (20, 19), (100, 5), (1000, 10), (300, 150)])
def test_each_neighbour_is_drawn_as_often_as_any_other(degree, fan_out):
    sampler = NeighbourSampler(star(degree), [fan_out])
    rounds = 4000 if degree <= 100 else 1000
    counts = np.zeros(degree)
    for seed in range(rounds):
        picks = sampler.sample([0], seed).positions[0]
        assert len(set(picks.tolist())) == fan_out
        counts[picks] += 1
    share = fan_out / degree
    # each count is binomial; a draw holds fan_out of them, which takes away one degree of freedom
    chi = ((counts - rounds * share) ** 2).sum() / (rounds * share * (1 - share)) * (degree - 1) / degree
    assert abs(chi - (degree - 1)) < 3.5 * np.sqrt(2 * (degree - 1))


def test_pairs_are_drawn_as_often_as_any_other():
    sampler = NeighbourSampler(star(6), [2])
    counts = np.zeros((6, 6))
    for seed in range(6000):
        first, second = sorted(sampler.sample([0], seed).positions[0])
        counts[first, second] += 1
    observed = counts[np.triu_indices(6, 1)]
    assert observed.sum() == 6000
    assert ((observed - 400) ** 2 / 400).sum() < 36.1  # 14 degrees of freedom: one in a thousand


def test_nodes_draw_independently_of_each_other():
    """Two hubs with one draw each: their picks are those of an independent pair, and so are those of two channels."""
    edges = np.concatenate([np.stack([np.arange(2, 7), np.full(5, hub)]) for hub in (0, 1)], axis=1)
    made = Graph(np.zeros((7, 1)), np.concatenate([edges, edges], axis=1), relation=np.repeat([0, 1], 10))
    sampler = NeighbourSampler(adjacencies(made, Structure.of(made, "forward", "keep")), [1])
    nodes, kinds = np.zeros((5, 5)), np.zeros((5, 5))
    for seed in range(5000):
        sampled = sampler.sample([0, 1], seed)
        picks = [positions % 5 for positions in sampled.positions]
        nodes[tuple(picks[0])] += 1
        kinds[picks[0][0], picks[1][0]] += 1
    for counts in (nodes, kinds):
        assert ((counts - 200) ** 2 / 200).sum() < 51.2  # 24 degrees of freedom: one in a thousand


def test_seeds_in_a_row_draw_independently():
    sampler = NeighbourSampler(star(5), [1])
    picks = np.array([sampler.sample([0], seed).positions[0][0] for seed in range(5001)])
    counts = np.zeros((5, 5))
    np.add.at(counts, (picks[:-1], picks[1:]), 1)
    assert ((counts - 200) ** 2 / 200).sum() < 51.2


def test_sums_of_shares_are_unbiased():
    adjs = channels(40, 600, direction="forward")
    x = np.random.default_rng(1).normal(size=40)
    sampler = NeighbourSampler(adjs, [3])
    rounds = 3000
    for channel, adjacency in enumerate(adjs):
        exact = np.array([x[senders_of(adjacency, node)].sum() for node in range(40)])
        sums = np.zeros((rounds, 40))
        for seed in range(rounds):
            sampled = sampler.sample(np.arange(40), seed)
            senders, receivers = sampled.edges[channel]
            np.add.at(sums[seed], receivers, x[sampled.nodes[senders]] * sampled.shares[channel])
        error = np.maximum(sums.std(axis=0) / np.sqrt(rounds), 1e-5)
        assert np.abs((sums.mean(axis=0) - exact) / error).max() < 3.5


def test_what_a_node_draws_depends_on_nothing_else():
    adjs = channels(50, 2000, direction="forward")
    sampler = NeighbourSampler(adjs, [4])
    alone = {node: sampler.sample([node], 7) for node in range(50)}
    together = sampler.sample(np.arange(50)[::-1], 7)
    for channel in range(len(adjs)):
        for node, own in alone.items():
            mine = together.nodes[together.edges[channel][1]] == node
            np.testing.assert_array_equal(together.positions[channel][mine], own.positions[channel])
    deeper = sample_neighbours(adjs, [3], [4, 4], 7)
    for channel in range(len(adjs)):
        for place in range(deeper.hops[1]):
            mine = deeper.edges[channel][1] == place
            own = alone[int(deeper.nodes[place])]
            np.testing.assert_array_equal(deeper.positions[channel][mine], own.positions[channel])


def test_the_same_seed_draws_the_same_and_another_does_not():
    adjs = channels(200, 4000)
    sampler = NeighbourSampler(adjs, [3, 3])
    seeds = np.arange(10)
    first, _, again, other = (sampler.sample(seeds, seed) for seed in (5, 9, 5, 6))
    fresh = sample_neighbours(adjs, seeds.astype(np.uint8), (3, 3), np.int64(5))
    for same in (again, fresh):
        np.testing.assert_array_equal(first.nodes, same.nodes)
        for channel in range(len(adjs)):
            np.testing.assert_array_equal(first.edges[channel], same.edges[channel])
            np.testing.assert_array_equal(first.positions[channel], same.positions[channel])
    assert not np.array_equal(first.nodes, other.nodes)


def drawn_in_python(seed, node, channel, degree, fan_out):
    """The draw as its docstring has it, in Python's integers."""
    mask, step = 2**64 - 1, 0x9E3779B97F4A7C15

    def mixed(x):
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & mask
        x = (x ^ x >> 27) * 0x94D049BB133111EB & mask
        return x ^ x >> 31

    state = mixed((mixed((mixed((seed + step) & mask) + channel) & mask) + node) & mask)
    picks = []
    for j in range(degree - fan_out, degree):
        left = -1
        while left < 2**32 % (j + 1):
            state = (state + step) & mask
            pick, left = divmod((mixed(state) >> 32) * (j + 1), 2**32)
        picks.append(j if pick in picks else pick)
    return picks


@pytest.mark.parametrize("seed", [0, 1, 2024, 2**63, 2**64 - 1])
def test_the_draw_is_the_same_on_every_machine(seed):
    made = Graph(np.zeros((100, 1)), np.stack([np.tile(np.arange(99), 2), np.full(198, 99)]), relation=[0, 1] * 99)
    for channel, adjacency in enumerate(adjs := adjacencies(made, Structure.of(made, "forward", "keep"))):
        degree = int(np.diff(adjacency.starts)[99])
        for fan_out in (1, 6, degree - 1):
            sampled = sample_neighbours(adjs, [99], [fan_out], seed)
            picks = sampled.positions[channel] - adjacency.starts[99]
            assert picks.tolist() == drawn_in_python(seed, 99, channel, degree, fan_out)
    again = sample_neighbours(adjs, [99], [6], seed + 2**64)
    np.testing.assert_array_equal(again.nodes, sample_neighbours(adjs, [99], [6], seed).nodes)


def test_a_hub_costs_what_is_drawn():
    sampler = NeighbourSampler(star(200_000), [5])
    sampled = sampler.sample([0], 0)
    assert sampled.edges[0].shape == (2, 5)
    assert sampled.nodes.base is None or len(sampled.nodes.base) <= 6
    np.testing.assert_allclose(sampled.shares[0], 40_000)


def test_a_large_fan_out_of_a_larger_degree():
    adjs = star(3000)
    sampled = sample_neighbours(adjs, [0], [2900], 1)
    check(sampled, adjs, [0], [2900])
    assert sample_neighbours(adjs, [0], [2**40], 1).hops.tolist() == [1, 3001]


def test_isolated_and_no_seeds():
    adjs = adjacencies(Graph(np.zeros((5, 1)), np.array([[0], [1]])), Structure("both"))
    sampled = sample_neighbours(adjs, [4, 3], [2, -1], 0)
    assert sampled.nodes.tolist() == [4, 3]
    assert sampled.hops.tolist() == [2, 2, 2]
    assert [edges.shape for edges in sampled.edges] == [(2, 0), (2, 0)]
    empty = sample_neighbours(adjs, [], [2, -1], 0)
    assert (len(empty.nodes), empty.hops.tolist()) == (0, [0, 0, 0])
    check(empty, adjs, [], [2, -1])


def test_a_refused_call_leaves_no_trace():
    adjs = channels(30, 200)
    sampler = NeighbourSampler(adjs, [2, 2])
    for seeds in ([3, 4, 3], [3, 30], [3, -1]):
        with pytest.raises(ParameterError):
            sampler.sample(seeds, 0)
    got, fresh = sampler.sample([3, 4], 0), sample_neighbours(adjs, [3, 4], [2, 2], 0)
    np.testing.assert_array_equal(got.nodes, fresh.nodes)
    check(got, adjs, [3, 4], [2, 2])


def test_it_samples_what_was_mapped_read_only():
    adjs = channels(30, 200)
    for adjacency in adjs:
        adjacency.starts.flags.writeable = adjacency.senders.flags.writeable = False
    seeds = np.arange(4)
    seeds.flags.writeable = False
    check(sample_neighbours(adjs, seeds, [2, 2], 0), adjs, seeds, [2, 2])


@pytest.mark.parametrize("fan_outs", [[], [0], [3, 0], [-2], [2.5], [True], ["3"]])
def test_fan_outs_that_mean_nothing(fan_outs):
    with pytest.raises(ParameterError, match=r"fan_outs=.*above 0 is needed, or -1"):
        NeighbourSampler(star(3), fan_outs)


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ([1, 2, 1], "seeds names node 1 twice: name each once"),
        ([4], "seeds names node 4: the nodes are 0 to 3"),
        ([0, -1], "seeds names node -1"),
        ([2**31 + 5], "seeds names node 2147483653"),
        (np.array([2**63 + 2], np.uint64), "seeds names node 9223372036854775810"),
        ([0.0], "seeds of type float64"),
        ([True, False, True, False], "seeds of type bool"),
        ([[0]], r"shape \(1, 1\)"),
        (0, r"shape \(\)"),
    ],
)
def test_seeds_that_are_no_nodes(seeds, message):
    with pytest.raises(ParameterError, match=message):
        sample_neighbours(star(3), seeds, [2], 0)


@pytest.mark.parametrize("seed", [-1, 1.5, True, None])
def test_seeds_of_the_generator_that_mean_nothing(seed):
    with pytest.raises(ParameterError, match="seed="):
        sample_neighbours(star(3), [0], [2], seed)


def test_adjacencies_that_do_not_fit_together():
    with pytest.raises(ParameterError, match="adjacencies of no nodes"):
        NeighbourSampler([], [2])
    with pytest.raises(ParameterError, match=r"adjacencies of \[4, 5\] nodes"):
        NeighbourSampler([*star(3), *star(4)], [2])
