"""OGB's layout, written small: whole, damaged, and with files that do not fit one another."""

import gzip
import json

import numpy as np
import pytest

from l0gm.data.adjacency import Structure, adjacencies
from l0gm.datasets import arrays, describe, fetch, load_graph, ogbn_products, path
from l0gm.errors import DatasetError

NODES, EDGES, COLUMNS = 60, 200, 5


@pytest.fixture
def small():
    """The arrays of a small graph."""
    rng = np.random.default_rng(0)
    order = rng.permutation(NODES)
    return {
        "edge": rng.integers(0, NODES, (EDGES, 2)),
        "node-feat": rng.normal(size=(NODES, COLUMNS)).astype(np.float32),
        "node-label": rng.integers(0, 47, NODES),
        "num-node-list": [NODES],
        "num-edge-list": [EDGES],
        "train": order[:10],
        "valid": order[10:15],
        "test": order[15:],
    }


def write(folder, held):
    """Write arrays as OGB does, and return the folder."""
    for name, values in held.items():
        place = folder / ("split/sales_ranking" if name in ("train", "valid", "test") else "raw") / f"{name}.csv.gz"
        place.parent.mkdir(parents=True, exist_ok=True)
        rows = np.asarray(values).reshape(len(values), -1)
        text = "\n".join(",".join(map(str, row.tolist())) for row in rows) + "\n"
        place.write_bytes(gzip.compress(text.encode()))
    return folder


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("L0GM_DATA", raising=False)


def load(home):
    return load_graph("ogbn_products", data_home=home)


@pytest.mark.parametrize("name", ["ogbn_products", "products"])
def test_what_is_read(small, tmp_path, name):
    raw = write(tmp_path / name, small)
    data = load(tmp_path)
    graph = data.graph
    np.testing.assert_array_equal(graph.nodes, small["node-feat"])
    np.testing.assert_array_equal([graph.sources, graph.targets], small["edge"].T)
    np.testing.assert_array_equal(data.labels, small["node-label"])
    for part, known in zip(data.split("sales_ranking"), ("train", "valid", "test"), strict=True):
        assert part.dtype == np.int64
        np.testing.assert_array_equal(part, np.sort(small[known]))
    assert data.splits == describe("ogbn_products").splits
    assert (graph.nodes.dtype, graph.sources.dtype, data.labels.dtype) == (np.float32, np.int32, np.int64)
    assert isinstance(graph.nodes.base, np.memmap)
    assert path("ogbn_products", data_home=tmp_path) == raw
    (adjacency,) = adjacencies(graph, Structure("undirected"))  # loops read from files that cannot be written
    assert adjacency.n_edges % 2 == 0


def test_it_is_converted_once(small, tmp_path, monkeypatch):
    write(tmp_path / "products", small)
    assert load(tmp_path).source.startswith("data folder: ")
    monkeypatch.setattr(ogbn_products, "convert", pytest.fail)
    assert fetch("ogbn_products", data_home=tmp_path) == tmp_path / "cache" / "l0gm" / "graphs" / "ogbn_products"
    # The raw files may go.
    elsewhere = load(tmp_path / "absent")
    assert elsewhere.source.startswith("converted before: ")
    assert path("ogbn_products") == tmp_path / "cache" / "l0gm" / "graphs" / "ogbn_products"
    np.testing.assert_array_equal(elsewhere.graph.nodes, small["node-feat"])


def test_other_files_are_converted_anew(small, tmp_path):
    write(tmp_path / "products", small)
    before = load(tmp_path)
    write(tmp_path / "products", {"node-label": (small["node-label"] + 1) % 47})
    np.testing.assert_array_equal(load(tmp_path).labels, (small["node-label"] + 1) % 47)
    np.testing.assert_array_equal(before.graph.nodes, small["node-feat"])  # who has it open keeps it


@pytest.mark.parametrize("damage", ["short", "gone", "no document", "half a document", "another type"])
def test_a_damaged_cache_is_made_anew(small, tmp_path, damage):
    write(tmp_path / "products", small)
    folder = fetch("ogbn_products", data_home=tmp_path)
    document = folder / arrays.DOCUMENT
    if damage == "short":
        content = (folder / "features.npy").read_bytes()
        (folder / "features.npy").write_bytes(content[:-4])
    elif damage == "gone":
        (folder / "targets.npy").unlink()
    elif damage == "no document":
        document.unlink()
    elif damage == "half a document":
        document.write_text(document.read_text()[:40])
    else:
        np.save(folder / "labels.npy", small["node-label"].astype(np.int32))
    np.testing.assert_array_equal(load(tmp_path).graph.nodes, small["node-feat"])
    assert json.loads(document.read_text())["arrays"]["features"][2] == [NODES, COLUMNS]
    assert [entry.name for entry in folder.parent.iterdir()] == ["ogbn_products"]


