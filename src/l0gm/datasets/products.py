"""A generated graph of the size and kind of ogbn-products: communities inside classes, popular nodes, weak attributes.

It is the same for a seed on every machine: all that is random is a hash of a counter, and what is made of it takes
only operations that IEEE 754 rounds in one way: no logarithm, no cosine, no sum in an order that the processor chooses.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from l0gm.compiled import compiled
from l0gm.datasets.arrays import PARTS, appending, built
from l0gm.datasets.communities import Places, edges_among
from l0gm.datasets.dataset import Entry, GraphDataset
from l0gm.datasets.download import cache_dir
from l0gm.datasets.hashes import GOLDEN, SPREAD_OF_FOUR, four_uniforms, mixed, normals, start_of
from l0gm.errors import ParameterError

__all__ = ["ENTRY", "Sizes", "generate", "load"]

VERSION = 1
"""Part of the cache's key: another generator, another number."""

NODES, EDGES, CLASSES, FEATURES = 2_449_029, 61_859_140, 47, 100
TRAIN, VALIDATION = 196_615, 39_323
LEAST_SCALE = 1 / 2048

CLASS_SIGNAL, CLUSTER_SIGNAL = 0.60, 0.45
"""Spread of the means of classes, and of clusters about them, in the first attribute, whose noise has spread 1."""
SIGNAL_ENDS = 12.0
"""The attribute where the signal has fallen to half, relative to the noise."""
ROWS_AT_ONCE = 65_536

SUMMARY = "generated: as large as ogbn-products, 47 classes, communities, a split by popularity"


@dataclass(frozen=True)
class Sizes:
    """How much there is of everything at a scale; at scale 1, what ogbn-products has."""

    nodes: int
    edges: int
    train: int
    validation: int

    @classmethod
    def of(cls, scale: float) -> Sizes:
        """Return the whole size times ``scale``, rounded."""
        return cls(*(round(count * scale) for count in (NODES, EDGES, TRAIN, VALIDATION)))

    @property
    def test(self) -> int:
        """The nodes that are left."""
        return self.nodes - self.train - self.validation


def load(home: Path | None = None, *, scale: float = 1.0, seed: int = 0) -> GraphDataset:
    """Generate the graph once, and open it where it was; at scale 1 it takes about 1.5 GB of the user cache.

    2,449,029 nodes of 47 uneven classes, 61,859,140 undirected edges, 100 attributes whose signal is in the first few
    dozen. Split ``popularity``: trained on the nodes of the highest degree (8.0 %), validated on the next (1.6 %),
    tested on the others.

    Parameters
    ----------
    home : Path, optional
        Not used: there is no file.
    scale : float
        The fraction of the whole size, from 1/2048 to 1: every count is multiplied by it and rounded, except the
        number of classes and attributes and the size of a cluster.
    seed : int
        Not negative; the same seed gives the same graph, on every machine.

    Raises
    ------
    ParameterError
        A scale or seed that means nothing.
    DatasetError
        The user cache cannot be written, or has no room.
    """
    if isinstance(scale, bool) or not isinstance(scale, int | float | np.number) or not LEAST_SCALE <= scale <= 1:
        raise ParameterError(f"scale={scale!r}: give a fraction of the whole size, from 1/2048 to 1")
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**63:
        raise ParameterError(f"seed={seed!r}: give a whole number of at least 0")
    sizes = Sizes.of(float(scale))
    key = {"name": ENTRY.name, "version": VERSION, "nodes": sizes.nodes, "edges": sizes.edges, "seed": int(seed)}
    folder = cache_dir() / "graphs" / f"products-{sizes.nodes}-{sizes.edges}-{seed}"
    files = built(folder, key, partial(generate, sizes, int(seed)))
    said = f"scale={scale:g}, seed={seed}"
    return files.dataset(
        name=ENTRY.name,
        task="multiclass",
        description=(
            f"Generated ({said}): {sizes.nodes:,} nodes, {sizes.edges:,} undirected edges, {FEATURES} attributes, "
            f"{CLASSES} classes; trained on the most popular nodes, tested on the least."
        ),
        source=f"generated ({said}): {folder}",
        split="popularity",
    )


def generate(sizes: Sizes, seed: int, folder: Path) -> None:
    """Write the arrays of the graph to a folder."""
    places = Places.of(sizes.nodes, CLASSES, seed)
    sources, targets = edges_among(places, sizes.edges, seed)
    degrees = np.bincount(sources, minlength=sizes.nodes) + np.bincount(targets, minlength=sizes.nodes)
    for name, array in (("sources", sources), ("targets", targets), ("labels", places.labels[places.internal])):
        with appending(folder, name, array.shape) as append:
            append(array)
    del sources, targets

    popular = np.argsort(-degrees, kind="stable")
    cuts = [0, sizes.train, sizes.train + sizes.validation, sizes.nodes]
    for part, (start, stop) in zip(PARTS, pairwise(cuts), strict=True):
        with appending(folder, part, (stop - start,)) as append:
            append(np.sort(popular[start:stop]))

    class_means, cluster_means, noise = _means(places, seed)
    with appending(folder, "features", (sizes.nodes, FEATURES)) as append:
        for start in range(0, sizes.nodes, ROWS_AT_ONCE):
            chosen = places.internal[start : start + ROWS_AT_ONCE]
            block = np.empty((len(chosen), FEATURES), np.float32)
            labels, clusters = places.labels[chosen], places.clusters[chosen]
            _attributes(labels, clusters, class_means, cluster_means, noise, start_of(seed, "noise"), start, block)
            append(block)


def _means(places: Places, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return the means of classes and clusters, (classes, F) and (clusters, F), and the spread of the noise, (F,).

    The means of the classes are those of seed 0 always, so that the task is about as hard with every seed.
    """
    column = np.arange(FEATURES, dtype=np.float64)
    noise = 1.0 / np.sqrt(1.0 + column / 4.0)
    signal = noise / (1.0 + (column / SIGNAL_ENDS) * (column / SIGNAL_ENDS))
    means = []
    for which, name, count, size in (
        (0, "class means", CLASSES, CLASS_SIGNAL),
        (seed, "cluster means", len(places.cluster_starts) - 1, CLUSTER_SIGNAL),
    ):
        drawn = normals(which, name, count * FEATURES).reshape(count, FEATURES)
        means.append((drawn * (signal * size)).astype(np.float32))
    return means[0], means[1], (noise / SPREAD_OF_FOUR).astype(np.float32)


@compiled
def _attributes(labels, clusters, class_means, cluster_means, noise, start, row, out):  # type: ignore[no-untyped-def]
    rows, columns = out.shape
    state = start + np.uint64(row * columns) * GOLDEN
    for i in range(rows):
        own, near = class_means[labels[i]], cluster_means[clusters[i]]
        for j in range(columns):
            state += GOLDEN
            out[i, j] = own[j] + near[j] + noise[j] * np.float32(four_uniforms(mixed(state)))


ENTRY = Entry(
    name="synthetic:products",
    summary=SUMMARY,
    task="multiclass",
    rows=NODES,
    target="class",
    splits=("popularity",),
    load=load,
    options=("scale", "seed"),
    kind="graph",
    edges=EDGES,
)
