"""``l0gm threshold``: from which probability on a model answers with its second class."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from l0gm.cli.output import columns, note, print_json
from l0gm.errors import ParameterError

__all__ = ["EXAMPLES", "run"]

EXAMPLES = (
    "\b\nExamples:\n"
    "  l0gm threshold income.l0gm held-out.csv --precision 0.9 --out careful.l0gm\n"
    "  l0gm threshold income.l0gm held-out.csv --cost 1,5"
)


def run(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .l0gm file.", show_default=False)],
    data: Annotated[str, typer.Argument(metavar="DATA", help="A data set's name or a table file.", show_default=False)],
    cost: Annotated[
        str | None,
        typer.Option(help="What a false positive and a false negative cost, as 1,5: the cheapest threshold."),
    ] = None,
    precision: Annotated[
        float | None, typer.Option(help="Instead, a precision to keep: the threshold of the highest recall.")
    ] = None,
    confidence: Annotated[float, typer.Option(help="Of the precision's lower bound; 0.5 takes it as measured.")] = 0.95,
    target: Annotated[
        str | None,
        typer.Option(help="The column of true labels; by default the one that the model was trained on."),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Split of a registered data set.")] = None,
    part: Annotated[
        str | None, typer.Option(help="Rows of a registered data set: test (default), train or all.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the model with this threshold.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the threshold as JSON.")] = False,
) -> None:
    """Choose a decision threshold on labelled rows.

    The model has two classes; from the threshold on it answers with the second one. Take rows that neither training
    nor the figures that you report have seen. PyTorch is not needed.
    """
    from l0gm.cli.parsing import numbers
    from l0gm.cli.sources import read_labelled
    from l0gm.data.labels import encode_labels
    from l0gm.decisions import tuned_threshold
    from l0gm.runtime.files import load_rows

    costs = None if cost is None else numbers("--cost", cost, 2)
    if (costs is None) == (precision is None):
        raise ParameterError("--cost and --precision: give one of the two")
    loaded = load_rows(model)
    rows, y = read_labelled(loaded, data, target, split, part)
    labels, proba = encode_labels(y, loaded.classes_), loaded.predict_proba(rows.frame.to_native())
    pair = None if costs is None else (costs[0], costs[1])
    found = tuned_threshold(labels, proba, cost=pair, precision=precision, confidence=confidence)
    if out is not None:
        loaded.with_threshold(found.value).save(out)
        note(f"model with decision threshold {found.value:.4g} written to {out}")
    if as_json:
        print_json({**found.to_dict(), "model": str(model), "data": rows.title, "label": loaded.classes_[1]})
        return
    label = loaded.classes_[1]
    typer.echo(f"{model} on {rows.title}: {found.n_rows:,} rows; {label} from a probability of {found.value:.4g} on\n")
    table = [
        (f"answered {label}", f"{found.n_predicted:,}", ""),
        ("precision", _share(found.precision), f"at least {_share(found.precision_low)}, confidence {confidence:g}"),
        ("recall", _share(found.recall), ""),
        ("accuracy", _share(found.accuracy), ""),
        *([] if found.cost is None else [("cost a row", f"{found.cost:.4g}", "")]),
    ]
    typer.echo(columns(table, indent="  "))


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"
