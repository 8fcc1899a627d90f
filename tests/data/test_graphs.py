"""Graphs from whatever holds one, and what is said of those that hold none."""

import time

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from l0gm.data.adjacency import Structure, adjacencies
from l0gm.data.frames import Table
from l0gm.data.graphs import Graph, as_graph, node_numbers
from l0gm.errors import DataError

X = np.array([[1, 2], [3, 4], [5, 6], [7, 8]], np.float32)
EDGES = np.array([[0, 1, 3], [1, 2, 0]])
NODES = pd.DataFrame({"id": ["d", "a", "c", "b"], "v": [1.0, None, 3.0, 4.0], "kind": ["x", "y", "x", None]})
LIBRARIES = {
    "pandas": pd.DataFrame,
    "pandas, its index": lambda data: pd.DataFrame(data).set_axis([7, 3, 7]),
    "pandas nullable": lambda data: pd.DataFrame(data).convert_dtypes(),
    "pandas arrow": lambda data: pd.DataFrame(data).convert_dtypes(dtype_backend="pyarrow"),
    "pandas object": lambda data: pd.DataFrame(data, dtype=object),
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
    "dict": dict,
    "dicts": lambda data: pd.DataFrame(data).to_dict("records"),
    "structured": lambda data: pd.DataFrame(data).to_records(index=False),
}
libraries = pytest.mark.parametrize("library", LIBRARIES)


def check(graph, sources=(0, 1, 3), targets=(1, 2, 0), n_nodes=4):
    assert (graph.n_nodes, len(graph), graph.n_edges) == (n_nodes, n_nodes, len(sources))
    assert graph.sources.dtype == graph.targets.dtype == np.int32
    assert graph.relation.dtype == np.int16
    assert graph.sources.shape == graph.targets.shape == graph.relation.shape == (len(sources),)
    assert graph.sources.tolist() == list(sources)
    assert graph.targets.tolist() == list(targets)


def kinds(graph):
    return [graph.relations[i] for i in graph.relation]


@pytest.mark.parametrize(
    "edges",
    [
        EDGES,
        EDGES.astype(np.int32),
        EDGES.astype(np.uint8),
        EDGES.astype(np.uint64),
        EDGES.astype(np.float32),
        EDGES.astype(">i8"),
        np.asfortranarray(EDGES),
        np.ascontiguousarray(EDGES.T).T,
        EDGES.tolist(),
        tuple(map(tuple, EDGES)),
        (EDGES[0], EDGES[1].astype(np.int8)),
        torch.as_tensor(EDGES),
        torch.as_tensor(EDGES).int(),
        np.ma.array(EDGES, mask=False),
    ],
    ids=str,
)
def test_edges_as_arrays(edges):
    graph = Graph(X, edges)
    check(graph)
    assert graph.weights is None
    assert graph.relations == ("edge",)
    assert kinds(graph) == ["edge"] * 3
    assert repr(graph) == "Graph(4 nodes, 3 edges)"


@pytest.mark.parametrize(
    "nodes",
    [
        X,
        X.astype(np.float64),
        X.astype(int),
        X.astype(np.float16),
        np.asfortranarray(X),
        torch.as_tensor(X),
        torch.as_tensor(X).requires_grad_(),
        np.ma.array(X, mask=False),
    ],
    ids=lambda nodes: f"{type(nodes).__name__} {nodes.dtype}",
)
def test_attributes_as_arrays(nodes):
    graph = Graph(nodes, EDGES)
    assert graph.is_dense
    assert type(graph.nodes) is np.ndarray
    assert graph.nodes.dtype == np.float32
    np.testing.assert_array_equal(graph.nodes, X)
    assert graph.select(np.array([2, 0])).tolist() == [[5, 6], [1, 2]]


def test_attributes_of_true_and_false_and_sparse_ones():
    sparse = pytest.importorskip("scipy.sparse")
    assert Graph(X > 3, EDGES).nodes.tolist() == (X > 3).astype(float).tolist()
    np.testing.assert_array_equal(Graph(sparse.csr_matrix(X), EDGES).nodes, X)


@libraries
def test_attributes_as_tables(library):
    columns = {"v": [1.5, 2.5, 3.5], "kind": ["x", "y", "x"]}
    graph = Graph(LIBRARIES[library](columns), [[0], [2]])
    assert not graph.is_dense
    assert isinstance(graph.nodes, Table)
    assert graph.nodes.names == ["v", "kind"]
    part = graph.select(np.array([2, 0]))
    assert part.numbers("v").tolist() == [3.5, 1.5]
    assert part.texts("kind") == ["x", "x"]


