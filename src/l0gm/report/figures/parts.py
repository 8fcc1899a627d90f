"""One method by itself: its reliability, its confusions, and what its gates left open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from l0gm.errors import DataError
from l0gm.metrics import ReliabilityDisplay
from l0gm.report.runs import Method
from l0gm.report.style import INK, PALETTE, WIDTH, panel, shown
from l0gm.report.tips import note_points, note_shapes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MOST_FIELDS", "confusion", "gates", "reliability"]

MOST_FIELDS = 40
MOST_NUMBERS = 8  # classes up to which the cells of a confusion matrix hold their numbers
MOST_NAMES = 24  # and up to which each class has its name beside it
DARKEST = 0.75


def reliability(method: Method, kind: str | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw the reliability diagram of the first seed (:class:`l0gm.metrics.ReliabilityDisplay`), other seeds faintly.

    Parameters
    ----------
    method : Method
    kind : {"positive", "top_label"}, optional
        Default: the positive class of two, else the most probable one.
    ax : matplotlib Axes, optional

    Raises
    ------
    DataError
        If its runs hold no bins of this kind.
    MissingExtraError
        If matplotlib is not installed.
    """
    runs = method.part("reliability")
    kind = kind or ("positive" if any("positive" in run.reliability for run in runs) else "top_label")
    runs = [run for run in runs if kind in run.reliability]
    if not runs:
        raise DataError(f"{method.label} has no reliability bins of the kind {kind}: nothing can be drawn")
    first = runs[0]
    classes = first.confusion["classes"] if first.confusion else ["", "class 1"]
    names = ("lower", "upper", "count", "confidence", "frequency", "low", "high")
    bins = {name: _floats(first.reliability[kind][name]) for name in names}
    errors = {name: _float(first.reliability[kind].get(name)) for name in ("ece", "ece_null_mean", "ece_null_p95")}
    with panel("a reliability diagram", ax, 3.6) as axes:
        seed = f"seed {first.seed}"
        positive = shown(str(classes[-1]), 16)
        display = ReliabilityDisplay(**bins, **errors, kind=kind, positive=positive, name=seed)  # type: ignore[arg-type]
        display.plot(axes)
        for number, run in enumerate(runs[1:]):
            own = run.reliability[kind]
            label = "other seeds" if number == 0 else None
            axes.plot(_floats(own["confidence"]), _floats(own["frequency"]), color=PALETTE[0], alpha=0.3, label=label)
        axes.set_title(shown(method.label, 44))
        told = f"ECE {display.ece:.4f} (up to {display.ece_null_p95:.4f} by chance)"
        axes.legend(loc="upper left", title=told, title_fontsize=8)
        filled = [i for i, count in enumerate(bins["count"]) if count > 0]
        texts = [
            f"{seed}, {bins['lower'][i]:.2f} to {bins['upper'][i]:.2f}: {bins['count'][i]:,.0f} rows, mean probability "
            f"{bins['confidence'][i]:.3f}, observed {bins['frequency'][i]:.3f}; "
            f"calibrated {bins['low'][i]:.3f} to {bins['high'][i]:.3f}"
            for i in filled
        ]
        note_points(axes, bins["confidence"][filled], bins["frequency"][filled], texts)
    return axes


