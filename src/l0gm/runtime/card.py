"""The model card: what the model is, what it reads and how good it was measured to be, in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from l0gm.errors import ArtifactError

if TYPE_CHECKING:
    from l0gm.runtime.served import Served

__all__ = ["card", "check_information"]

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


_CHOSEN_BY = {
    "conditional": "a hard-concrete L0 gate, which rows close further,",
    "weights": "hard-concrete L0 gates on the weights that read it",
    "gaussian": "a stochastic gate (a clipped Gaussian)",
    "l1": "an L1 penalty on scales",
    "random": "a random mask",
    "magnitude": "size in training",
    "static": "size in the dense model",
    "pruned": "the size of the weights that read it",
    "n:m": "the size of the weights that read it, block by block,",
    "lottery": "the size of the weights that read it, in several trainings,",
}


def card(model: Served) -> str:
    """Return the card of a compacted model."""
    about = model.information
    lines = ["# Model card", ""]
    gate = about.get("gate", "hard_concrete")
    how = (
        "dense: all dimensions of their representation stay"
        if gate == "none"
        else f"sparse by design: {_CHOSEN_BY.get(gate, 'a hard-concrete L0 gate')} chose which dimensions of their "
        "representation stay, the others were cut out"
    )
    lines += [
        f"A classifier over {model.subject}, {how}. Made with l0gm.",
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
    if {"n_open", "n_dimensions"} <= about.keys():
        lines.append(f"| open dimensions | {about['n_open']} of {about['n_dimensions']} |")
    if len(about.get("open_weights", ())) == 2:
        opened, total = about["open_weights"]
        lines.append(f"| open weights behind them | {opened:,} of {total:,} |")
    lines.append(f"| parameters | {model.n_parameters:,} |")
    if "n_parameters_gated" in about:
        lines.append(f"| parameters before compaction | {about['n_parameters_gated']:,} |")
    lines += [
        f"| certificate | {model.certificate.n_rows} made-up {model.unit}; probabilities within "
        f"{model.certificate.max_difference:.2g} of the gated model's |",
        f"| calibration | {model.calibrator}; {'on' if model.calibrated else 'off'} by default |",
    ]
    if model.decision_threshold is not None:
        answer = _cell(model.classes_[1])
        lines.append(f"| decision threshold | {answer} from a probability of {model.decision_threshold:.4g} on |")
    if model.conformal is not None and model.conformal.most is not None:
        lines.append(
            f"| prediction sets | up to {model.conformal.most:.1%} coverage, from {model.conformal.n_rows:,} rows |"
        )
    lines += [
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
        "were not seen in training share one slot a column. The file holds no training row" + model.what_it_holds,
        "",
    ]
    return "\n".join(lines)


def check_information(about: Mapping[str, Any]) -> None:
    """Raise ArtifactError where an entry that the card and the commands read has not the form that fit gives it."""
    for name, is_sound in _FORMS.items():
        if name in about and not is_sound(about[name]):
            raise ArtifactError(f"information: {name!r} is not in the form in which it is written")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and type(value) is not bool and abs(value) < 1e300  # NaN is none, too


def _is_count(value: object) -> bool:
    return type(value) is int and _is_number(value)


def _list_of(each: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(map(each, value))


def _object_of(each: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, dict) and all(map(each, value.values()))


_FORMS: Mapping[str, Callable[[object], bool]] = {
    **dict.fromkeys(("n_open", "n_dimensions", "n_parameters_gated", "training_rows"), _is_count),
    **dict.fromkeys(("dropped", "notes"), _list_of(_is_text)),
    "support": _object_of(_is_count),
    "gate": _is_text,
    "open_weights": _list_of(_is_count),
    "metrics": _object_of(_object_of(_is_number)),
}


def _cell(*names: object) -> str:
    """Return names as one cell of a table, whatever characters they hold."""
    return " ".join(", ".join(map(str, names)).replace("|", "\\|").split())


def _table(measures: dict[str, Any]) -> list[str]:
    rows = [f"| {label} | {measures[key]:.4f} |" for key, label in _MEASURES if key in measures]
    return ["| measure | value |", "|---|---|", *rows, f"| rows | {int(measures.get('n_rows', 0))} |"]