def test_attributes_in_a_table_may_be_missing():
    graph = Graph(NODES, EDGES)
    np.testing.assert_array_equal(graph.nodes.numbers("v"), [1, np.nan, 3, 4])
    assert graph.nodes.names == ["id", "v", "kind"]
    assert Graph(X.tolist(), EDGES).nodes.names == ["x0", "x1"]


def test_what_is_float32_and_int32_already_is_not_copied(tmp_path):
    X.tofile(tmp_path / "nodes")
    EDGES.astype(np.int32).tofile(tmp_path / "edges")
    nodes = np.memmap(tmp_path / "nodes", np.float32, "r", shape=(4, 2))
    edges = np.memmap(tmp_path / "edges", np.int32, "r", shape=(2, 3))
    graph = Graph(nodes, edges)
    check(graph)
    assert np.shares_memory(graph.nodes, nodes)
    assert np.shares_memory(graph.sources, edges)
    assert np.shares_memory(graph.targets, edges)
    for direction in ("undirected", "both"):
        assert adjacencies(graph, Structure(direction))[0].n_edges > 0
    made = Graph.of_arrays(graph.nodes, graph.sources, graph.targets)
    check(made)
    assert made.nodes is graph.nodes
    assert made.sources is graph.sources
    tensor = torch.as_tensor(X)
    assert np.shares_memory(Graph(tensor, edges).nodes, tensor.numpy())


@libraries
@pytest.mark.parametrize(
    ("names", "given"),
    [
        (("source", "target"), {}),
        (("src", "dst"), {}),
        (("from", "to"), {}),
        (("a", "b"), {}),
        (("a", "b"), {"source": "a", "target": "b"}),
        (("b", "a"), {"source": "b"}),
        (("a", "b"), {"target": "b"}),
        (("target", "source"), {"source": "target", "target": "source"}),
        (("target", "source"), {"source": "target"}),
        (("a", "target"), {"source": "a"}),
    ],
)
def test_edges_as_tables(library, names, given):
    columns = dict(zip(names, EDGES.tolist(), strict=True))
    check(Graph(X, LIBRARIES[library](dict(sorted(columns.items()) if given else columns)), **given))


@libraries
def test_edges_with_weights_and_relations(library):
    columns = {"w": [0.5, 0.0, 2.0], "source": EDGES[0].tolist(), "kind": ["y", "x", "y"], "target": EDGES[1].tolist()}
    graph = Graph(X, LIBRARIES[library](columns), weight="w", relation="kind")
    check(graph)
    assert graph.weights.dtype == np.float32
    assert graph.weights.tolist() == [0.5, 0, 2]
    assert graph.relations == ("x", "y")
    assert kinds(graph) == ["y", "x", "y"]
    assert repr(graph) == "Graph(4 nodes, 3 edges, relations x, y)"
    plain = Graph(X, LIBRARIES[library](columns))
    assert (plain.weights, plain.relations) == (None, ("edge",))


@pytest.mark.parametrize("as_given", [list, tuple, np.array, pd.Series, pl.Series, pa.array], ids=lambda f: f.__name__)
def test_weights_and_relations_beside_the_edges(as_given):
    for edges in (EDGES, pd.DataFrame({"source": EDGES[0], "target": EDGES[1]})):
        graph = Graph(X, edges, weight=as_given([1, 0, 2]), relation=as_given(["b", "a", "b"]))
        assert graph.weights.tolist() == [1, 0, 2]
        assert kinds(graph) == ["b", "a", "b"]
        assert kinds(Graph(X, edges, relation=as_given([10, 9, 10]))) == ["10", "9", "10"]
    shuffled = pd.Series([1.0, 0.0, 2.0], index=[2, 1, 0])
    assert Graph(X, EDGES, weight=shuffled).weights.tolist() == [1, 0, 2]


def test_weights_and_relations_of_other_types():
    graph = Graph(X, EDGES, weight=torch.tensor([1.0, 0, 2]), relation=torch.tensor([1, 0, 1]))
    assert graph.weights.tolist() == [1, 0, 2]
    assert kinds(graph) == ["1", "0", "1"]
    assert Graph(X, EDGES, weight=[True, False, True]).weights.tolist() == [1, 0, 1]
    assert Graph(X, EDGES, weight=np.array([1, 2, 3], object)).weights.tolist() == [1, 2, 3]
    assert kinds(Graph(X, EDGES, relation=pd.Categorical(["b", "a", "b"]))) == ["b", "a", "b"]
    mixed = Graph(X, EDGES, relation=pd.Series([1, "1", 1.0], dtype=object))
    assert mixed.relations == ("1",)
    assert kinds(Graph(X, EDGES, relation=np.array([2.0, 1.0, 2.0]))) == ["2", "1", "2"]


