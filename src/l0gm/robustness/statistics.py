"""What corruption has to know of the training rows: spread and range of each numeric column."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.frames import Table
from l0gm.errors import DataError

__all__ = ["InputStatistics", "NumericColumn"]


@dataclass(frozen=True)
class NumericColumn:
    """A column's finite training values.

    Parameters
    ----------
    std : float
        Standard deviation, of all values as they are (ddof 0), in the column's own unit.
    low, high : float
        The least and the largest one.
    """

    std: float
    low: float
    high: float


@dataclass(frozen=True)
class InputStatistics:
    """Spread and range of the numeric columns of training rows: the units of noise and quantisation.

    Numeric are columns of numbers, whole ones included; not booleans, categories, dates, durations, or numbers that
    are written as text. A column without a finite value has no statistics, and nothing adds noise to it.

    Parameters
    ----------
    columns : tuple of str
        All columns that fit saw, in their order.
    numeric : dict
        From name to :class:`NumericColumn`.
    named : bool
        Whether the table brought names; an array's columns are told by their places.
    n_rows : int
        Training rows that it was computed from.
    """

    columns: tuple[str, ...]
    numeric: dict[str, NumericColumn]
    named: bool
    n_rows: int

    @classmethod
    def fit(cls, X_train: object) -> InputStatistics:
        """Compute the statistics of the rows that the classifiers were trained on.

        Parameters
        ----------
        X_train : table (n, columns)
            pandas, polars, pyarrow, a dict of columns, a list of dicts, an array, or texts.

        Raises
        ------
        DataError
            If it is no table, or has no rows.
        """
        table = Table(X_train)
        if len(table) == 0:
            raise DataError("X_train has no rows: give those that the classifier was trained on")
        found = {name: _described(table.numbers(name)) for name in table.names if table.kind(name) == "number"}
        numeric = {name: column for name, column in found.items() if column is not None}
        return cls(tuple(table.names), numeric, table.named, len(table))

    def of(self, table: Table) -> list[NumericColumn | None]:
        """Return what is known of each of the table's columns, None where a column is not numeric.

        Columns are found by name, or by place where the training rows or these have no names.

        Raises
        ------
        DataError
            If the table has a column that the training rows had not, or without names another number of them.
        """
        if table.texts_alone:
            return [None]
        if self.named and table.named:
            unknown = list(dict.fromkeys(table.names).keys() - set(self.columns))
            if unknown:
                raise DataError(
                    f"column {min(unknown)!r} is not in the statistics ({len(unknown)} of {len(table.names)} columns "
                    "are not): compute them from training rows with the same columns, or drop it"
                )
            return [self.numeric.get(name) for name in table.names]
        if len(table.names) != len(self.columns):
            raise DataError(
                f"the rows have {len(table.names)} columns without names, and the statistics are of "
                f"{len(self.columns)}: compute them from training rows with the same columns"
            )
        return [self.numeric.get(name) for name in self.columns]

    def to_dict(self) -> dict[str, Any]:
        """Return the statistics ready for JSON."""
        return {
            "columns": list(self.columns),
            "numeric": {name: asdict(column) for name, column in self.numeric.items()},
            "named": self.named,
            "n_rows": self.n_rows,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> InputStatistics:
        """Make the statistics of what :meth:`to_dict` returned.

        Raises
        ------
        DataError
            If the mapping is something else.
        """
        try:
            columns = tuple(str(name) for name in content["columns"])
            numeric = {
                str(name): NumericColumn(*(float(column[key]) for key in ("std", "low", "high")))
                for name, column in content["numeric"].items()
            }
            statistics = cls(columns, numeric, bool(content["named"]), int(content["n_rows"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"these are no statistics of inputs ({type(error).__name__}: {error})") from error
        for name, column in numeric.items():
            sound = all(map(math.isfinite, asdict(column).values())) and column.std >= 0 and column.low <= column.high
            if not sound or name not in columns:
                raise DataError(f"these are no statistics of inputs: column {name!r} is {column}")
        return statistics


def _described(values: NDArray[np.float64]) -> NumericColumn | None:
    """Return a column's statistics, of its finite values; None where there are none."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    low, high = float(finite.min()), float(finite.max())
    scale = max(abs(low), abs(high))
    std = 0.0 if low == high else scale * float(np.std(finite / scale))  # squares of large numbers are not finite
    return NumericColumn(min(std, high / 2 - low / 2), low, high)
