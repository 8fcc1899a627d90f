"""Texts that a page shows where the pointer is: noted beside a figure, so that its own file holds none of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["note_points", "note_shapes", "noted"]

_TEXTS: WeakKeyDictionary[Any, tuple[str, ...]] = WeakKeyDictionary()
SIZE = 90  # points squared: what a finger finds


def note_points(ax: Axes, x: Sequence[float], y: Sequence[float], texts: Sequence[str]) -> None:
    """Put something invisible on each point (n,) that has the text; points that are not finite have none."""
    from math import isfinite

    there = [i for i in range(len(texts)) if isfinite(x[i]) and isfinite(y[i])]
    if not there:
        return
    limits = ax.get_xlim(), ax.get_ylim()
    artist = ax.scatter(
        [x[i] for i in there], [y[i] for i in there], s=SIZE, color="none", edgecolors="none", zorder=9, clip_on=False
    )
    artist.set_facecolor((0.5, 0.5, 0.5, 0.0))
    artist.set_in_layout(False)
    ax.set_xlim(*limits[0])
    ax.set_ylim(*limits[1])
    note_shapes(artist, [texts[i] for i in there])


def note_shapes(artist: Artist, texts: Sequence[str]) -> None:
    """Note the texts of a collection, one for each of its members in order, or of a single shape."""
    _TEXTS[artist] = tuple(texts)


def noted(artist: Any) -> tuple[str, ...]:
    """Return the texts of an artist."""
    return _TEXTS.get(artist, ())
