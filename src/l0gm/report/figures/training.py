"""What happened in training, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from l0gm.errors import DataError, ParameterError
from l0gm.report.runs import Method, Run
from l0gm.report.style import MUTED, PALETTE, panel, shown
from l0gm.report.tips import note_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["QUANTITIES", "curve", "has_curve"]


@dataclass(frozen=True)
class _Quantity:
    """What is drawn: the axis's label, and for each line the entry of an epoch's record and its name."""

    axis: str
    lines: Mapping[str, str]


QUANTITIES: Mapping[str, _Quantity] = {
    "loss": _Quantity("loss", {"valid_log_loss": "validation log loss", "train_loss": "training loss"}),
    "open": _Quantity("open dimensions", {"n_open": "open", "expected_open": "expected"}),
    "temperature": _Quantity("temperature of the gate", {"temperature": "temperature"}),
    "lambda": _Quantity("penalty weight λ", {"penalty": "penalty"}),
}
"""What :func:`curve` can draw."""


def curve(method: Method, quantity: str = "loss", *, ax: Axes | None = None) -> Axes:
    """Draw a quantity of training against epochs, a line a seed; dots mark where gates were fixed.

    Parameters
    ----------
    method : Method
    quantity : {"loss", "open", "temperature", "lambda"}
    ax : matplotlib Axes, optional

    Raises
    ------
    DataError
        If its runs have no such history.
    ParameterError
        If there is no such quantity.
    MissingExtraError
        If matplotlib is not installed.
    """
    if quantity not in QUANTITIES:
        raise ParameterError(f"quantity={quantity!r}: choose one of {', '.join(QUANTITIES)}")
    drawn = QUANTITIES[quantity]
    if not has_curve(method, quantity):
        raise DataError(f"{method.label} has no {drawn.axis} by epoch: nothing can be drawn")
    with panel("a learning curve", ax, 2.8) as axes:
        x: list[float] = []
        y: list[float] = []
        texts: list[str] = []
        runs = method.part("history")
        for i, run in enumerate(runs):
            colour = PALETTE[i % len(PALETTE)]
            for (entry, name), style in zip(drawn.lines.items(), ("-", "--"), strict=False):
                points = _points(run, entry)
                look: dict[str, Any] = {"color": colour, "linestyle": style, "linewidth": 1.3}
                known = f"{name}, seed {run.seed}" if len(drawn.lines) > 1 else f"seed {run.seed}"
                axes.plot([p[0] for p in points], [p[1] for p in points], label=known, **look)
                x += [p[0] for p in points]
                y += [p[1] for p in points]
                texts += [f"seed {run.seed}, epoch {epoch:g}: {name} {value:.4g}" for epoch, value in points]
            fixed = _fixed(run)
            level = dict(_points(run, next(iter(drawn.lines)))).get(fixed) if fixed is not None else None
            if fixed is not None and level is not None:
                axes.scatter([fixed], [level], s=34, color=colour, zorder=4, linewidths=0)
        axes.set_title(shown(method.label, 44))
        axes.set_xlabel("epoch")
        axes.set_ylabel(drawn.axis)
        from matplotlib.ticker import MaxNLocator

        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
        if quantity == "open":
            axes.set_ylim(bottom=0)
        if len(drawn.lines) > 1:
            _legend(axes, list(drawn.lines.values()))
        note_points(axes, x, y, texts)
    return axes


def has_curve(method: Method, quantity: str) -> bool:
    """Return whether runs of the method have such a history."""
    entry = next(iter(QUANTITIES[quantity].lines))
    return any(_points(run, entry) for run in method.runs)


def _legend(ax: Axes, names: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    ax.legend([Line2D([], [], color=MUTED, linestyle="-"), Line2D([], [], color=MUTED, linestyle="--")], names)


def _points(run: Run, entry: str) -> list[tuple[float, float]]:
    """Return epoch and number of each epoch that has one, in order."""
    found = {}
    for record in run.history:
        epoch, value = record.get("epoch"), record.get(entry)
        if record.get("event") == "epoch" and isinstance(epoch, int | float) and isinstance(value, int | float):
            found[float(epoch)] = float(value)
    return sorted(found.items())


def _fixed(run: Run) -> float | None:
    """Return the first epoch after which the gates were fixed."""
    epochs = [r["epoch"] for r in run.history if r.get("event") == "epoch" and r.get("hardened") and r.get("epoch")]
    before = [r for r in run.history if r.get("event") == "epoch" and r.get("hardened") is False]
    return float(min(epochs)) if epochs and before else None