IDS = {
    "texts": (["d", "a", "c", "b"], ["d", "a", "b"], ["a", "c", "d"]),
    "numbers": ([40, 10, 30, 20], [40, 10, 20], [10, 30, 40]),
    "floats": ([4.5, 1.5, 3.5, 2.0], [4.5, 1.5, 2.0], [1.5, 3.5, 4.5]),
    "negative": ([-4, -1, 0, 7], [-4, -1, 7], [-1, 0, -4]),
    "beyond float64": ([2**53, 2**53 + 1, 2**60, 2], [2**53, 2**53 + 1, 2], [2**53 + 1, 2**60, 2**53]),
    "far apart": ([2**40, 0, 2**52, 2**33], [2**40, 0, 2**33], [0, 2**52, 2**40]),
    "huge": ([1e20, 1.0, 1e300, 2.0], [1e20, 1.0, 2.0], [1.0, 1e300, 1e20]),
}


@pytest.mark.parametrize("ids", IDS)
@pytest.mark.parametrize("library", ["pandas", "pandas object", "polars", "pyarrow", "dict", "dicts"])
def test_edges_by_the_names_of_nodes(library, ids):
    named, sources, targets = IDS[ids]
    make = LIBRARIES[library]
    nodes = make({"v": [1, 2, 3, 4], "id": named})
    for edges in (make({"source": sources, "target": targets}), np.array([sources, targets]), [sources, targets]):
        graph = Graph(nodes, edges, node_id="id")
        check(graph)
        assert graph.nodes.names == ["v"]
        assert graph.nodes.numbers("v").tolist() == [1, 2, 3, 4]


def test_names_in_types_that_differ():
    nodes = pd.DataFrame({"id": pd.Series(["a", 2, 3.5, True], dtype=object), "v": 1})
    edges = pd.DataFrame({"source": pd.Series([2.0, "a"], dtype=object), "target": pd.Series([3.5, 2], dtype=object)})
    check(Graph(nodes, edges, node_id="id"), [1, 0], [2, 1])
    whole = pd.DataFrame({"id": [10, 20, 30], "v": 1})
    for named in (
        [[10.0, 30.0], [20.0, 10.0]],
        np.array([[10, 30], [20, 10]], np.uint8),
        torch.tensor([[10, 30], [20, 10]]),
    ):
        check(Graph(whole, named, node_id="id"), [0, 2], [1, 0], n_nodes=3)
    mixed = pd.DataFrame({"source": pd.Series([10, 30], dtype=object), "target": [20, 10]})
    check(Graph(whole, mixed, node_id="id"), [0, 2], [1, 0], n_nodes=3)
    check(Graph(whole.astype({"id": float}), mixed, node_id="id"), [0, 2], [1, 0], n_nodes=3)
    dates = pd.DataFrame({"id": pd.to_datetime(["2020-01-01", "2021-01-01"]), "v": 1})
    named = pl.DataFrame({"source": dates["id"][1:].to_numpy(), "target": dates["id"][:1].to_numpy()})
    check(Graph(dates, named, node_id="id"), [1], [0], n_nodes=2)
    coded = pd.DataFrame({"id": pd.Categorical(["b", "a"]), "v": 1})
    named = pd.DataFrame({"source": pd.Categorical(["a"], categories=["z", "b", "a"]), "target": ["b"]})
    check(Graph(coded, named, node_id="id"), [1], [0], n_nodes=2)


def test_many_whole_names_are_found_as_a_dictionary_finds_them():
    rng = np.random.default_rng(0)
    for spread in (1, 7, 2**20, 2**31, 2**41):
        ids = rng.permutation(3000) * spread - 1500
        ends = rng.integers(0, 3000, (2, 5000))
        graph = Graph({"id": ids, "v": ids}, ids[ends], node_id="id")
        np.testing.assert_array_equal(np.stack([graph.sources, graph.targets]), ends)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table, dict], ids=lambda f: f.__name__)
