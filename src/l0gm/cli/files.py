"""Table files: csv, tsv, parquet and feather, by pandas where it is installed, else by pyarrow."""

from __future__ import annotations

import difflib
import warnings
import zlib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Protocol

import narwhals.stable.v2 as nw

from l0gm.errors import DataError, MissingExtraError, ParameterError

__all__ = [
    "READABLE",
    "Frame",
    "check_columns",
    "check_readable",
    "check_writable",
    "kind_of",
    "read_table",
    "separator",
]

Frame = nw.DataFrame[Any]

READABLE = (".csv", ".tsv", ".parquet", ".feather", ".csv.gz", ".tsv.gz")
WRITABLE = (".csv", ".parquet")


class _Columns(Protocol):
    """Whatever has named columns."""

    @property
    def columns(self) -> list[str]: ...


def kind_of(path: Path) -> str:
    """Return which kind of file this is, by its name: ``.csv`` also for ``people.csv.gz``."""
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return plain.suffix.lower()


def separator(path: Path) -> str:
    """Return what separates the cells of a csv or tsv file."""
    return "\t" if kind_of(path) == ".tsv" else ","


def check_readable(path: Path) -> None:
    """Raise DataError if there is no such file, it is empty or it is of a kind that :func:`read_table` cannot read."""
    if not path.name.lower().endswith(READABLE):
        raise DataError(f"{path}: unknown kind of file; give one of {', '.join(READABLE)}")
    if not path.is_file():
        raise DataError(f"{path}: {'a folder, not a file' if path.is_dir() else 'no such file'}")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty")


def read_table(path: Path, text: Collection[str] = ()) -> Frame:
    """Read a table file.

    Text columns of csv and tsv files stay text, dates included; numbers are read to the last bit, as bin edges
    decide on it. The columns named in ``text`` are read as text whatever they look like: what ``01`` is must not
    depend on the rows around it.

    Raises
    ------
    DataError
        If the file is missing, of an unknown kind, empty or unreadable.
    MissingExtraError
        If neither pandas nor pyarrow is installed.
    """
    check_readable(path)
    try:
        frame: Frame = nw.from_native(_read(path, text), eager_only=True)
    except ImportError as error:
        raise MissingExtraError("pandas or pyarrow", "train", f"reading {path.suffix} files") from error
    except (OSError, EOFError, zlib.error, ValueError, LookupError, NotImplementedError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path} cannot be read as {kind_of(path)[1:]}: {reason}") from error
    if len(frame) == 0:
        raise DataError(f"{path} has no rows")
    return frame


def check_columns(frame: _Columns, names: Iterable[str], argument: str) -> None:
    """Raise DataError, with the nearest name there is, if the table lacks one of the columns."""
    for name in names:
        if name not in frame.columns:
            near = difflib.get_close_matches(name, frame.columns, n=1, cutoff=0.5)
            have = ", ".join(frame.columns[:20]) + (", ..." if len(frame.columns) > 20 else "")
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise DataError(f"{argument} {name}: there is no such column{hint} There are: {have}")


def check_writable(path: Path) -> None:
    """Raise ParameterError if such files are not written."""
    if path.suffix.lower() not in WRITABLE:
        raise ParameterError(f"--out {path}: unknown kind of file; give one of {', '.join(WRITABLE)}")


def _read(path: Path, text: Collection[str]) -> Any:
    try:
        import pandas as pd
    except ImportError:
        return _read_with_pyarrow(path, text)
    if kind_of(path) == ".parquet":
        return pd.read_parquet(path)
    if kind_of(path) == ".feather":
        return pd.read_feather(path)
    # Only from pandas 3.1 on do numbers come out exact by themselves.
    exact: dict[str, Any] = {} if _version(pd.__version__) >= (3, 1) else {"float_precision": "round_trip"}
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            types = dict.fromkeys(text, "str")
            return pd.read_csv(path, sep=separator(path), index_col=False, low_memory=False, dtype=types, **exact)
        except pd.errors.ParserWarning as error:
            raise ValueError("rows have more cells than the header has names") from error


def _read_with_pyarrow(path: Path, text: Collection[str]) -> Any:
    import pyarrow as pa
    from pyarrow import csv, feather, parquet

    if kind_of(path) == ".parquet":
        return parquet.read_table(path)
    if kind_of(path) == ".feather":
        return feather.read_table(path)

    def read(types: dict[str, Any]) -> Any:
        options = csv.ConvertOptions(column_types=types, strings_can_be_null=True)
        options.null_values = [*options.null_values, "None", "<NA>"]
        layout = csv.ParseOptions(delimiter=separator(path), newlines_in_values=True)
        return csv.read_csv(path, parse_options=layout, convert_options=options)

    as_text = dict.fromkeys(text, pa.string())
    table = read(as_text)
    dates = {column.name: pa.string() for column in table.schema if pa.types.is_temporal(column.type)}
    table = read(as_text | dates) if dates else table
    for column in table.schema:
        if pa.types.is_binary(column.type):
            raise ValueError(f"column {column.name} is not in UTF-8")
    return table


def _version(text: str) -> tuple[int, int]:
    major, minor, *_ = text.split(".")
    return int(major), int(minor)
