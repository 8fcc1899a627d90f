"""Who receives from whom, as compressed sparse rows: what every propagation and every sampler reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from l0gm.compiled import compiled
from l0gm.data.graphs import FOLDED, Graph
from l0gm.errors import ArtifactError, DataError, ParameterError

__all__ = ["DIRECTIONS", "Adjacency", "Structure", "adjacencies", "locality_order"]

Direction = Literal["undirected", "forward", "both"]
SPREAD = 7919
"""A prime: places that look random."""
DIRECTIONS = ("undirected", "forward", "both")


@dataclass(frozen=True)
class Adjacency:
    """For each node those that it receives from, ascending, each once, itself left out.

    Parameters
    ----------
    starts : int64 (n + 1,)
        Node i receives from ``senders[starts[i]:starts[i + 1]]``.
    senders : int32 (m,)
    weights : float32 (m,), optional
        Default: all edges weigh 1.
    mutual : bool
        Whether each edge is known to go both ways, with the same weight.
    """

    starts: NDArray[np.int64]
    senders: NDArray[np.int32]
    weights: NDArray[np.float32] | None = None
    mutual: bool = False

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.starts) - 1

    @property
    def n_edges(self) -> int:
        """Number of pairs; an undirected edge is two."""
        return len(self.senders)

    def received(self) -> NDArray[np.float32]:
        """Return the summed weight that each node receives, (n,): its degree where edges have no weights."""
        if self.weights is None:
            return np.diff(self.starts).astype(np.float32)
        sums = np.empty(self.n_nodes, np.float32)
        _sum_rows(self.starts, self.weights, sums)
        return sums

    def sent(self) -> NDArray[np.float32]:
        """Return the summed weight that each node sends, (n,)."""
        if self.mutual:
            return self.received()
        return np.bincount(self.senders, self.weights, minlength=self.n_nodes).astype(np.float32)

    def pairs(self) -> NDArray[np.int64]:
        """Return (senders, receivers), (2, m): PyG's ``edge_index``."""
        receivers = np.repeat(np.arange(self.n_nodes), np.diff(self.starts))
        return np.stack([self.senders.astype(np.int64), receivers])

    def reordered(self, order: NDArray[np.int64]) -> Adjacency:
        """Return the same graph with node ``order[i]`` at place i.

        Each row keeps the order of its senders, so that sums over it come out the same to the bit; they ascend no more.
        """
        place = np.empty(self.n_nodes, np.int32)
        place[order] = np.arange(self.n_nodes, dtype=np.int32)
        starts = np.concatenate([[0], np.cumsum(np.diff(self.starts)[order])])
        senders = np.empty_like(self.senders)
        weights = None if self.weights is None else np.empty_like(self.weights)
        _reorder(self.starts, self.senders, self.weights, order, place, starts, senders, weights)
        return Adjacency(starts, senders, weights, self.mutual)


@dataclass(frozen=True)
class Structure:
    """How the edges of a graph become adjacencies, the same in training and in serving.

    Parameters
    ----------
    direction : {"undirected", "forward", "both"}
        Messages go both ways along an edge; from its source to its target; or each way through weights of its own.
    relations : tuple of str
        The kinds of edges that are kept apart; one for all of them where they are folded.
    alone : bool
        Whether other kinds of edges are left out; else a graph that has some is refused.
    """

    direction: Direction
    relations: tuple[str, ...] = (FOLDED,)
    alone: bool = False

    @property
    def n_channels(self) -> int:
        """Number of adjacencies."""
        return len(self.relations) * (2 if self.direction == "both" else 1)

    @classmethod
    def read(cls, entry: dict[str, Any]) -> Structure:
        """Return the structure of a model file's entry; raise ArtifactError or KeyError where it is none."""
        direction, relations, alone = entry["direction"], entry["relations"], entry["alone"]
        sound = direction in DIRECTIONS and isinstance(relations, list) and len(set(relations)) == len(relations) > 0
        if not sound or type(alone) is not bool or not all(isinstance(name, str) for name in relations):
            raise ArtifactError("direction and relations are not in the form in which they are written")
        return cls(direction, tuple(relations), alone)

    @property
    def folded(self) -> bool:
        """Whether all edges are of one kind here."""
        return self.relations == (FOLDED,) and not self.alone

    @classmethod
    def of(cls, graph: Graph, direction: str, relations: str | Sequence[str]) -> Structure:
        """Return the structure that the arguments of an estimator ask for.

        Parameters
        ----------
        graph : Graph
        direction : str
        relations : {"fold", "keep"} or sequence of str
            All kinds of edges as one; each by itself; or these by themselves and no others.

        Raises
        ------
        ParameterError
            If a name is unknown.
        """
        if direction not in DIRECTIONS:
            raise ParameterError(f"direction={direction!r}: choose one of {', '.join(DIRECTIONS)}")
        if relations == "fold":
            return cls(direction)  # type: ignore[arg-type]  # checked above
        if relations != "keep" and (isinstance(relations, str) or not isinstance(relations, Sequence)):
            raise ParameterError(f"relations={relations!r}: choose 'fold', 'keep' or a list of relations")
        chosen = graph.relations if relations == "keep" else tuple(map(str, relations))
        strange = [name for name in chosen if name not in graph.relations]
        if strange or not chosen:
            raise ParameterError(f"relations={list(chosen)}: the graph has {', '.join(graph.relations)}")
        if len(set(chosen)) < len(chosen):
            raise ParameterError(f"relations={list(chosen)} names one twice: name each once")
        if chosen == graph.relations == (FOLDED,):  # a graph whose edges are of one kind, without a name
            return cls(direction)  # type: ignore[arg-type]
        return cls(direction, chosen, alone=relations != "keep")  # type: ignore[arg-type]


