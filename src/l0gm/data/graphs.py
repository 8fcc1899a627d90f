"""Graphs as users have them: nodes with attributes, and edges by the numbers or the names of their nodes.

Everything that can be wrong with a graph is said here: after it, ids are int32, every edge names two nodes and every
number is finite.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from l0gm.compiled import compiled
from l0gm.data.frames import Table, parse_number
from l0gm.errors import DataError

__all__ = ["Graph", "as_graph", "node_numbers"]

LARGEST = np.iinfo(np.int32).max
ENDS = (("source", "target"), ("src", "dst"), ("from", "to"))
FOLDED = "edge"
"""What the relation of edges without one is called."""
ROWS_AT_ONCE = 65_536
NAMING = "name nodes by a column with node_id="
WHOLE = 2.0**53
"""float64 holds all whole numbers below it."""
SPREAD, HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)


class Graph:
    """Nodes with attributes, and edges among them.

    Parameters
    ----------
    nodes : array (n, F), or table (n, columns)
        The attributes. An array holds finite numbers; the columns of a table (whatever
        :class:`l0gm.L0GMClassifier` takes) may be of any kind and have missing values.
    edges : array (2, E), or table (E, columns)
        The two nodes of each edge, a message going from the first to the second. A table has the columns ``source``
        and ``target`` (or ``src`` and ``dst``, ``from`` and ``to``, or no others). An array of shape (E, 2) has to be
        transposed.
    node_id : str, optional
        The column of ``nodes`` by which edges name them. Default: edges hold row numbers, from 0. It is no attribute.
    source, target : str, optional
        Other names of the edges' columns.
    weight : str or sequence (E,), optional
        A column of ``edges``, or the numbers themselves: finite and not negative.
    relation : str or sequence (E,), optional
        A column of ``edges``, or the values themselves: what kind of edge each one is.

    Attributes
    ----------
    n_nodes, n_edges : int
    nodes : float32 array (n, F), or Table
    sources, targets : int32 (E,)
    weights : float32 (E,), optional
    relation : int16 (E,)
        Places in ``relations``.
    relations : tuple of str
    kept : tuple, optional
        What :func:`l0gm.data.adjacency.adjacencies` found last.

    Raises
    ------
    DataError
        If an edge names a node that is not there, an id is negative, fractional or beyond int32, an attribute in an
        array or a weight is not finite, or a length does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from l0gm import Graph
    >>> Graph(np.eye(3, dtype=np.float32), np.array([[0, 1], [1, 2]])).n_edges
    2
    """

    kept: tuple[Any, Any] | None = None

    def __init__(
        self,
        nodes: Any,
        edges: Any,
        *,
        node_id: str | None = None,
        source: str | None = None,
        target: str | None = None,
        weight: Any = None,
        relation: Any = None,
    ) -> None:
        self.nodes: NDArray[np.float32] | Table = _attributes(nodes, node_id)
        self.n_nodes = len(self.nodes)
        if not 0 < self.n_nodes <= LARGEST:
            raise DataError(f"a graph of {self.n_nodes} nodes: between 1 and {LARGEST} are needed")
        ids = None if node_id is None else _Ids(Table(nodes), node_id)
        table = _edge_table(edges)
        if table is None:
            named = {"source": source, "target": target, "weight": weight, "relation": relation}
            for argument, value in named.items():
                if isinstance(value, str):
                    raise DataError(
                        f"{argument}={value!r} names a column, and edges is an array: pass a table of edges"
                    )
            ends = _pair(edges)
            columns = ENDS[0]
            if ids is not None:
                table = Table(dict(zip(columns, ends, strict=True)))
        else:
            columns = _end_names(table, source, target)
        if ids is not None and table is not None:
            self.sources, self.targets = (
                ids.places(table, name, what) for name, what in zip(columns, ENDS[0], strict=True)
            )
        else:
            if table is not None:
                ends = _column(table, columns[0], NAMING), _column(table, columns[1], NAMING)
            self.sources, self.targets = (
                _numbers(end, self.n_nodes, what, NAMING, "add the node, or drop the edge")
                for end, what in zip(ends, ENDS[0], strict=True)
            )
        self.n_edges = len(self.sources)
        self.weights = None if weight is None else _weights(table, weight, self.n_edges)
        self.relation, self.relations = _relations(table, relation, self.n_edges)

    def __repr__(self) -> str:
        kinds = f", relations {', '.join(self.relations)}" if self.relations != (FOLDED,) else ""
        return f"Graph({self.n_nodes:,} nodes, {self.n_edges:,} edges{kinds})"

    def __len__(self) -> int:
        return self.n_nodes

    @property
    def is_dense(self) -> bool:
        """Whether the attributes are an array of numbers."""
        return isinstance(self.nodes, np.ndarray)

    def select(self, nodes: NDArray[np.int64]) -> NDArray[np.float32] | Table:
        """Return the attributes of these nodes."""
        return self.nodes[nodes] if isinstance(self.nodes, np.ndarray) else self.nodes.select(nodes)

    def subgraph(self, nodes: Any) -> Graph:
        """Return the graph of these nodes (mask or numbers), numbered anew in their order, and the edges among them."""
        chosen = node_numbers(self, nodes, "nodes")
        place = np.full(self.n_nodes, -1, np.int32)
        place[chosen] = np.arange(len(chosen), dtype=np.int32)
        stays = (place[self.sources] >= 0) & (place[self.targets] >= 0)
        part = Graph.__new__(Graph)
        part.nodes, part.n_nodes = self.select(chosen), len(chosen)
        part.sources, part.targets = place[self.sources[stays]], place[self.targets[stays]]
        part.n_edges = len(part.sources)
        part.weights = None if self.weights is None else self.weights[stays]
        part.relation, part.relations = self.relation[stays], self.relations
        return part

    @classmethod
    def of_arrays(
        cls, nodes: NDArray[np.float32] | Table, sources: NDArray[np.int32], targets: NDArray[np.int32]
    ) -> Graph:
        """Return the graph of arrays that are known to be sound, without a copy or a look at them."""
        made = cls.__new__(cls)
        made.nodes, made.n_nodes, made.sources, made.targets = nodes, len(nodes), sources, targets
        made.n_edges, made.weights = len(sources), None
        made.relation, made.relations = _alike(made.n_edges), (FOLDED,)
        return made


def as_graph(data: Any) -> Graph:
    """Return a graph of what stands for one: a Graph, PyG's ``Data``, or (attributes, edges).

    Of a ``Data`` object, ``x``, ``edge_index`` and ``edge_weight`` are read; ``edge_type`` as numbers of relations.

    Raises
    ------
    DataError
        If it is none of these, or :class:`Graph` refuses it.
    """
    if isinstance(data, Graph):
        return data
    if hasattr(data, "edge_index") and hasattr(data, "x"):
        if data.x is None or data.edge_index is None:
            raise DataError("this Data object has no x or no edge_index: both are needed")
        return Graph(
            data.x,
            data.edge_index,
            weight=getattr(data, "edge_weight", None),
            relation=getattr(data, "edge_type", None),
        )
    if isinstance(data, tuple) and len(data) == 2:
        return Graph(*data)
    raise DataError(
        f"{type(data).__name__} is no graph: pass l0gm.Graph(nodes, edges), a torch_geometric Data object, or "
        "(attributes, edges)"
    )


def node_numbers(graph: Graph, chosen: Any, what: str) -> NDArray[np.int64]:
    """Return the numbers of the nodes that ``chosen`` stands for, in its order.

    Parameters
    ----------
    graph : Graph
    chosen : bool (n,), int (k,), or str
        A mask, node numbers, or the name of a column of the nodes that holds a mask.
    what : str
        How messages call it.

    Raises
    ------
    DataError
        If there is no such column, a number is out of range or occurs twice, or there is no node.
    """
    if isinstance(chosen, str):
        if not isinstance(graph.nodes, Table) or chosen not in graph.nodes:
            raise DataError(f"{what}={chosen!r}: the nodes have no such column")
        is_mask = graph.nodes.kind(chosen) in ("boolean", "number")
        held = graph.nodes.numbers(chosen) if is_mask else np.zeros(0)
        if not is_mask or not np.isin(held, (0.0, 1.0)).all():
            raise DataError(f"{what}={chosen!r}: that column is no mask, it holds other values than true and false")
        chosen = held == 1.0
    array = _array(chosen, what)
    if array.dtype == bool:
        if array.shape != (graph.n_nodes,):
            raise DataError(f"{what}: a mask of shape {array.shape} for {graph.n_nodes} nodes")
        array = np.flatnonzero(array)
    remedy = "pass a mask, node numbers, or the name of a column"
    numbers = _numbers(array, graph.n_nodes, what, remedy, "name nodes that the graph has").astype(np.int64)
    if len(numbers) == 0:
        raise DataError(f"{what} names no node: the split is empty")
    if len(np.unique(numbers)) < len(numbers):
        raise DataError(f"{what} names a node twice: name each once")
    return numbers


def _array(data: Any, what: str) -> NDArray[Any]:
    """Return an array of a list, a series, a tensor or an array; without a copy where it is one."""
    try:
        if hasattr(data, "detach"):
            return np.asarray(data.detach().cpu().numpy())
        array = np.asarray(data)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(
            f"{what}: no array can be made of it ({error}): pass one of numpy, dense and of numbers"
        ) from error
    if np.ma.isMaskedArray(data) and np.ma.getmaskarray(data).any():
        at = tuple(int(i) for i in np.argwhere(np.ma.getmaskarray(data))[0])
        raise DataError(f"{what}: the value at {at} is masked: fill it in, or leave it out")
    return array


def _alike(n_edges: int) -> NDArray[np.int16]:
    """Return relation 0 for each edge, in the memory of one."""
    return np.broadcast_to(np.zeros(1, np.int16), n_edges)


def _attributes(nodes: Any, node_id: str | None) -> NDArray[np.float32] | Table:
    is_array = isinstance(nodes, np.ndarray) and nodes.dtype.names is None  # one with names is a table
    if hasattr(nodes, "detach") or is_array or hasattr(nodes, "toarray"):
        array = nodes.toarray() if hasattr(nodes, "toarray") else _array(nodes, "node attributes")
        if array.ndim != 2 or array.shape[1] == 0:
            raise DataError(
                f"node attributes of shape {array.shape}: a row for each node and a column or more are needed"
            )
        if array.dtype.kind not in "fiub":
            raise DataError(f"node attributes of type {array.dtype}: pass numbers, or a table with named columns")
        if node_id is not None:
            raise DataError(f"node_id={node_id!r}: an array has no columns; edges name its rows by number")
        with np.errstate(over="ignore"):  # what is too large is named below
            made = np.ascontiguousarray(array, dtype=np.float32)
        for first in range(0, len(made), ROWS_AT_ONCE):  # a part at a time: a mask of all would be large
            good = np.isfinite(made[first : first + ROWS_AT_ONCE])
            if not good.all():
                row, column = np.argwhere(~good)[0]
                raise DataError(
                    f"node {first + row} has {array[first + row, column]} in column {column}: an array of attributes "
                    "has finite numbers (float32); fill it in, or pass a table, whose values may be missing"
                )
        return made
    table = Table(nodes)
    if node_id is None:
        return table
    left = [name for name in table.names if name != node_id]
    if not left:
        raise DataError(f"the nodes have no column beside {node_id!r}: add attributes, a node's degree if nothing else")
    return table.only(left)


class _Ids:
    """Where the nodes are that edges name by the values of a column."""

    def __init__(self, nodes: Table, name: str) -> None:
        if name not in nodes:
            raise DataError(f"node_id={name!r}: the nodes have no such column")
        self.nodes, self.name = nodes, name
        self._numbers = _whole(nodes, name)
        self._known = self._dictionary() if self._numbers is None else None
        if self._numbers is not None:  # such as these need no loop over values in Python
            self._slots = np.full(1 << (2 * len(nodes) - 1).bit_length(), -1, np.int32)
            twice = _enter(self._numbers, self._slots)
            if twice >= 0:
                self._refuse_twice(int(self._numbers[twice]))

    def places(self, edges: Table, column: str, what: str) -> NDArray[np.int32]:
        """Return the numbers of the nodes that a column of the edges names."""
        asked = None if self._numbers is None else _whole(edges, column)
        if asked is not None:
            found = np.empty(len(asked), np.int32)
            _look_up(self._numbers, self._slots, asked, found)
            if (found < 0).any():
                lost = asked[found < 0]
                self._refuse_unknown(edges, column, what, int((found < 0).argmax()), int(lost[0]), len(np.unique(lost)))
            return found
        if self._known is None:
            self._known = self._dictionary()
        codes, values = edges.factorize(column)
        if (codes < 0).any():
            raise DataError(f"edge {int((codes < 0).argmax())} has no {what}: every edge needs one")
        places = np.array([self._known.get(_plain(value), -1) for value in values], np.int32).reshape(-1)
        found = places[codes] if len(places) else np.zeros(0, np.int32)
        if (found < 0).any():
            edge = int((found < 0).argmax())
            self._refuse_unknown(edges, column, what, edge, values[codes[edge]], int((places < 0).sum()))
        return found

    def _dictionary(self) -> dict[Any, int]:
        codes, values = self.nodes.factorize(self.name)
        if (codes < 0).any():
            raise DataError(f"node {int((codes < 0).argmax())} has no {self.name!r}: every node needs one")
        places = np.empty(len(values), np.int64)
        places[codes] = np.arange(len(codes))
        known: dict[Any, int] = {}
        for value, count, place in zip(values, np.bincount(codes), places.tolist(), strict=True):
            if count > 1 or _plain(value) in known:  # 1 and 1.0 are one
                self._refuse_twice(value)
            known[_plain(value)] = place
        return known

    def _refuse_twice(self, value: Any) -> NoReturn:
        raise DataError(f"two nodes have the {self.name!r} {_plain(value)!r}: each needs its own")

    def _refuse_unknown(self, edges: Table, column: str, what: str, edge: int, value: Any, count: int) -> NoReturn:
        kinds = edges.kind(column), self.nodes.kind(self.name)
        unlike = f"; edges hold {kinds[0]}s and nodes {kinds[1]}s" if kinds[0] != kinds[1] else ""
        raise DataError(
            f"the {what} of edge {edge} is {_plain(value)!r}, and no node has that {self.name!r} "
            f"({count} such in all{unlike}): add the nodes, or drop the edges"
        )


def _whole(table: Table, name: str) -> NDArray[np.int64] | None:
    """Return a column of whole numbers that float64 holds; None for any other column."""
    if not table.typed(name) or table.kind(name) != "number":
        return None
    numbers = table.numbers(name)
    exact = (np.abs(numbers) < WHOLE) & (np.floor(numbers) == numbers)
    return numbers.astype(np.int64) if exact.all() else None


@compiled
def _slot(keys, slots, key):  # type: ignore[no-untyped-def]  # compiled for the types it is called with
    """Return where a key is in a hash table of places in ``keys``, or where it may be put."""
    last = len(slots) - 1
    slot = np.int64((np.uint64(key) * SPREAD) >> HALF) & last
    while slots[slot] >= 0 and keys[slots[slot]] != key:
        slot = (slot + 1) & last
    return slot


@compiled
def _enter(keys, slots):  # type: ignore[no-untyped-def]
    """Fill a hash table; return the place of a key that was there before, -1 where none was."""
    for i in range(len(keys)):
        slot = _slot(keys, slots, keys[i])
        if slots[slot] >= 0:
            return i
        slots[slot] = i
    return -1


@compiled
def _look_up(keys, slots, asked, found):  # type: ignore[no-untyped-def]
    for e in range(len(asked)):
        found[e] = slots[_slot(keys, slots, asked[e])]


def _plain(value: Any) -> Any:
    """Return an id as it is compared: 3 and 3.0 are one."""
    value = value.item() if isinstance(value, np.generic) else value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _edge_table(edges: Any) -> Table | None:
    """Return a table of edges; None where they are an array, or a list of two lists."""
    if isinstance(edges, np.ndarray):
        return None if edges.dtype.names is None else Table(edges)
    if isinstance(edges, list) and edges and all(isinstance(edge, Mapping) for edge in edges):
        return Table(edges)
    is_table = isinstance(edges, Mapping) or hasattr(type(edges), "columns") or hasattr(edges, "column_names")
    return Table(edges) if is_table and not hasattr(edges, "detach") else None


def _pair(edges: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    array = _array(edges, "edges")
    if array.size == 0:
        return np.zeros(0, np.int32), np.zeros(0, np.int32)
    if array.ndim != 2 or array.shape[0] != 2:
        turned = ": transpose it" if array.ndim == 2 and array.shape[1] == 2 else ""
        raise DataError(f"edges of shape {array.shape}: an array has shape (2, E), sources then targets{turned}")
    return array[0], array[1]


def _end_names(table: Table, source: str | None, target: str | None) -> tuple[str, str]:
    known = next((pair for pair in ENDS if pair[0] in table and pair[1] in table), None)
    if known is None and len(table.names) == 2:
        known = table.names[0], table.names[1]
    first, second = known or ("", "")
    if source is None and target is None:
        source, target = first, second
    elif source is None:
        source = second if target == first else first
    elif target is None:
        target = first if source == second else second
    assert source is not None  # for the type checker: either was given, or both are known
    assert target is not None
    if source not in table or target not in table or source == target:
        raise DataError(
            f"the edges have the columns {', '.join(map(repr, table.names))}: say with source= and target= which two "
            "of them hold the nodes"
        )
    return source, target


def _column(table: Table, name: str, remedy: str) -> NDArray[np.float64]:
    """Return a column of numbers, NaN where it is missing."""
    if name not in table:
        raise DataError(f"the edges have no column {name!r}: they have {', '.join(map(repr, table.names))}")
    kind = table.kind(name)
    if kind in ("boolean", "time", "duration"):
        raise DataError(f"the column {name!r} of the edges holds {kind}s, no numbers: {remedy}")
    if kind != "number":
        for value in table.factorize(name)[1]:
            try:
                parse_number(value)
            except (TypeError, ValueError, OverflowError) as error:
                raise DataError(f"the column {name!r} of the edges holds {value!r}, no number: {remedy}") from error
    return table.numbers(name)


def _numbers(given: Any, n_nodes: int, what: str, naming: str, remedy: str) -> NDArray[np.int32]:
    """Return node numbers as int32, checked."""
    array = _array(given, what)
    if array.ndim != 1:
        raise DataError(f"{what}: node numbers of shape {array.shape}, one dimension is needed")
    if array.size == 0:
        return np.zeros(0, np.int32)
    if array.dtype.kind not in "iuf":
        raise DataError(f"{what}: {_plain(array[0])!r} is no node number: {naming}")
    if array.dtype.kind == "f":
        fractional = ~(np.isfinite(array) & (np.floor(array) == array))
        if fractional.any():
            at = int(fractional.argmax())
            raise DataError(f"{what} {at} is {array[at]}: a node number is whole, and none may be missing")
    low, high = array.min(), array.max()
    if low < 0:
        at = int((array < 0).argmax())
        raise DataError(f"{what} {at} is {int(array[at])}: node numbers start at 0")
    if high >= n_nodes:
        at = int((array >= n_nodes).argmax())
        beyond = f", and beyond {LARGEST}, the largest that is supported" if high > LARGEST else ""
        raise DataError(
            f"{what} {at} is node {int(array[at])}, and there are {n_nodes} (0 to {n_nodes - 1}){beyond}: {remedy}"
        )
    return np.ascontiguousarray(array, dtype=np.int32)


def _weights(table: Table | None, given: Any, n_edges: int) -> NDArray[np.float32]:
    remedy = "a weight is a finite number, not negative"
    if isinstance(given, str) and table is not None:
        array: NDArray[Any] = _column(table, given, remedy)
    else:
        array = _array(given, "edge weights")
        if array.shape != (n_edges,):
            raise DataError(f"edge weights of shape {array.shape} for {n_edges} edges: one number an edge is needed")
        if array.dtype.kind not in "fiub":
            array = _column(Table({"weight": array}), "weight", remedy)
    with np.errstate(over="ignore"):  # what is too large is named below
        weights = np.ascontiguousarray(array, dtype=np.float32)
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        at = int(bad.argmax())
        raise DataError(f"the weight of edge {at} is {array[at]}: a finite number (float32), not negative, is needed")
    return weights


def _relations(table: Table | None, given: Any, n_edges: int) -> tuple[NDArray[np.int16], tuple[str, ...]]:
    if given is None:
        return _alike(n_edges), (FOLDED,)
    if isinstance(given, str) and table is not None:
        if given not in table:
            raise DataError(f"the edges have no column {given!r}: they have {', '.join(map(repr, table.names))}")
        codes, values = table.factorize(given)
    else:
        given = _array(given, "relations") if hasattr(given, "detach") else given
        codes, values = Table({"relation": given}).factorize("relation")
    if len(codes) != n_edges:
        raise DataError(f"{len(codes)} relations for {n_edges} edges: one an edge is needed")
    if (codes < 0).any():
        raise DataError(f"edge {int((codes < 0).argmax())} has no relation: every edge needs one, or none has")
    if len(values) > 1000:
        raise DataError(f"{len(values)} relations: at most 1,000 are supported; is it an identifier?")
    if not values:
        return _alike(n_edges), (FOLDED,)
    names = [str(_plain(value)) for value in values]
    known = sorted(set(names))  # 1 and "1" are one
    place = np.array([known.index(name) for name in names], np.int16)
    return place[codes], tuple(known)
