"""The compacted predictor as plain arrays, and the compiled loop that evaluates it row by row.

Rows are evaluated one at a time, in a fixed order of operations: the answer for a row does not depend on the rows
around it, be it one or a million.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.compiled import compiled
from l0gm.data.schema import Columns, Encoded, Schema
from l0gm.errors import ArtifactError
from l0gm.native import native
from l0gm.runtime.conditioning import Conditioning, condition
from l0gm.runtime.texts import TextPart, parts_from_arrays

__all__ = ["FieldArrays", "TabularProgram", "probabilities"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class FieldArrays:
    """One field's table: ``rows`` (rows, width) and, for numeric fields, ``slopes`` of the same shape.

    The field's value is rows[code] + fraction * slopes[code]. The first columns are its open dimensions, the last
    ``n_outputs`` ones its linear term where the model has one.
    """

    rows: Floats
    slopes: Floats | None = None


@dataclass(frozen=True)
class TabularProgram:
    """linear + deep + CIN + bias (Eq. 20) over the open dimensions of the fields and texts that are left.

    Parameters
    ----------
    fields : tuple of FieldArrays (m)
    coordinates : int32 (K,)
        For each open dimension, field by field, its coordinate in the CIN's X(0), 0 to D - 1.
    open_per_field : int32 (m,)
        How many open dimensions each field has; they sum to K.
    bias : float32 (C,)
    linear : bool
        Whether the tables' last C columns are a linear term.
    deep : tuple of (weight (out, in), bias (out,))
        Linear layers with ReLU between them; empty for no deep branch. The first reads the K open dimensions of the
        fields, then the texts' values.
    cin : tuple of float32 (H_k, H_(k-1), m)
        W(k) of Eq. 10; empty for no CIN.
    cin_out : float32 (C, sum of H_k)
    texts : tuple of TextPart
    text_out : float32 (C, sum of the parts' widths)
        What the texts' values add to the logits.
    conditioning : Conditioning, optional
        What the values of fields and texts are multiplied with, row by row; the tables hold them before that.
    """

    fields: tuple[FieldArrays, ...]
    coordinates: NDArray[np.int32]
    open_per_field: NDArray[np.int32]
    bias: Floats
    linear: bool
    deep: tuple[tuple[Floats, Floats], ...] = ()
    cin: tuple[Floats, ...] = ()
    cin_out: Floats | None = None
    texts: tuple[TextPart, ...] = ()
    text_out: Floats | None = None
    conditioning: Conditioning | None = None

    @property
    def n_outputs(self) -> int:
        """Number of logits."""
        return len(self.bias)

    @property
    def n_text_values(self) -> int:
        """Values that all texts of a row have together."""
        return sum(text.width for text in self.texts)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return every array by name."""
        named: dict[str, NDArray[Any]] = {
            "coordinates": self.coordinates,
            "open_per_field": self.open_per_field,
            "bias": self.bias,
        }
        for i, f in enumerate(self.fields):
            named[f"field.{i}.rows"] = f.rows
            if f.slopes is not None:
                named[f"field.{i}.slopes"] = f.slopes
        for i, (weight, bias) in enumerate(self.deep):
            named[f"deep.{i}.weight"], named[f"deep.{i}.bias"] = weight, bias
        for i, weight in enumerate(self.cin):
            named[f"cin.{i}"] = weight
        if self.cin_out is not None:
            named["cin_out"] = self.cin_out
        for i, text in enumerate(self.texts):
            named |= {f"text.{i}.{name}": array for name, array in text.arrays().items()}
        if self.text_out is not None:
            named["text_out"] = self.text_out
        return named if self.conditioning is None else named | self.conditioning.arrays()

    @property
    def n_parameters(self) -> int:
        """Numbers that prediction uses, the missing slots' empty slopes included."""
        return sum(a.size for a in self.arrays().values() if a.dtype == np.float32)

    def structure(self) -> dict[str, Any]:
        """Return what :meth:`from_arrays` needs beside the arrays."""
        return {
            "fields": len(self.fields),
            "linear": self.linear,
            "deep": len(self.deep),
            "cin": len(self.cin),
            **({"texts": [text.structure() for text in self.texts]} if self.texts else {}),
            **({} if self.conditioning is None else {"conditioning": self.conditioning.linear}),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]], structure: dict[str, Any], schema: Schema) -> TabularProgram:
        """Put a program together again and check that its shapes fit each other and the schema.

        Raises
        ------
        ArtifactError
            If an array is missing, left over, not finite, or has another shape or type than the others ask for.
        """
        try:
            n_fields, n_layers, n_depths, linear = (structure[name] for name in ("fields", "deep", "cin", "linear"))
            counts = (n_fields, n_layers, n_depths)
            if not all(type(n) is int and 0 <= n <= len(arrays) for n in counts) or not isinstance(linear, bool):
                raise ArtifactError(f"the program's structure cannot be {structure}")
            left = dict(arrays)
            texts = parts_from_arrays(left, structure.get("texts", []), schema)
            floats = {k: v for k, v in left.items() if v.dtype == np.float32}
            program = cls(
                fields=tuple(
                    FieldArrays(floats[f"field.{i}.rows"], floats.get(f"field.{i}.slopes")) for i in range(n_fields)
                ),
                coordinates=arrays["coordinates"],
                open_per_field=arrays["open_per_field"],
                bias=floats["bias"],
                linear=linear,
                deep=tuple((floats[f"deep.{i}.weight"], floats[f"deep.{i}.bias"]) for i in range(n_layers)),
                cin=tuple(floats[f"cin.{i}"] for i in range(n_depths)),
                cin_out=floats.get("cin_out"),
                texts=texts,
                text_out=floats.get("text_out"),
                conditioning=Conditioning.from_arrays(floats, structure["conditioning"])
                if "conditioning" in structure
                else None,
            )
        except (KeyError, TypeError) as error:
            raise ArtifactError(f"the program is incomplete: {error!r}") from error
        strange = arrays.keys() - program.arrays().keys()
        if strange:
            raise ArtifactError(f"the program has no place for the arrays {sorted(strange)}")
        if not all(program._conditions(schema.n_rows)):
            raise ArtifactError("the model's arrays do not fit each other")
        return program

    def _conditions(self, n_rows: Sequence[int]) -> Iterator[bool]:
        """Yield what the compiled loop, which checks no index, takes for granted; each may rest on the ones before.

        That each of a field's codes is below its ``n_rows`` is the schema's part.
        """
        opened, coordinates = self.open_per_field, self.coordinates
        m, outputs = len(self.fields), self.bias.size
        yield self.bias.shape == (outputs,) and outputs > 0
        yield opened.dtype == coordinates.dtype == np.int32
        yield opened.shape == (m,) == (len(n_rows),) and bool((opened >= 0).all())
        counts = opened.tolist()
        yield coordinates.shape == (sum(counts),)
        used = np.unique(coordinates)
        yield np.array_equal(used, np.arange(len(used)))
        for f, rows, k, last in zip(self.fields, n_rows, counts, np.cumsum(opened).tolist(), strict=True):
            shape = (rows, k + outputs * self.linear)
            yield f.rows.shape == shape and 0 not in shape and rows <= np.iinfo(np.int32).max
            yield f.slopes is None or f.slopes.shape == shape
            yield bool((np.diff(coordinates[last - k : last]) > 0).all())
        out = None if self.text_out is None else self.text_out.shape
        yield out == ((outputs, self.n_text_values) if self.texts else None)
        before = len(coordinates) + self.n_text_values
        for weight, bias in self.deep:
            yield weight.shape == (bias.size, before) and bias.shape == (bias.size,) and bias.size > 0
            before = bias.size
        yield not self.deep or before == outputs
        before, total = m, 0
        for weight in self.cin:
            yield weight.ndim == 3 and weight.shape[0] > 0 and weight.shape[1:] == (before, m)
            before = weight.shape[0]
            total += before
        yield (None if self.cin_out is None else self.cin_out.shape) == ((outputs, total) if self.cin else None)
        if self.conditioning is not None:
            yield from self.conditioning.conditions(len(coordinates) + self.n_text_values, self.linear)
        yield all(bool(np.isfinite(a).all()) for a in self.arrays().values())

    @cached_property
    def _flat(self) -> tuple[Any, ...]:
        """The arrays as the compiled loop wants them: one buffer each for tables, slopes, layers and CIN."""
        widths = np.array([f.rows.shape[1] for f in self.fields], dtype=np.int64)
        sizes = np.array([f.rows.size for f in self.fields], dtype=np.int64)
        slope_sizes = np.array([0 if f.slopes is None else f.slopes.size for f in self.fields], dtype=np.int64)
        slope_at = np.where(slope_sizes > 0, np.cumsum(slope_sizes) - slope_sizes, -1)
        layers = [part for weight, bias in self.deep for part in (weight.T, bias)]
        pairs = self._pairs() if len(self.cin) == 1 else _NO_PAIRS
        deeper = self.cin if len(self.cin) > 1 else ()
        out_of_texts = np.zeros((self.n_outputs, 0), np.float32) if self.text_out is None else self.text_out
        n_values = len(self.coordinates) + self.n_text_values
        deep_dims = np.array([n_values, *(len(b) for _, b in self.deep)], dtype=np.int64)
        cin_dims = np.array([len(self.fields), *(len(w) for w in deeper)], dtype=np.int64)
        n_coordinates = int(self.coordinates.max()) + 1 if len(self.coordinates) else 0
        out = np.zeros((self.n_outputs, 0), np.float32) if self.cin_out is None else self.cin_out
        rule = _NO_CONDITIONING if self.conditioning is None else self.conditioning
        return (
            _concatenate([f.rows for f in self.fields]),
            np.cumsum(sizes) - sizes,
            widths,
            _concatenate([f.slopes for f in self.fields if f.slopes is not None]),
            slope_at,
            self.open_per_field.astype(np.int64),
            self.coordinates.astype(np.int64),
            n_coordinates,
            self.bias,
            self.linear,
            np.ascontiguousarray(out_of_texts),
            _concatenate(layers),
            deep_dims,
            *pairs,
            _concatenate(deeper),
            cin_dims,
            np.ascontiguousarray(out),
            *(np.ascontiguousarray(part) for part in (rule.base, rule.down, rule.up)),
            rule.linear,
        )

    def quadratic_forms(self) -> NDArray[np.float64]:
        """Return the logits of a CIN of one depth as forms x' Q x of the open dimensions, symmetric, (C, K, K).

        Its pooled maps and output weights are linear in the products x_i x_j of two fields in one coordinate, so
        they add up to one weight a pair.
        """
        if not self.cin:
            return np.zeros((self.n_outputs, len(self.coordinates), len(self.coordinates)))
        assert self.cin_out is not None  # _conditions() have looked
        weight = np.einsum("ch,hij->cij", self.cin_out.astype(np.float64), self.cin[0].astype(np.float64))
        field = np.repeat(np.arange(len(self.fields)), self.open_per_field)
        together = self.coordinates[:, None] == self.coordinates[None, :]
        forms: NDArray[np.float64] = (weight + weight.swapaxes(1, 2))[:, field[:, None], field[None, :]] / 2 * together
        return forms

    def _pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
        """Return a CIN of one depth as (first, second, weight (C, pairs)) over pairs of open dimensions."""
        first, second = np.nonzero(np.triu(self.coordinates[:, None] == self.coordinates[None, :]))
        with np.errstate(over="ignore"):  # the answers will tell
            weight = self.quadratic_forms()[:, first, second] * np.where(first == second, 1.0, 2.0)
            return first.astype(np.int64), second.astype(np.int64), np.ascontiguousarray(weight, dtype=np.float32)

    def logits(self, rows: Encoded) -> Floats:
        """Return logits (n, C) of encoded rows."""
        out = np.empty((len(rows), self.n_outputs), dtype=np.float32)
        evaluate: Any = _evaluate
        evaluate(rows.codes, rows.fractions, self.text_values(rows), *self._flat, out)
        return out

    def text_values(self, rows: Encoded | Columns) -> Floats:
        """Return the values of the texts, part by part, float32 (n, sum of the parts' widths)."""
        if not self.texts:
            return np.zeros((len(rows), 0), np.float32)
        return np.concatenate([part.values(text) for part, text in zip(self.texts, rows.texts, strict=True)], axis=1)

    def probabilities(self, rows: Encoded) -> NDArray[np.float64]:
        """Return class probabilities of encoded rows: see :func:`probabilities`."""
        return probabilities(self.logits(rows))


