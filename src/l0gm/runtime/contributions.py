"""What a prediction rests on: contributions by field that add up to the logit.

The question is what each field adds on the way from a base to the row. The base is the model's logit where every
field has its mean: the mean of its vector (open dimensions and linear term) over the training rows.

How the difference between the two logits is shared out:

- The linear term is a sum over fields and texts, and each gets the change of its own term.
- A CIN of one depth is a sum of products of two values. A product u v that was a b at the base gives
  (u - a)(v + b) / 2 to the first and (v - b)(u + a) / 2 to the second. For both branches these are the Shapley values
  (Shapley 1953, "A value for n-person games") of the game in which a field is either at the row or at the base:
  ``exact`` is true.
- A CIN of more depths and the deep branch are no such sums, and the exact game has 2^fields settings. They are shared
  out by integrated gradients (Sundararajan, Taly and Yan 2017; the value of Aumann and Shapley 1974), as if all
  fields moved from the base to the row together, at one pace. This is an approximation of the Shapley value, and
  ``exact`` is false; the integral itself is not approximated (:mod:`l0gm.runtime.paths`).

Both are linear in the model, give nothing to a field that is at its mean, and the contributions of several fields of
one column add up to that of the column; for the first two branches both are the same. Either way base plus
contributions is the logit up to rounding in single precision, which ``max_residual`` measures.

A contribution describes the model, not the world: it does not say what would happen if somebody changed the value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from l0gm.data.schema import Encoded
from l0gm.errors import ParameterError
from l0gm.runtime.paths import cin_gradient_path, cin_value, deep_gradient_path, deep_value
from l0gm.runtime.reference import Reference, required
from l0gm.runtime.tabular import TabularProgram

if TYPE_CHECKING:
    from l0gm.runtime.model import CompactModel

__all__ = ["Contributions", "contributions"]

Floats = NDArray[np.float64]
NUMBERS_AT_ONCE = 4_000_000
"""About as many doubles are held for the rows that are worked on together."""


@dataclass(frozen=True)
class Contributions:
    """What each column or field adds to the logits of some rows; see the module's text for how.

    ``base + values.sum(1)`` is ``logits``, but for rounding.

    Parameters
    ----------
    names : tuple of str (m,)
        Columns or fields that the model reads, in order. One that left the model contributes nothing.
    values : float64 (n, m), or (n, m, C) for more than two classes
    base : float64 (), or (C,) for more than two classes
        The logit where every field has its mean over the training rows; not the mean logit.
    logits : float64 (n,), or (n, C) for more than two classes
        Of the second class for two classes. What :meth:`l0gm.CompactModel.predict_proba` makes probabilities of
        before calibration.
    classes : tuple (C,)
    exact : bool
        Whether these are Shapley values; else the deep branch, or a CIN of several depths, is shared out by
        integrated gradients.
    """

    names: tuple[str, ...]
    values: Floats
    base: Floats
    logits: Floats
    classes: tuple[Any, ...]
    exact: bool

    @property
    def method(self) -> str:
        """How the logit was shared out, in words."""
        return "Shapley values" if self.exact else "integrated gradients"

    @property
    def max_residual(self) -> float:
        """The largest difference between a logit and what base and contributions add up to."""
        return float(np.abs(self.logits - self.base - self.values.sum(1)).max(initial=0.0))

    def towards(self, label: Any) -> Floats:
        """Return what is added to the log-odds of one class, (n, m): the values, of the class against the others.

        For two classes these are the values, with their sign turned for the first class. For more, they are those
        of the class's logit minus the mean of the other classes': what is added to all logits moves no probability.

        Raises
        ------
        ParameterError
            If there is no such class.
        """
        return self._against_others(self.values, label)

    def log_odds(self, label: Any) -> tuple[float, Floats]:
        """Return the base of a class's log-odds, and the rows' log-odds (n,), which :meth:`towards` leads to."""
        return float(self._against_others(self.base, label)), self._against_others(self.logits, label)

    def _against_others(self, logits: Floats, label: Any) -> Floats:
        if label not in self.classes:
            raise ParameterError(f"label {label!r}: the classes are {', '.join(map(repr, self.classes))}")
        c, n = self.classes.index(label), len(self.classes)
        if n == 2:
            return logits if c == 1 else -logits
        return np.asarray((n * logits[..., c] - logits.sum(-1)) / (n - 1))


def contributions(model: CompactModel, X: object, by: Literal["column", "field"] = "column") -> Contributions:
    """Share out the logits of the rows ``X``; see :meth:`l0gm.CompactModel.contributions`."""
    if by not in ("column", "field"):
        raise ParameterError(f"by={by!r}: choose 'column' or 'field'")
    reference = required(model.reference, "which contributions start from")
    if model.program.conditioning is not None:
        raise ParameterError("contributions are not known for a conditional gate, whose values depend on all columns")
    rows, program = model.encode(X), model.program
    base, values = _shared(program, reference, rows)
    names: tuple[str, ...] = model.schema.names
    if by == "column":
        names = model.schema.sources
        fields = (*model.schema.fields, *model.schema.texts)
        member = np.array([[f.source == name for name in names] for f in fields], dtype=np.float64)
        values = np.einsum("nmc,ms->nsc", values, member.reshape(len(fields), len(names)))
    logits = program.logits(rows).astype(np.float64)
    if program.n_outputs == 1:
        values, base, logits = values[..., 0], base[0], logits[..., 0]
    exact = not program.deep and len(program.cin) <= 1
    return Contributions(names, values, np.asarray(base), logits, model.classes_, exact)


def _shared(program: TabularProgram, reference: Reference, rows: Encoded) -> tuple[Floats, Floats]:
    """Return the base (C,) and the contributions by field, then by text, (n, m + texts, C)."""
    m, n_all = len(program.fields), len(program.fields) + len(program.texts)
    field = np.repeat(np.arange(m), program.open_per_field)
    owner = np.concatenate([field, np.repeat(np.arange(m, n_all), [part.width for part in program.texts])])
    of_field = np.zeros((len(owner), n_all))
    of_field[np.arange(len(owner)), owner] = 1.0
    layers = [(w.astype(np.float64), b.astype(np.float64)) for w, b in program.deep]
    weights = [w.astype(np.float64) for w in program.cin]
    out = np.zeros((program.n_outputs, 0)) if program.cin_out is None else program.cin_out.astype(np.float64)
    depth = int(program.coordinates.max(initial=-1)) + 1

    def maps(x: Floats) -> Floats:
        """Return X(0), (n, m, D), of open dimensions, of which the fields' come first."""
        state = np.zeros((len(x), m, depth))
        state[:, field, program.coordinates] = x[:, : len(field)]
        return state

    start, start_linear = _at_mean(program, reference)
    base = program.bias.astype(np.float64) + start_linear.sum(0)
    base = base + (deep_value(layers, start[None])[0] if layers else 0.0)
    base = base + (cin_value(weights, out, maps(start[None]))[0] if weights else 0.0)

    values = np.empty((len(rows), n_all, program.n_outputs))
    size = _rows_at_once(program, depth)
    for first in range(0, len(rows), size):
        part = slice(first, first + size)
        x, linear = _embedded(program, rows.take(np.arange(len(rows))[part]))
        values[part] = linear - start_linear
        if layers:
            moved = deep_gradient_path(layers, start, x) * (x - start)[:, None]
            values[part] += np.einsum("nck,km->nmc", moved, of_field)
        if weights:
            x0, x1 = maps(start[None])[0], maps(x)
            moved = cin_gradient_path(weights, out, x0, x1) * (x1 - x0)[:, None]
            values[part, :m] += moved.sum(3).swapaxes(1, 2)
    return base, values


