"""What baselines for tables start from: the fields that l0gm finds in the columns, and what can be read of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from l0gm.baselines.base import RowBaseline
from l0gm.data.fitting import SchemaFitter
from l0gm.data.frames import Table
from l0gm.data.schema import NumericField
from l0gm.distillation import teacher_frame

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TableBaseline", "binned", "numbered", "one_hot"]


@dataclass(frozen=True)
class _NoTexts:
    """Leaves texts out, with a note."""

    def field(
        self, name: str, source: str, texts: Sequence[str | None], missing: tuple[str, ...], notes: list[str]
    ) -> None:
        notes.append(f"{name}: text, which this method does not read, dropped")


class TableBaseline(RowBaseline):
    """A baseline that reads the fields of a table.

    Columns become fields as in :class:`l0gm.L0GMClassifier`, by the same rules and on the same training rows: numbers,
    categories, truth values, parts of dates, hashed identifiers; constant and empty columns are dropped. Infinite
    numbers are missing ones, and columns of texts are left out.

    Attributes
    ----------
    schema_ : Schema
    notes_ : list of str
        What was decided about columns.
    """

    bins: ClassVar[Literal["tree", "quantile"]] = "quantile"
    """Of the schema; most baselines read numbers as they are."""

    def _learn(self, X: Any, y: NDArray[np.int64], V: Any, v: NDArray[np.int64]) -> None:
        fitter = SchemaFitter(bins=self.bins, infinite="missing", reader=_NoTexts())
        self.schema_, self.notes_ = fitter.fit(X, y)
        self._fit(self._read(X), y, self._read(V), v)

    def _answer(self, X: Any) -> NDArray[Any]:
        return self._probabilities(self._read(X))

    def prepared(self, X: Any) -> Any:
        """Return the rows as the library itself takes them: what :meth:`answer_prepared` starts from."""
        return self._read(X)

    def answer_prepared(self, rows: Any) -> NDArray[Any]:
        """Return the class probabilities (n, C) of prepared rows, without reading columns again."""
        return self._probabilities(rows)

    def _read(self, X: Any) -> Any:
        """Return the rows as the method takes them; here, as :func:`l0gm.distillation.teacher_frame` gives them."""
        return teacher_frame(self.schema_, self.schema_.placed(Table(X)))

    @abstractmethod
    def _fit(self, X: Any, y: NDArray[np.int64], V: Any, v: NDArray[np.int64]) -> None:
        """Learn from what :meth:`_read` returned; V and v say when to stop."""

    @abstractmethod
    def _probabilities(self, X: Any) -> NDArray[Any]:
        """Return the probabilities of the classes (n, C) of what :meth:`_read` returned."""


def one_hot() -> ColumnTransformer:
    """Return what makes numbers of a teacher's frame: standardised ones, and a column for each category.

    Missing numbers are the mean, beside a column that says so; missing categories have a column where training rows
    have some. Categories without a training row are zero in all columns.
    """
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    categories = OneHotEncoder(handle_unknown="ignore", dtype=np.float32)
    category = make_column_selector(dtype_include="category")
    number = make_column_selector(dtype_exclude="category")
    return ColumnTransformer([("numbers", numbers, number), ("categories", categories, category)], sparse_threshold=1.0)


def binned(fields: Sequence[Any], frame: pd.DataFrame) -> pd.DataFrame:
    """Return a teacher's frame with the bins of numbers as categories; ``fields`` are those of its columns."""
    import pandas as pd

    columns = {}
    for field in fields:
        column = frame[field.name]
        if isinstance(field, NumericField):
            codes, _ = field.bin(column.to_numpy())
            columns[field.name] = pd.Categorical.from_codes(codes - 1, categories=pd.RangeIndex(1, field.n_rows))
        else:
            columns[field.name] = column
    return pd.DataFrame(columns, index=frame.index)


def numbered(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame under names that every library takes: some refuse brackets, commas or quotes in them."""
    return frame.set_axis([f"c{j}" for j in range(frame.shape[1])], axis=1)