def refused(small, tmp_path, match, **changed):
    write(tmp_path / "products", small | {name.replace("_", "-"): values for name, values in changed.items()})
    with pytest.raises(DatasetError, match=match):
        load(tmp_path)
    assert list((tmp_path / "cache").rglob("*.npy")) == []


def test_counts_that_differ(small, tmp_path):
    refused(small, tmp_path, r"edge\.csv\.gz: 200 rows, and 201 are expected: it is not whole", num_edge_list=[201])
    refused(small, tmp_path, r"edge\.csv\.gz: 200 rows, and 199 are expected", num_edge_list=[199])
    refused(small, tmp_path, r"node-feat\.csv\.gz: 60 rows, and 61 are expected", num_node_list=[61])
    refused(small, tmp_path, r"node-label\.csv\.gz: 59 rows, and 60 are", node_label=small["node-label"][1:])
    refused(small, tmp_path, r"num-node-list\.csv\.gz: one whole number is expected", num_node_list=[30, 30])


def test_ids_out_of_range(small, tmp_path):
    edge = small["edge"].copy()
    edge[7, 1] = NODES
    refused(small, tmp_path, r"edge\.csv\.gz: node 60 is none of 0 to 59", edge=edge)
    edge[7, 1] = -1
    refused(small, tmp_path, r"edge\.csv\.gz: node -1 is none of", edge=edge)
    edge[7, 1] = 2**40
    refused(small, tmp_path, r"edge\.csv\.gz: damaged, or not what is expected there", edge=edge)
    refused(small, tmp_path, r"node-label\.csv\.gz: label 47 is none of 0 to 46", node_label=[47] * NODES)
    refused(small, tmp_path, r"node-label\.csv\.gz: label 0\.5 is none of", node_label=[0.5] * NODES)
    refused(small, tmp_path, r"valid\.csv\.gz: node 60 is none of", valid=[60])
    refused(small, tmp_path, r"valid\.csv\.gz: node \d+ is in another part", valid=small["train"])


def test_values_that_are_none(small, tmp_path):
    features = small["node-feat"].copy()
    features[3, 2] = np.inf
    refused(small, tmp_path, r"node-feat\.csv\.gz: an attribute is not finite", node_feat=features)
    features[3, 2] = np.nan
    refused(small, tmp_path, r"node-feat\.csv\.gz: damaged.*a value is missing", node_feat=features)
    refused(small, tmp_path, r"edge\.csv\.gz: damaged.*Expected 2 columns, got 1", edge=np.arange(EDGES))
    refused(small, tmp_path, r"train\.csv\.gz: damaged", train=np.array(["a", "b"]))


@pytest.mark.parametrize("name", ["edge", "node-feat", "num-node-list"])
def test_a_file_that_was_cut_off(small, tmp_path, name):
    raw = write(tmp_path / "products", small)
    file = raw / "raw" / f"{name}.csv.gz"
    for content in (file.read_bytes()[:-9], b"", b"no gzip at all"):
        file.write_bytes(content)
        with pytest.raises(DatasetError, match=rf"(?s)data folder: .*{name}\.csv\.gz: "):
            load(tmp_path)


def test_a_file_that_is_missing(small, tmp_path):
    raw = write(tmp_path / "products", small)
    (raw / "raw" / "node-label.csv.gz").unlink()
    (raw / "split" / "sales_ranking" / "test.csv.gz").unlink()
    with pytest.raises(DatasetError, match=r"has no raw/node-label\.csv\.gz, split/sales_ranking/test\.csv\.gz"):
        load(tmp_path)


def test_damaged_files_are_not_passed_over(small, tmp_path):
    write(tmp_path / "products", small)
    load(tmp_path)
    write(tmp_path / "products", {"num-edge-list": [7]})
    with pytest.raises(DatasetError, match=r"(?s)and 7 are expected.*converted before: not used where there is"):
        load(tmp_path)


def test_nowhere(tmp_path):
    for call in (load, lambda home: path("ogbn_products", data_home=home)):
        with pytest.raises(DatasetError) as caught:
            call(tmp_path)
        told = str(caught.value)
        assert "http://snap.stanford.edu/ogb/data/nodeproppred/products.zip (1.4 GB) by hand" in told
        assert "edge.csv.gz, node-feat.csv.gz, node-label.csv.gz" in told
        assert told.endswith("'synthetic:products'.")


def test_a_full_disk(small, tmp_path, full_disk):
    write(tmp_path / "products", small)
    with full_disk(500), pytest.raises(DatasetError, match=r"cannot be written .*: make room there, or set XDG_CACHE"):
        load(tmp_path)
    assert list((tmp_path / "cache" / "l0gm" / "graphs").iterdir()) == []
    assert load(tmp_path).graph.n_nodes == NODES
