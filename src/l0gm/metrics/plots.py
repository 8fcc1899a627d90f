"""The reliability diagram; needs matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from l0gm.errors import MissingExtraError
from l0gm.metrics.calibration import Binning, Kind, consistency_band, ece, ece_null, reliability_table
from l0gm.metrics.classification import check_proba

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_reliability"]


def plot_reliability(
    y: ArrayLike,
    proba: ArrayLike,
    kind: Kind | None = None,
    bins: int = 15,
    *,
    binning: Binning = "width",
    ax: Axes | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Axes:
    """Draw observed frequency against mean score, bin by bin, over what chance alone would make of it.

    Points are bins; the shaded bars are the consistency band, in which a perfectly calibrated model's frequency lies
    in 90 of 100 cases, for each bin by itself; the grey columns at the bottom are the bins' rows.

    Parameters
    ----------
    y : array_like of int, shape (n,)
        Class indices.
    proba : array_like, shape (n, C)
    kind : {"positive", "top_label"}, optional
        The score; default "positive" for two classes.
    bins, binning, draws, seed
        See :func:`~l0gm.metrics.ece_null`.
    ax : matplotlib Axes, optional
        Where to draw; default: a new figure, made without pyplot, so that nothing has to be closed.

    Returns
    -------
    Axes
        ``ax.figure.savefig("reliability.png")`` writes it to a file.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    DataError, ParameterError
        As :func:`~l0gm.metrics.ece`.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "report", "a reliability diagram") from error
    p = check_proba(proba)
    if kind is None:
        kind = "positive" if p.shape[1] == 2 else "top_label"
    table = reliability_table(y, p, kind, bins, binning=binning)
    low, high = consistency_band(p, kind, bins, draws, seed, binning=binning)
    found, null = ece(y, p, kind, bins, binning=binning), ece_null(p, kind, bins, draws, seed, binning=binning)
    if ax is None:
        ax = Figure(figsize=(5.5, 5), layout="constrained").subplots()
    filled = table.count > 0
    width = np.maximum(table.upper - table.lower, 0.004)
    below = ax.twinx()
    below.bar(table.lower, table.count, width, align="edge", color="0.85", edgecolor="0.7", zorder=0)
    below.set_ylim(0, 4 * max(int(table.count.max()), 1))
    below.set_ylabel("rows a bin")
    ax.set_zorder(below.get_zorder() + 1)
    ax.patch.set_visible(False)
    ax.plot([0, 1], [0, 1], color="0.5", linewidth=1, linestyle="--", label="calibrated")
    ax.bar(
        table.confidence[filled],
        (high - low)[filled],
        np.maximum(0.6 * width[filled], 0.01),
        bottom=low[filled],
        color="tab:blue",
        alpha=0.25,
        label="90 % band of a calibrated model",
    )
    ax.plot(table.confidence[filled], table.frequency[filled], "o-", color="tab:blue", markersize=4, label="observed")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    what = "of class 1" if kind == "positive" else "of the most probable class"
    ax.set_xlabel(f"mean probability {what}")
    ax.set_ylabel("observed frequency")
    ax.set_title(f"ECE {found:.4f}; calibrated: up to {null.p95:.4f}; {len(p):,} rows", fontsize="medium")
    ax.legend(loc="upper left", fontsize="small")
    return ax