def probabilities(logits: Floats) -> NDArray[np.float64]:
    """Return class probabilities, float64 (n, 2) for a single logit, else (n, C), of logits (n, C).

    Raises
    ------
    ArtifactError
        If one is not finite: weights from a file may be finite and their sum too large.
    """
    if native is not None and logits.shape[1] == 1:
        result = np.empty((len(logits), 2))
        finite = native.sigmoid(logits, result)
    else:
        x = logits.astype(np.float64)
        finite = bool(np.isfinite(x).all())
        if x.shape[1] == 1:  # the first class has the logit 0
            x = np.concatenate([np.zeros_like(x), x], axis=1)
        with np.errstate(invalid="ignore"):
            exp = np.exp(x - x.max(1, keepdims=True))
            result = exp / exp.sum(1, keepdims=True)
    if not finite:
        raise ArtifactError("the model's weights are so large that its answer to these rows is no finite number")
    return result


_NO_CONDITIONING = Conditioning(
    np.zeros(0, np.float32), np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32), False
)
_NO_PAIRS = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((1, 0), np.float32))


def _concatenate(parts: Sequence[NDArray[Any] | None]) -> Floats:
    flat = [np.ascontiguousarray(part, dtype=np.float32).ravel() for part in parts if part is not None]
    return np.concatenate(flat) if flat else np.zeros(0, np.float32)


