"""A compacted node classifier answers as the gated one does, on any graph, and what is closed is gone."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from l0gm import load
from l0gm.compaction.graphs import apply_nodes, plan_nodes
from l0gm.compaction.verify import verify_nodes
from l0gm.data.adjacency import Structure, adjacencies
from l0gm.data.fitting import SchemaFitter
from l0gm.data.graphs import Graph
from l0gm.encoders.graph import GRAPH_ENCODERS, AttributeEncoder, StateEncoder, node_states
from l0gm.encoders.nodes import EVERY, node_inputs
from l0gm.encoders.text import Ngrams
from l0gm.errors import ArtifactError, CompactionError
from l0gm.estimators.attributes import fit_attributes
from l0gm.gates import FixedMaskGate, HardConcreteGate
from l0gm.heads import Deep, IntegratedHead, StatesHead
from l0gm.model import GatedModel
from l0gm.runtime.nodes import CompactNodeModel
from l0gm.training.rows import predict

F, WIDTH, HIDDEN, LAYERS, HOPS = 7, 8, 6, 2, 2
EDGES = {
    "undirected": Structure("undirected"),
    "forward": Structure("forward"),
    "both ways": Structure("both"),
    "relations": Structure("undirected", ("a", "b")),
    "relations both ways": Structure("both", ("a", "b", "c")),
}
CONVOLUTIONS = ("gcn", "sage", "gat")


def graph_of(nodes, seed, weighted=False, n_edges=200):
    """Loops, double edges and isolated nodes among them."""
    rng = np.random.default_rng(seed)
    kinds = np.array(["a", "b"])[rng.integers(0, 2, n_edges)]
    weight = rng.random(n_edges) * (rng.random(n_edges) > 0.1) if weighted else None
    n = len(next(iter(nodes.values())) if isinstance(nodes, dict) else nodes)
    ends = rng.integers(0, 3 * n // 4, (2, n_edges))
    return Graph(nodes, ends, weight=weight, relation=kinds)


def numbers(n=60, seed=0):
    x = np.random.default_rng(seed).normal(size=(n, F)) * [1, 5, 0.1, 1, 1, 1, 0] + [0, 3, 0, 0, 0, 0, 2]
    return x.astype(np.float32)


def table(n=60, seed=0, unseen=False):
    rng = np.random.default_rng(seed)
    ages = rng.normal(40, 10, n)
    ages[::7] = np.nan
    jobs = rng.choice(["clerk", "smith", *(["poet"] if unseen else [])], n).astype(object)
    words = rng.choice(["deep", "graph", "sparse", "gate", *(["tree"] if unseen else [])], (n, 3))
    return {"age": ages, "job": jobs, "note": np.array([" ".join(w) for w in words], object), "hours": rng.random(n)}


def attributes_of(graph, scaling="columns"):
    train, labels = np.arange(40), np.arange(40) % 2
    fitter = SchemaFitter(max_bins=4, min_count=2, text=["note"], reader=Ngrams(words=1, min_count=1, most=99).reader)
    return fit_attributes(graph, train, labels, fitter, scaling=scaling, most_columns=9, text_dim=3)[0]


def inputs_of(kind, attributes, graph, structure):
    mixed, x = adjacencies(graph, structure), attributes.matrix(graph.nodes)
    return node_inputs(kind, x, mixed, {"all": np.arange(len(x))}, hops=HOPS, fan_outs=[EVERY] * LAYERS)["all"]


def gated(kind, at, attributes, structure, gate="hardened", n_outputs=3, seed=0):
    """A model as training leaves it, about a third of its gate open."""
    torch.manual_seed(seed)
    places = 1 + (HOPS * structure.n_channels if kind == "sign" else 0)
    k = attributes.width
    states = node_states(
        kind, n_attributes=k, n_channels=structure.n_channels, hidden=HIDDEN, width=WIDTH, layers=LAYERS, heads=2,
        dropout=0.5, center=0.3 * torch.randn(places, k), scale=0.5 + torch.rand(places, k),
    )  # fmt: skip
    if at == "states":
        encoder, head = StateEncoder(states), StatesHead(WIDTH, n_outputs)
    else:
        encoder = AttributeEncoder(states, torch.from_numpy(attributes.groups))
        head = StatesHead(WIDTH, n_outputs, states)
    model = GatedModel(encoder, gate_of(gate, encoder.dim), head)
    with torch.no_grad():
        for parameter in (*encoder.parameters(), *head.parameters()):
            parameter.add_(0.4 * torch.randn_like(parameter))
    return model


def gate_of(name, dim):
    made = HardConcreteGate(dim, inference="soft" if name == "soft" else "binary")
    with torch.no_grad():
        made.log_alpha.copy_(torch.linspace(-4, 4, dim)[torch.randperm(dim)])
    if name == "hardened":
        made.harden(max(2, dim // 3))
    if name == "closed":
        made.log_alpha.data.fill_(-4.0)
        made.harden()
    return made


def compacted(model, kind, attributes, structure, weighted):
    cut, program = apply_nodes(model, plan_nodes(model, attributes), attributes, structure)
    certificate = verify_nodes(model, kind, attributes, cut, structure, program, weighted)
    classes = tuple(range(max(2, program.n_outputs)))
    return CompactNodeModel(
        attributes=cut, structure=structure, program=program, weighted=weighted, classes_=classes,
        certificate=certificate,
    )  # fmt: skip


def assert_same(model, small, kind, attributes, structure, *graphs):
    for graph in graphs:
        expected = predict(model, inputs_of(kind, attributes, graph, structure)).numpy()
        np.testing.assert_allclose(small.predict_proba(graph), expected, rtol=0, atol=1e-5)
        assert np.ptp(expected[:, 0]) > 0.003  # the comparison says something
    assert small.verify() <= 1.1e-5


CASES = [
    *itertools.product(GRAPH_ENCODERS, ("states", "attributes"), EDGES, (False,)),
    *itertools.product(("gcn", "sage", "sign"), ("states", "attributes"), ("both ways", "relations"), (True,)),
]


@pytest.mark.parametrize(("kind", "at", "edges", "weighted"), CASES)
def test_the_compacted_model_is_the_gated_one(kind, at, edges, weighted):
    """On the graph of fit and on another one, of other nodes and edges."""
    graph, structure = graph_of(numbers(), 0, weighted), EDGES[edges]
    attributes = attributes_of(graph)
    model = gated(kind, at, attributes, structure)
    small = compacted(model, kind, attributes, structure, weighted)
    other = graph_of(numbers(90, 5), 5, weighted, 500)
    assert_same(model, small, kind, attributes, structure, graph, other, graph_of(numbers(5, 1), 1, weighted, 3))


@pytest.mark.parametrize("kind", GRAPH_ENCODERS)
@pytest.mark.parametrize("at", ["states", "attributes"])
@pytest.mark.parametrize("gate", ["soft", "not hardened"])
def test_gates_that_were_not_hardened(kind, at, gate):
    graph, structure = graph_of(numbers(), 0), EDGES["both ways"]
    attributes = attributes_of(graph)
    model = gated(kind, at, attributes, structure, gate)
    z = model.gate.inference_values()
    assert bool(((z > 0) & (z < 1)).any()) == (gate == "soft")
    small = compacted(model, kind, attributes, structure, False)
    assert_same(model, small, kind, attributes, structure, graph, graph_of(numbers(90, 5), 5))


@pytest.mark.parametrize("scaling", ["none", "rows"])
@pytest.mark.parametrize("at", ["states", "attributes"])
def test_two_classes_and_other_scalings(at, scaling):
    graph, structure = graph_of(np.abs(numbers()), 0), EDGES["undirected"]
    attributes = attributes_of(graph, scaling)
    model = gated("gcn", at, attributes, structure, n_outputs=1)
    small = compacted(model, "gcn", attributes, structure, False)
    assert small.predict_proba(graph).shape == (60, 2)
    assert_same(model, small, "gcn", attributes, structure, graph, graph_of(np.abs(numbers(90, 5)), 5))


@pytest.mark.parametrize("kind", GRAPH_ENCODERS)
@pytest.mark.parametrize("at", ["states", "attributes"])
def test_tables_with_texts_missing_and_unseen_values(kind, at):
    graph, structure = graph_of(table(), 0), EDGES["relations"]
    attributes = attributes_of(graph)
    model = gated(kind, at, attributes, structure)
    small = compacted(model, kind, attributes, structure, False)
    assert_same(model, small, kind, attributes, structure, graph, graph_of(table(90, 5, unseen=True), 5))


# ---- what is closed ------------------------------------------------------------------------------------------


def shapes(small):
    return {name: a.shape for name, a in small.program.arrays().items()}


@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_closed_states_leave_the_last_layer(kind):
    graph = graph_of(numbers(), 0)
    attributes = attributes_of(graph)
    model = gated(kind, "states", attributes, EDGES["undirected"])
    n_open = model.gate.n_open
    found = shapes(compacted(model, kind, attributes, EDGES["undirected"], False))
    assert n_open < WIDTH
    assert found["layer.0.weight.0"] == (F, HIDDEN)
    assert found["layer.1.weight.0"] == (HIDDEN, n_open)
    assert found["layer.1.bias"] == (n_open,)
    assert found["dense.0.weight"] == (n_open, 3)
    if kind == "sage":
        assert found["layer.1.root"] == (HIDDEN, n_open)


def test_heads_without_an_open_state_are_not_computed():
    graph = graph_of(numbers(), 0)
    attributes, structure = attributes_of(graph), EDGES["both ways"]
    model = gated("gat", "states", attributes, structure)
    mask = torch.zeros(WIDTH, dtype=torch.bool)
    mask[WIDTH // 2 + 1 :] = True  # of the second head
    model.gate = FixedMaskGate(mask)
    small = compacted(model, "gat", attributes, structure, False)
    found = shapes(small)
    for channel in (0, 1):
        assert found[f"layer.1.senders.{channel}"] == found[f"layer.1.receivers.{channel}"] == (HIDDEN, 1)
    assert small.program.layers[1].heads.tolist() == [0] * 3
    assert_same(model, small, "gat", attributes, structure, graph)


@pytest.mark.parametrize("kind", ["sign", "mlp"])
@pytest.mark.parametrize("at", ["states", "attributes"])
def test_what_is_closed_leaves_the_linear_layers(kind, at):
    graph, structure = graph_of(numbers(), 0), EDGES["both ways"]
    attributes = attributes_of(graph)
    model = gated(kind, at, attributes, structure)
    n_open, places = model.gate.n_open, 1 + (2 * HOPS if kind == "sign" else 0)
    found = shapes(compacted(model, kind, attributes, structure, False))
    first, last = (F, n_open) if at == "states" else (n_open, WIDTH)
    assert found == {
        "dense.0.weight": (places * first, HIDDEN), "dense.0.bias": (HIDDEN,),
        "dense.1.weight": (HIDDEN, last), "dense.1.bias": (last,),
        "dense.2.weight": (last, 3), "dense.2.bias": (3,),
    }  # fmt: skip


@pytest.mark.parametrize("kind", GRAPH_ENCODERS)
def test_closed_attributes_are_not_read(kind):
    """They are not propagated either: the first layer has no row of theirs."""
    graph, structure = graph_of(numbers(), 0), EDGES["undirected"]
    attributes = attributes_of(graph)
    model = gated(kind, "attributes", attributes, structure)
    plan = plan_nodes(model, attributes)
    small = compacted(model, kind, attributes, structure, False)
    assert small.attributes.columns.tolist() == list(plan.opened)
    assert small.feature_names_in_ == tuple(f"x{column}" for column in plan.opened)
    assert small.program.width == len(plan.opened) == model.gate.n_open < F
    assert set(plan.dropped) == {f"x{i}" for i in range(F)} - set(small.feature_names_in_)
    nodes = numbers()
    nodes[:, [i for i in range(F) if i not in plan.opened]] = np.random.default_rng(1).normal(0, 1e30, (60, 1))
    assert np.array_equal(small.predict_proba(graph_of(nodes, 0)), small.predict_proba(graph))
    nodes[:, plan.opened[0]] += 1
    assert not np.array_equal(small.predict_proba(graph_of(nodes, 0)), small.predict_proba(graph))


@pytest.mark.parametrize("kind", ["gcn", "sign"])
def test_closed_columns_of_a_table_may_be_absent(kind):
    graph, structure = graph_of(table(), 0), EDGES["undirected"]
    attributes = attributes_of(graph)
    model = gated(kind, "attributes", attributes, structure)
    groups = attributes.groups
    model.gate = FixedMaskGate(torch.from_numpy(np.isin(groups, [attributes.names.index(n) for n in ("job", "note")])))
    small = compacted(model, kind, attributes, structure, False)
    assert set(small.feature_names_in_) == {"job", "note"}
    assert plan_nodes(model, attributes).dropped == ("age", "hours")
    for n, seed in ((60, 0), (90, 5)):
        whole = table(n, seed, unseen=True)
        part = {name: whole[name] for name in ("note", "job")}
        answers = small.predict_proba(graph_of(part, seed))
        assert np.array_equal(answers, small.predict_proba(graph_of(whole, seed)))
        expected = predict(model, inputs_of(kind, attributes, graph_of(whole, seed), structure)).numpy()
        np.testing.assert_allclose(answers, expected, rtol=0, atol=1e-5)


def test_row_sums_count_closed_attributes_too():
    """Else the open ones would be another model's: what is read of a row is its shares of the whole."""
    graph, structure = graph_of(np.abs(numbers()), 0), EDGES["undirected"]
    attributes = attributes_of(graph, "rows")
    model = gated("gcn", "attributes", attributes, structure)
    small = compacted(model, "gcn", attributes, structure, False)
    closed = next(i for i in range(F) if i not in small.attributes.columns)
    nodes = np.abs(numbers())
    nodes[:, closed] += 1
    other = graph_of(nodes, 0)
    assert not np.allclose(small.predict_proba(other), small.predict_proba(graph), atol=1e-6)
    assert_same(model, small, "gcn", attributes, structure, other)


