import hashlib
import os
import time

import numpy as np
import pytest

from l0gm.data.adjacency import Structure, adjacencies
from l0gm.datasets import arrays, describe, load_graph, products
from l0gm.errors import DatasetError, ParameterError

SCALE = 1 / 2048
SHA256 = "e367cf41519d2e3a54bb49d740a0ebffa7be5727f82adcd2509d6570adbaa8c1"


def load(**options):
    return load_graph("synthetic:products", **{"scale": SCALE} | options)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def shared_cache(monkeypatch, cache):
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))


def degrees(graph):
    return np.bincount(np.concatenate([graph.sources, graph.targets]), minlength=graph.n_nodes)


def content(data):
    state = hashlib.sha256()
    for array in (data.graph.sources, data.graph.targets, data.graph.nodes, data.labels, *data.split()):
        state.update(np.ascontiguousarray(array).tobytes())
    return state.hexdigest()


def test_sizes_of_the_whole():
    sizes = products.Sizes.of(1.0)
    assert (sizes.nodes, sizes.edges) == (2_449_029, 61_859_140)
    assert (sizes.train, sizes.validation, sizes.test) == (196_615, 39_323, 2_213_091)
    entry = describe("synthetic:products")
    assert (entry.rows, entry.edges) == (sizes.nodes, sizes.edges)


@pytest.mark.parametrize("scale", [SCALE, 1 / 256])
def test_counts(scale):
    data = load(scale=scale)
    graph, sizes = data.graph, products.Sizes.of(scale)
    assert graph.nodes.shape == (round(2_449_029 * scale), 100)
    assert graph.n_edges == round(61_859_140 * scale)
    assert (graph.sources < graph.targets).all()  # no loops, and each edge has one form
    assert graph.targets.max() < graph.n_nodes
    assert len(np.unique(graph.sources.astype(np.int64) * graph.n_nodes + graph.targets)) == graph.n_edges
    assert set(data.labels) == set(range(47))
    assert [len(part) for part in data.split()] == [sizes.train, sizes.validation, sizes.test]
    assert np.isfinite(graph.nodes).all()
    (adjacency,) = adjacencies(graph, Structure("undirected"))
    assert adjacency.n_edges == 2 * graph.n_edges


def test_the_split_is_by_popularity():
    data = load()
    train, validation, test = data.split("popularity")
    assert data.splits == describe(data.name).splits
    by_degree = np.argsort(-degrees(data.graph), kind="stable")
    ends = len(train), len(train) + len(validation)
    for part, expected in zip((train, validation, test), np.split(by_degree, ends), strict=True):
        np.testing.assert_array_equal(part, np.sort(expected))


def test_the_kind_of_graph():
    data = load(scale=1 / 64)
    degree = degrees(data.graph)
    assert degree.max() > 50 * degree.mean()
    assert np.median(degree) < 0.75 * degree.mean()
    assert np.mean(degree == 0) < 0.001
    shares = np.sort(np.bincount(data.labels))[::-1] / len(data.labels)
    assert 0.2 < shares[0] < 0.3
    assert 0.0002 < shares[-1] < 0.001
    agree = data.labels[data.graph.sources] == data.labels[data.graph.targets]
    assert 0.6 < agree.mean() < 0.75
    spread = data.graph.nodes.std(axis=0)
    assert (np.diff(spread[::10]) < 0).all()
    for told in (degree, data.labels, data.graph.nodes[:, 0]):  # the order of nodes tells nothing
        assert abs(np.corrcoef(np.arange(len(told)), told)[0, 1]) < 0.02


def test_the_same_on_every_machine():
    assert content(load()) == SHA256


def test_a_seed_decides_all(monkeypatch, tmp_path):
    first = load()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert content(load()) == content(first)
    other = load(seed=1)
    assert (other.graph.sources != first.graph.sources).any()
    assert (other.graph.nodes != first.graph.nodes).any()
    assert other.graph.n_edges == first.graph.n_edges


def test_it_is_generated_once(monkeypatch):
    first = load()
    monkeypatch.setattr(products, "generate", pytest.fail)
    again = load()
    assert content(again) == content(first)
    assert again.source.startswith("generated (scale=0.000488281, seed=0): ")
    assert isinstance(again.graph.nodes.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        again.graph.nodes[0, 0] = 1.0


def test_a_damaged_cache_is_made_anew(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    load()
    (folder,) = (tmp_path / "l0gm" / "graphs").iterdir()
    (folder / "sources.npy").write_bytes((folder / "sources.npy").read_bytes()[:1000])
    assert content(load()) == SHA256
    monkeypatch.setattr(products, "VERSION", products.VERSION + 1)
    stamp = (folder / arrays.DOCUMENT).stat().st_mtime_ns
    load()
    assert (folder / arrays.DOCUMENT).stat().st_mtime_ns > stamp


def test_what_killed_writers_left_is_removed(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    sizes = products.Sizes.of(SCALE)
    name = f"products-{sizes.nodes}-{sizes.edges}-0"
    old, new, other = (
        tmp_path / "l0gm" / "graphs" / f".{x}.{y * 32}.part" for x, y in [(name, "0"), (name, "1"), ("x", "2")]
    )
    for folder in (old, new, other):
        folder.mkdir(parents=True)
        if folder != new:
            os.utime(folder, (time.time() - 1e6,) * 2)
    load()
    assert (old.exists(), new.exists(), other.exists()) == (False, True, True)


def test_another_process_that_was_faster(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    real, places = products.generate, []

    def slow(sizes, seed, folder):
        real(sizes, seed, folder)
        if not places:
            places.append(folder)
            load()

    monkeypatch.setattr(products, "generate", slow)
    assert content(load()) == SHA256
    assert len(list((tmp_path / "l0gm" / "graphs").iterdir())) == 1


@pytest.mark.parametrize(
    "options", [{"scale": 0}, {"scale": 2}, {"scale": "1"}, {"scale": float("nan")}, {"seed": -1}, {"seed": 0.5}]
)
def test_options_that_mean_nothing(options):
    (name,) = options
    with pytest.raises(ParameterError, match=f"{name}="):
        load(**options)


def test_a_cache_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "l0gm").write_text("a file where a folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DatasetError, match=r"cannot be written .*: make room there, or set XDG_CACHE_HOME"):
        load()


def test_a_full_disk(monkeypatch, tmp_path, full_disk):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with full_disk(100_000), pytest.raises(DatasetError, match="cannot be written"):
        load()
    assert list((tmp_path / "l0gm" / "graphs").iterdir()) == []
