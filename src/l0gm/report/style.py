"""How figures look: colours that the colour-blind tell apart, one panel at a time, and texts that fit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from l0gm.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["GRID", "INK", "MARKERS", "MUTED", "PALETTE", "is_log", "panel", "shown"]

INK, MUTED, GRID, PAPER = "#1f2328", "#656d76", "#d8dee4", "#fdfefe"
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b07d00", "#56b4e9", "#7f7f7f")
"""Okabe and Ito's colours, the yellow ones darker so that they can be seen on white."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
WIDTH = 4.3  # inches: a page shows a panel at about this size, and a phone one beside none
LONGEST = 28

_SETTINGS: Any = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.formatter.useoffset": False,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8,
}


@contextmanager
def panel(what: str, ax: Axes | None, height: float = 3.0) -> Iterator[Axes]:
    """Yield the axes to draw on: those given, or those of a new figure, made without pyplot; ``height`` is in inches.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed; the message says ``what`` needs it.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "report", what) from error
    if ax is not None:
        yield ax
        return
    with rc_context(_SETTINGS):
        yield Figure(figsize=(WIDTH, height), layout="constrained").subplots()


def shown(text: str, longest: int = LONGEST) -> str:
    """Return a name as a figure shows it: cut to a length, and never read as mathematics."""
    return (text if len(text) <= longest else f"{text[: longest - 1]}…").replace("$", r"\$")


def is_log(values: list[float]) -> bool:
    """Return whether numbers are better shown on a logarithmic axis."""
    return min(values) > 0 and max(values) / min(values) > 8
