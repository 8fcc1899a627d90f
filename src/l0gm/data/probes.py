"""Rows made from a schema alone, to compare two models on: every value, every bin edge, missing and unseen ones.

A column's values depend on its own field, the number of rows and the seed, not on the other fields: a schema and
any part of it give the same rows, on every machine (they come from the raw output of PCG64, which numpy promises
not to change). No training row is needed or kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.schema import CategoricalField, Field, HashedField, NumericField, Schema, checksum
from l0gm.data.texts import TextField

__all__ = ["probe_rows"]

LONGEST = 64
MOST_PIECES = 4096
_STRANGE = (
    "\N{WHITE QUESTION MARK ORNAMENT}unseen",
    "zzyzx",
    "<br />",
    "&amp;",
    "!",
    "\N{GRINNING FACE}",
    "\u6771",
    "x" * 80,
)
LARGEST = float(np.finfo(np.float64).max)
_UNSEEN = "\N{WHITE QUESTION MARK ORNAMENT} unseen"


def probe_rows(schema: Schema, n_rows: int = 2048, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Return the columns that ``schema`` reads, each of ``n_rows`` values.

    A numeric column takes each bin edge, the floats next to it, values inside and outside the bins, and missing
    ones; a categorical one each of its values, unseen ones and missing ones, as far as ``n_rows`` goes round.
    A date column takes instants from 1950 to 2100, half of them from 2000 to 2035. A text column takes texts of what
    its field knows, and of other words, empty and missing ones.
    """
    columns: dict[str, NDArray[Any]] = {}
    for text in schema.texts:
        columns[text.source] = _texts(text, n_rows, np.random.PCG64([seed, checksum(text.source)]))
    for source in dict.fromkeys(f.source for f in schema.fields):
        field = next(f for f in schema.fields if f.source == source)
        bits = np.random.PCG64([seed, checksum(source)])
        if isinstance(field, NumericField) and field.part is not None:
            columns[source] = _times(n_rows, bits)
        else:
            columns[source] = _spread(_values(field, bits), n_rows, bits)
    return columns


def _values(f: Field, bits: np.random.PCG64) -> NDArray[Any]:
    if isinstance(f, NumericField):
        edges = np.asarray(f.edges)
        width = np.diff(edges)
        inside = edges[:-1] + _uniform((3, f.n_bins), bits) * width
        near = [np.nextafter(edges, -np.inf), edges, np.nextafter(edges, np.inf)]
        low, high = float(f.edges[0]), float(f.edges[-1])
        beyond = [max(low - (high - low), -LARGEST), min(high + (high - low), LARGEST)]
        far = [*beyond, np.nan, *([np.inf] if f.infinite == "missing" else [])]
        return np.concatenate([*near, inside.ravel(), np.repeat(far, 8)])
    if isinstance(f, CategoricalField):
        values: list[str | None] = [*f.vocabulary, *[_UNSEEN] * 8, *[None] * 8]
    elif isinstance(f, HashedField):
        values = [*(f"probe {i}" for i in range(2000)), *[None] * 8]
    return np.array(values, dtype=object)


def _texts(f: TextField, n_rows: int, bits: np.random.PCG64) -> NDArray[Any]:
    """Return texts of up to LONGEST pieces, one in 16 of them missing, and one in 16 empty."""
    pieces = np.array([*f.pieces(bits.random_raw(MOST_PIECES)), *_STRANGE], dtype=object)
    kind, length = _uniform(n_rows, bits), (_uniform(n_rows, bits) ** 2 * LONGEST).astype(np.int64) + 1
    places = np.split((_uniform(int(length.sum()), bits) * len(pieces)).astype(np.int64), np.cumsum(length)[:-1])
    texts = np.empty(n_rows, dtype=object)
    for i, place in enumerate(places):
        texts[i] = None if kind[i] < 1 / 16 else "" if kind[i] < 1 / 8 else " ".join(pieces[place])
    return texts


def _spread(values: NDArray[Any], n_rows: int, bits: np.random.PCG64) -> NDArray[Any]:
    """Take every value about as often as every other, in random order."""
    rounds = [np.argsort(bits.random_raw(len(values)), kind="stable") for _ in range(-(-n_rows // len(values)))]
    order = np.concatenate([np.empty(0, dtype=np.int64), *rounds])[:n_rows]
    column: NDArray[Any] = values[order]
    return column


def _times(n_rows: int, bits: np.random.PCG64) -> NDArray[Any]:
    """Return instants, also on and beside midnight and the new year, and missing ones."""
    recent = _uniform(n_rows, bits) < 0.5
    low = np.where(recent, np.datetime64("2000-01-01", "us"), np.datetime64("1950-01-01", "us"))
    high = np.where(recent, np.datetime64("2035-01-01", "us"), np.datetime64("2100-01-01", "us"))
    span = (high - low).astype(np.int64)
    times: NDArray[np.datetime64] = low + (_uniform(n_rows, bits) * span).astype("timedelta64[us]")
    midnight = _uniform(n_rows, bits) < 0.2
    times[midnight] = times[midnight].astype("datetime64[D]")
    new_year = _uniform(n_rows, bits) < 0.1
    times[new_year] = times[new_year].astype("datetime64[Y]") - np.timedelta64(1, "us")
    times[_uniform(n_rows, bits) < 0.05] = np.datetime64("NaT")
    return times


def _uniform(shape: int | tuple[int, ...], bits: np.random.PCG64) -> NDArray[np.float64]:
    """Return numbers from 0 to below 1."""
    raw = bits.random_raw(int(np.prod(shape))).reshape(shape)
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53