def test_no_edges(make):
    types = {pa.table: lambda: pa.array([], pa.string())}.get(make, list)
    columns = {"source": types(), "target": types(), "w": types(), "kind": types()}
    for nodes, node_id in ((X, None), (NODES, "id"), ({"id": [1, 2, 3, 4], "v": [1, 2, 3, 4]}, "id")):
        graph = Graph(nodes, make(columns), node_id=node_id, weight="w", relation="kind")
        check(graph, [], [])
        assert graph.relations == ("edge",)
        assert graph.weights.shape == (0,)
        for edges in ([], np.zeros((2, 0)), torch.zeros(2, 0, dtype=torch.long)):
            check(Graph(nodes, edges, node_id=node_id), [], [])
    check(Graph(X, [[], []], weight=[], relation=[]), [], [])
    check(Graph(X, []).subgraph([1, 2]), [], [], n_nodes=2)


def test_loops_isolated_nodes_and_double_edges_are_kept():
    graph = Graph(X, [[0, 0, 1, 0], [0, 1, 0, 1]], weight=[1, 2, 3, 4])
    check(graph, [0, 0, 1, 0], [0, 1, 0, 1])
    adjacency = adjacencies(graph, Structure("forward"))[0]
    assert adjacency.pairs().tolist() == [[1, 0], [0, 1]]
    assert adjacency.weights.tolist() == [3, 6]
    check(Graph(X[:1], [[0], [0]]), [0], [0], n_nodes=1)


@pytest.mark.parametrize("nodes", [X, NODES], ids=["array", "table"])
def test_a_subgraph(nodes):
    edges = np.array([[0, 1, 3, 2, 2], [1, 2, 0, 2, 0]])
    graph = Graph(nodes, edges, weight=[1, 2, 3, 4, 5], relation=["a", "b", "a", "c", "b"])
    for chosen in ([2, 0, 3], torch.tensor([2, 0, 3])):
        part = graph.subgraph(chosen)
        check(part, [2, 0, 0], [1, 0, 1], n_nodes=3)
        assert part.weights.tolist() == [3, 4, 5]
        assert kinds(part) == ["a", "c", "b"]
        assert part.relations == graph.relations
        assert part.is_dense == graph.is_dense
    check(graph.subgraph(np.array([True, False, True, False])), [1, 1], [1, 0], n_nodes=2)
    if graph.is_dense:
        assert part.nodes.tolist() == X[[2, 0, 3]].tolist()
    else:
        assert part.nodes.texts("id") == ["c", "d", "b"]
    with pytest.raises(DataError, match="nodes names a node twice"):
        graph.subgraph([1, 1])


def test_a_subgraph_of_very_many_edges_without_relations():
    sources = np.arange(2**20, dtype=np.int32) % 4
    graph = Graph.of_arrays(X, sources, np.zeros(2**20, np.int32))
    assert kinds(graph)[:2] == ["edge", "edge"]
    assert len(graph.relation) == graph.n_edges
    assert graph.subgraph([0, 1]).n_edges == 2**19


def test_pyg_data():
    data = pytest.importorskip("torch_geometric.data")
    x, edges = torch.as_tensor(X), torch.as_tensor(EDGES)
    graph = as_graph(data.Data(x=x, edge_index=edges))
    check(graph)
    np.testing.assert_array_equal(graph.nodes, X)
    assert graph.weights is None
    kept = as_graph(
        data.Data(x=x, edge_index=edges, edge_weight=torch.tensor([1.0, 2, 3]), edge_type=torch.tensor([2, 0, 2]))
    )
    assert kept.weights.tolist() == [1, 2, 3]
    assert kept.relations == ("0", "2")
    assert kinds(kept) == ["2", "0", "2"]
    for lacking in (data.Data(x=x), data.Data(edge_index=edges)):
        with pytest.raises(DataError, match="no x or no edge_index: both are needed"):
            as_graph(lacking)
    with pytest.raises(DataError, match="HeteroData is no graph"):
        as_graph(data.HeteroData())


def test_what_stands_for_a_graph():
    graph = Graph(X, EDGES)
    assert as_graph(graph) is graph
    check(as_graph((X, EDGES)))
    check(as_graph((X.tolist(), pd.DataFrame(EDGES.T))))
    for data in (X, NODES, [X, EDGES], (X, EDGES, None), None):
        with pytest.raises(DataError, match=r"is no graph: pass l0gm.Graph\(nodes, edges\), a torch_geometric Data"):
            as_graph(data)


