"""Values of options that are lists."""

from __future__ import annotations

from l0gm.errors import ParameterError

__all__ = ["names", "widths"]


def names(text: str) -> list[str]:
    """Return the names in a text that separates them by commas."""
    return [name for name in (part.strip() for part in text.split(",")) if name]


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
