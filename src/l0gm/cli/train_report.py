"""What ``l0gm train`` prints: a line for each fit, and the table at the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from l0gm.cli.output import MEASURES, columns, listed, note, share

__all__ = ["report", "text_of"]


def report(seed: int, role: str, record: dict[str, Any]) -> None:
    """Print the line of one fit."""
    measures = record["test"]
    known = [("accuracy", "accuracy"), ("AUC", "auc"), ("macro F1", "macro_f1"), ("log loss", "log_loss")]
    parts = [f"{label} {measures[name]:.4f}" for label, name in known if name in measures]
    if "smoothed" in record:
        parts.append(f"smoothed accuracy {record['smoothed']['accuracy']:.4f}")
    note(
        f"seed {seed}, {role}: {', '.join(parts)}, {record['n_open']} of {record['n_dimensions']} open, "
        f"{record['fit_seconds']:.0f} s"
    )


def text_of(summary: dict[str, Any], folder: Path) -> str:
    """Return the table for people."""
    dense, seeds = summary["dense"], len(summary["seeds"])
    heads = ["", "gated", "worst", *(["dense"] if dense else [])]
    table: list[list[str]] = [heads, *_measures(summary, dense)]
    table.append(
        [
            "parameters",
            f"{summary['n_parameters']:,.0f}",
            "",
            *([f"{dense['n_parameters']:,.0f}"] if dense else []),
        ]
    )
    sizes = [max(part["model_bytes"]) / 1000 for part in (summary, dense) if part]
    table.append(["file, kB", f"{sizes[0]:.0f}", "", *(f"{size:.0f}" for size in sizes[1:])])
    if "smoothed" in summary:
        table.append(["after Correct and Smooth", *[""] * (len(heads) - 1)])
        table += _measures(summary["smoothed"], dense["smoothed"] if dense else None)
    lines = [
        f"{summary['data']} ({summary['split']}): {_sizes(summary)}, "
        f"{seeds} seed{'s' if seeds > 1 else ''}{', mean ± standard deviation' if seeds > 1 else ''}",
        "",
        columns(table, indent="  "),
        "",
        f"open dimensions: {share(summary['n_open'], summary['n_dimensions'])}",
        *_fields(summary),
        f"ECE that a perfectly calibrated model stays below in 95 of 100 cases: {summary['ece_null_p95']:.4f}",
    ]
    gap = summary["accuracy_minus_dense"]
    if gap:
        interval = f"95 % interval {gap['low']:+.4f} to {gap['high']:+.4f}"
        lines.append(f"accuracy, gated minus dense: {gap['mean']:+.4f} ({interval})")
    undecided = [s for s, h in zip(summary["seeds"], summary["hardening"], strict=True) if h and not h["decided"]]
    if undecided:
        lines.append(f"gates that had not decided by themselves: seed {', '.join(map(str, undecided))}; train longer")
    model = folder / f"seed-{summary['seeds'][0]}" / "model.l0gm"
    return "\n".join(
        [
            *lines,
            "",
            f"models:  {folder / 'seed-*' / 'model.l0gm'}",
            f"summary: {folder / 'summary.json'}",
            f"next:    l0gm show {model}",
        ]
    )


def _measures(summary: dict[str, Any], dense: dict[str, Any] | None) -> list[list[str]]:
    table = []
    for key, label in MEASURES.items():
        if key in summary:
            row = [label, _spread(summary[key]), f"{summary[key]['worst']:.4f}"]
            table.append([*row, *([_spread(dense[key])] if dense else [])])
    return table


def _sizes(summary: dict[str, Any]) -> str:
    counts, graph = summary["rows"], summary.get("graph")
    if graph is None:
        return f"{counts['train']:,} training and {counts['test']:,} test rows"
    held = f"{counts['validation']:,} validation " if "validation" in counts else ""
    return (
        f"{counts['train']:,} training{', ' if held else ''}{held}{' ' if not held else ''}and {counts['test']:,} test "
        f"nodes of {graph['nodes']:,}, {graph['edges']:,} edges"
    )


def _fields(summary: dict[str, Any]) -> list[str]:
    """Return the line on what is shut in every seed; none where the gate is at the states of nodes."""
    options = summary["options"]
    if options.get("gate_at") == "states":
        return []
    shut = [name for name, opened in summary["support"].items() if not any(opened)]
    what = "attributes" if "gate_at" in options else "fields"
    return [f"{what} shut in every seed: {listed(shut) or 'none'}"]


def _spread(measure: dict[str, Any]) -> str:
    return f"{measure['mean']:.4f}" + (f" ± {measure['std']:.4f}" if len(measure["seeds"]) > 1 else "")