BEYOND = "and beyond 2147483647, the largest that is supported"


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([[0, 4], [1, 2]], r"source 1 is node 4, and there are 4 \(0 to 3\): add the node, or drop the edge"),
        ([[0, 1], [1, 9]], "target 1 is node 9, and there are 4"),
        ([[0, 1], [-1, 2]], "target 0 is -1: node numbers start at 0"),
        ([[0, 0.5], [1, 2]], "source 1 is 0.5: a node number is whole"),
        ([[0, np.nan], [1, 2]], "source 1 is nan: a node number is whole, and none may be missing"),
        ([[0, np.inf], [1, 2]], "source 1 is inf"),
        ([[0, -np.inf], [1, 2]], "source 1 is -inf"),
        ([[0, 2**31 + 5], [1, 2]], f"source 1 is node 2147483653, .*{BEYOND}"),
        ([[0, 2**32], [1, 2]], f"source 1 is node 4294967296, .*{BEYOND}"),
        ([[0, 1e20], [1, 2]], f"source 1 is node 100000000000000000000, .*{BEYOND}"),
        (np.array([[2**64 - 1], [1]], np.uint64), f"source 0 is node 18446744073709551615, .*{BEYOND}"),
        (np.array([[0, 200], [1, 2]], np.uint8), "source 1 is node 200"),
        (np.array([[0, -3], [1, 2]], np.int8), "source 1 is -3"),
        ([[True, False], [False, True]], "source: True is no node number: name nodes by a column with node_id="),
        ([["a"], ["b"]], "source: 'a' is no node number: name nodes by a column with node_id="),
        (np.zeros((5, 2), int), r"edges of shape \(5, 2\): .* transpose it"),
        (np.zeros((3, 5), int), r"edges of shape \(3, 5\): an array has shape \(2, E\), sources then targets$"),
        (np.zeros((2, 2, 2), int), r"edges of shape \(2, 2, 2\)"),
        (np.zeros(4, int), r"edges of shape \(4,\)"),
        ([[0, 1], [1]], "edges: no array can be made of it"),
        ((np.arange(3), np.arange(2)), "edges: no array can be made of it"),
        (np.ma.array(EDGES, mask=EDGES == 2), r"edges: the value at \(1, 1\) is masked: fill it in"),
        (torch.eye(4).to_sparse(), "edges: no array can be made of it.*dense"),
        (None, r"edges of shape \(\)"),
        (5, r"edges of shape \(\)"),
        ("ab", r"edges of shape \(\)"),
        (pl.LazyFrame({"source": [0], "target": [1]}), r"LazyFrame is no table: collect\(\) it"),
        ({}, "no columns"),
        ({"source": [0, 1], "target": [1]}, "columns of different lengths"),
        ({"source": [0]}, "the edges have the columns 'source': say with source= and target= which two of them"),
        ({"a": [0], "b": [1], "c": [2]}, "the edges have the columns 'a', 'b', 'c': say with source= and target="),
        (pd.DataFrame({"source": [0, None], "target": [1, 2]}), "source 1 is nan: .* none may be missing"),
        (pd.DataFrame({"source": [0, 1], "target": pd.array([1, None], "Int64")}), "target 1 is nan"),
        (pl.DataFrame({"source": [0, 2**31 + 5], "target": [1, 2]}), f"source 1 is node 2147483653, .*{BEYOND}"),
        (pa.table({"source": [0, -1], "target": [1, 2]}), "source 1 is -1"),
        (pd.DataFrame({"source": [0, 0.5], "target": [1, 2]}), "source 1 is 0.5"),
        (
            pd.DataFrame({"source": ["0", "a"], "target": [1, 2]}),
            "column 'source' of the edges holds 'a', no number: name",
        ),
        (
            pd.DataFrame({"source": [True, False], "target": [1, 2]}),
            "column 'source' of the edges holds booleans, no num",
        ),
        (
            pd.DataFrame({"source": [0, 1], "target": pd.to_datetime(["2020", "2021"])}),
            "'target' of the edges holds times",
        ),
        (
            pd.DataFrame({"source": [0, 1], "target": pd.to_timedelta([1, 2], "s")}),
            "'target' of the edges holds durations",
        ),
    ],
)
def test_edges_that_are_none(edges, message):
    with pytest.raises(DataError, match=message):
        Graph(X, edges)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"source": "a"}, "edges have the columns 'a', 'b', 'c'"),
        ({"source": "a", "target": "a"}, "say with source= and target= which two"),
        ({"source": "a", "target": "z"}, "say with source= and target= which two"),
        ({"source": "a", "target": "b", "weight": "w"}, "the edges have no column 'w': they have 'a', 'b', 'c'"),
        ({"source": "a", "target": "b", "relation": "w"}, "the edges have no column 'w': they have 'a', 'b', 'c'"),
        (
            {"source": "a", "target": "b", "weight": "c"},
            "column 'c' of the edges holds 'x', no number: a weight is a fin",
        ),
        ({"source": "a", "target": "c"}, "column 'c' of the edges holds 'x', no number: name nodes by a column"),
    ],
)
def test_columns_of_edges_that_are_not_there(given, message):
    with pytest.raises(DataError, match=message):
        Graph(X, {"a": [0, 1], "b": [1, 2], "c": ["x", "y"]}, **given)