def _embedded(program: TabularProgram, rows: Encoded) -> tuple[Floats, Floats]:
    """Return the open dimensions of fields and texts (n, K + values) and the linear terms (n, m + texts, C).

    Both are in double precision.
    """
    tables = []
    for i, f in enumerate(program.fields):
        value: Floats = f.rows[rows.codes[:, i]].astype(np.float64)
        if f.slopes is not None:
            value = value + rows.fractions[:, i, None].astype(np.float64) * f.slopes[rows.codes[:, i]]
        tables.append(value)
    return _split(program, tables, program.text_values(rows).astype(np.float64))


def _at_mean(program: TabularProgram, reference: Reference) -> tuple[Floats, Floats]:
    """Return the means over the training rows of what :func:`_embedded` returns for a row."""
    tables = []
    for f, counts, fractions in zip(program.fields, reference.counts, reference.fractions, strict=True):
        value = counts.astype(np.float64) @ f.rows.astype(np.float64)
        if f.slopes is not None:
            value = value + fractions @ f.slopes.astype(np.float64)
        tables.append(value[None] / reference.n_rows)
    x, linear = _split(program, tables, reference.text_mean[None])
    return x[0], linear[0]


def _split(program: TabularProgram, tables: list[Floats], texts: Floats) -> tuple[Floats, Floats]:
    opened = program.open_per_field.tolist()
    x = np.concatenate([*(t[:, :k] for t, k in zip(tables, opened, strict=True)), texts], axis=1)
    linear = np.zeros((len(texts), len(tables) + len(program.texts), program.n_outputs))
    if program.linear:
        for i, (t, k) in enumerate(zip(tables, opened, strict=True)):
            linear[:, i] = t[:, k:]
    at = 0
    for i, part in enumerate(program.texts):
        assert program.text_out is not None  # since there are texts
        here = slice(at, at + part.width)
        linear[:, len(tables) + i] = texts[:, here] @ program.text_out[:, here].T.astype(np.float64)
        at += part.width
    return x, linear


def _rows_at_once(program: TabularProgram, depth: int) -> int:
    widths = [len(program.coordinates) + program.n_text_values, *(len(b) for _, b in program.deep)]
    kinks = 2 + sum(widths[1:-1])
    deep = kinks * max(widths) * (2 + program.n_outputs) if program.deep else 0
    cin = sum(len(w) * w.shape[1] for w in program.cin) * depth * (3 + program.n_outputs)
    return int(max(1, NUMBERS_AT_ONCE // max(deep, cin, len(program.fields) * program.n_outputs, 1)))
