import pickle

import numpy as np
import pytest

from l0gm.datasets import load_graph, path, planetoid
from l0gm.errors import DatasetError


@pytest.fixture
def no_copy(monkeypatch, tmp_path):
    """No data folder, an empty cache, a source that is away."""

    def away(url, **kwargs):
        raise DatasetError(f"{url} is away")

    monkeypatch.delenv("L0GM_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(planetoid, "read_url", away)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "nodes", "attributes", "edges", "classes", "agreeing"),
    [("cora", 2_708, 1_433, 5_278, 7, 0.81), ("pubmed", 19_717, 500, 44_324, 3, 0.802)],
)
def test_the_graphs(name, nodes, attributes, edges, classes, agreeing):
    try:
        path(name)
    except DatasetError as error:
        pytest.skip(str(error))
    data = load_graph(name)
    graph = data.graph
    assert (graph.nodes.shape, graph.n_edges) == ((nodes, attributes), edges)
    assert graph.nodes.dtype == np.float32
    assert (graph.sources < graph.targets).all()
    assert len(np.unique(graph.sources.astype(np.int64) * nodes + graph.targets)) == edges
    # Neighbours agree, and rows have attributes: the rows to test on stand where they belong.
    labels = data.labels
    assert np.mean(labels[graph.sources] == labels[graph.targets]) == pytest.approx(agreeing, abs=0.001)
    assert (graph.nodes != 0).any(axis=1).all()
    train, validation, test = data.split()
    np.testing.assert_array_equal(np.bincount(labels[train]), [20] * classes)
    assert (len(validation), len(test)) == (500, 1000)
    np.testing.assert_array_equal(test, np.arange(nodes - 1000, nodes))
    assert len(np.unique(np.concatenate([train, validation, test]))) == 20 * classes + 1500


@pytest.mark.data
def test_what_is_fetched_is_kept(monkeypatch, tmp_path, server):
    try:
        here = path("cora")
    except DatasetError as error:
        pytest.skip(str(error))
    pages, address = server
    for file in here.iterdir():
        pages[f"/{file.name}"] = file.read_bytes()
    monkeypatch.delenv("L0GM_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(planetoid, "OFFICIAL_URL", f"{address}/{{}}")
    assert load_graph("cora").source.startswith("official source (GitHub): ")
    pages.clear()
    again = load_graph("cora")
    assert again.source == f"user cache: {path('cora')}"
    assert again.graph.n_edges == 5_278


def test_nowhere(no_copy):
    with pytest.raises(DatasetError) as caught:
        load_graph("pubmed")
    told = str(caught.value)
    assert "data folder: L0GM_DATA is not set" in told
    assert "ind.pubmed.allx is away" in told
    assert told.endswith(
        "to the folder planetoid/PubMed/raw/ of some data folder and set L0GM_DATA to that data folder."
    )
    with pytest.raises(DatasetError, match="`l0gm data fetch pubmed` brings it"):
        path("pubmed")


def test_a_file_that_was_changed_is_not_read(no_copy, tmp_path):
    """The digest comes first: what is in the file would fail in another way."""
    folder = tmp_path / planetoid.CORA.path
    folder.mkdir(parents=True)
    for part in planetoid.CORA.digests:
        (folder / planetoid.CORA.file(part)).write_bytes(pickle.dumps(print))
    with pytest.raises(DatasetError, match=r"ind\.cora\.allx has sha256 .*: it is damaged or was changed"):
        load_graph("cora", data_home=tmp_path)


class Harmful:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return open, (self.marker, "w")


def test_a_pickle_makes_arrays_and_nothing_else(tmp_path):
    harmful = pickle.dumps(Harmful(str(tmp_path / "marker")), 2)
    with pytest.raises(DatasetError, match="open is not expected in this file"):
        planetoid.parse(planetoid.CORA, {"allx": harmful, "test.index": b"1\n2\n"})
    assert not (tmp_path / "marker").exists()
    for broken in (b"", b"\x80\x02]", b"no pickle"):
        with pytest.raises(DatasetError, match="not the files of cora"):
            planetoid.parse(planetoid.CORA, {"allx": broken, "test.index": b"1\n"})