@pytest.mark.parametrize("kind", GRAPH_ENCODERS)
@pytest.mark.parametrize("at", ["states", "attributes"])
@pytest.mark.parametrize("nodes", [numbers, table])
def test_with_every_gate_shut_the_model_still_answers(kind, at, nodes, tmp_path):
    graph, structure = graph_of(nodes(), 0), EDGES["both ways"]
    attributes = attributes_of(graph)
    model = gated(kind, at, attributes, structure, "closed")
    small = compacted(model, kind, attributes, structure, False)
    for some in (graph, graph_of(nodes(90, 5), 5)):
        expected = predict(model, inputs_of(kind, attributes, some, structure)).numpy()
        np.testing.assert_allclose(small.predict_proba(some), expected, rtol=0, atol=1e-5)
    assert small.feature_names_in_ == () or at == "states"
    assert small.verify() < 1e-5
    assert "constant output" in small.card() or at == "states"
    again = load(small.save(tmp_path / "model.l0gm"))
    assert np.array_equal(again.predict_proba(graph), small.predict_proba(graph))
    assert again.verify() < 1e-5


# ---- the certificate -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", GRAPH_ENCODERS)
@pytest.mark.parametrize("at", ["states", "attributes"])
def test_an_altered_array_is_noticed(kind, at):
    graph, structure = graph_of(numbers(), 0), EDGES["undirected"]
    attributes = attributes_of(graph)
    model = gated(kind, at, attributes, structure)
    small = compacted(model, kind, attributes, structure, False)
    for name, array in small.program.arrays().items():
        if array.dtype == np.float32:
            before = array.copy()
            array.flat[0] += 0.5
            with pytest.raises(ArtifactError, match="the certificate fails"):
                small.verify()
            array[...] = before
            assert small.verify() < 1e-5, name


