"""What a node classifier takes: graphs, labels and splits as users have them, and what it says of bad ones."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from l0gm import Graph, L0GMNodeClassifier, load
from l0gm.encoders.geometric import geometric
from l0gm.errors import DataError, ParameterError, TrainingError
from l0gm.estimators.node_parts import node_parts

N, C = 120, 3


def numbers(seed=0, n_edges=300, **options):
    """Classes of nodes that are mostly linked among themselves; the last ten have no edge."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, C, N)
    ends = rng.integers(0, N - 10, (2, 8 * n_edges))
    alike = (y[ends[0]] == y[ends[1]]) | (rng.random(8 * n_edges) < 0.1)
    x = rng.normal(size=(N, 6)).astype(np.float32)
    x[:, :C] += 1.5 * np.eye(C)[y]
    return Graph(x, ends[:, alike][:, :n_edges], **options), y


def ends_of(graph):
    return np.stack([graph.sources, graph.targets])


@pytest.fixture(scope="module")
def graph():
    return numbers()[0]


@pytest.fixture(scope="module")
def y():
    return numbers()[1]


def quick(**options):
    return L0GMNodeClassifier(**{"encoder": "mlp", "epochs": 1, "width": 8, "hidden": 8, **options})


def parts_of(graph, y, train=None, validation=None, split=None, **options):
    given = {"validation_fraction": 0.2, "calibration_fraction": 0.2, "seed": 0} | options
    return node_parts(graph, y, train, validation, split, **given)


def same(a, b):
    left, right = a.model_.state_dict(), b.model_.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


# ---- labels --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["a", "größe", "c"], ["a", "c", "größe"]), ([3, -7, 10**12], [-7, 3, 10**12]), ([0.0, 1.0, 5.0], [0, 1, 5]),
        ([True, False, True], [False, True]),
    ],
    ids=["texts", "numbers with gaps", "whole floats", "booleans"],
)  # fmt: skip
def test_labels_of_any_kind(names, classes, graph, y):
    model = quick().fit(graph, np.array(names)[y])
    assert model.classes_.tolist() == classes
    assert set(model.predict(graph).tolist()) <= set(classes)
    assert model.predict_proba(graph).shape == (N, len(classes))


@pytest.mark.parametrize("bare", [[None] * 3, [np.nan] * 3, [""] * 3], ids=["None", "NaN", "empty"])
def test_nodes_without_a_label_are_not_learned_from(bare, graph, y):
    names = ["a", "b", "c"] if bare[0] == "" or bare[0] is None else [0, 1, 2]
    labels = [bare[k] if i < 30 else names[k] for i, k in enumerate(y)]
    parts = parts_of(graph, labels)
    assert sorted(np.concatenate(list(parts.nodes.values()))) == list(range(30, N))
    assert parts.classes == tuple(names)
    for name, nodes in parts.nodes.items():
        assert parts.labels[name].tolist() == y[nodes].tolist()


@pytest.mark.parametrize(
    "wrap",
    [
        list, tuple, pd.Series, pl.Series, torch.from_numpy, lambda y: y[:, None],
        lambda y: pd.Series(y).astype("category"),
    ],
    ids=["list", "tuple", "pandas", "polars", "tensor", "column", "categories"],
)  # fmt: skip
def test_labels_in_any_container(wrap, graph, y):
    parts = parts_of(graph, wrap(y))
    assert parts.classes == (0, 1, 2)
    assert parts.labels["train"].tolist() == y[parts.nodes["train"]].tolist()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "requires y to be passed"), (np.zeros(N - 1), "119 labels for 120 nodes: give one a node"),
        (np.zeros(N), r"one class only \(0\)"), ([None] * N, "no node has a label"),
        (np.arange(N) / 2, "Unknown label type: continuous"), (np.zeros((N, 2)), "give a list or an array"),
        ("label", "column 'target' is 'label'"), ([1, "a"] * (N // 2), "mixes"),
    ],
    ids=str,
)  # fmt: skip
def test_labels_that_are_none(labels, message, graph):
    with pytest.raises(DataError, match=message):
        quick().fit(graph, labels)


# ---- splits --------------------------------------------------------------------------------------------------


def test_parts_are_disjoint_and_stratified(graph, y):
    parts = parts_of(graph, y)
    every = np.concatenate(list(parts.nodes.values()))
    assert sorted(every) == list(range(N))
    assert [len(nodes) for nodes in parts.nodes.values()] == [72, 24, 24]
    again = parts_of(graph, y)
    assert all(np.array_equal(again.nodes[name], nodes) for name, nodes in parts.nodes.items())
    assert not np.array_equal(parts_of(graph, y, seed=1).nodes["train"], parts.nodes["train"])


