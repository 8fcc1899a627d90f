"""Values of a table, whatever their type: how one is spelled as a category, and what number or date it is."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.errors import ParameterError

__all__ = [
    "MISSING_TEXTS",
    "TIME_PARTS",
    "canonical",
    "is_missing_text",
    "kind_of_value",
    "microseconds",
    "parse_number",
    "parse_time",
    "seconds",
    "spellings",
    "time_part",
]

TIME_PARTS = ("year", "month", "day", "weekday", "hour", "elapsed_days")

MISSING_TEXTS = frozenset(
    (
        *("?", "-", "--", "\N{EN DASH}", "\N{EM DASH}", ".", "..", "none", "null", "nan", "-nan", "nat"),
        *("na", "n/a", "<na>", "#na", "#n/a", "#n/a n/a", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"),
    )
)
"""Texts that stand for a missing number or date, in lower case: those that pandas reads so, and signs for nothing."""

_NOTHING = ("NaT", "<NA>", "nan", "None")
_LONGEST = 4096  # bits; Python refuses to print numbers of more than 4,300 digits


def canonical(value: object) -> str | None:
    """Return the one spelling of a category: ``3``, ``3.0`` and ``"3"`` are the same; ``None`` is missing.

    Empty and blank strings are missing, as they are after a trip through a csv file. Dates are spelled in ISO
    format and UTC, durations as their seconds.
    """
    if isinstance(value, str):
        return str.__str__(value) if value and not value.isspace() else None
    if value is None:
        return None
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (date, np.datetime64, timedelta, np.timedelta64)):  # numpy counts durations as integers
        return None if str(value) == "NaT" else _spell_time(value)
    if isinstance(value, numbers.Integral):
        return _digits(int(value))
    if isinstance(value, Decimal):
        if value.is_nan():
            return None
        if value.adjusted() < 400 and value.is_finite() and value == value.to_integral_value():
            return _digits(int(value))
    if isinstance(value, (numbers.Real, Decimal)):
        number = float(value)
        return None if math.isnan(number) else _digits(int(number)) if number.is_integer() else repr(number)
    if isinstance(value, bytes):
        return canonical(value.decode("utf-8", "backslashreplace"))
    text = str(value)
    return None if text in _NOTHING else text


def spellings(values: Iterable[object]) -> list[str | None]:
    """Return :func:`canonical` of each value; text, of which there is most, without a call."""
    return [(v if v and not v.isspace() else None) if type(v) is str else canonical(v) for v in values]


def is_missing_text(value: object) -> bool:
    """Return whether ``value`` is a text that stands for a missing number or date, as ``n/a`` does."""
    return isinstance(value, str) and value.strip().casefold() in MISSING_TEXTS


def parse_number(value: object) -> float:
    """Return ``value`` as a float, NaN where it is missing; TypeError, ValueError or OverflowError otherwise.

    A duration is its seconds. The texts of ``MISSING_TEXTS`` are missing.
    """
    if canonical(value) is None or is_missing_text(value):
        return math.nan
    if isinstance(value, (timedelta, np.timedelta64)):
        return _seconds_of(value)
    if isinstance(value, np.datetime64) or (isinstance(value, str) and "_" in value):
        raise TypeError(f"{value!r} is no number")  # float() takes both
    return float(value)  # type: ignore[arg-type]  # whatever float() refuses is reported with its column


def parse_time(value: object) -> np.datetime64:
    """Return ``value`` (ISO 8601 text, date or datetime; UTC where it has a zone) as datetime64[us].

    A missing one, ``MISSING_TEXTS`` among them, is NaT; TypeError, ValueError or OverflowError where it is no date.
    """
    if canonical(value) is None or is_missing_text(value):
        return np.datetime64("NaT", "us")
    if isinstance(value, str):
        value = datetime.fromisoformat(value.strip())
    if isinstance(value, (date, np.datetime64)):
        return _moment(value)
    raise TypeError(f"{type(value).__name__} is no date")


def kind_of_value(value: object) -> str:
    """Return what a value is that is not missing: "text", "boolean", "number", "time" or "duration"."""
    if isinstance(value, (bool, np.bool_)):
        return "boolean"
    if isinstance(value, (timedelta, np.timedelta64)):
        return "duration"
    if isinstance(value, (numbers.Real, Decimal)):
        return "number"
    return "time" if isinstance(value, (date, np.datetime64)) else "text"


def microseconds(array: NDArray[Any]) -> NDArray[Any]:
    """Return dates or durations of any unit in microseconds; OverflowError where these cannot hold one."""
    converted = array.astype(f"{array.dtype.kind}8[us]")
    coarse = np.datetime_data(array.dtype)[0] not in ("us", "ns", "ps", "fs", "as", "generic")
    if coarse and ((converted.astype(array.dtype) != array) & ~np.isnat(array)).any():
        raise OverflowError("more than 290,000 years from 1970")  # numpy would wrap it silently
    return converted


def seconds(durations: NDArray[np.timedelta64]) -> NDArray[np.float64]:
    """Return durations as seconds, float64 of the same shape, NaN for NaT; they are exact to microseconds."""
    rounded = microseconds(durations)  # one unit: the same float64 from any library
    return np.where(np.isnat(rounded), np.nan, rounded.astype(np.int64) / 1e6)


def time_part(times: NDArray[np.datetime64], part: str) -> NDArray[np.float64]:
    """Return one of TIME_PARTS of datetime64 values (n,) as float64, NaN for NaT."""
    days = times.astype("datetime64[D]")
    months = times.astype("datetime64[M]")
    if part == "year":
        x = times.astype("datetime64[Y]").astype(np.int64) + 1970
    elif part == "month":
        x = months.astype(np.int64) % 12 + 1
    elif part == "day":
        x = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
    elif part == "weekday":
        x = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
    elif part == "hour":
        x = (times - days).astype("timedelta64[h]").astype(np.int64)
    elif part == "elapsed_days":
        return np.where(np.isnat(times), np.nan, (times - np.datetime64(0, "us")) / np.timedelta64(1, "D"))
    else:
        raise ParameterError(f"{part!r} is no part of a date: choose one of {', '.join(TIME_PARTS)}")
    return np.where(np.isnat(times), np.nan, x.astype(np.float64))


def _moment(value: date | np.datetime64) -> np.datetime64:
    offset = value.utcoffset() if isinstance(value, datetime) else None
    if isinstance(value, datetime) and offset is not None:
        value = value.replace(tzinfo=None)
    exact = value if isinstance(value, np.datetime64) else np.datetime64(value, "us")
    moment: np.datetime64 = microseconds(np.asarray(exact))[()]  # type: ignore[assignment]  # [()]: a scalar
    return moment if offset is None else moment - np.timedelta64(offset, "us")


def _seconds_of(value: timedelta | np.timedelta64) -> float:
    if isinstance(value, timedelta):
        return float(value // timedelta(microseconds=1)) / 1e6
    return float(seconds(np.asarray(value)))


def _spell_time(value: date | np.datetime64 | timedelta | np.timedelta64) -> str | None:
    try:
        if isinstance(value, (timedelta, np.timedelta64)):
            return canonical(_seconds_of(value))
        return str(_moment(value)).replace("T", " ").removesuffix(".000000").removesuffix(" 00:00:00")
    except OverflowError:
        return str(value)


def _digits(number: int) -> str:
    return str(number) if number.bit_length() <= _LONGEST else hex(number)