def test_an_altered_structure_is_noticed():
    graph = graph_of(numbers(), 0)
    attributes, structure = attributes_of(graph), EDGES["forward"]
    small = compacted(gated("gcn", "states", attributes, structure), "gcn", attributes, structure, False)
    for changed in (
        replace(small, structure=EDGES["undirected"]),
        replace(small, program=replace(small.program, mixing="mean")),
        replace(small, attributes=replace(small.attributes, center=small.attributes.center + 1)),
        replace(small, weighted=True),
    ):
        with pytest.raises(ArtifactError, match="the certificate fails"):
            changed.verify()


def test_another_program_is_refused():
    graph = graph_of(numbers(), 0)
    attributes, structure = attributes_of(graph), EDGES["undirected"]
    model = gated("gcn", "states", attributes, structure)
    cut, program = apply_nodes(model, plan_nodes(model, attributes), attributes, structure)
    program.layers[1].bias[0] += 0.1
    with pytest.raises(CompactionError, match="differs from the gated one by up to"):
        verify_nodes(model, "gcn", attributes, cut, structure, program, False)
    program.layers[1].bias[0] = np.nan
    with pytest.raises(CompactionError, match=r"not finite \(layer\.1\.bias\)"):
        verify_nodes(model, "gcn", attributes, cut, structure, program, False)


