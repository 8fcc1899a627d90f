"""Methods side by side: a measure with its interval, against size, against time, and under corruption."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from l0gm.errors import DataError
from l0gm.experiments.fronts import pareto
from l0gm.metrics import DIRECTION
from l0gm.report.figures.words import better, interval_text, label
from l0gm.report.runs import Method, interval
from l0gm.report.style import MARKERS, MUTED, PALETTE, is_log, panel, shown
from l0gm.report.tips import note_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MOST", "compare", "front", "latency", "on_front", "robustness"]

MOST = len(PALETTE)
"""Methods that a figure tells apart by colour and shape."""
ROW = 0.24  # inches


def compare(methods: Sequence[Method], measure: str = "accuracy", *, ax: Axes | None = None) -> Axes:
    """Draw a measure on test rows, a line a method: the mean over seeds, its 95 % interval, and each seed.

    A line that ends at the edge goes on beyond it. For the ECE, what a perfectly calibrated model stays below in 95 of
    100 cases is shaded.

    Parameters
    ----------
    methods : sequence of Method
        Those that lack the measure are left out.
    measure : str
        Of :func:`l0gm.metrics.evaluate`.
    ax : matplotlib Axes, optional
        Where to draw.

    Raises
    ------
    DataError
        If no method has it.
    MissingExtraError
        If matplotlib is not installed.
    """
    rows = [(method, found) for method in methods if (found := method.interval(measure)) is not None]
    _need(rows, measure)
    with panel("a comparison", ax, 0.95 + ROW * len(rows)) as axes:
        values = [list(method.values(measure).values()) for method, _ in rows]
        for y, ((method, found), own) in enumerate(zip(rows, values, strict=True)):
            colour = PALETTE[0] if method.is_gated else MUTED
            if found.low is not None and found.high is not None:
                axes.plot([found.low, found.high], [y, y], color=colour, linewidth=1.4, solid_capstyle="butt")
            axes.scatter(own, [y] * len(own), s=18, color=colour, alpha=0.5, linewidths=0, zorder=3)
            marker = "D" if method.is_gated else "o"
            axes.scatter([found.mean], [y], s=30, color=colour, marker=marker, zorder=4)
        nulls = [n for method, _ in rows for n in method.values(f"{measure}_null_p95").values()]
        every = [value for own in values for value in own]
        _limit(axes, every, extra=max(nulls, default=None))
        if nulls:
            axes.axvspan(0, sum(nulls) / len(nulls), color=PALETTE[5], alpha=0.18, linewidth=0, zorder=0)
        axes.set_yticks(range(len(rows)), [shown(method.label) for method, _ in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(f"{label(measure)} ({better(measure)})")
        axes.xaxis.set_major_locator(_few())
        texts = []
        for method, found in rows:
            each = ", ".join(f"{seed}: {value:.4f}" for seed, value in method.values(measure).items())
            texts.append(f"{method.label}: {label(measure)} {interval_text(found)}; seed {each}")
        note_points(axes, [found.mean for _, found in rows], range(len(rows)), texts)
    return axes


def front(methods: Sequence[Method], measure: str = "log_loss", *, part: str = "test", ax: Axes | None = None) -> Axes:
    """Draw a measure against the open fraction: means over seeds, one standard deviation, and the Pareto front.

    The line joins the methods that no other is as good as in both, and better in one.

    Parameters
    ----------
    methods : sequence of Method
        Those that lack the measure or the counts of dimensions are left out.
    measure : str
    part : {"test", "validation"}
        The rows that it is of; a front to choose by is that of the validation rows.
    ax : matplotlib Axes, optional

    Raises
    ------
    DataError
        If no method has both.
    MissingExtraError
        If matplotlib is not installed.
    """
    import numpy as np

    rows = [m for m in methods if m.values(measure, part) and m.mean("open_fraction") is not None]
    _need(rows, f"{measure} and the open dimensions")
    with panel("a front", ax) as axes:
        best = on_front(rows, measure, part)
        x = [100 * (m.mean("open_fraction") or 0.0) for m in rows]
        own = [list(m.values(measure, part).values()) for m in rows]
        y = [float(np.mean(values)) for values in own]
        spread = [float(np.std(values, ddof=1)) if len(values) > 1 else 0.0 for values in own]
        line = sorted((a, b) for a, b, is_best in zip(x, y, best, strict=True) if is_best)
        axes.plot(*zip(*line, strict=True), color=PALETTE[0], linewidth=1, alpha=0.7)
        for a, b, s, is_best in zip(x, y, spread, best, strict=True):
            colour = PALETTE[0] if is_best else MUTED
            axes.errorbar(a, b, yerr=s or None, color=colour, linewidth=1, zorder=3)
            axes.scatter([a], [b], s=30, color=colour, marker="D" if is_best else "o", zorder=4)
        if is_log(x):
            _log(axes.xaxis, x)
        axes.set_xlabel("open dimensions, %")
        axes.set_ylabel(f"{label(measure)}, {part} rows")
        axes.set_title(better(measure), fontsize="small", fontweight="normal", color=MUTED)
        texts = [
            f"{m.label}: {label(measure)} {b:.4f} ± {s:.4f}, {a:.1f} % open" + (", on the front" if is_best else "")
            for m, a, b, s, is_best in zip(rows, x, y, spread, best, strict=True)
        ]
        note_points(axes, x, y, texts)
    return axes


def on_front(methods: Sequence[Method], measure: str, part: str = "test") -> list[bool]:
    """Return for each method whether no other is as good in the mean measure and as small, and better in one."""
    sign = -1.0 if DIRECTION.get(measure) else 1.0
    costs = []
    for method in methods:
        found, share = method.interval(measure, part), method.mean("open_fraction")
        assert found is not None  # the caller has chosen them so
        assert share is not None
        costs.append((sign * found.mean, share))
    return pareto(costs)


def latency(methods: Sequence[Method], place: str, measure: str = "accuracy", *, ax: Axes | None = None) -> Axes:
    """Draw a measure on test rows against microseconds a row: medians, from the 10th to the 99th percentile.

    Parameters
    ----------
    methods : sequence of Method
        Those that were not timed there are left out.
    place : str
        What was timed: a key of the runs' ``latency``.
    measure : str
    ax : matplotlib Axes, optional

    Raises
    ------
    DataError
        If no method was timed there.
    MissingExtraError
        If matplotlib is not installed.
    """
    rows = [m for m in methods if m.values(measure) and any(place in run.latency for run in m.runs)][:MOST_TIMED]
    _need(rows, f"{measure} and {place}")
    with panel("latency", ax, 3.3 + 0.16 * ((len(rows) + 1) // 2)) as axes:
        x, y, texts = [], [], []
        for i, method in enumerate(rows):
            times = [run.latency[place] for run in method.runs if place in run.latency]
            p10, p50, p99 = (sum(one.get(q, one["p50"]) for one in times) / len(times) for q in ("p10", "p50", "p99"))
            found = method.interval(measure)
            assert found is not None
            look: dict[str, Any] = {"color": PALETTE[i % MOST], "zorder": 3}
            axes.plot([p10, p99], [found.mean] * 2, linewidth=1, **look)
            axes.scatter([p50], [found.mean], s=32, marker=_marker(i), label=shown(method.label), **look)
            x.append(p50)
            y.append(found.mean)
            texts.append(
                f"{method.label}: {p50:.3g} µs a row (10th to 99th percentile {p10:.3g} to {p99:.3g}), "
                f"{label(measure)} {interval_text(found)}"
            )
        if is_log(x):
            _log(axes.xaxis, x)
        axes.margins(y=0.12)
        axes.set_xlabel("microseconds a row (median)")
        axes.set_ylabel(f"{label(measure)}, test rows")
        axes.set_title(shown(place, 56), fontsize="small", fontweight="normal")
        _legend_below(axes)
        note_points(axes, x, y, texts)
    return axes


def robustness(methods: Sequence[Method], measure: str = "accuracy", *, ax: Axes | None = None) -> Axes:
    """Draw a measure under each condition of corruption, means over seeds; seven methods at most, the first ones.

    Parameters
    ----------
    methods : sequence of Method
        Those that were not measured so are left out.
    measure : str
    ax : matplotlib Axes, optional

    Raises
    ------
    DataError
        If no method was.
    MissingExtraError
        If matplotlib is not installed.
    """
    rows = [m for m in methods if any(measure in found for run in m.runs for found in run.robustness.values())][:MOST]
    _need(rows, f"{measure} under corruption")
    names = list(dict.fromkeys(name for m in rows for run in m.runs for name in run.robustness))
    with panel("robustness", ax, 1.3 + 0.22 * len(names) + 0.16 * ((len(rows) + 1) // 2)) as axes:
        x: list[float] = []
        y: list[float] = []
        texts: list[str] = []
        for i, method in enumerate(rows):
            points = []
            for at, name in enumerate(names):
                values = [
                    run.robustness[name][measure] for run in method.runs if measure in run.robustness.get(name, {})
                ]
                found = interval(values)
                if found is not None:
                    points.append((found.mean, at + 0.5 * (i - (len(rows) - 1) / 2) / max(len(rows), 3)))
                    texts.append(f"{method.label}, {name}: {label(measure)} {interval_text(found)}")
            look: dict[str, Any] = {"color": PALETTE[i], "marker": MARKERS[i], "s": 22, "zorder": 3}
            axes.scatter(*zip(*points, strict=True), label=shown(method.label), linewidths=0, **look)
            x += [point[0] for point in points]
            y += [point[1] for point in points]
        for at in range(1, len(names)):
            if names[at].split()[0] != names[at - 1].split()[0]:
                axes.axhline(at - 0.5, color=MUTED, linewidth=0.5, linestyle=":")
        axes.set_yticks(range(len(names)), [shown(name) for name in names])
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlabel(f"{label(measure)} ({better(measure)})")
        axes.xaxis.set_major_locator(_few())
        _legend_below(axes)
        note_points(axes, x, y, texts)
    return axes


MOST_TIMED = 2 * MOST


def _marker(i: int) -> str:
    return MARKERS[(i + i // MOST) % MOST]


def _need(rows: Sequence[Any], what: str) -> None:
    if not rows:
        raise DataError(f"there is no method with {what}: nothing can be drawn")


def _limit(ax: Axes, values: Sequence[float], extra: float | None) -> None:
    """Show all values with as much beside them as is half of their range; longer intervals are cut."""
    every = [*values, *([] if extra is None else [0.0, extra])]
    low, high = min(every), max(every)
    beside = 0.4 * (high - low) or 0.02 * abs(high) or 0.01
    ax.set_xlim(0.0 if extra is not None else low - beside, high + beside)


def _few() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=5)


def _log(axis: Any, values: Sequence[float]) -> None:
    """Put 1, 2 and 5 of each power of ten that is in sight on a logarithmic axis, as plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    wide = max(values) / min(values) > 100
    axis.axes.set_xscale("log")
    axis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _legend_below(ax: Axes) -> None:
    from matplotlib.figure import Figure

    figure = ax.figure
    assert isinstance(figure, Figure)
    if len(figure.axes) > 1:  # among other axes: the space below is not its own
        ax.legend()
        return
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2, handletextpad=0.2)