def adjacencies(graph: Graph, structure: Structure) -> tuple[Adjacency, ...]:
    """Return a graph's adjacencies: for each relation one, and with ``direction="both"`` its reverse after it.

    The graph keeps them, until it is asked for those of another structure.

    Edges from a node to itself are left out: the layers that want them add their own. Several edges between the same
    two nodes count once; where there are weights, those of the same direction are added, and an undirected edge weighs
    what the heavier of its two directions does: a graph that lists each edge both ways is one that does not.

    Raises
    ------
    DataError
        If the relations are kept apart and the graph has one that is not among them.
    """
    if graph.kept is None or graph.kept[0] != structure:
        graph.kept = structure, _adjacencies(graph, structure)
    kept: tuple[Adjacency, ...] = graph.kept[1]
    return kept


def _adjacencies(graph: Graph, structure: Structure) -> tuple[Adjacency, ...]:
    if structure.folded:
        parts = [(graph.sources, graph.targets, graph.weights)]
    else:
        strange = [name for name in graph.relations if name not in structure.relations]
        used = [name for k, name in enumerate(graph.relations) if name in strange and (graph.relation == k).any()]
        if used and (not structure.alone or graph.relations == (FOLDED,)):  # of no kind: theirs was not given
            raise DataError(
                f"the graph has edges of the relation {', '.join(map(repr, used))}, and the model knows "
                f"{', '.join(map(repr, structure.relations))}: drop these edges, or fit with them"
            )
        parts = []
        for name in structure.relations:
            number = graph.relations.index(name) if name in graph.relations else -1
            own = np.flatnonzero(graph.relation == number)
            weights = None if graph.weights is None else graph.weights[own]
            parts.append((graph.sources[own], graph.targets[own], weights))
    made = []
    both = structure.direction == "undirected"
    for part in parts:
        sources, targets, weights = part
        if both and weights is not None:  # each direction by itself first
            one = _compressed(sources, targets, weights, graph.n_nodes, False)
            sources, targets = one.senders, np.repeat(np.arange(graph.n_nodes, dtype=np.int32), np.diff(one.starts))
            weights = one.weights
        made.append(_compressed(sources, targets, weights, graph.n_nodes, both))
        if structure.direction == "both":
            made.append(_compressed(targets, sources, weights, graph.n_nodes, False))
    return tuple(made)


def _compressed(
    sources: NDArray[np.int32],
    targets: NDArray[np.int32],
    weights: NDArray[np.float32] | None,
    n_nodes: int,
    both_ways: bool,
) -> Adjacency:
    starts = np.zeros(n_nodes + 1, np.int64)
    _count(sources, targets, both_ways, starts)
    np.cumsum(starts, out=starts)
    senders = np.empty(starts[-1], np.int32)
    own = None if weights is None else np.empty(starts[-1], np.float32)
    _fill(sources, targets, weights, both_ways, starts[:-1].copy(), senders, own)
    kept = _tidy(starts, senders, own, both_ways)
    if kept < len(senders):  # give back what double edges took
        senders, own = senders[:kept].copy(), None if own is None else own[:kept].copy()
    return Adjacency(starts, senders, own, mutual=both_ways)