def test_training_nodes_are_split_where_no_others_are_given(graph, y):
    train = np.arange(50)
    parts = parts_of(graph, y, train)
    assert sorted(np.concatenate(list(parts.nodes.values()))) == list(range(50))
    parts = parts_of(graph, y, train, validation_fraction=0, calibration_fraction=0)
    assert [len(nodes) for nodes in parts.nodes.values()] == [50, 0, 0]


@pytest.mark.parametrize("form", ["masks", "numbers", "tensors", "lists"])
def test_splits_that_are_given(form, graph, y):
    train, held = np.arange(40, 90), np.array([7, 3, 100])
    wrap = {
        "masks": lambda nodes: np.isin(np.arange(N), nodes), "numbers": lambda nodes: nodes,
        "tensors": lambda nodes: torch.from_numpy(np.isin(np.arange(N), nodes)), "lists": np.ndarray.tolist,
    }[form]  # fmt: skip
    parts = parts_of(graph, y, wrap(train), wrap(held))
    assert parts.nodes["train"].tolist() == train.tolist()
    assert sorted(parts.nodes["validation"]) == [3, 7, 100]
    assert np.array_equal(parts.nodes["calibration"], parts.nodes["validation"])
    assert parts.labels["validation"].tolist() == y[parts.nodes["validation"]].tolist()


