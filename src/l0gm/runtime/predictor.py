"""From rows of columns to probabilities: the folded program where there is one, else the unfolded one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.schema import CategoricalField, Columns, HashedField, NumericField, Schema
from l0gm.errors import ParameterError
from l0gm.native import native
from l0gm.runtime.folded import FoldedProgram, fold
from l0gm.runtime.tabular import TabularProgram, probabilities

__all__ = ["Predictor", "check_threads"]


@dataclass(frozen=True)
class Predictor:
    """A program and the schema of the rows that it reads."""

    program: TabularProgram
    schema: Schema

    @cached_property
    def folded(self) -> FoldedProgram | None:
        """The program as the compiled kernel evaluates it; None where there is no kernel, or it does not fold."""
        return fold(self.program, self.schema)

    def logits(self, rows: Columns, threads: int = 1) -> NDArray[np.float32]:
        """Return logits (n, C); ``threads`` share the rows out where the program is folded."""
        if self.folded is None:
            return self.program.logits(self.schema.binned(rows))
        return self.folded.logits(rows, self.program.text_values(rows), threads)

    def probabilities(self, rows: Columns, threads: int = 1) -> NDArray[np.float64]:
        """Return class probabilities (n, C)."""
        return probabilities(self.logits(rows, threads))

    def columns(self, numbers: Any, codes: Any) -> Columns:
        """Return arrays as columns, after a look at their shapes, types and values.

        Raises
        ------
        ParameterError
            If one is not what the schema's fields need; the message says what that is.
        """
        schema = self.schema
        if schema.texts:
            raise ParameterError("arrays hold no texts, and this model reads some: give predict_proba a table")
        x = _checked("numbers", numbers, np.float64, "fiub", [schema.fields[i].name for i in schema.numeric])
        c = _checked("codes", codes, np.int32, "iu", [schema.fields[i].name for i in schema.coded])
        if len(x) != len(c):
            raise ParameterError(f"numbers has {len(x)} rows and codes {len(c)}: as many are needed")
        if self.folded is None:  # the kernel looks by itself
            if np.isinf(x).any():
                raise ParameterError("numbers: infinite values; make them missing (NaN), or correct them")
            if ((c < 0) | (c >= [schema.n_rows[i] for i in schema.coded])).any():
                raise ParameterError("codes: a code is no row of its field's table")
        return Columns(x, c)

    def one(self, row: Mapping[str, Any]) -> NDArray[np.float64]:
        """Return the class probabilities of one row, from names to values, (1, C)."""
        if self._evaluate_row is not None and type(row) is dict:
            out = np.empty((1, self.program.n_outputs), np.float32)
            if self._evaluate_row(row, out):
                return probabilities(out)
        return self.probabilities(self.schema.read([row]))

    @cached_property
    def _evaluate_row(self) -> Callable[[dict[str, Any], NDArray[np.float32]], bool] | None:
        """The kernel's way from a dict to logits; None where a field needs more than a look at its value."""
        numeric = [f for f in self.schema.fields if isinstance(f, NumericField)]
        coded = [f for f in self.schema.fields if isinstance(f, (CategoricalField, HashedField))]
        intricate = any(f.missing or f.part is not None for f in numeric)
        if native is None or self.folded is None or self.schema.texts or intricate:
            return None
        names = tuple(f.source for f in (*numeric, *coded))
        known = tuple(f.known for f in coded)
        return partial(native.evaluate_row, self.folded.plan, self.folded.floats, self.folded.doubles, names, known)


def _checked(name: str, given: Any, dtype: Any, kinds: str, fields: list[str]) -> NDArray[Any]:
    array = np.asarray(given)
    if array.ndim != 2 or array.shape[1] != len(fields) or array.dtype.kind not in kinds:
        raise ParameterError(
            f"{name} has shape {array.shape} of {array.dtype}: (n, {len(fields)}) of {np.dtype(dtype)} is needed, a "
            f"column for each of {', '.join(fields) or 'no field'}"
        )
    return array.astype(dtype, copy=False)


def check_threads(threads: int) -> int:
    """Return ``threads``; ParameterError unless it is a number of threads."""
    if type(threads) is not int or threads < 1:
        raise ParameterError(f"threads={threads!r}: a whole number, at least 1")
    return threads