def confusion(method: Method, *, ax: Axes | None = None) -> Axes:
    """Draw the confusion matrix: true classes down, predicted ones across, rows of test data as means over seeds.

    The shade of a cell is its share of its true class.

    Parameters
    ----------
    method : Method
    ax : matplotlib Axes, optional

    Raises
    ------
    DataError
        If its runs hold no matrix.
    MissingExtraError
        If matplotlib is not installed.
    """
    matrices = [run.confusion for run in method.runs if run.confusion]
    matrices = [matrix for matrix in matrices if matrix["classes"] == matrices[0]["classes"]]
    if not matrices:
        raise DataError(f"{method.label} has no confusion matrix: nothing can be drawn")
    classes = [str(name) for name in matrices[0]["classes"]]
    counts = np.mean([matrix["counts"] for matrix in matrices], axis=0)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    n = len(classes)
    with panel("a confusion matrix", ax, min(1.3 + 0.42 * n, WIDTH)) as axes:
        from matplotlib.collections import PatchCollection
        from matplotlib.colors import to_rgb
        from matplotlib.patches import Rectangle

        cells = [(i, j) for i in range(n) for j in range(n) if counts[i, j] > 0]
        squares = PatchCollection([Rectangle((j - 0.5, i - 0.5), 1, 1) for i, j in cells], linewidths=0)
        squares.set_facecolor([(*to_rgb(PALETTE[0 if i == j else 1]), DARKEST * shares[i, j] ** 0.7) for i, j in cells])
        axes.add_collection(squares)
        note_shapes(
            squares,
            [
                f"true {classes[i]}, predicted {classes[j]}: {_count(counts[i, j])} rows, {shares[i, j]:.1%} of them"
                for i, j in cells
            ],
        )
        if n <= MOST_NUMBERS:
            for i in range(n):
                for j in range(n):
                    axes.text(j, i, _count(counts[i, j]), ha="center", va="center", fontsize=8.5, color=INK)
        axes.set_xlim(-0.5, n - 0.5)
        axes.set_ylim(n - 0.5, -0.5)
        axes.grid(visible=False)
        axes.set_title(shown(method.label, 44))
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
        if n <= MOST_NAMES:
            longest = 12 if n <= 3 else 9
            turned: dict[str, Any] = {"rotation": 90} if n > 3 else {}
            axes.set_xticks(range(n), [shown(name, longest) for name in classes], **turned)
            axes.set_yticks(range(n), [shown(name, 12) for name in classes])
        axes.tick_params(length=0)
    return axes


def gates(method: Method, most: int = MOST_FIELDS, *, ax: Axes | None = None) -> Axes:
    """Draw what stayed of each field: open dimensions, the mean over seeds and each seed; a cut field says so.

    Parameters
    ----------
    method : Method
    most : int
        Fields to draw at most, those with the most open dimensions.
    ax : matplotlib Axes, optional

    Raises
    ------
    DataError
        If its runs do not say what is open.
    MissingExtraError
        If matplotlib is not installed.
    """
    runs = method.part("support")
    if not runs:
        raise DataError(f"{method.label} does not say which dimensions of which field are open: nothing can be drawn")
    names = list(dict.fromkeys(name for run in runs for name in run.support))
    opened = {name: [run.support.get(name, 0) for run in runs] for name in names}
    fields = sorted(names, key=lambda name: -float(np.mean(opened[name])))[:most]
    with panel("gates", ax, 0.95 + 0.2 * len(fields)) as axes:
        means = [float(np.mean(opened[name])) for name in fields]
        bars: Any = axes.barh(range(len(fields)), means, height=0.62, color=PALETTE[0], alpha=0.45)
        texts = []
        for at, name in enumerate(fields):
            own = opened[name]
            axes.scatter(own, [at] * len(own), s=13, color=PALETTE[0], linewidths=0, zorder=3, clip_on=False)
            each = ", ".join(f"{run.seed}: {count}" for run, count in zip(runs, own, strict=True))
            texts.append(f"{name}: {np.mean(own):.3g} open dimensions on average; seed {each}")
            if not any(own):
                look: dict[str, Any] = {"va": "center", "fontsize": 8, "color": PALETTE[1]}
                axes.annotate("cut", (0, at), (7, 0), textcoords="offset points", **look)
        for bar, text in zip(bars, texts, strict=True):
            note_shapes(bar, [text])
        axes.set_yticks(range(len(fields)), [shown(name) for name in fields])
        axes.set_ylim(len(fields) - 0.4, -0.6)
        axes.set_xlim(0, max(1, *(count for own in opened.values() for count in own)) * 1.04)
        axes.grid(visible=False, axis="y")
        axes.set_title(shown(method.label, 44))
        axes.set_xlabel("open dimensions")
        from matplotlib.ticker import MaxNLocator

        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        note_points(axes, means, range(len(fields)), texts)
    return axes


def _count(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() or value >= 100 else f"{value:,.1f}"


def _floats(values: Any) -> Any:
    return np.array(values, dtype=np.float64)


def _float(value: Any) -> float:
    return float("nan") if value is None else float(value)
