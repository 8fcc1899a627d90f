"""What all contestants start from: plain columns, and the codes that libraries without strings need."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from l0gm.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FORMS", "Coder", "Form", "Rows", "cycled", "plain_frame"]

Form = Literal["prepared", "object", "category", "dict"]
FORMS: Mapping[Form, str] = {
    "prepared": "prepared arrays",
    "object": "DataFrame, text as objects",
    "category": "DataFrame, text as categories",
    "dict": "dict",
}
MIN_COUNT = 5
"""Training rows that a value needs to have a code of its own."""
UNKNOWN = 0
"""The code of missing, rare and unseen values."""


@dataclass(frozen=True)
class Rows:
    """Plain columns (see :func:`plain_frame`) and class numbers (n,)."""

    frame: pd.DataFrame
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.int64]) -> Rows:
        """Return these rows."""
        return Rows(self.frame.iloc[rows].reset_index(drop=True), self.labels[rows])


def plain_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table of numbers (int64 or float64, NaN where missing) and of objects (None where missing).

    Dates become seconds since 1970, truth values 0 and 1, and all other columns text: for all contestants alike, so
    that none of them is measured on a conversion that another one is spared.

    Raises
    ------
    DataError
        If there is no column.
    """
    import pandas as pd

    if not len(frame.columns):
        raise DataError("the table has no column to predict from")
    columns: dict[str, Any] = {}
    for name in map(str, frame.columns):
        column = frame[name]
        kind = column.dtype
        if pd.api.types.is_datetime64_any_dtype(kind):
            time = pd.to_datetime(column, utc=True)
            seconds = time.astype("int64").to_numpy() / {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[time.dt.unit]
            columns[name] = np.where(column.isna(), np.nan, seconds)
        elif pd.api.types.is_timedelta64_dtype(kind):
            columns[name] = column.dt.total_seconds().to_numpy()
        elif pd.api.types.is_integer_dtype(kind) and not column.isna().any():
            columns[name] = column.to_numpy(np.int64)
        elif pd.api.types.is_numeric_dtype(kind):
            columns[name] = column.to_numpy(np.float64, na_value=np.nan)
        else:
            known = zip(column.to_numpy(dtype=object).tolist(), column.isna().to_list(), strict=True)
            text = [None if missing else str(value) for value, missing in known]
            columns[name] = pd.Series(text, dtype=object)
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))


@dataclass(frozen=True)
class Coder:
    """The conversion that users of libraries without strings write: a number or a code a column.

    Codes follow the sorted values; :data:`UNKNOWN` stands for missing, rare and unseen ones. To look each value up in a
    dict was the fastest of five ways in pandas and numpy (0.1 microseconds a cell).

    Parameters
    ----------
    numeric : tuple of str
        Columns of numbers, in the order of the table.
    known : mapping from str to dict
        For each column of text, its values' codes.
    """

    numeric: tuple[str, ...]
    known: Mapping[str, dict[Any, int]]
    _renumbered: dict[tuple[str, int], tuple[Any, NDArray[np.int64]]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def fit(cls, frame: pd.DataFrame, min_count: int = MIN_COUNT) -> Coder:
        """Learn the codes from training rows (:func:`plain_frame`)."""
        import pandas as pd

        known = {}
        for name in [name for name in frame.columns if pd.api.types.is_object_dtype(frame[name])]:
            counts = frame[name].value_counts()
            known[name] = {value: i + 1 for i, value in enumerate(sorted(counts.index[counts >= min_count]))}
        return cls(tuple(name for name in frame.columns if name not in known), known)

    @property
    def n_codes(self) -> tuple[int, ...]:
        """For each column of text, one more than its largest code."""
        return tuple(len(codes) + 1 for codes in self.known.values())

    @property
    def n_columns(self) -> int:
        """Columns of numbers and of codes."""
        return len(self.numeric) + len(self.known)

    def matrix(self, frame: pd.DataFrame, dtype: Any = np.float64, order: Literal["C", "F"] = "F") -> NDArray[Any]:
        """Return numbers, then codes, (n, columns)."""
        out = np.empty((len(frame), self.n_columns), dtype, order=order)
        for j, name in enumerate(self.numeric):
            out[:, j] = frame[name].to_numpy()
        for j, (name, codes) in enumerate(self.known.items(), len(self.numeric)):
            column = frame[name]
            if column.dtype == object:
                get = codes.get
                out[:, j] = [get(value, UNKNOWN) for value in column.to_numpy().tolist()]
            else:
                out[:, j] = self._places(name, column.cat.categories)[column.cat.codes.to_numpy()]
        return out

    def _places(self, name: str, categories: Any) -> NDArray[np.int64]:
        """Return the code of each category, and last that of missing ones; made once for each list of categories."""
        key = name, id(categories)
        known = self._renumbered.get(key)
        if known is None:
            codes = self.known[name]
            known = categories, np.array([*(codes.get(value, UNKNOWN) for value in categories), UNKNOWN])
            self._renumbered[key] = known  # with the list itself, so that no other one takes its place
        return known[1]

    def row(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the numbers, then the codes, of one row."""
        numbers = [values[name] for name in self.numeric]
        return numbers + [codes.get(values[name], UNKNOWN) for name, codes in self.known.items()]

    def as_categories(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the table with its text columns as pandas categories: those of the training rows, then others."""
        import pandas as pd

        types = {}
        for name, codes in self.known.items():
            others = [value for value in frame[name].dropna().unique() if value not in codes]
            types[name] = pd.CategoricalDtype([*codes, *others])
        return frame.astype(types)


def cycled(call: Callable[[Any], object], inputs: Sequence[Any]) -> Callable[[], object]:
    """Return a call without arguments that answers one input after the other, again from the first after the last."""
    following = itertools.cycle(inputs).__next__
    return lambda: call(following())
