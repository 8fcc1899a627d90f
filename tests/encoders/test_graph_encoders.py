"""Graph encoders keep the contract of encoders of nodes, and their layers are PyG's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from l0gm.compaction.graphs import apply_nodes, plan_nodes
from l0gm.data.adjacency import Structure, adjacencies
from l0gm.data.graphs import Graph
from l0gm.encoders.base import Encoder
from l0gm.encoders.geometric import geometric
from l0gm.encoders.graph import GRAPH_ENCODERS, Convolutions, Hops, StateEncoder, node_states
from l0gm.encoders.nodes import EVERY, HopRows, NodeRows, node_inputs
from l0gm.errors import MissingExtraError, ParameterError
from l0gm.gates import IdentityGate
from l0gm.heads import StatesHead
from l0gm.model import GatedModel
from l0gm.runtime.attributes import ArrayAttributes
from l0gm.testing import check_node_encoder

F, WIDTH, LAYERS, HOPS = 5, 6, 2, 2
NONE = np.zeros(0, np.float32)


def made(kind, n_channels=1, **options):
    places = 1 + (HOPS * n_channels if kind == "sign" else 0)
    given = {"hidden": 8, "width": WIDTH, "layers": LAYERS, "heads": 2, "dropout": 0.3} | options
    torch.manual_seed(0)
    center, scale = (0.1 * torch.randn(places, F), 0.5 + torch.rand(places, F))
    return node_states(kind, n_attributes=F, n_channels=n_channels, center=center, scale=scale, **given)


def reading(kind, layers=LAYERS):
    def inputs(x, mixed, nodes):
        read = node_inputs(kind, x, mixed, {"some": nodes}, hops=HOPS, fan_outs=[EVERY] * layers)
        return read["some"]

    return inputs


def compacted(encoder, x, mixed):
    """The states of a program that was cut out, found from its probabilities: the last logit is 0."""
    head = StatesHead(encoder.dim, encoder.dim + 1)
    with torch.no_grad():
        head.out.weight.copy_(torch.eye(encoder.dim + 1, encoder.dim))
        head.out.bias.zero_()
    model = GatedModel(encoder, IdentityGate(encoder.dim), head)
    attributes = ArrayAttributes(F, np.arange(F, dtype=np.int32), "none", NONE, NONE)
    structure = Structure("forward", tuple(f"r{i}" for i in range(len(mixed))))
    cut, program = apply_nodes(model, plan_nodes(model, attributes), attributes, structure)
    logs = np.log(program.probabilities(cut.matrix(x), mixed))
    return logs[:, :-1] - logs[:, -1:]


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("kind", GRAPH_ENCODERS)
def test_every_encoder_keeps_the_contract(kind, n_channels, weighted):
    check_node_encoder(
        lambda: StateEncoder(made(kind, n_channels)),
        reading(kind),
        compacted,
        n_attributes=F,
        n_channels=n_channels,
        weighted=weighted,
    )


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("kind", GRAPH_ENCODERS)
def test_shallow_and_deep_ones_do_too(kind, layers):
    width = 3 if kind in ("sign", "mlp") else 1  # which a rectifier might close for all nodes
    options = {"layers": layers, "width": width, "heads": 1}
    check_node_encoder(lambda: StateEncoder(made(kind, **options)), reading(kind, layers), compacted, n_attributes=F)


# ---- against PyG's own layers --------------------------------------------------------------------------------


def attributes_and_edges(direction="undirected", weighted=False, n=40, n_edges=120):
    """Loops and double edges are in what is given; the last nodes have none."""
    rng = np.random.default_rng(0)
    weight = rng.random(n_edges) if weighted else None
    x = rng.normal(size=(n, F)).astype(np.float32)
    return x, adjacencies(Graph(x, rng.integers(0, n - 5, (2, n_edges)), weight=weight), Structure(direction))


def pyg(kind, *args, **options):
    return getattr(geometric("nn", "a test"), kind)(*args, **options)


def layers_of(encoder, make):
    """PyG's layers of the same weights, and what runs them."""
    copies = []
    for number, (convolution,) in enumerate(encoder.layers):
        copy, bias = make(*((F, 8) if number == 0 else (8, WIDTH))), encoder.biases[number]
        state = {**convolution.state_dict(), "bias": bias}
        if encoder.roots is not None:
            state = {"lin_l.weight": convolution.lin.weight, "lin_l.bias": bias}
            state["lin_r.weight"] = encoder.roots[number].weight
        copy.load_state_dict(state)
        copies.append(copy)

    def run(x, *graph):
        for number, copy in enumerate(copies):
            x = copy(x.relu() if number else x, *graph)
        return x

    return run