@pytest.mark.parametrize("argument", ["source", "target", "weight", "relation"])
def test_an_array_of_edges_has_no_columns(argument):
    with pytest.raises(DataError, match=f"{argument}='w' names a column, and edges is an array: pass a table"):
        Graph(X, EDGES, **{argument: "w"})


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1, -1, 1], "weight of edge 1 is -1: a finite number .*, not negative, is needed"),
        ([1, 1, np.nan], "weight of edge 2 is nan"),
        ([1, None, 1], "weight of edge 1 is nan"),
        (pd.Series([1, pd.NA, 1], dtype="Int64"), "weight of edge 1 is nan"),
        ([np.inf, 1, 1], "weight of edge 0 is inf"),
        ([1, 1, 1e39], r"weight of edge 2 is 1e\+39: a finite number \(float32\)"),
        ([1, 1], r"edge weights of shape \(2,\) for 3 edges: one number an edge"),
        (np.ones((3, 1)), r"edge weights of shape \(3, 1\)"),
        (2.0, r"edge weights of shape \(\)"),
        (["x", "y", "z"], "holds 'x', no number: a weight is a finite number"),
        ([1j, 1, 1], "Complex data not supported: column 'weight'"),
        ([[1], [1, 2], [3]], "edge weights: no array can be made of it"),
        (torch.ones(3, dtype=torch.bfloat16), "edge weights: no array can be made of it"),
        (np.ma.array([1, 2, 3], mask=[0, 1, 0]), r"edge weights: the value at \(1,\) is masked"),
    ],
)
def test_weights_that_are_none(weight, message):
    with pytest.raises(DataError, match=message):
        Graph(X, EDGES, weight=weight)
    if isinstance(weight, list) and len(weight) == 3 and weight[1] in (-1, None):
        table = pd.DataFrame({"source": EDGES[0], "target": EDGES[1], "w": weight})
        with pytest.raises(DataError, match="weight of edge 1 is"):
            Graph(X, table, weight="w")


@pytest.mark.parametrize(
    ("relation", "message"),
    [
        (["a", None, "b"], "edge 1 has no relation: every edge needs one, or none has"),
        (["a", "b", float("nan")], "edge 2 has no relation"),
        ([1.0, np.nan, 2.0], "edge 1 has no relation"),
        (["a", "", "b"], "edge 1 has no relation"),
        (["a", "b"], "2 relations for 3 edges: one an edge is needed"),
        ([], "0 relations for 3 edges"),
        (3, "'relation' is 3: give a list"),
        (np.zeros((3, 1)), "'relation' is array"),
    ],
)
def test_relations_that_are_none(relation, message):
    with pytest.raises(DataError, match=message):
        Graph(X, EDGES, relation=relation)
    if isinstance(relation, list) and len(relation) == 3:
        table = pd.DataFrame({"source": EDGES[0], "target": EDGES[1], "kind": relation})
        with pytest.raises(DataError, match=message):
            Graph(X, table, relation="kind")


