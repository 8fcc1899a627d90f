"""Values of options that are more than one number or word."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from l0gm.errors import ParameterError

__all__ = ["amounts", "counts", "fraction", "names", "numbers", "widths"]


def names(text: str) -> list[str]:
    """Return the names in a text that separates them by commas."""
    return [name for name in (part.strip() for part in text.split(",")) if name]


def numbers(option: str, text: str, count: int) -> tuple[float, ...]:
    """Return the numbers in a text such as ``1,5``.

    Raises
    ------
    ParameterError
        If a part is no number, or there are not ``count`` of them.
    """
    try:
        found = tuple(float(part) for part in names(text))
    except ValueError:
        found = ()
    if len(found) != count:
        raise ParameterError(f"{option} {text!r}: give {count} numbers, separated by commas")
    return found


def widths(option: str, text: str) -> tuple[int, ...]:
    """Return the layer widths in a text such as ``128,64``; ``none`` leaves the branch out.

    Raises
    ------
    ParameterError
        If a part is no whole number from 1.
    """
    if text.strip().lower() == "none":
        return ()
    parts = names(text)
    if not parts or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise ParameterError(f"{option} {text!r}: give widths such as 128,64, or none to leave the branch out")
    return tuple(int(part) for part in parts)


def counts(option: str, text: str, words: Collection[str]) -> str | tuple[int, ...]:
    """Return one of some words, or the whole numbers in a text such as ``15,10``.

    Raises
    ------
    ParameterError
        If it is neither.
    """
    if text.strip().lower() in words:
        return text.strip().lower()
    parts = names(text)
    if not parts or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise ParameterError(f"{option} {text!r}: give numbers such as 15,10, or {' or '.join(words)}")
    return tuple(int(part) for part in parts)


def fraction(option: str, text: str) -> float | Literal["auto"]:
    """Return a number, or ``auto``.

    Raises
    ------
    ParameterError
        If it is neither.
    """
    if text.strip().lower() == "auto":
        return "auto"
    try:
        return float(text)
    except ValueError:
        raise ParameterError(f"{option} {text!r}: give a number, or auto") from None


def amounts(option: str, text: str) -> dict[str, float]:
    """Return the numbers by name in a text such as ``scan=10,visit=3``.

    Raises
    ------
    ParameterError
        If a part is no name and number.
    """
    found = {}
    for part in names(text):
        name, _, amount = part.rpartition("=")
        try:
            found[name.strip()] = float(amount)
        except ValueError:
            name = ""
        if not name.strip():
            raise ParameterError(f"{option} {text!r}: give names and numbers, as scan=10,visit=3")
    return found
