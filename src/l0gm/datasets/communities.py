"""Generated graphs with communities inside classes and degrees with a heavy tail, the same on every machine.

A block model with corrected degrees (Karrer and Newman 2011) at three levels: cluster, class, all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l0gm.compiled import compiled
from l0gm.datasets.hashes import GOLDEN, LOW32, S32, hashes, mixed, normals, rehash, start_of

__all__ = ["Places", "edges_among"]

CLUSTER = 800
"""Nodes of a cluster, about: from a third to five thirds of it."""
STRAYS = 0.14
"""The share of nodes that are placed in a cluster without regard to their class."""
INSIDE, IN_CLASS = 0.78, 0.12
"""The shares of a node's edges that stay in its cluster and in its cluster's class; the rest go anywhere."""
MOST_OF_GROUP = 0.3
"""At most so large a part of a cluster or class are a node's neighbours in it: a hub reaches further."""
MEDIAN, SPREAD = 17.0, 0.7
"""Degrees are about ``MEDIAN * exp(SPREAD * normal) / sqrt(uniform)``: a Pareto tail of exponent 2."""
MOST_DEGREE = 20_000.0
OVERDRAWN = 1.16

Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Places:
    """Where each node stands: inside, nodes are numbered by cluster, and clusters by class.

    ``labels`` and ``clusters`` (n,) are by the number inside, ``internal`` (n,) gives it for each number outside,
    ``public`` (n,) the other way. ``class_starts`` and ``cluster_starts`` are the first nodes of each, and the end.
    """

    labels: NDArray[np.int16]
    clusters: NDArray[np.int32]
    internal: NDArray[np.int32]
    public: NDArray[np.int32]
    class_starts: Numbers
    cluster_starts: Numbers

    @classmethod
    def of(cls, nodes: int, classes: int, seed: int) -> Places:
        """Draw them; every class has at least one node."""
        weights = [2**40 // (2 * k + 13) ** 3 for k in range(classes)]  # from 27 % to 0.05 % of the nodes
        counts = [max(2, nodes * weight // sum(weights)) for weight in weights]
        counts[0] += nodes - sum(counts)
        class_starts = np.concatenate([[0], np.cumsum(counts)])
        starts = []
        for k, (start, count) in enumerate(zip(class_starts, counts, strict=False)):
            number = max(1, (count + CLUSTER // 2) // CLUSTER)
            shares = (hashes(seed, f"clusters {k}", number) >> S32).astype(np.int64) + 2**30
            inner = np.concatenate([[0], np.cumsum(shares)])[:-1] * count // int(shares.sum())
            starts.append(start + inner)
        cluster_starts = np.concatenate([*starts, [nodes]])
        clusters = np.repeat(np.arange(len(cluster_starts) - 1, dtype=np.int32), np.diff(cluster_starts))
        community = np.repeat(np.arange(classes, dtype=np.int16), counts)
        drawn = hashes(seed, "strays", nodes)
        strays = (drawn >> S32) < np.uint64(int(STRAYS * 2**32))
        strays[class_starts[:-1]] = False  # no class without a node
        other = ((drawn & LOW32) * np.uint64(nodes)) >> S32
        labels = np.where(strays, community[other.astype(np.int64)], community)
        internal = np.argsort(hashes(seed, "numbers", nodes), kind="stable").astype(np.int32)
        public = np.empty_like(internal)
        public[internal] = np.arange(nodes, dtype=np.int32)
        return cls(labels, clusters, internal, public, class_starts, cluster_starts)


def edges_among(places: Places, n_edges: int, seed: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the two ends of each edge, (E,) and (E,), the lesser number first, sorted, each edge once."""
    nodes = len(places.public)
    levels = _stubs(places, seed)
    held = sum(len(stubs) for stubs, _ in levels)
    keys = np.empty(0, np.int64)
    asked, turn = int(n_edges * OVERDRAWN), 0
    while True:
        parts = [keys]
        for level, (stubs, starts) in enumerate(levels):
            counts = np.diff(starts) * asked // held + 1
            drawn = np.empty(int(counts.sum()), np.int64)
            start = start_of(seed, f"edges {turn} {level}")
            parts.append(drawn[: _draw(stubs, starts, counts, places.public, start, drawn)])
        keys = np.concatenate(parts)
        del parts, drawn
        keys.sort()
        keys = keys[: _distinct(keys)]
        surplus = len(keys) - n_edges
        if surplus >= 0:
            break
        asked, turn = -2 * surplus + 1000, turn + 1
    del levels
    if surplus:
        hashed = np.empty(len(keys), np.uint64)
        rehash(keys, start_of(seed, "surplus"), hashed)  # no two are equal: the hash can be undone
        last = np.partition(hashed, n_edges - 1)[n_edges - 1]
        keys = keys[hashed <= last]
        del hashed
    sources = (keys // nodes).astype(np.int32)
    keys %= nodes
    return sources, keys.astype(np.int32)


def _stubs(places: Places, seed: int) -> list[tuple[NDArray[np.int32], Numbers]]:
    """Return for clusters, classes and all: each node as often as an edge ends at it there, and the groups' starts."""
    nodes = len(places.public)
    normal = normals(seed, "degrees", nodes) * (SPREAD / 1024.0) + 1.0
    for _ in range(10):  # (1 + x / 1024) ** 1024, which is near to exp(x)
        normal = normal * normal
    uniform = ((hashes(seed, "tail", nodes) >> S32).astype(np.float64) + 1.0) / 2.0**32
    degrees = np.minimum(MEDIAN * normal / np.sqrt(uniform), min(MOST_DEGREE, nodes / 4.0))

    left = degrees
    levels = []
    everything = np.array([0, nodes])
    groups = ((INSIDE, places.cluster_starts), (IN_CLASS, places.class_starts), (1.0, everything))
    for level, (share, starts) in enumerate(groups):
        most = np.repeat(np.diff(starts) * MOST_OF_GROUP, np.diff(starts))
        here = np.minimum(degrees * share, most) if share < 1.0 else left
        left = left - here
        rounding = (hashes(seed, f"ends {level}", nodes) >> S32).astype(np.float64) / 2.0**32
        counts = np.floor(here + rounding).astype(np.int64)
        ends = np.concatenate([[0], np.cumsum(counts)])
        levels.append((np.repeat(np.arange(nodes, dtype=np.int32), counts), ends[starts]))
    return levels


@compiled
def _draw(stubs, starts, counts, public, start, out):  # type: ignore[no-untyped-def]
    """Draw pairs in each group, a hash each, and return how many are no loops."""
    nodes = len(public)
    at = 0
    state = start
    for group in range(len(counts)):
        first = starts[group]
        size = np.uint64(starts[group + 1] - first)
        if size == 0:
            continue
        for _ in range(counts[group]):
            state += GOLDEN
            z = mixed(state)
            u = public[stubs[first + np.int64(((z >> S32) * size) >> S32)]]
            v = public[stubs[first + np.int64(((z & LOW32) * size) >> S32)]]
            if u != v:
                out[at] = min(u, v) * nodes + max(u, v)
                at += 1
    return at


@compiled
def _distinct(keys):  # type: ignore[no-untyped-def]
    """Move the distinct ones of sorted numbers to the front, and return how many they are."""
    at = 0
    for i in range(len(keys)):
        if i == 0 or keys[i] != keys[i - 1]:
            keys[at] = keys[i]
            at += 1
    return at
