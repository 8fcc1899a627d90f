"""Batches as a model reads them: what its columns' text stands for, and which row it is that it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from l0gm.cli.files import Frame
from l0gm.cli.streams import Stream
from l0gm.data.schema import NumericField, Schema
from l0gm.errors import DataError

__all__ = ["check_sources", "located", "typed"]

Answer = TypeVar("Answer")


def check_sources(schema: Schema, stream: Stream) -> None:
    """Raise DataError if the stream lacks a column that the model reads."""
    schema.encode({name: [] for name in stream.columns})


def typed(frame: Frame, schema: Schema) -> Any:
    """Return the rows in their own type, numbers that are written as text as float64.

    A column of which a cell is no plain number stays text: the schema reads it cell by cell, with the same result,
    and says which cell it is.
    """
    if not frame.implementation.is_pyarrow():
        return frame.to_native()
    import pyarrow as pa
    from pyarrow import compute

    table = frame.to_native()
    for name in {f.source for f in schema.fields if isinstance(f, NumericField) and f.part is None}:
        column = table.column(name)
        if not pa.types.is_string(column.type):
            continue
        try:
            numbers = column.cast(pa.float64())
        except pa.ArrowInvalid:
            continue
        if not compute.any(compute.is_nan(numbers)).as_py():  # Arrow, other than Python, knows "nan(1)"
            table = table.set_column(table.column_names.index(name), name, numbers)
    return table


def located(answer: Callable[[Frame], Answer], frame: Frame, name: str, first: int) -> Answer:
    """Return ``answer(frame)``; where it raises DataError, say which row is at fault.

    Parameters
    ----------
    answer : callable
        It answers row by row: if it refuses some rows, it refuses any table that they are in.
    frame : Frame
    name : str
        Of the file.
    first : int
        Rows of the file before this batch.
    """
    try:
        return answer(frame)
    except DataError:
        sound, bad = 0, len(frame)  # the first rows that are accepted, and that are not
        while bad - sound > 1:
            middle = (sound + bad) // 2
            try:
                answer(frame[:middle])
                sound = middle
            except DataError:
                bad = middle
        try:
            answer(frame[sound:bad])
        except DataError as error:
            raise DataError(f"{name}, row {first + bad:,}: {error}") from error
        raise