def test_too_many_relations():
    edges = np.zeros((2, 1001), int)
    with pytest.raises(DataError, match="1001 relations: at most 1,000 are supported; is it an identifier"):
        Graph(X, edges, relation=np.arange(1001))
    assert len(Graph(X, edges[:, 1:], relation=np.arange(1000)).relations) == 1000


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([[1, 2], [np.nan, 1]], "node 1 has nan in column 0: .* fill it in, or pass a table"),
        ([[1, np.inf], [2, 1]], "node 0 has inf in column 1"),
        ([[1, 1], [2, -np.inf]], "node 1 has -inf in column 1"),
        ([[1, 1], [2, 1e300]], r"node 1 has 1e\+300 in column 1: .* finite numbers \(float32\)"),
        (["a", "b"], r"node attributes of shape \(2,\): a row for each node"),
        ([["a"], ["b"]], "node attributes of type <U1: pass numbers, or a table with named columns"),
        ([[1j], [2]], "node attributes of type complex128"),
        (np.array([[1], ["a"]], object), "node attributes of type object: pass numbers, or a table"),
        (np.zeros((2, 0)), r"node attributes of shape \(2, 0\)"),
        (np.zeros((0, 2)), "a graph of 0 nodes: between 1 and 2147483647"),
        (np.zeros((2, 2, 2)), r"node attributes of shape \(2, 2, 2\)"),
        (np.ma.array(X, mask=X == 3), r"node attributes: the value at \(1, 0\) is masked"),
        (torch.ones(2, 2, dtype=torch.bfloat16), "node attributes: no array can be made of it.*BFloat16"),
        (torch.eye(2).to_sparse(), "node attributes: no array can be made of it.*dense"),
        (pd.DataFrame({"a": []}), "a graph of 0 nodes"),
        (None, "NoneType is no table"),
        (5, "int is no table"),
    ],
)
def test_nodes_that_are_none(nodes, message):
    with pytest.raises(DataError, match=message):
        Graph(np.array(nodes) if isinstance(nodes, list) else nodes, np.zeros((2, 0)))


def test_the_node_with_a_bad_attribute_is_named_far_down():
    nodes = np.zeros((70_000, 1))
    nodes[69_999] = np.nan
    with pytest.raises(DataError, match="node 69999 has nan in column 0"):
        Graph(nodes, EDGES)


@pytest.mark.parametrize(
    ("ids", "ends", "message"),
    [
        (["a", "b", "a"], ["a", "b"], "two nodes have the 'id' 'a': each needs its own"),
        ([5, 6, 5], [5, 6], "two nodes have the 'id' 5: each needs its own"),
        ([5.5, 6, 5.5], [6, 6], "two nodes have the 'id' 5.5: each needs its own"),
        ([1, 1.0, "c"], [1, 1], "two nodes have the 'id' 1: each needs its own"),
        (["a", None, "c"], ["a", "c"], "node 1 has no 'id': every node needs one"),
        ([1, None, 3], [1, 3], "node 1 has no 'id': every node needs one"),
        (["a", "", "c"], ["a", "c"], "node 1 has no 'id': every node needs one"),
        (
            ["a", "b", "c"],
            ["z", "y"],
            r"the source of edge 0 is 'z', and no node has that 'id' \(1 such in all\): add the",
        ),
        ([5, 6, 7], [8, 5], r"the source of edge 0 is 8, and no node has that 'id' \(1 such in all\)"),
        ([5, 6, 7], [5.5, 5], r"the source of edge 0 is 5.5, and no node has that 'id'"),
        (["5", "6", "7"], [5, 6], r"source of edge 0 is 5, .* \(1 such in all; edges hold numbers and nodes texts\)"),
        ([5, 6, 7], ["5", "6"], r"source of edge 0 is '5', .* edges hold texts and nodes numbers\)"),
        (["a", "b", "c"], [None, "a"], "edge 0 has no source: every edge needs one"),
        ([5, 6, 7], [np.nan, 5], "edge 0 has no source: every edge needs one"),
    ],
)
def test_names_that_are_none(ids, ends, message):
    nodes = pd.DataFrame({"id": pd.Series(ids, dtype=object if "c" in ids else None), "v": 1})
    for edges in (pd.DataFrame({"source": ends[:1], "target": ends[1:]}), {"source": ends[:1], "target": ends[1:]}):
        with pytest.raises(DataError, match=message):
            Graph(nodes, edges, node_id="id")


def test_all_unknown_names_are_counted():
    for ids, ends in ((["a", "b"], ["a", "y", "z", "y"]), ([1, 2], [1, 8, 9, 8])):
        with pytest.raises(DataError, match=r"the target of edge 1 is '?[y8]'?, .* \(2 such in all\)"):
            Graph({"id": ids, "v": ids}, {"source": ids * 2, "target": ends}, node_id="id")


