import numpy as np
import pytest

from l0gm import datasets
from l0gm.data.graphs import Graph
from l0gm.datasets import GraphDataset
from l0gm.errors import DatasetError, ParameterError

GRAPHS = {"cora", "pubmed", "debian_packages", "ogbn_products", "synthetic:products"}


def test_which_names_are_graphs():
    assert {name for name in datasets.names() if datasets.is_graph(name)} == GRAPHS
    for name in GRAPHS:
        entry = datasets.describe(name)
        assert (entry.kind, entry.task) == ("graph", "multiclass")
        assert entry.edges > entry.rows > 0
    with pytest.raises(DatasetError, match="did you mean 'cora'"):
        datasets.is_graph("coral")


def test_each_kind_has_its_own_function():
    with pytest.raises(DatasetError, match=r"cora is a graph: load it with .*load_graph\('cora'\), .*NodeClassifier"):
        datasets.load("cora")
    with pytest.raises(DatasetError, match=r"adult is a table: load it with l0gm\.datasets\.load\('adult'\)"):
        datasets.load_graph("adult")
    with pytest.raises(DatasetError, match="did you mean 'pubmed'"):
        datasets.load_graph("pubmd")


def test_options():
    with pytest.raises(ParameterError, match="cora takes no option 'scale'; it takes: none"):
        datasets.load_graph("cora", scale=1)
    with pytest.raises(ParameterError, match="takes no option 'rows'; it takes: scale, seed"):
        datasets.load_graph("synthetic:products", rows=10)


@pytest.mark.parametrize("call", [datasets.path, datasets.fetch])
def test_a_generated_graph_has_no_file(call):
    with pytest.raises(DatasetError, match=r"has no file: load it with l0gm\.datasets\.load_graph\('synthetic:prod"):
        call("synthetic:products")


def test_splits_of_a_graph():
    parts = np.array([0]), np.array([1]), np.array([2])
    data = GraphDataset(
        name="three",
        graph=Graph(np.eye(3, dtype=np.float32), [[0, 1], [1, 2]]),
        labels=np.array(["a", None, "b"], dtype=object),
        task="multiclass",
        description="",
        source="",
        splitters={"first": lambda: parts, "second": lambda: parts[::-1]},
    )
    assert (data.splits, data.default_split) == (("first", "second"), "first")
    assert [part.tolist() for part in data.split()] == [[0], [1], [2]]
    assert [part.tolist() for part in data.split("second")] == [[2], [1], [0]]
    with pytest.raises(DatasetError, match="three has no split 'third'; it has: first, second"):
        data.split("third")
