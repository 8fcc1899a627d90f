import numpy as np
import pandas as pd
import pytest

from l0gm.datasets import debian, fetch, load_graph, path
from l0gm.errors import DatasetError


@pytest.fixture(scope="module")
def data():
    try:
        path("debian_packages")
    except DatasetError as error:
        pytest.skip(str(error))
    return load_graph("debian_packages")


@pytest.fixture
def folder(tmp_path):
    """Forty packages in the layout of the data set."""
    rows = 40
    nodes = pd.DataFrame(
        {
            "node": np.arange(rows),
            "section": ["libs", "doc"] * (rows // 2),
            "short_description": [f"package {k}" for k in range(rows)],
            "homepage_host": [None, "example.org"] * (rows // 2),
            "size_bytes": np.arange(rows) * 100,
            "in_bullseye": np.arange(rows) < 30,
        }
    )
    edges = pd.DataFrame({"src": [0, 1, 39], "dst": [1, 2, 0], "relation": ["Depends", "Suggests", "Depends"]})
    place = tmp_path / debian.FOLDER
    place.mkdir()
    nodes.to_parquet(place / "nodes.parquet")
    edges.astype({"relation": "category"}).to_parquet(place / "edges.parquet")
    return place


@pytest.mark.data
def test_the_whole(data):
    graph = data.graph
    assert (graph.n_nodes, graph.n_edges) == (63_436, 343_473)
    assert len(graph.relations) == 8
    assert np.bincount(graph.relation)[graph.relations.index("Depends")] == 271_885
    assert {"node", "section", "in_bullseye"}.isdisjoint(graph.nodes.names)
    assert len(graph.nodes.names) == 10
    assert len(set(data.labels)) == 58
    depends = graph.relation == graph.relations.index("Depends")
    labels = data.labels
    assert np.mean(labels[graph.sources[depends]] == labels[graph.targets[depends]]) == pytest.approx(0.5, abs=0.01)


@pytest.mark.data
def test_the_split_by_time(data):
    train, validation, test = data.split()
    assert (len(train), len(validation), len(test)) == (47_304, 5_256, 10_876)
    together = np.sort(np.concatenate([train, validation, test]))
    np.testing.assert_array_equal(together, np.arange(63_436))
    assert set(data.labels[train]) == set(data.labels[validation]) == set(data.labels)


@pytest.mark.data
def test_where_it_lies(data):
    assert fetch("debian_packages") == path("debian_packages")


def test_a_small_one(folder, monkeypatch):
    with pytest.raises(DatasetError, match=r"these 40 nodes and 3 edges have sha256 .* not those of debian_packages"):
        load_graph("debian_packages", data_home=folder.parent)
    frames = [pd.read_parquet(folder / file) for file in debian.FILES]
    monkeypatch.setattr(debian, "CANONICAL_SHA256", debian.digest(*frames))
    data = load_graph("debian_packages", data_home=folder.parent)
    assert data.graph.nodes.names == ["short_description", "homepage_host", "size_bytes"]
    assert data.graph.relations == ("Depends", "Suggests")
    assert data.graph.relation.tolist() == [0, 1, 0]
    assert (data.graph.sources.tolist(), data.graph.targets.tolist()) == ([0, 1, 39], [1, 2, 0])
    train, validation, test = data.split()
    assert (len(train), len(validation)) == (27, 3)
    np.testing.assert_array_equal(test, np.arange(30, 40))


def test_the_digest_sees_every_cell(folder):
    nodes, edges = (pd.read_parquet(folder / file) for file in debian.FILES)
    found = {debian.digest(nodes, edges), debian.digest(nodes, edges.assign(dst=[1, 2, 1]))}
    found.add(debian.digest(nodes.assign(homepage_host="example.org"), edges))
    found.add(debian.digest(nodes.rename(columns={"node": "id"}), edges))
    assert len(found) == 4


def test_nowhere(monkeypatch, tmp_path):
    monkeypatch.delenv("L0GM_DATA", raising=False)
    for call in (load_graph, path, fetch):
        with pytest.raises(DatasetError, match=r"(?s)L0GM_DATA is not set.*published nowhere.*copy nodes\.parquet and"):
            call("debian_packages")
        with pytest.raises(DatasetError, match=r"(?s)no .*debian_packages.*or pass data_home="):
            call("debian_packages", data_home=tmp_path)


def test_a_damaged_file(folder):
    content = (folder / "edges.parquet").read_bytes()
    (folder / "edges.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(DatasetError, match=r"edges\.parquet is not a whole parquet file"):
        load_graph("debian_packages", data_home=folder.parent)