def moved(kind):
    encoder = made(kind).eval()
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return encoder


@pytest.mark.parametrize(
    ("kind", "make", "weighted"),
    [
        ("gcn", lambda a, b: pyg("GCNConv", a, b), False),
        ("gcn", lambda a, b: pyg("GCNConv", a, b), True),
        ("gat", lambda a, b: pyg("GATConv", a, b // 2, 2), False),
        ("sage", lambda a, b: pyg("SAGEConv", a, b, aggr="mean"), False),
    ],
    ids=["GCN", "GCN with weights", "GAT", "SAGE"],
)
@torch.no_grad()
def test_layers_are_those_of_the_library(kind, make, weighted):
    """Which normalises, adds loops and averages by itself."""
    x, (adjacency,) = attributes_and_edges(weighted=weighted)
    encoder = moved(kind)
    graph = [torch.from_numpy(adjacency.pairs())]
    if weighted:
        graph.append(torch.from_numpy(adjacency.weights))
    expected = layers_of(encoder, make)(torch.from_numpy(x), *graph)
    batch = reading(kind)(x, (adjacency,), np.arange(40)).take(torch.arange(40))
    torch.testing.assert_close(encoder(batch.x, batch), expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_messages_go_from_sources_to_targets():
    x = np.eye(3, F, dtype=np.float32)
    mixed = adjacencies(Graph(x, np.array([[0], [1]])), Structure("forward"))
    for kind in ("gcn", "sage", "gat"):
        encoder, read = moved(kind), reading(kind)
        before, after = (
            encoder((batch := read(some, mixed, np.arange(3)).take(torch.arange(3))).x, batch)
            for some in (x, x + np.array([[1], [0], [0]], np.float32))
        )
        assert [not torch.allclose(a, b) for a, b in zip(before, after, strict=True)] == [True, True, False]


# ---- what is read --------------------------------------------------------------------------------------------


def test_whole_neighbourhoods_are_found_once_and_samples_anew():
    x, mixed = attributes_and_edges()
    nodes = {"train": np.arange(10), "none": np.arange(0)}
    whole = node_inputs("gcn", x, mixed, nodes, hops=1, fan_outs=[EVERY, EVERY])
    assert list(whole) == ["train"]
    rows = whole["train"]
    assert isinstance(rows, NodeRows)
    assert rows.exact
    assert rows.take(torch.arange(10)).x is rows.take(torch.arange(10).flip(0)).x
    sampled = node_inputs("gcn", x, mixed, nodes, hops=1, fan_outs=[2, 2])["train"]
    assert not sampled.exact
    with torch.no_grad():  # in evaluation always the same
        first, second = (sampled.take(torch.arange(10)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.channels[0], second.channels[0], strict=True))
    drawn = [sampled.take(torch.arange(10)).channels[0][0] for _ in range(4)]
    assert any(not torch.equal(drawn[0], other) for other in drawn[1:])


@torch.no_grad()
def test_a_sampled_sum_is_unbiased():
    x, mixed = attributes_and_edges()
    encoder = made("gcn", layers=1).eval()
    exact = reading("gcn", 1)(x, mixed, np.arange(40))
    batch = exact.take(torch.arange(40))
    expected = encoder(batch.x, batch)
    total = torch.zeros_like(expected)
    for seed in range(400):
        read = node_inputs("gcn", x, mixed, {"all": np.arange(40)}, hops=1, fan_outs=[2], seed=seed)["all"]
        batch = read.take(torch.arange(40))
        total += encoder(batch.x, batch)
    assert float((total / 400 - expected).abs().max()) < 0.15
    assert float((expected - expected.mean(0)).abs().max()) > 0.5


def test_hops_are_rows_by_themselves():
    x, mixed = attributes_and_edges()
    read = node_inputs("sign", x, mixed, {"a": np.array([3, 1]), "b": np.array([1])}, hops=HOPS, fan_outs=[])
    assert isinstance(read["a"], HopRows)
    assert read["a"].take(torch.arange(2)).shape == (2, 1 + HOPS, F)
    assert torch.equal(read["a"].take(torch.tensor([1])), read["b"].take(torch.tensor([0])))
    assert np.array_equal(read["a"].x[:, 0].numpy(), x[[3, 1]])
    plain = node_inputs("mlp", x, (), {"a": np.array([3, 1])}, hops=HOPS, fan_outs=[])["a"]
    assert plain.x.shape == (2, 1, F)


def test_attributes_that_were_mapped_read_only(tmp_path):
    x, mixed = attributes_and_edges()
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    for kind in GRAPH_ENCODERS:
        a, b = (reading(kind)(some, mixed, np.arange(40)).take(torch.arange(3)) for some in (x, mapped))
        assert torch.equal(*(batch if isinstance(batch, torch.Tensor) else batch.x for batch in (a, b)))


def test_heads_share_out_a_state():
    for options in ({"width": 5}, {"hidden": 7}):
        with pytest.raises(ParameterError, match=r"heads=2: hidden=.* and width=.* are shared out"):
            made("gat", **options)
    assert isinstance(made("gat", layers=1, hidden=7), Convolutions)  # there is none between layers
    assert isinstance(made("sign", hidden=7), Hops)


def test_where_the_library_is_not_installed(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch_geometric.nn", None)
    with pytest.raises(MissingExtraError, match=r"encoder='gcn' needs torch-geometric.*l0gm\[graph\]"):
        made("gcn")
    assert isinstance(made("sign"), Hops)


# ---- encoders with one fault each ----------------------------------------------------------------------------


class Faulty(StateEncoder):
    def __init__(self, kind="gcn"):
        super().__init__(made(kind))


class ReadsNumbers(Faulty):
    """How far down a node stands."""

    def forward(self, batch):
        return super().forward(batch) + torch.linspace(0, 1, len(batch.x))[batch.seeds, None]


class NormalisesOverTheNodes(Faulty):
    def forward(self, batch):
        return super().forward(batch._replace(x=batch.x - batch.x.mean(0)))


class ForgetsItself(Faulty):
    def __init__(self):
        super().__init__("sage")
        self.states.roots = None


class CountsNeighbours(Faulty):
    def forward(self, batch):
        edges = batch.channels[0][0]
        counts = torch.bincount(edges[1], minlength=len(batch.x)) - 1  # its loop
        return super().forward(batch) / counts[batch.seeds, None]


class HasASpareParameter(Faulty):
    def __init__(self):
        super().__init__()
        self.spare = nn.Parameter(torch.ones(3))


@pytest.mark.parametrize(
    ("make", "clause"),
    [
        (ReadsNumbers, "rows do not depend on each other"),
        (NormalisesOverTheNodes, "rows do not depend on each other"),
        (CountsNeighbours, "not finite"),
        (HasASpareParameter, "spare gets no gradient"),
    ],
    ids=lambda x: getattr(x, "__name__", None),
)
def test_the_suite_names_the_broken_clause(make, clause):
    with pytest.raises(AssertionError, match=clause):
        check_node_encoder(make, reading("gcn"), n_attributes=F)


def test_the_suite_notices_states_without_the_node_itself():
    with pytest.raises(AssertionError, match="states that do not depend on their attributes"):
        check_node_encoder(ForgetsItself, reading("sage"), n_attributes=F)


def test_the_suite_notices_another_compacted_model():
    with pytest.raises(AssertionError, match="compacted states are off by"):
        check_node_encoder(Faulty, reading("gcn"), lambda *given: compacted(*given) + 1e-3, n_attributes=F)


def test_the_suite_notices_numbers_of_nodes_that_matter():
    class Reads(Encoder):
        dim, groups = 2, torch.arange(2)

        def forward(self, batch):
            return batch

    class Rows:
        def __init__(self, x):
            self.x, self.n_rows = x, len(x)

        def take(self, rows):
            return self.x[rows]

    with pytest.raises(AssertionError, match="numbered in another way"):
        check_node_encoder(Reads, lambda x, mixed, nodes: Rows(torch.from_numpy(np.stack([x[nodes, 0], nodes], 1))))