def locality_order(adjacency: Adjacency, rounds: int = 3, seed: int = 0) -> NDArray[np.int64]:
    """Return an order of the nodes, (n,), in which neighbours tend to stand together.

    Nodes take the label that most of their neighbours have, ``rounds`` times (label propagation, Raghavan et al.
    2007), and are sorted by it. Propagation in this order finds more of what it reads in the processor's caches; on a
    graph without communities it finds nothing.
    """
    if rounds < 1:
        raise ParameterError(f"rounds={rounds}: at least 1")
    first = np.random.PCG64(seed).random_raw(adjacency.n_nodes).argsort(kind="stable")
    labels = np.arange(adjacency.n_nodes, dtype=np.int32)
    for _ in range(rounds):
        _adopt(adjacency.starts, adjacency.senders, first, labels)
    return np.argsort(labels, kind="stable")


@compiled
def _count(sources, targets, both_ways, starts):  # type: ignore[no-untyped-def]  # compiled for the types it is called with
    for e in range(len(sources)):
        s, t = sources[e], targets[e]
        if s != t:
            starts[t + 1] += 1
            if both_ways:
                starts[s + 1] += 1


@compiled
def _fill(sources, targets, weights, both_ways, place, senders, own):  # type: ignore[no-untyped-def]
    for e in range(len(sources)):
        s, t = sources[e], targets[e]
        if s == t:
            continue
        senders[place[t]] = s
        if weights is not None:
            own[place[t]] = weights[e]
        place[t] += 1
        if both_ways:
            senders[place[s]] = t
            if weights is not None:
                own[place[s]] = weights[e]
            place[s] += 1


@compiled
def _tidy(starts, senders, weights, heavier):  # type: ignore[no-untyped-def]
    """Sort each row, join equal senders in place (weights added, or the heavier), and return how many are left."""
    at = 0
    first = starts[0]
    for i in range(len(starts) - 1):
        last = starts[i + 1]
        row = senders[first:last]
        if weights is not None:
            order = np.argsort(row, kind="mergesort")
            row[:] = row[order]
            weights[first:last] = weights[first:last][order]
        else:
            row.sort()
        begin = at
        for e in range(first, last):
            if at > begin and senders[at - 1] == senders[e]:
                if weights is not None:
                    weights[at - 1] = max(weights[at - 1], weights[e]) if heavier else weights[at - 1] + weights[e]
            else:
                senders[at] = senders[e]
                if weights is not None:
                    weights[at] = weights[e]
                at += 1
        starts[i + 1] = at
        first = last
    return at


@compiled
def _sum_rows(starts, weights, sums):  # type: ignore[no-untyped-def]
    """Add each row by itself: of differences of running sums, small rows after large ones would be lost."""
    for i in range(len(sums)):
        total = 0.0
        for e in range(starts[i], starts[i + 1]):
            total += weights[e]
        sums[i] = total


@compiled
def _reorder(old_starts, old_senders, old_weights, order, place, starts, senders, weights):  # type: ignore[no-untyped-def]
    for i in range(len(order)):
        a, b = old_starts[order[i]], old_starts[order[i] + 1]
        at = starts[i]
        for e in range(a, b):
            senders[at + e - a] = place[old_senders[e]]
            if weights is not None:
                weights[at + e - a] = old_weights[e]


@compiled
def _adopt(starts, senders, order, labels):  # type: ignore[no-untyped-def]
    """Let each node take the label that most of those it receives from have; where all differ, any of them.

    Were it the least one, a single label would spread over half of the graph in the first round.
    """
    for i in order:
        a, b = starts[i], starts[i + 1]
        if a == b:
            continue
        found = np.empty(b - a, np.int32)
        for e in range(a, b):
            found[e - a] = labels[senders[e]]
        found.sort()
        best, most, run = found[0], 0, 0
        for k in range(len(found)):
            run = run + 1 if k and found[k] == found[k - 1] else 1
            if run > most:
                best, most = found[k], run
        labels[i] = found[(i * SPREAD) % len(found)] if most == 1 else best
