"""What commands print: tables for people, JSON for machines, and notes on standard error."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import typer

__all__ = ["MEASURES", "columns", "listed", "note", "print_json", "share"]

MEASURES: Mapping[str, str] = {
    "accuracy": "accuracy",
    "auc": "AUC",
    "macro_f1": "macro F1",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "ECE, top label",
    "ece_adaptive": "same, bins of equal mass",
    "ece_positive": "ECE, positive class",
}
"""How measures are called where people read them."""


def print_json(value: Any) -> None:
    """Print ``value`` as JSON on standard output."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def note(text: str) -> None:
    """Print a line on standard error, where it does not mix with results."""
    typer.echo(text, err=True)


def share(part: float, whole: float) -> str:
    """Return ``part`` of ``whole`` with its percentage."""
    return f"{part:,.5g} of {whole:,.5g} ({part / max(whole, 1):.1%})"


def listed(names: Sequence[str], most: int = 40) -> str:
    """Return names, separated by commas; of many the first ones, and how many others there are."""
    more = f", and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def columns(rows: Sequence[Sequence[object]], indent: str = "") -> str:
    """Return the rows as lines of aligned columns, the first to the left and the others to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for first, *others in cells:
        right = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append((indent + "  ".join([first.ljust(widths[0]), *right])).rstrip())
    return "\n".join(lines)
