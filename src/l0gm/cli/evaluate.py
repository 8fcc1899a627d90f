"""``l0gm evaluate``: measure a saved model on labelled rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from l0gm.cli.output import MEASURES, columns, print_json
from l0gm.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from l0gm.runtime import CompactModel

__all__ = ["EXAMPLES", "run"]

PLOTS = (".png", ".svg", ".pdf")
SHARES = ("accuracy", "precision", "recall")

EXAMPLES = (
    "\b\nExamples:\n"
    "  l0gm evaluate income.l0gm adult --split openml\n"
    "  l0gm evaluate income.l0gm people.parquet --target income --json\n"
    "  l0gm evaluate income.l0gm adult --by sex --by race --plot reliability.png"
)


def run(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .l0gm file.", show_default=False)],
    data: Annotated[str, typer.Argument(metavar="DATA", help="A data set's name or a table file.", show_default=False)],
    target: Annotated[
        str | None,
        typer.Option(help="The column of true labels; by default the one that the model was trained on."),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Split of a registered data set.")] = None,
    part: Annotated[
        str | None, typer.Option(help="Rows of a registered data set: test (default), train or all.")
    ] = None,
    calibrated: Annotated[
        bool | None,
        typer.Option("--calibrated/--raw", help="Apply the calibrator or not; by default as trained."),
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option(help="A column of DATA to measure groups by; may be given several times.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Where to write a reliability diagram, .png, .svg or .pdf; needs l0gm[report].")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the measures as JSON.")] = False,
) -> None:
    """Measure a model on labelled rows.

    The measures are accuracy, AUC, log loss, Brier score and calibration error, the last one beside what chance
    alone would make of it; with --by the same for the groups of a column. PyTorch is not needed.
    """
    from l0gm.cli.files import check_columns
    from l0gm.cli.sources import read_labelled
    from l0gm.data.labels import encode_labels
    from l0gm.metrics import evaluate
    from l0gm.runtime import load
    from l0gm.runtime.groups import evaluate_groups

    if plot is not None and plot.suffix.lower() not in PLOTS:
        raise ParameterError(f"--plot {plot}: unknown kind of file; give one of {', '.join(PLOTS)}")
    loaded = load(model)
    rows, y = read_labelled(loaded, data, target, split, part)
    X = rows.frame.to_native()
    check_columns(rows.frame, by or [], "--by")
    labels, proba = encode_labels(y, loaded.classes_), loaded.predict_proba(X, calibrated=calibrated)
    if plot is not None:
        _write_plot(plot, loaded, labels, proba)
    measures = evaluate(labels, proba)
    groups = {name: evaluate_groups(X, labels, proba, name) for name in by or []}
    decision = _decision(loaded, labels, X)
    applied = loaded.calibrated if calibrated is None else calibrated
    if as_json:
        named = {name: {_name(group): found for group, found in parts.items()} for name, parts in groups.items()}
        known = {"model": str(model), "data": rows.title, "calibrated": applied}
        print_json(
            {**measures, **known, **({"decision": decision} if decision else {}), **({"by": named} if by else {})}
        )
        return
    table = [
        (label, f"{measures[key]:.4f}", _chance(measures, key)) for key, label in MEASURES.items() if key in measures
    ]
    scale = str(loaded.calibrator) if applied else "raw probabilities"
    typer.echo(f"{model} on {rows.title}: {int(measures['n_rows']):,} rows, {scale}\n")
    typer.echo(columns(table, indent="  "))
    if decision is not None:
        typer.echo("\n  " + _decision_text(loaded, decision))
    for name, parts in groups.items():
        typer.echo("\n" + _group_table(name, parts))


def _group_table(name: str, parts: dict[str | None, dict[str, Any]]) -> str:
    head = (f"by {name}", "rows", "accuracy", "AUC", "log loss", "ECE", "chance, up to", "")
    lines = [
        (
            _name(group),
            f"{found['n_rows']:,}",
            f"{found['accuracy']:.4f}",
            "none" if found["auc"] is None else f"{found['auc']:.4f}",
            *(f"{found[key]:.4f}" for key in ("log_loss", "ece", "ece_null_p95")),
            "few rows" if found["small"] else "",
        )
        for group, found in parts.items()
    ]
    return columns([head, *lines], indent="  ")


def _name(group: str | None) -> str:
    return "(missing)" if group is None else group


def _write_plot(path: Path, model: CompactModel, labels: NDArray[Any], proba: NDArray[Any]) -> None:
    from l0gm.files import replacing
    from l0gm.metrics import plot_reliability

    ax = plot_reliability(labels, proba)
    if len(model.classes_) == 2:
        ax.set_xlabel(f"mean probability of {model.classes_[1]}")
    from matplotlib.figure import Figure

    assert isinstance(ax.figure, Figure)
    with replacing(path) as beside:
        ax.figure.savefig(beside, format=path.suffix[1:].lower(), dpi=150)


def _decision(model: CompactModel, labels: NDArray[Any], X: Any) -> dict[str, Any] | None:
    """Return what the model's own threshold means on these rows."""
    from l0gm.decisions import at_threshold

    if model.decision_threshold is None:
        return None
    return at_threshold(labels, model.predict_proba(X), model.decision_threshold).to_dict()


def _decision_text(model: CompactModel, decision: dict[str, Any]) -> str:
    shares = [f"{name} {'none' if decision[name] is None else format(decision[name], '.4f')}" for name in SHARES]
    return f"answers {model.classes_[1]} from a probability of {decision['value']:.4g} on: {', '.join(shares)}"


def _chance(measures: dict[str, float], name: str) -> str:
    band = measures.get(f"{name}_null_p95")
    return "" if band is None else f"a perfectly calibrated model stays below {band:.4f} in 95 of 100 cases"
