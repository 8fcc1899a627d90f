"""What measures are called, which way they go, and how their numbers are written."""

from __future__ import annotations

from collections.abc import Mapping

from l0gm.experiments.fronts import SHOWN
from l0gm.metrics import DIRECTION
from l0gm.report.runs import Interval

__all__ = ["LABELS", "better", "interval_text", "label", "number"]

LABELS: Mapping[str, str] = {
    **SHOWN,
    "brier": "Brier score",
    "macro_f1": "macro F1",
    "ece_positive": "ECE, positive class",
}


def label(measure: str) -> str:
    """Return what people call a measure."""
    return LABELS.get(measure, measure.replace("_", " "))


def better(measure: str) -> str:
    """Return which way is better, in words; nothing where neither is."""
    known = DIRECTION.get(measure)
    return "" if known is None else "higher is better" if known else "lower is better"


def number(value: float | None, digits: int = 4) -> str:
    """Return a number as tables show it; nothing for none."""
    return "" if value is None else f"{value:.{digits}f}"


def interval_text(found: Interval, digits: int = 4) -> str:
    """Return a mean and the bounds of its interval."""
    bounds = "" if found.low is None else f" [{found.low:.{digits}f}, {found.high:.{digits}f}]"
    return f"{found.mean:.{digits}f}{bounds}"