def test_validation_nodes_alone_leave_all_others_to_training(graph, y):
    parts = parts_of(graph, y, validation=[0, 1, 2])
    assert parts.nodes["train"].tolist() == list(range(3, N))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"train": []}, "train names no node: the split is empty"),
        ({"train": np.zeros(N, bool)}, "train names no node"),
        ({"validation": np.zeros(N, bool)}, "validation names no node"),
        ({"train": np.arange(80), "validation": [90, 90]}, "validation names a node twice"),
        ({"train": [N]}, "train 0 is node 120, and there are 120"), ({"train": [0.5]}, "train"),
        ({"train": np.ones(N - 1, bool)}, r"train: a mask of shape \(119,\) for 120 nodes"),
        ({"train": range(80), "validation": range(70, 90)}, r"node 70 is in train and in validation \(10 such\)"),
        ({"train": "learn"}, "train='learn': the nodes have no such column"),
        ({"split": "part"}, "split='part': the nodes have no such column"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_splits_that_are_none(given, message, graph, y):
    with pytest.raises(DataError, match=message):
        quick().fit(graph, y, **given)


def test_a_split_with_nodes_that_have_no_label(graph, y):
    labels = [None if i in (4, 5) else int(k) for i, k in enumerate(y)]
    with pytest.raises(DataError, match=r"train: node 4 has no label \(2 such\): leave them out, or label them"):
        quick().fit(graph, labels, train=np.arange(40))
    with pytest.raises(DataError, match="validation: node 5 has no label"):
        quick().fit(graph, labels, train=np.arange(40, 90), validation=[5, 6])


def test_a_class_that_is_in_validation_nodes_alone(graph, y):
    train = np.flatnonzero(y[:80] != 2)
    with pytest.raises(DataError, match=r"label 2 is none of the model's classes \[0, 1\]"):
        quick().fit(graph, y, train=train, validation=np.arange(80, N))
    model = quick().fit(graph, y, train=train)  # other nodes' labels are not looked at
    with pytest.raises(DataError, match="label 2 is none of the model's classes"):
        model.score(graph, y)


def table(graph, **columns):
    return {**{f"c{i}": graph.nodes[:, i] for i in range(6)}, **columns}


def test_a_column_that_says_which_nodes_are_which(graph, y):
    words = np.array(["train", " Valid ", "test", None], object)[np.arange(N) % 4]
    nodes = Graph(table(graph, part=words), ends_of(graph))
    model = quick().fit(nodes, y, split="part")
    assert model.parts_.nodes["train"].tolist() == list(range(0, N, 4))
    assert model.parts_.nodes["validation"].tolist() == list(range(1, N, 4))
    assert "part" not in model.compact_.feature_names_in_
    with pytest.raises(ParameterError, match="split='part' says which nodes are which: leave out train"):
        quick().fit(nodes, y, split="part", train=[0, 1])
    with pytest.raises(DataError, match=r"split='c': no node says 'train' there; the column holds \['x'\]"):
        quick().fit(Graph(table(graph, c=["x"] * N), ends_of(graph)), y, split="c")
    alone = Graph(table(graph, part=["train"] * N), ends_of(graph))
    assert len(quick().fit(alone, y, split="part").parts_.nodes["validation"]) == 12


def test_columns_that_hold_masks_are_no_attributes(graph, y):
    """A column that says who is learned from tells the label of nobody else."""
    masks = {"learn": np.arange(N) < 70, "check": (np.arange(N) >= 70) & (np.arange(N) < 90)}
    nodes = Graph(table(graph, **masks), ends_of(graph))
    model = quick(gate="none").fit(nodes, y, train="learn", validation="check")
    assert model.parts_.nodes["validation"].tolist() == list(range(70, 90))
    assert set(model.compact_.feature_names_in_) == {f"c{i}" for i in range(6)}
    other = quick(gate="none").fit(nodes, y, train=np.arange(70), validation=np.arange(70, 90))
    assert "check" in other.compact_.feature_names_in_ or "learn" in other._attributes.schema.columns
    bare = Graph(table(graph), ends_of(graph))
    assert np.array_equal(model.predict_proba(bare), model.predict_proba(nodes))
    with pytest.raises(DataError, match="train='c0': that column is no mask"):
        quick().fit(nodes, y, train="c0")


def test_a_table_of_masks_alone(graph, y):
    nodes = Graph({"learn": np.arange(N) < 70}, ends_of(graph))
    with pytest.raises(DataError, match="column"):
        quick().fit(nodes, y, train="learn")


# ---- graphs --------------------------------------------------------------------------------------------------


def data_of(graph, y, **more):
    Data = geometric("data", "a test").Data
    edges = torch.from_numpy(ends_of(graph)).long()
    return Data(x=torch.from_numpy(graph.nodes), edge_index=edges, y=torch.from_numpy(y), **more)


def mask(*nodes):
    return torch.from_numpy(np.isin(np.arange(N), np.arange(*nodes)))


def test_data_of_the_library_with_its_masks(graph, y):
    data = data_of(graph, y, train_mask=mask(70), val_mask=mask(70, 90), test_mask=mask(90, N))
    model = quick(encoder="gcn").fit(data)
    assert model.parts_.nodes["train"].tolist() == list(range(70))
    assert model.parts_.nodes["validation"].tolist() == list(range(70, 90))
    plain = quick(encoder="gcn").fit(graph, y, train=np.arange(70), validation=np.arange(70, 90))
    assert same(model, plain)
    assert np.array_equal(model.predict_proba(data, data.test_mask), plain.predict_proba(graph, np.arange(90, N)))
    assert model.score(data, y[90:], data.test_mask) == plain.score(graph, y[90:], np.arange(90, N))
    assert model.evaluate(data, data.y)["n_rows"] == N
    own = quick().fit(data, y[::-1].copy(), train=np.arange(60), validation=[100, 101, 102])
    assert own.parts_.nodes["train"].tolist() == list(range(60))
    assert own.parts_.labels["train"].tolist() == y[::-1][:60].tolist()


def test_data_without_masks_or_without_labels(graph, y):
    assert len(quick().fit(data_of(graph, y)).parts_.nodes["train"]) == 96
    bare = data_of(graph, y)
    bare.y = None
    with pytest.raises(DataError, match="requires y to be passed"):
        quick().fit(bare)
    several = data_of(graph, y, train_mask=torch.ones(N, 10, dtype=torch.bool))
    with pytest.raises(DataError, match="train"):
        quick().fit(several)


def test_attributes_and_edges_are_a_graph(graph, y):
    pair = (graph.nodes, ends_of(graph))
    assert same(quick(encoder="gcn").fit(pair, y), quick(encoder="gcn").fit(graph, y))
    with pytest.raises(DataError, match="ndarray is no graph"):
        quick().fit(graph.nodes, y)
    with pytest.raises(DataError, match="no graph"):
        quick().fit(SimpleNamespace(x=1), y)


@pytest.mark.parametrize("encoder", ["gcn", "sage", "gat", "sign"])
@pytest.mark.parametrize("ends", [np.zeros((2, 0), int), np.array([[5], [5]]), np.array([[110], [111]])], ids=str)
def test_training_nodes_without_edges(encoder, ends, graph, y):
    """Nothing is learned of neighbours; answers stay finite where other nodes have some."""
    nodes = Graph(graph.nodes, ends)
    model = quick(encoder=encoder, hops=2, heads=2).fit(nodes, y, train=np.arange(100))
    for other in (nodes, graph):
        proba = model.predict_proba(other)
        assert np.isfinite(proba).all()
        assert proba.min() > 1e-6
    assert model.compact_.verify() < 1e-5


@pytest.mark.parametrize("encoder", ["gcn", "sage", "gat", "sign", "mlp"])
def test_a_graph_of_one_node(encoder, graph, y):
    model = quick(encoder=encoder, heads=2).fit(graph, y)
    one = Graph(graph.nodes[-1:], np.zeros((2, 0), int))
    np.testing.assert_allclose(model.predict_proba(one), model.predict_proba(graph, [N - 1]), atol=1e-6)
    with pytest.raises(DataError, match="one class only"):
        quick(encoder=encoder).fit(one, ["a"])


@pytest.mark.parametrize("encoder", ["gcn", "sage", "sign"])
def test_weights_that_are_all_zero(encoder, graph, y):
    """As if there were no edge."""
    nodes = Graph(graph.nodes, ends_of(graph), weight=np.zeros(graph.n_edges))
    bare = Graph(graph.nodes, np.zeros((2, 0), int))
    model = quick(encoder=encoder).fit(nodes, y)
    np.testing.assert_allclose(model.predict_proba(nodes), model.predict_proba(bare), atol=1e-6)


def test_attributes_that_are_not_finite():
    x = np.zeros((5, 2))
    x[3, 1] = np.nan
    with pytest.raises(DataError, match="node 3 has nan in column 1"):
        quick().fit((x, np.zeros((2, 0), int)), [0, 1, 0, 1, 0])


def test_other_attributes_at_prediction(graph, y):
    model = quick().fit(graph, y)
    with pytest.raises(DataError, match="the nodes have 5 attributes, and those of fit had 6"):
        model.predict_proba((graph.nodes[:, :5], ends_of(graph)))
    with pytest.raises(DataError, match="the nodes are a table, and those of fit were an array"):
        model.predict_proba(Graph(table(graph), ends_of(graph)))
    model = quick(gate="none").fit(Graph(table(graph), ends_of(graph)), y)
    with pytest.raises(DataError, match="the nodes are an array, and those of fit were a table"):
        model.predict_proba(graph)
    with pytest.raises(DataError, match="c5"):
        model.predict_proba(Graph({f"c{i}": graph.nodes[:, i] for i in range(5)}, ends_of(graph)))


def test_other_relations_at_prediction(y):
    kinds = np.array(["a", "b"])[np.arange(300) % 2]
    graph = numbers(relation=kinds)[0]
    model = quick(encoder="gcn", relations="keep", direction="both").fit(graph, y)
    assert model.compact_.structure.relations == ("a", "b")
    other = numbers(relation=np.where(kinds == "b", "c", "a"))[0]
    with pytest.raises(DataError, match="edges of the relation 'c', and the model knows 'a', 'b'"):
        model.predict_proba(other)
    part = graph.subgraph(np.arange(50))
    assert np.isfinite(model.predict_proba(part)).all()
    alone = quick(encoder="gcn", relations=["a"]).fit(graph, y)
    keep = graph.relation == 0
    part = Graph(graph.nodes, ends_of(graph)[:, keep], relation=["a"] * keep.sum())
    assert np.array_equal(alone.predict_proba(other), alone.predict_proba(part))
    for kept in (alone, model):
        with pytest.raises(DataError, match="edges of the relation 'edge', and the model knows 'a'"):
            kept.predict_proba((graph.nodes, ends_of(graph)))  # what kinds its edges are is not said
    folded = quick(encoder="gcn").fit(graph, y)
    assert np.isfinite(folded.predict_proba(other)).all()


def test_a_relation_called_edge_can_be_asked_for_alone(y):
    """Which is also what edges without a relation are called."""
    kinds = np.array(["edge", "likes"])[np.arange(300) % 2]
    graph = numbers(relation=kinds)[0]
    model = quick(encoder="gcn", relations=["edge"]).fit(graph, y)
    only = numbers(relation=kinds)[0]
    only.targets = np.where(only.relation == 1, only.sources, only.targets)  # loops, which do not count
    assert np.array_equal(model.predict_proba(graph), model.predict_proba(only))


# ---- attributes ----------------------------------------------------------------------------------------------


def test_columns_in_units_that_differ_are_all_read(graph, y):
    x = graph.nodes * np.array([1e6, 1e-4, 1, 1e30, 1, 1], np.float32)
    scaled = (x, ends_of(graph))
    model = quick(gate="none", scaling="columns").fit(scaled, y)
    plain = quick(gate="none", scaling="columns").fit(graph, y)
    assert (model.compact_.attributes.scale > 0).all()
    np.testing.assert_allclose(model.predict_proba(scaled), plain.predict_proba(graph), atol=1e-4)


def test_columns_that_never_vary_say_nothing(graph, y):
    x = graph.nodes.copy()
    x[:, 4], x[:, 5] = 0.1, 1e9
    model = quick().fit((x, ends_of(graph)), y)
    assert "2 of 6 attributes are the same in all training nodes and say nothing" in model.notes_
    other = x.copy()
    other[:, 4:] = 7.0
    assert np.array_equal(model.predict_proba((other, ends_of(graph))), model.predict_proba((x, ends_of(graph))))


@pytest.mark.parametrize("scaling", ["columns", "rows", "none"])
@pytest.mark.parametrize("size", [1e20, 3e37])
def test_huge_attributes_are_used_or_refused(scaling, size, graph, y):
    pair = (graph.nodes * np.float32(size), ends_of(graph))
    with suppress(TrainingError) if scaling == "none" else nullcontext():
        assert np.isfinite(quick(scaling=scaling).fit(pair, y).predict_proba(pair)).all()


def test_counts_are_scaled_by_rows(y):
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.2, (N, 30)).astype(np.float32)
    model = quick().fit((counts, np.zeros((2, 0), int)), y)
    assert "attributes scaled by rows" in model.notes_
    tripled, plain = (model.predict_proba((x, np.zeros((2, 0), int))) for x in (3 * counts, counts))
    np.testing.assert_allclose(tripled, plain, atol=1e-6)


