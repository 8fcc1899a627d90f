"""The reliability diagram; needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l0gm.errors import DataError, MissingExtraError
from l0gm.metrics.calibration import Binning, Kind, consistency_band, ece, ece_null, reliability_table
from l0gm.metrics.classification import check_proba

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ReliabilityDisplay", "plot_reliability"]

ROOM = 4  # the columns of the bins' rows take one part in so many of the height


class ReliabilityDisplay:
    """A reliability diagram: observed frequency against mean score, bin by bin, over what chance would make of it.

    Make it by :meth:`from_estimator` or :meth:`from_predictions`, as the displays of scikit-learn are made; what it
    has drawn is there as attributes, to be changed.

    Parameters
    ----------
    lower, upper, count, confidence, frequency : array_like, shape (bins,)
        See :class:`ReliabilityTable`; None or NaN in an empty bin.
    low, high : array_like, shape (bins,)
        See :func:`~l0gm.metrics.consistency_band`.
    ece, ece_null_mean, ece_null_p95 : float
        The calibration error, and :func:`~l0gm.metrics.ece_null` of it.
    kind : {"positive", "top_label"}
        The score.
    positive : str
        What the positive class is called.
    name : str, optional
        Of the model, for the legend.

    Attributes
    ----------
    ax_, figure_
        Where it was drawn.
    line_, band_, columns_, diagonal_
        The points, the band, the bins' rows, and where calibrated scores lie.
    """

    ax_: Axes
    figure_: Any
    line_: Any
    band_: Any
    columns_: Any
    diagonal_: Any

    def __init__(
        self,
        lower: ArrayLike,
        upper: ArrayLike,
        count: ArrayLike,
        confidence: ArrayLike,
        frequency: ArrayLike,
        low: ArrayLike,
        high: ArrayLike,
        *,
        ece: float,
        ece_null_mean: float,
        ece_null_p95: float,
        kind: Kind = "top_label",
        positive: str = "class 1",
        name: str | None = None,
    ) -> None:
        self.lower, self.upper, self.confidence, self.frequency, self.low, self.high = (
            np.asarray(values, dtype=np.float64) for values in (lower, upper, confidence, frequency, low, high)
        )
        self.count = np.asarray(count, dtype=np.intp)
        self.ece, self.ece_null_mean, self.ece_null_p95 = ece, ece_null_mean, ece_null_p95
        self.kind, self.positive, self.name = kind, positive, name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        kind: Kind | None = None,
        bins: int = 15,
        binning: Binning = "width",
        draws: int = 1000,
        seed: int = 0,
        name: str | None = None,
        ax: Axes | None = None,
    ) -> ReliabilityDisplay:
        """Draw the diagram of a fitted classifier, of l0gm or another library.

        Parameters
        ----------
        estimator : object
            With ``predict_proba`` and ``classes_``.
        X : table (n, columns)
        y : array_like (n,)
            Labels as ``classes_`` holds them.
        kind, bins, binning, draws, seed, name, ax
            See :meth:`from_predictions`; ``name`` is by default that of the class.

        Raises
        ------
        DataError
            If it has no ``predict_proba``, or ``y`` holds a label that it does not know.
        MissingExtraError
            If matplotlib is not installed.
        """
        if not hasattr(estimator, "predict_proba"):
            raise DataError(f"{type(estimator).__name__} has no predict_proba: only probabilities have a reliability")
        return cls.from_predictions(
            y, estimator.predict_proba(X), classes=list(estimator.classes_), kind=kind, bins=bins, binning=binning,
            draws=draws, seed=seed, name=type(estimator).__name__ if name is None else name, ax=ax,
        )  # fmt: skip

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_prob: ArrayLike,
        *,
        classes: Sequence[Any] | None = None,
        kind: Kind | None = None,
        bins: int = 15,
        binning: Binning = "width",
        draws: int = 1000,
        seed: int = 0,
        name: str | None = None,
        ax: Axes | None = None,
    ) -> ReliabilityDisplay:
        """Draw the diagram of probabilities.

        Parameters
        ----------
        y_true : array_like (n,)
            Labels out of ``classes``; without ``classes`` class indices.
        y_prob : array_like (n, C) or (n,)
            Probabilities of the classes in their order; one number a row is the probability of the second of two.
        classes : sequence, optional
            What the columns stand for.
        kind : {"positive", "top_label"}, optional
            The score: the probability of the second of two classes (the default for two), or the largest one.
        bins, binning, draws, seed
            See :func:`~l0gm.metrics.ece_null`.
        name : str, optional
            Of the model, for the legend.
        ax : matplotlib Axes, optional
            Where to draw; default: a new figure, made without pyplot, so that nothing has to be closed.

        Raises
        ------
        DataError, ParameterError
            As :func:`~l0gm.metrics.ece`; or if ``y_true`` holds a label that is not in ``classes``.
        MissingExtraError
            If matplotlib is not installed.
        """
        given = np.asarray(y_prob)
        p = check_proba(np.column_stack([1 - given, given]) if given.ndim == 1 else given)
        codes = y_true if classes is None else _codes(y_true, classes, p.shape[1])
        if kind is None:
            kind = "positive" if p.shape[1] == 2 else "top_label"
        table = reliability_table(codes, p, kind, bins, binning=binning)
        low, high = consistency_band(p, kind, bins, draws, seed, binning=binning)
        null = ece_null(p, kind, bins, draws, seed, binning=binning)
        return cls(
            table.lower, table.upper, table.count, table.confidence, table.frequency, low, high,
            ece=ece(codes, p, kind, bins, binning=binning), ece_null_mean=null.mean, ece_null_p95=null.p95,
            kind=kind, positive="class 1" if classes is None else str(classes[-1]), name=name,
        ).plot(ax=ax)  # fmt: skip

    def plot(self, ax: Axes | None = None, *, name: str | None = None, **line: Any) -> ReliabilityDisplay:
        """Draw it, and return it.

        Points are bins; the shaded bars are the band in which a calibrated model's frequency lies in 90 of 100 cases,
        for each bin by itself; the grey columns at the bottom are the bins' rows.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; default: a new figure.
        name : str, optional
            For the legend, instead of the display's own.
        **line
            What matplotlib is told about the points, such as ``color``.

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise MissingExtraError("matplotlib", "report", "a reliability diagram") from error
        if ax is None:
            ax = Figure(figsize=(5.5, 5), layout="constrained").subplots()
        filled, width = self.count > 0, np.maximum(self.upper - self.lower, 0.004)
        below = ax.twinx()
        grey: dict[str, Any] = {"color": "#7f7f7f", "alpha": 0.3, "edgecolor": "none", "zorder": 0}
        self.columns_ = below.bar(self.lower, self.count, 0.96 * width, align="edge", **grey)
        below.set_ylim(0, ROOM * max(int(self.count.max()), 1))
        below.grid(visible=False)
        below.spines["top"].set_visible(ax.spines["top"].get_visible())
        most = int(self.count.max())
        below.set_yticks([0, most], ["0", f"{most:,}"])
        below.set_ylabel("rows", y=0.5 / ROOM)
        ax.set_zorder(below.get_zorder() + 1)
        ax.patch.set_visible(False)
        grey = {"color": "#7f7f7f", "linewidth": 1, "linestyle": "--"}
        (self.diagonal_,) = ax.plot([0, 1], [0, 1], label="calibrated", **grey)
        chosen = {"color": "#0072b2", "markersize": 4, "linewidth": 1.2, **line}
        self.band_ = ax.bar(
            self.confidence[filled],
            (self.high - self.low)[filled],
            np.maximum(0.6 * width[filled], 0.01),
            bottom=self.low[filled],
            color=chosen["color"],
            alpha=0.25,
            label="90 % of calibrated models",
        )
        label = name or self.name or "observed"
        (self.line_,) = ax.plot(self.confidence[filled], self.frequency[filled], "o-", label=label, **chosen)
        ax.set_xlim(0, 1)
        ax.set_ylim(0, 1)
        ax.set_xlabel(f"mean probability of {self.positive if self.kind == 'positive' else 'the most probable class'}")
        ax.set_ylabel("observed frequency")
        ax.set_title(f"ECE {self.ece:.4f} (calibrated: up to {self.ece_null_p95:.4f}); {self.count.sum():,} rows")
        ax.legend(loc="upper left")
        self.ax_, self.figure_ = ax, ax.figure
        return self


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
    """Draw the diagram of :class:`ReliabilityDisplay` and return its axes.

    Parameters
    ----------
    y : array_like of int, shape (n,)
        Class indices.
    proba : array_like, shape (n, C)
    kind, bins, binning, ax, draws, seed
        See :meth:`ReliabilityDisplay.from_predictions`.

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
    chosen: dict[str, Any] = {"kind": kind, "bins": bins, "binning": binning, "draws": draws, "seed": seed}
    return ReliabilityDisplay.from_predictions(y, proba, ax=ax, **chosen).ax_


def _codes(labels: ArrayLike, classes: Sequence[Any], n_classes: int) -> NDArray[np.intp]:
    """Return the place of each label in ``classes``."""
    if len(classes) != n_classes:
        raise DataError(f"classes names {len(classes)}, and y_prob has {n_classes} columns: name each")
    place = {label: i for i, label in enumerate(classes)}
    try:
        return np.array([place[label] for label in np.asarray(labels).tolist()], dtype=np.intp)
    except (KeyError, TypeError) as error:
        raise DataError(f"the label {error} is none of the classes ({', '.join(map(repr, classes))})") from error