def test_columns_of_names_that_are_not_there():
    with pytest.raises(DataError, match="node_id='name': the nodes have no such column"):
        Graph(NODES, [["a"], ["b"]], node_id="name")
    with pytest.raises(DataError, match="node_id='id': an array has no columns; edges name its rows by number"):
        Graph(X, EDGES, node_id="id")
    with pytest.raises(DataError, match="the nodes have no column beside 'id': add attributes"):
        Graph(NODES[["id"]], [["a"], ["b"]], node_id="id")
    with pytest.raises(DataError, match="holds 'a', no number: name nodes by a column with node_id="):
        Graph(NODES, {"source": ["a"], "target": ["b"]})


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        ([True, False, True, False], [0, 2]),
        (np.array([0, 0, 0, 1], bool), [3]),
        (torch.tensor([True, False, True, False]), [0, 2]),
        (pd.Series([True, False, True, False], index=[9, 8, 7, 6]), [0, 2]),
        ([3, 0], [3, 0]),
        (range(2), [0, 1]),
        (np.array([3, 1], np.uint8), [3, 1]),
        (np.array([3.0, 1.0]), [3, 1]),
        (torch.tensor([2]), [2]),
        (pl.Series([1, 2]), [1, 2]),
        ("mask", [0, 2]),
        ("ones", [0, 2]),
        ("floats", [0, 2]),
        ("objects", [0, 2]),
    ],
    ids=str,
)
def test_nodes_that_are_chosen(chosen, numbers):
    held = [True, False, True, False]
    columns = {"mask": held, "ones": [1, 0, 1, 0], "floats": [1.0, 0, 1, 0], "objects": pd.Series(held, dtype=object)}
    for make in (pd.DataFrame, lambda data: pl.DataFrame({name: list(values) for name, values in data.items()})):
        got = node_numbers(Graph(make(columns), EDGES), chosen, "train")
        assert got.dtype == np.int64
        assert got.tolist() == numbers


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ([0, 2, 0], "train names a node twice: name each once"),
        ([], "train names no node: the split is empty"),
        ([False] * 4, "train names no node: the split is empty"),
        ("none", "train names no node: the split is empty"),
        ([True, False], r"train: a mask of shape \(2,\) for 4 nodes"),
        (np.ones((4, 1), bool), r"train: a mask of shape \(4, 1\) for 4 nodes"),
        ([4], r"train 0 is node 4, and there are 4 \(0 to 3\): name nodes that the graph has"),
        ([2**31 + 5], f"train 0 is node 2147483653, .*{BEYOND}"),
        ([0, -1], "train 1 is -1: node numbers start at 0"),
        ([0.5], "train 0 is 0.5: a node number is whole"),
        ([np.nan], "train 0 is nan"),
        (["a"], "train: 'a' is no node number: pass a mask, node numbers, or the name of a column"),
        (pd.Series([True, None, True, True], dtype="boolean"), "train: True is no node number"),
        ([[0]], r"train: node numbers of shape \(1, 1\), one dimension"),
        (3, r"train: node numbers of shape \(\)"),
        (None, r"train: node numbers of shape \(\)"),
        ("absent", "train='absent': the nodes have no such column"),
        ("codes", "train='codes': that column is no mask, it holds other values than true and false"),
        ("holes", "train='holes': that column is no mask"),
        ("texts", "train='texts': that column is no mask"),
    ],
)
def test_choices_of_nodes_that_are_none(chosen, message):
    columns = {"none": [False] * 4, "codes": [0, 1, 2, 0], "holes": [1.0, None, 0, 0], "texts": ["true"] * 4}
    with pytest.raises(DataError, match=message):
        node_numbers(Graph(pd.DataFrame(columns), EDGES), chosen, "train")


def test_a_mask_has_a_name_in_a_table_only():
    with pytest.raises(DataError, match="train='mask': the nodes have no such column"):
        node_numbers(Graph(X, EDGES), "mask", "train")


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "pyarrow"])
def test_tables_of_many_edges_are_read_at_once(make):
    """No loop over edges in Python: that would take several times as long."""
    rng = np.random.default_rng(0)
    ends = rng.integers(0, 1000, (2, 500_000))
    Graph({"id": [1], "v": [1]}, [[1], [1]], node_id="id")  # compiled here, if not before
    started = time.perf_counter()
    graph = Graph(np.zeros((1000, 1)), make({"source": ends[0], "target": ends[1]}))
    named = Graph(
        make({"id": np.arange(1000) + 7, "v": np.arange(1000)}),
        make({"source": ends[0] + 7, "target": ends[1] + 7}),
        node_id="id",
    )
    assert time.perf_counter() - started < 1
    for read in (graph, named):
        np.testing.assert_array_equal(np.stack([read.sources, read.targets]), ends)