@compiled
def _affine(x, weight, bias, out):  # type: ignore[no-untyped-def]
    """Write bias + x @ weight to ``out``, one row of ``weight`` after the other."""
    for j in range(len(out)):
        out[j] = bias[j]
    for a in range(len(x)):
        value, row = x[a], weight[a]
        for j in range(len(out)):
            out[j] += value * row[j]


@compiled
def _add_shares(terms, z, open_per_field, out):  # type: ignore[no-untyped-def]
    """Add each field's linear term (m, C) to ``out`` (C,), times the chance that one of its values is open."""
    at = 0
    for i in range(len(terms)):
        shut = np.float32(1.0)
        for _ in range(open_per_field[i]):
            shut *= np.float32(1.0) - z[at]
            at += 1
        for c in range(len(out)):
            out[c] += (np.float32(1.0) - shut) * terms[i, c]


@compiled
def _evaluate(  # type: ignore[no-untyped-def]  # compiled for the array types it is called with
    codes,
    fractions,
    texts,
    table,
    table_at,
    widths,
    slope,
    slope_at,
    open_per_field,
    coordinates,
    n_coordinates,
    bias,
    linear,
    text_out,
    deep,
    deep_dims,
    first,
    second,
    pair_weight,
    cin,
    cin_dims,
    cin_out,
    base,
    down,
    up,
    shared,
    out,
):
    n_rows, n_fields = codes.shape
    n_outputs = len(bias)
    n_texts = texts.shape[1]
    n_values = len(coordinates) + n_texts
    x = np.empty(n_values, np.float32)
    widest = deep_dims.max()
    here, there = np.empty(widest, np.float32), np.empty(widest, np.float32)
    maps = cin_dims.max()
    x0 = np.zeros((n_fields, n_coordinates), np.float32)
    state = np.empty((maps, n_coordinates), np.float32)
    following = np.empty((maps, n_coordinates), np.float32)
    mixed = np.empty(n_coordinates, np.float32)
    conditional = len(base) > 0
    directions, z = np.empty(down.shape[1], np.float32), np.empty(n_values, np.float32)
    terms = np.zeros((n_fields, n_outputs), np.float32)
    for r in range(n_rows):
        for c in range(n_outputs):
            out[r, c] = bias[c]
        at = 0
        for i in range(n_fields):
            k, width = open_per_field[i], widths[i]
            row = codes[r, i] * width
            t = table_at[i] + row
            ramp = slope_at[i] >= 0
            s = slope_at[i] + row
            f = fractions[r, i]
            for j in range(k):
                value = table[t + j]
                if ramp:
                    value += f * slope[s + j]
                x[at + j] = value
            if linear:
                for c in range(n_outputs):
                    value = table[t + k + c]
                    if ramp:
                        value += f * slope[s + k + c]
                    if shared:
                        terms[i, c] = value
                    else:
                        out[r, c] += value
            at += k
        for j in range(n_texts):
            x[at + j] = texts[r, j]
        if conditional:
            condition(x, base, down, up, directions, z)
            if shared:
                _add_shares(terms, z, open_per_field, out[r])
        for j in range(n_texts):
            value = x[at + j]
            for c in range(n_outputs):
                out[r, c] += text_out[c, j] * value
        if len(deep_dims) > 1:
            here[:n_values] = x
            at = 0
            for layer in range(len(deep_dims) - 1):
                n_in, n_out = deep_dims[layer], deep_dims[layer + 1]
                b = at + n_in * n_out
                weight = deep[at:b].reshape(n_in, n_out)
                _affine(here[:n_in], weight, deep[b : b + n_out], there[:n_out])
                at = b + n_out
                if layer < len(deep_dims) - 2:
                    for j in range(n_out):
                        there[j] = max(there[j], np.float32(0.0))
                here, there = there, here
            for c in range(n_outputs):
                out[r, c] += here[c]
        if len(first) > 0:
            for c in range(n_outputs):
                total = np.float32(0.0)
                for p in range(len(first)):
                    total += pair_weight[c, p] * x[first[p]] * x[second[p]]
                out[r, c] += total
        if len(cin_dims) > 1:
            at = 0
            for i in range(n_fields):
                for _ in range(open_per_field[i]):
                    x0[i, coordinates[at]] = x[at]
                    at += 1
            state[:n_fields] = x0
            at, pooled = 0, 0
            for depth in range(len(cin_dims) - 1):
                before, width = cin_dims[depth], cin_dims[depth + 1]
                for h in range(width):
                    following[h] = np.float32(0.0)
                    for i in range(before):
                        mixed[:] = np.float32(0.0)
                        for j in range(n_fields):
                            weight = cin[at]
                            at += 1
                            for d in range(n_coordinates):
                                mixed[d] += weight * x0[j, d]
                        for d in range(n_coordinates):
                            following[h, d] += state[i, d] * mixed[d]
                    total = np.float32(0.0)
                    for d in range(n_coordinates):
                        total += following[h, d]
                    for c in range(n_outputs):
                        out[r, c] += total * cin_out[c, pooled]
                    pooled += 1
                state, following = following, state