def test_only_node_classifiers_are_compacted_here():
    graph = graph_of(numbers(), 0)
    attributes = attributes_of(graph)
    model = gated("gcn", "states", attributes, EDGES["undirected"])
    model.head = IntegratedHead(0, 3, deep=Deep(WIDTH, (), 3))
    with pytest.raises(CompactionError, match="StateEncoder with IntegratedHead is no node classifier"):
        plan_nodes(model, attributes)


def test_compaction_leaves_the_gated_model_as_it_was():
    graph, structure = graph_of(numbers(), 0), EDGES["undirected"]
    attributes = attributes_of(graph)
    for kind, at in itertools.product(GRAPH_ENCODERS, ("states", "attributes")):
        model = gated(kind, at, attributes, structure, "soft").train()
        before = {name: value.clone() for name, value in model.state_dict().items()}
        small = compacted(model, kind, attributes, structure, False)
        for array in small.program.arrays().values():
            array[...] = 0
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
        assert model.training


def test_a_plan_says_what_stays():
    graph = graph_of(table(), 0)
    attributes = attributes_of(graph)
    model = gated("gcn", "attributes", attributes, EDGES["undirected"])
    mask = torch.zeros(attributes.width, dtype=torch.bool)
    mask[0] = True
    model.gate = FixedMaskGate(mask)
    plan = plan_nodes(model, attributes)
    assert plan.support == {"age": 1, "job": 0, "hours": 0, "note": 0}
    lines = str(plan).splitlines()
    assert lines[0] == f"keep 1 of {attributes.width} dimensions of the attributes"
    assert any(line.split() == ["job", "dropped"] for line in lines)
    plan = plan_nodes(gated("gcn", "states", attributes, EDGES["undirected"]), attributes)
    assert plan.support == {"node states": 2}
    assert plan.dropped == ()
    assert str(plan).splitlines()[1].split() == ["node", "states", "2", "of", "8"]