def people(unseen=False, seed=0):
    rng = np.random.default_rng(seed)
    y = numbers()[1]
    ages = 30.0 + 8 * y + rng.normal(0, 4, N)
    ages[::9] = np.nan
    jobs = np.array(["clerk", "smith", "nurse", None], object)[np.where(rng.random(N) < 0.1, 3, y)]
    words = np.array(["deep graph net", "sparse gate", "plain words here"], object)[y]
    notes = np.array([f"{w} {rng.choice(['one', 'two', 'three'])}" for w in words], object)
    if unseen:
        jobs[5], notes[6], ages[7] = "poet", "zzz qqq", 1e9
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, N), unit="D")
    return pd.DataFrame({"age": ages, "job": jobs, "note": notes, "since": days, "member": rng.random(N) < 0.5})


@pytest.mark.parametrize("encoder", ["gcn", "sign"])
def test_tables_of_every_kind_of_column(encoder, graph, y, tmp_path):
    model = quick(encoder=encoder, text=["note"], min_count=2, gate="none", epochs=3)
    model.fit(Graph(people(), ends_of(graph)), y)
    assert set(model.compact_.feature_names_in_) == {"age", "job", "note", "since", "member"}
    other = Graph(people(unseen=True, seed=1), ends_of(graph))
    proba = model.predict_proba(other)
    assert np.isfinite(proba).all()
    again = load(model.save(tmp_path / "model.l0gm"))
    assert np.array_equal(again.predict_proba(other), proba)
    in_polars = Graph(pl.from_pandas(people(unseen=True, seed=1)), ends_of(graph))
    assert np.array_equal(again.predict_proba(in_polars), proba)
    assert model.score(other, y) > 0.6


def test_values_beyond_the_most_columns_are_not_told_apart(graph, y):
    names = np.array([f"v{k}" for k in range(20)], object)[np.arange(N) % 20]
    nodes = Graph({"who": names, "x": graph.nodes[:, 0]}, ends_of(graph))
    model = quick(most_columns=5, min_count=1).fit(nodes, y)
    assert any(note.startswith("who: its 5 most frequent of ") for note in model.notes_)
    assert (model._attributes.groups == 0).sum() == 5 or (model._attributes.groups == 1).sum() == 5


def test_names_of_nodes_are_no_attribute(graph, y):
    nodes = pd.DataFrame({"id": [f"n{i}" for i in range(N)], "x": graph.nodes[:, 0], "z": graph.nodes[:, 1]})
    edges = pd.DataFrame(
        {"source": nodes["id"].to_numpy()[graph.sources], "target": nodes["id"].to_numpy()[graph.targets]}
    )
    model = quick(encoder="gcn", gate="none").fit(Graph(nodes, edges, node_id="id"), y)
    assert set(model.compact_.feature_names_in_) == {"x", "z"}
