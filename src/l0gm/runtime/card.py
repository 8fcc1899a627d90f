"""The model card: what the model is, what it reads and how good it was measured to be, in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from l0gm.runtime.model import CompactModel

__all__ = ["card"]

_MEASURES = (
    ("accuracy", "accuracy"),
    ("auc", "AUC"),
    ("log_loss", "log loss"),
    ("brier", "Brier score"),
    ("ece", "ECE, top label"),
    ("ece_null_p95", "same, 95th percentile of a calibrated model"),
    ("ece_positive", "ECE, positive class"),
    ("ece_positive_null_p95", "same, 95th percentile of a calibrated model"),
)


def card(model: CompactModel) -> str:
    """Return the card of a compacted model."""
    about = model.information
    lines = ["# Model card", ""]
    lines += [
        "A classifier over table rows, sparse by design: a hard-concrete L0 gate chose which dimensions of the "
        "field embeddings stay, the others were cut out. Made with l0gm.",
        "",
        "## Facts",
        "",
        "| | |",
        "|---|---|",
        f"| classes | {_cell(*model.classes_)} |",
        f"| reads | {_cell(*model.feature_names_in_) or 'no column (constant output)'} |",
    ]
    if about.get("dropped"):
        lines.append(f"| does not read | {_cell(*about['dropped'])} |")
    if "n_dimensions" in about:
        lines.append(f"| open dimensions | {about['n_open']} of {about['n_dimensions']} |")
    lines.append(f"| parameters | {model.n_parameters:,} |")
    if "n_parameters_gated" in about:
        lines.append(f"| parameters before compaction | {about['n_parameters_gated']:,} |")
    lines += [
        f"| certificate | {model.certificate.n_rows} rows made from the schema; probabilities within "
        f"{model.certificate.max_difference:.2g} of the gated model's |",
        f"| temperature | {model.temperature.temperature:.4f}, {'on' if model.calibrated else 'off'} by default |",
        "",
    ]
    for title, measures in about.get("metrics", {}).items():
        lines += [f"## Measured on the {title} rows", "", *_table(measures), ""]
    if about.get("support"):
        lines += ["## What stayed, by field", "", "| field | open dimensions |", "|---|---|"]
        lines += [f"| {_cell(name)} | {count} |" for name, count in about["support"].items()]
        lines.append("")
    lines += [
        "## Limits",
        "",
        "Measured on rows like the ones it was trained on; rows from another time or place may differ. Values that "
        "were not seen in training share one slot a column. The file holds no training row.",
        "",
    ]
    return "\n".join(lines)


def _cell(*names: object) -> str:
    """Return names as one cell of a table, whatever characters they hold."""
    return " ".join(", ".join(map(str, names)).replace("|", "\\|").split())


def _table(measures: dict[str, Any]) -> list[str]:
    rows = [f"| {label} | {measures[key]:.4f} |" for key, label in _MEASURES if key in measures]
    return ["| measure | value |", "|---|---|", *rows, f"| rows | {int(measures.get('n_rows', 0))} |"]
