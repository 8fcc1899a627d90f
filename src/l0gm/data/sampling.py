"""Neighbourhoods of a few nodes, sampled: what one step of training on a large graph looks at.

The neighbours that a node draws depend on the seed, the node, how many it draws and from which adjacency, and on
nothing else: a counter-based generator (SplitMix64, Steele et al. 2014) numbers them, so that neither numpy's version
nor the other nodes of a batch matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l0gm.compiled import compiled
from l0gm.data.adjacency import Adjacency
from l0gm.errors import ParameterError

__all__ = ["ALL", "NeighbourSampler", "Sampled", "drop_edges", "sample_neighbours"]

ALL = -1
"""The fan-out that takes every neighbour."""
STEP = np.uint64(0x9E3779B97F4A7C15)
FIRST_FACTOR, SECOND_FACTOR = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)
HALF = np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True)
class Sampled:
    """A sampled neighbourhood.

    Parameters
    ----------
    nodes : int64 (k,)
        Node numbers: the seeds first, in their order, then the others as they were found; each once.
    edges : tuple of int64 (2, m)
        For each adjacency the senders and the receivers, as places in ``nodes``; the receivers ascend.
    positions : tuple of int64 (m,)
        For each adjacency the place of each edge in its ``senders``.
    shares : tuple of float32 (m,)
        For each edge how many its receiver has in that adjacency, over how many of them were sampled: a sampled sum
        of what the edges bring, each times its share, is an unbiased estimate of the whole sum.
    hops : int64 (n_hops + 1,)
        ``nodes[:hops[i]]`` are the seeds and all that were found within i hops.
    """

    nodes: NDArray[np.int64]
    edges: tuple[NDArray[np.int64], ...]
    positions: tuple[NDArray[np.int64], ...]
    shares: tuple[NDArray[np.float32], ...]
    hops: NDArray[np.int64]


class NeighbourSampler:
    """Samples neighbourhoods of one graph; holds four bytes a node between calls, and is for one thread at a time.

    In hop i each node that hop i - 1 found (in the first, each seed) receives in each adjacency from up to
    ``fan_outs[i - 1]`` of those that it receives from, drawn uniformly without replacement. A node is expanded once,
    by the hop after the one that found it. These are the neighbourhoods of GraphSAGE (Hamilton et al. 2017).

    Parameters
    ----------
    adjacencies : sequence of Adjacency
        Of the same nodes.
    fan_outs : sequence of int
        One for each hop: how many neighbours are drawn, or -1 for all of them.

    Raises
    ------
    ParameterError
        If there is no adjacency or no fan-out, a fan-out is 0 or below -1, or the adjacencies differ in their nodes.
    """

    def __init__(self, adjacencies: Sequence[Adjacency], fan_outs: Sequence[int]) -> None:
        self.adjacencies = tuple(adjacencies)
        sizes = sorted({adjacency.n_nodes for adjacency in self.adjacencies})
        if len(sizes) != 1:
            raise ParameterError(f"adjacencies of {sizes or 'no'} nodes: one or more are needed, all of the same nodes")
        self.n_nodes = sizes[0]
        self.fan_outs = _fan_outs(fan_outs)
        self._place = np.full(self.n_nodes, -1, np.int32)

    def sample(self, seeds: ArrayLike, seed: int) -> Sampled:
        """Return a sampled neighbourhood of these nodes.

        Parameters
        ----------
        seeds : int (s,)
            Node numbers, each once.
        seed : int
            Not negative. The same seed gives the same neighbours, always.

        Raises
        ------
        ParameterError
            If a node is out of range or named twice, or the seed means nothing.
        """
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
            raise ParameterError(f"seed={seed!r}: a whole number that is not negative is needed")
        first = self._checked(seeds)
        try:
            twice = _enter(first, self._place)
            if twice >= 0:
                raise ParameterError(f"seeds names node {first[twice]} twice: name each once")
            sampled = self._spread(first, np.uint64(int(seed) % 2**64))
        except BaseException:  # the places are the next call's, too
            self._place.fill(-1)
            raise
        self._place[sampled.nodes] = -1
        return sampled

    def _checked(self, seeds: ArrayLike) -> NDArray[np.int64]:
        array = np.asarray(seeds)
        if array.ndim != 1 or (array.dtype.kind not in "iu" and array.size):
            raise ParameterError(f"seeds of type {array.dtype} and shape {array.shape}: node numbers (s,) are needed")
        bad = (array < 0) | (array >= self.n_nodes)
        if bad.any():
            raise ParameterError(f"seeds names node {array[bad][0]}: the nodes are 0 to {self.n_nodes - 1}")
        return np.ascontiguousarray(array, dtype=np.int64)

    def _spread(self, seeds: NDArray[np.int64], seed: np.uint64) -> Sampled:
        frontier, first = seeds, 0  # the nodes that are expanded next, and the place of the first of them
        known = len(seeds)
        found, hops = [seeds], [known]
        drawn: list[list[tuple[NDArray[Any], ...]]] = [[] for _ in self.adjacencies]
        for fan_out in self.fan_outs:
            new: list[NDArray[np.int64]] = []
            for channel, adjacency in enumerate(self.adjacencies):
                count, largest = _counted(adjacency.starts, frontier, fan_out)
                edges, positions = np.empty((2, count), np.int64), np.empty(count, np.int64)
                shares, nodes = np.empty(count, np.float32), np.empty(min(count, self.n_nodes - known), np.int64)
                table = np.empty(_slots(fan_out) if 0 < fan_out < largest else 1, np.int64)
                more = _draw(
                    adjacency.starts, adjacency.senders, frontier, first, known, fan_out, seed, channel,
                    self._place, table, edges, positions, shares, nodes,
                )  # fmt: skip
                drawn[channel].append((edges, positions, shares))
                new.append(nodes[:more])
                known += more
            first, frontier = hops[-1], np.concatenate(new)
            found.append(frontier)
            hops.append(known)
        parts = [[np.concatenate(part, axis=-1) for part in zip(*own, strict=True)] for own in drawn]
        edges_of, positions_of, shares_of = zip(*parts, strict=True)
        return Sampled(np.concatenate(found), edges_of, positions_of, shares_of, np.array(hops, np.int64))


def sample_neighbours(
    adjacencies: Sequence[Adjacency], seeds: ArrayLike, fan_outs: Sequence[int], seed: int
) -> Sampled:
    """Return a sampled neighbourhood of some nodes; see :class:`NeighbourSampler`, which is for more than one.

    Raises
    ------
    ParameterError
        If an argument means nothing.
    """
    return NeighbourSampler(adjacencies, fan_outs).sample(seeds, seed)


def drop_edges(adjacency: Adjacency, share: float, seed: int) -> Adjacency:
    """Return the graph without some of its edges, each left out with the same probability (Rong et al. 2020).

    An edge that goes both ways stays or leaves as one.

    Parameters
    ----------
    adjacency : Adjacency
    share : float
        The probability, at least 0 and below 1.
    seed : int
        Not negative. The same seed leaves out the same edges, always.

    Raises
    ------
    ParameterError
        If the share is out of range.
    """
    if not 0.0 <= share < 1.0:
        raise ParameterError(f"share={share}: at least 0 and below 1")
    if share == 0.0:
        return adjacency
    starts, senders = np.zeros_like(adjacency.starts), np.empty_like(adjacency.senders)
    weights = None if adjacency.weights is None else np.empty_like(adjacency.weights)
    kept = _drop(
        adjacency.starts, adjacency.senders, adjacency.weights, adjacency.mutual, np.uint64(int(share * 2.0**64)),
        np.uint64(seed % 2**64), starts, senders, weights,
    )  # fmt: skip
    own = None if weights is None else weights[:kept].copy()
    return Adjacency(starts, senders[:kept].copy(), own, adjacency.mutual)


def _fan_outs(given: Sequence[int]) -> tuple[int, ...]:
    fan_outs = tuple(given)
    whole = all(isinstance(size, (int, np.integer)) and not isinstance(size, bool) for size in fan_outs)
    if not fan_outs or not whole or not all(size == ALL or size > 0 for size in fan_outs):
        raise ParameterError(f"fan_outs={list(fan_outs)}: for each hop a number above 0 is needed, or -1 for all")
    return tuple(min(int(size), 2**31) for size in fan_outs)  # no node has more


def _slots(fan_out: int) -> int:
    """Return the size of a hash table of so many: a power of two, at least twice as many."""
    return 1 << (2 * fan_out - 1).bit_length()


@compiled
def _enter(nodes, place):  # type: ignore[no-untyped-def]  # compiled for the types it is called with
    """Give the nodes their places; return which of them has one already, -1 where none has."""
    for i in range(len(nodes)):
        if place[nodes[i]] >= 0:
            return i
        place[nodes[i]] = i
    return -1


@compiled
def _counted(starts, frontier, fan_out):  # type: ignore[no-untyped-def]
    """Return how many edges will be drawn, and how many the node has that has most of them."""
    count = largest = 0
    for node in frontier:
        degree = starts[node + 1] - starts[node]
        largest = max(largest, degree)
        count += degree if fan_out < 0 else min(degree, fan_out)
    return count, largest


@compiled
def _mixed(x):  # type: ignore[no-untyped-def]
    """Return a 64-bit number in which every bit depends on every bit of x."""
    x = (x ^ (x >> SHIFTS[0])) * FIRST_FACTOR
    x = (x ^ (x >> SHIFTS[1])) * SECOND_FACTOR
    return x ^ (x >> SHIFTS[2])


@compiled
def _drop(starts, senders, weights, mutual, bound, seed, new_starts, new_senders, new_weights):  # type: ignore[no-untyped-def]
    """Write the edges that stay, those whose random number is not below ``bound``, and return how many they are."""
    key = _mixed(seed + STEP)
    at = 0
    for i in range(len(starts) - 1):
        for e in range(starts[i], starts[i + 1]):
            first, second = np.int64(senders[e]), np.int64(i)
            if mutual and first > second:
                first, second = second, first
            pair = (np.uint64(first) << HALF) | np.uint64(second)
            if _mixed(key ^ _mixed(pair + STEP)) >= bound:
                new_senders[at] = senders[e]
                if weights is not None:
                    new_weights[at] = weights[e]
                at += 1
        new_starts[i + 1] = at
    return at


@compiled
def _slot(table, pick):  # type: ignore[no-untyped-def]
    """Return where an entry is in a hash table, or where it may be put."""
    last = len(table) - 1
    slot = np.int64((np.uint64(pick) * STEP) >> HALF) & last
    while table[slot] >= 0 and table[slot] != pick:
        slot = (slot + 1) & last
    return slot


@compiled
def _draw(  # type: ignore[no-untyped-def]
    starts, senders, frontier, first, known, fan_out, seed, channel, place, table, edges, positions, shares, nodes
):
    """Draw the neighbours of a frontier in one adjacency, and return how many of them are new.

    Floyd's algorithm draws k of d with k random numbers; ``table``, open addressing, says which are drawn already.
    """
    key = _mixed(_mixed(seed + STEP) + np.uint64(channel))
    at = new = 0
    for i in range(len(frontier)):
        node = frontier[i]
        begin = starts[node]
        degree = starts[node + 1] - begin
        begun = at
        if fan_out < 0 or degree <= fan_out:
            for position in range(begin, begin + degree):
                positions[at] = position
                at += 1
        else:
            state = _mixed(key + np.uint64(node))
            table[:] = -1
            for j in range(degree - fan_out, degree):
                size = np.uint64(j + 1)
                while True:  # uniform in 0 .. j (Lemire 2019): of 2**32 numbers, those beyond a multiple are refused
                    state += STEP
                    product = (_mixed(state) >> HALF) * size
                    left = product & LOW
                    if left >= size or left >= ((LOW - size) + np.uint64(1)) % size:
                        break
                pick = np.int64(product >> HALF)
                slot = _slot(table, pick)
                if table[slot] == pick:
                    pick = np.int64(j)  # which cannot have been drawn before
                    slot = _slot(table, pick)
                table[slot] = pick
                positions[at] = begin + pick
                at += 1
        for e in range(begun, at):
            edges[1, e] = first + i
            shares[e] = np.float32(degree / (at - begun))
    for e in range(at):  # loops of their own: what they read from memory does not wait for one another
        edges[0, e] = senders[positions[e]]
    for e in range(at):
        sender = edges[0, e]
        if place[sender] < 0:
            place[sender] = known + new
            nodes[new] = sender
            new += 1
        edges[0, e] = place[sender]
    return new
