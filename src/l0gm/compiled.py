"""Compiling loops to machine code that the next process finds again."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numba

__all__ = ["compiled"]


def compiled(loop: Any) -> Any:
    """Compile a function; its machine code is kept for the next process where there is a folder with room for it."""
    try:
        function: Any = numba.njit(cache=True, nogil=True)(loop)
    except RuntimeError:  # no such folder
        return numba.njit(nogil=True)(loop)
    save = function._cache.save_overload

    def save_where_there_is_room(*overload: Any) -> None:
        with suppress(OSError):
            save(*overload)

    function._cache.save_overload = save_where_there_is_room
    return function
