"""Encoded rows in a temporary file, for tables that are larger than memory: written once, taken by index."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from l0gm.data.frames import Table
from l0gm.data.schema import NumericField, Schema
from l0gm.encoders.batch import RowBatch
from l0gm.errors import DataError

__all__ = ["StoredRows", "store"]

WINDOW_BYTES = 2**31
AT_ONCE = 65_536


@dataclass(frozen=True, eq=False)
class StoredRows:
    """Some rows of a store, as the trainer takes them (:class:`l0gm.training.rows.Batches`).

    Parameters
    ----------
    records : structured array (rows of the store,)
        ``codes``, unsigned integers (m,), and ``fractions``, float32, of the numeric fields alone. It is mapped
        into memory: the operating system reads what is asked for and forgets it as it needs the room.
    numeric : int64 (numeric fields,)
        Which of the m fields have fractions.
    rows : int64 (n,)
        Positions in the store.
    device : torch.device
        Where batches go.
    """

    records: NDArray[np.void]
    numeric: NDArray[np.int64]
    rows: NDArray[np.int64]
    device: torch.device | str = "cpu"

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.rows)

    @property
    def window(self) -> int:
        """How many rows may be read in any order at a time: as many as take 2 GiB."""
        return max(WINDOW_BYTES // self.records.itemsize, 1)

    def take(self, rows: Tensor) -> RowBatch:
        """Return these rows."""
        found = self.records.take(self.rows[rows.numpy(force=True)])
        codes = found["codes"].astype(np.int64)
        fractions = np.zeros(codes.shape, dtype=np.float32)
        fractions[:, self.numeric] = found["fractions"]
        return RowBatch(torch.from_numpy(codes).to(self.device), torch.from_numpy(fractions).to(self.device))

    def counts(self, n_rows: Sequence[int]) -> list[Tensor]:
        """Return how often each row of each field's table is used, int64 (rows,) a field."""
        found = [np.zeros(n, dtype=np.int64) for n in n_rows]
        for start in range(0, len(self.rows), AT_ONCE):
            codes = self.records["codes"][self.rows[start : start + AT_ONCE]]
            for i, n in enumerate(n_rows):
                found[i] += np.bincount(codes[:, i], minlength=n)
        return [torch.from_numpy(count).to(self.device) for count in found]

    def select(self, rows: NDArray[np.int64]) -> StoredRows:
        """Return the rows at these positions."""
        return replace(self, rows=self.rows[rows])

    def to(self, device: torch.device | str) -> StoredRows:
        """Return the same rows, whose batches go to ``device``."""
        return replace(self, device=device)


def store(schema: Schema, tables: Iterable[Table]) -> StoredRows:
    """Encode tables one after the other into an unnamed temporary file.

    The file has no name, so that nothing of it is left behind whatever ends the process: its room on the disk is
    free again when the last :class:`StoredRows` of it is gone. It lies in Python's folder for temporary files, which
    the environment variable TMPDIR moves, and takes 1, 2 or 4 bytes a field and 4 bytes more for each number.

    Raises
    ------
    DataError
        If a table does not fit the schema, or the disk is full.
    """
    numeric = np.flatnonzero([isinstance(f, NumericField) for f in schema.fields])
    smallest = np.min_scalar_type(max(schema.n_rows) - 1)
    layout = np.dtype([("codes", smallest, (len(schema.fields),)), ("fractions", np.float32, (len(numeric),))])
    n_rows = 0
    try:
        with tempfile.TemporaryFile(prefix="l0gm-") as file:
            for table in tables:
                encoded = schema.encode(table)
                records = np.empty(len(encoded), dtype=layout)
                records["codes"] = encoded.codes
                records["fractions"] = encoded.fractions[:, numeric]
                file.write(records.tobytes())
                n_rows += len(records)
            file.flush()
            mapped = np.memmap(file, dtype=layout, mode="r", shape=(n_rows,)) if n_rows else np.empty(0, layout)
    except OSError as error:
        size = n_rows * layout.itemsize / 1e6
        raise DataError(
            f"{tempfile.gettempdir()} cannot hold the encoded rows ({error}, after {size:,.0f} MB): set the "
            "environment variable TMPDIR to a folder with more room"
        ) from error
    return StoredRows(np.asarray(mapped), numeric, np.arange(n_rows, dtype=np.int64))
