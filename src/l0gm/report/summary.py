"""What a page begins with, in words."""

from __future__ import annotations

from collections.abc import Sequence

from l0gm.report.figures.words import LABELS, interval_text
from l0gm.report.runs import Method
from l0gm.report.tables import best_of, difference

__all__ = ["sentences"]


def sentences(methods: Sequence[Method]) -> list[str]:
    """Return what the page begins with: the few figures that matter most, in words."""
    runs = [run for method in methods for run in method.runs]
    seeds = sorted({run.seed for run in runs})
    rows = sorted({run.n_rows for run in runs if run.n_rows is not None})
    counted = f"{len(runs)} run{'s' * (len(runs) > 1)} of {len(methods)} method{'s' * (len(methods) > 1)}"
    said = [
        f"{counted}, seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds[:12]))}{', …' if len(seeds) > 12 else ''}"
        + (f"; {', '.join(f'{n:,}' for n in rows)} test rows." if rows else ".")
    ]
    gated = _main([method for method in methods if method.is_gated and method.values("accuracy")])
    best = best_of(methods, "accuracy")
    if gated is not None:
        said.append(_said(gated))
    if best is not None and best is not gated:
        found = best.interval("accuracy")
        assert found is not None
        said.append(f"The best mean accuracy is that of “{best.label}”: {interval_text(found)}.")
        gap = difference(gated, best, "accuracy") if gated is not None else ""
        if gated is not None and gap:
            apart = "tell" if gap.endswith("*") else "do not tell"
            said.append(
                f"“{gated.label}” minus “{best.label}”: {gap.removesuffix(' *')}; the seeds {apart} them apart."
            )
    return said


def _main(gated: Sequence[Method]) -> Method | None:
    """Return the gated method that validation rows choose; without them the first, since test rows choose nothing."""
    if not all(method.values("log_loss", "validation") for method in gated):
        return gated[0] if gated else None
    return best_of(gated, "log_loss", "validation")


def _said(method: Method) -> str:
    """Return a sentence on a gated method."""
    opened, dimensions = method.mean("n_open"), method.mean("n_dimensions")
    found = method.interval("accuracy")
    assert opened is not None  # it is gated, and has an accuracy
    assert dimensions is not None
    assert found is not None
    parts = [f"“{method.label}” keeps {opened:,.4g} of {dimensions:,.4g} dimensions open ({opened / dimensions:.1%})"]
    parts.append(f"accuracy {interval_text(found)}")
    for measure in ("auc", "log_loss"):
        other = method.interval(measure)
        if other is not None:
            parts.append(f"{LABELS[measure]} {other.mean:.4f}")
    error, null = method.interval("ece"), method.interval("ece_null_p95")
    if error is not None:
        beside = f", where a perfectly calibrated model stays below {null.mean:.4f} in 95 of 100 cases" if null else ""
        parts.append(f"ECE {error.mean:.4f}{beside}")
    return "; ".join(parts) + "."
