"""``l0gm evaluate``: measure a saved model on labelled rows, or on nodes of a graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from l0gm.cli import train_options as o
from l0gm.cli.output import MEASURES, columns, print_json
from l0gm.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from l0gm.runtime import CompactModel, CompactNodeModel
    from l0gm.runtime.served import Served

__all__ = ["EXAMPLES", "run"]

PLOTS = (".png", ".svg", ".pdf")
SHARES = ("accuracy", "precision", "recall")

EXAMPLES = (
    "\b\nExamples:\n"
    "  l0gm evaluate income.l0gm adult --split openml\n"
    "  l0gm evaluate income.l0gm people.parquet --target income --json\n"
    "  l0gm evaluate income.l0gm adult --by sex --by race --plot reliability.png\n"
    "  l0gm evaluate fields.l0gm pubmed"
)


@dataclass(frozen=True)
class _Labelled:
    """Examples to measure on: what they are called, their table, class indices (n,) and raw probabilities (n, C)."""

    title: str
    X: Any
    labels: NDArray[Any]
    raw: NDArray[Any]


def run(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .l0gm file.", show_default=False)],
    data: Annotated[str, typer.Argument(metavar="DATA", help="A data set's name or a table file.", show_default=False)],
    target: Annotated[
        str | None,
        typer.Option(help="The column of true labels; by default the one that the model was trained on."),
    ] = None,
    split: o.SplitOption = None,
    part: Annotated[
        str | None,
        typer.Option(help="Rows of a registered data set: test (default), train or all; of a graph also validation."),
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
    edges: o.EdgesOption = None,
    node_id: o.NodeIdOption = None,
    source: o.SourceOption = None,
    target_node: o.TargetNodeOption = None,
    weight: o.WeightOption = None,
    relation: o.RelationOption = None,
    fold: o.FoldOption = None,
    scale: o.ScaleOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the measures as JSON.")] = False,
) -> None:
    """Measure a model on labelled rows, or on nodes of a graph.

    The measures are accuracy, AUC, log loss, Brier score and calibration error, the last one beside what chance
    alone would make of it; with --by the same for the groups of a column. PyTorch is not needed.
    """
    values = dict(locals())
    from l0gm.experiments.nodes import measure_nodes, with_unseen
    from l0gm.metrics import evaluate
    from l0gm.runtime import CompactModel, load
    from l0gm.runtime.groups import evaluate_groups

    if plot is not None and plot.suffix.lower() not in PLOTS:
        raise ParameterError(f"--plot {plot}: unknown kind of file; give one of {', '.join(PLOTS)}")
    loaded = load(model)
    if isinstance(loaded, CompactModel):
        o.check_rows(values, model)
        found = _rows(loaded, values)
    else:
        found = _nodes(loaded, values)
    labels, proba = found.labels, with_unseen(loaded.scaled(found.raw, calibrated), found.labels)
    if plot is not None:
        _write_plot(plot, loaded, labels, proba)
    measures = evaluate(labels, proba) if isinstance(loaded, CompactModel) else measure_nodes(labels, proba)
    groups = {name: evaluate_groups(found.X, labels, proba, name) for name in by or []}
    decision = _decision(loaded, found)
    applied = loaded.calibrated if calibrated is None else calibrated
    if as_json:
        named = {name: {_name(group): found for group, found in parts.items()} for name, parts in groups.items()}
        known = {"model": str(model), "data": found.title, "calibrated": applied}
        print_json(
            {**measures, **known, **({"decision": decision} if decision else {}), **({"by": named} if by else {})}
        )
        return
    table = [
        (label, f"{measures[key]:.4f}", _chance(measures, key)) for key, label in MEASURES.items() if key in measures
    ]
    measured = f"{int(measures['n_rows']):,} {loaded.unit}"
    scale_used = str(loaded.calibrator) if applied else "raw probabilities"
    typer.echo(f"{model} on {found.title}: {measured}, {scale_used}\n")
    typer.echo(columns(table, indent="  "))
    if decision is not None:
        typer.echo("\n  " + _decision_text(loaded, decision))
    for name, parts in groups.items():
        typer.echo("\n" + _group_table(name, parts, loaded.unit))


def _rows(model: CompactModel, values: Mapping[str, Any]) -> _Labelled:
    from l0gm.cli.files import check_columns
    from l0gm.cli.sources import read_labelled
    from l0gm.data.labels import encode_labels

    rows, y = read_labelled(model, *(values[name] for name in ("data", "target", "split", "part")))
    X = rows.frame.to_native()
    check_columns(rows.frame, values["by"] or [], "--by")
    return _Labelled(rows.title, X, encode_labels(y, model.classes_), model.predict_proba(X, calibrated=False))


def _nodes(model: CompactNodeModel, values: Mapping[str, Any]) -> _Labelled:
    from l0gm.cli.graph_answers import read_labelled_nodes
    from l0gm.cli.graph_sources import EdgeFile, huge_pages
    from l0gm.experiments.nodes import label_codes

    huge_pages()
    named = {name: values[name] for name in ("target", "fold", "split", "part", "scale")}
    nodes, chosen, title = read_labelled_nodes(model, values["data"], EdgeFile.of(values), **named)
    nodes.check_columns(values["by"] or [], "--by")
    labels, _ = label_codes(nodes.labels[chosen], model.classes_)
    raw = model.predict_proba(nodes.graph, calibrated=False)[chosen]
    return _Labelled(title, nodes.rows(chosen) if values["by"] else None, labels, raw)


def _group_table(name: str, parts: dict[str | None, dict[str, Any]], unit: str) -> str:
    head = (f"by {name}", unit, "accuracy", "AUC", "log loss", "ECE", "chance, up to", "")
    lines = [
        (
            _name(group),
            f"{found['n_rows']:,}",
            f"{found['accuracy']:.4f}",
            "none" if found["auc"] is None else f"{found['auc']:.4f}",
            *(f"{found[key]:.4f}" for key in ("log_loss", "ece", "ece_null_p95")),
            f"few {unit}" if found["small"] else "",
        )
        for group, found in parts.items()
    ]
    return columns([head, *lines], indent="  ")


def _name(group: str | None) -> str:
    return "(missing)" if group is None else group


def _write_plot(path: Path, model: Served, labels: NDArray[Any], proba: NDArray[Any]) -> None:
    from l0gm.files import replacing
    from l0gm.metrics import plot_reliability

    ax = plot_reliability(labels, proba)
    if len(model.classes_) == 2:
        ax.set_xlabel(f"mean probability of {model.classes_[1]}")
    from matplotlib.figure import Figure

    assert isinstance(ax.figure, Figure)
    with replacing(path) as beside:
        ax.figure.savefig(beside, format=path.suffix[1:].lower(), dpi=150)


def _decision(model: Served, found: _Labelled) -> dict[str, Any] | None:
    """Return what the model's own threshold means on these rows."""
    from l0gm.decisions import at_threshold

    if model.decision_threshold is None:
        return None
    return at_threshold(found.labels, model.scaled(found.raw), model.decision_threshold).to_dict()


def _decision_text(model: Served, decision: dict[str, Any]) -> str:
    shares = [f"{name} {'none' if decision[name] is None else format(decision[name], '.4f')}" for name in SHARES]
    return f"answers {model.classes_[1]} from a probability of {decision['value']:.4g} on: {', '.join(shares)}"


def _chance(measures: dict[str, float], name: str) -> str:
    band = measures.get(f"{name}_null_p95")
    return "" if band is None else f"a perfectly calibrated model stays below {band:.4f} in 95 of 100 cases"
