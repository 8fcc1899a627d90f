"""Files that a run leaves and finds again: written whole or not at all, and compared before they are trusted."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.frames import Table, canonical
from l0gm.data.graphs import Graph
from l0gm.files import replacing

__all__ = ["differences", "fingerprint", "graph_fingerprint", "plain", "read_json", "write_json"]

BLOCK = 2**24  # bytes of an array that are hashed at a time


def plain(value: Any) -> Any:
    """Return ``value`` as JSON can hold it: what is not finite becomes None, unknown objects their text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(plain(item) for item in value)
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` to a file, whole or not at all."""
    with replacing(path) as beside:
        beside.write_text(json.dumps(plain(value), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the object that the file holds; None where there is no such file, or none that is whole."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Return a phrase for each setting that is not the same in both."""
    names = [name for name in dict.fromkeys([*here, *there]) if there.get(name) != here.get(name)]
    return [f"{name}: {_text(there.get(name))} there, {_text(here.get(name))} now" for name in names]


def fingerprint(X: object, labels: Sequence[Any]) -> str:
    """Return a digest of rows and labels that does not depend on the kind of table that holds them."""
    table = Table(X)
    digest = hashlib.sha256(json.dumps(plain(labels)).encode())
    for name in table.names:
        digest.update(json.dumps([name, len(table)]).encode())
        digest.update(_content(table, name))
    return digest.hexdigest()[:16]


def graph_fingerprint(graph: Graph) -> str:
    """Return a digest of a graph's attributes and edges.

    All of them are read, a block at a time, about a gigabyte a second, also of arrays that are mapped from files.
    """
    digest = hashlib.sha256(json.dumps([graph.n_nodes, graph.n_edges, *graph.relations]).encode())
    kinds = graph.relation if len(graph.relations) > 1 else None
    for array in (graph.sources, graph.targets, graph.weights, kinds):
        _hash(digest, array)
    if isinstance(graph.nodes, Table):
        digest.update(fingerprint(graph.nodes, []).encode())
    else:
        _hash(digest, graph.nodes)
    return digest.hexdigest()[:16]


def _hash(digest: Any, array: NDArray[Any] | None) -> None:
    if array is None:
        digest.update(b"none")
        return
    digest.update(json.dumps([array.dtype.str, *array.shape]).encode())
    rows = max(BLOCK // max(array[:1].nbytes, 1), 1)
    for first in range(0, len(array), rows):
        digest.update(np.ascontiguousarray(array[first : first + rows]).view(np.uint8).data)


def _content(table: Table, name: str) -> bytes:
    kind = table.kind(name)
    if kind in ("number", "duration"):
        return table.numbers(name).tobytes()
    if kind == "time":
        return table.times(name).tobytes()
    codes, values = table.factorize(name)
    texts = [json.dumps(canonical(value)) for value in values]
    texts.append("null")  # the code of a missing value is -1
    return "\n".join(texts[code] for code in codes.tolist()).encode()


def _text(value: Any) -> str:
    return "none" if value is None else str(value)
