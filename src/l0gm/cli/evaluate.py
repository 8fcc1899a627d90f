"""``l0gm evaluate``: measure a saved model on labelled rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from l0gm.cli.output import MEASURES, columns, print_json
from l0gm.errors import ParameterError

__all__ = ["EXAMPLES", "run"]

EXAMPLES = (
    "\b\nExamples:\n"
    "  l0gm evaluate income.l0gm adult --split openml\n"
    "  l0gm evaluate income.l0gm people.parquet --target income --json"
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
        typer.Option("--calibrated/--raw", help="Apply the temperature or not; by default as trained."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the measures as JSON.")] = False,
) -> None:
    """Measure a model on labelled rows.

    The measures are accuracy, AUC, log loss, Brier score and calibration error, the last one beside what chance
    alone would make of it. PyTorch is not needed.
    """
    from l0gm.cli.files import check_columns
    from l0gm.cli.sources import read_part
    from l0gm.runtime import load

    loaded = load(model)
    rows = read_part(data, target, split, part, loaded.schema.text_sources)
    name = rows.target or loaded.information.get("target")
    if name is None:
        raise ParameterError(f"--target: name the column of {data} that holds the true labels")
    check_columns(rows.frame, [name], "--target")
    measures = loaded.evaluate(rows.frame.to_native(), rows.frame[name].to_numpy(), calibrated=calibrated)
    scaled = loaded.calibrated if calibrated is None else calibrated
    if as_json:
        print_json({**measures, "model": str(model), "data": rows.title, "calibrated": scaled})
        return
    table = [
        (label, f"{measures[key]:.4f}", _chance(measures, key)) for key, label in MEASURES.items() if key in measures
    ]
    scale = f"temperature {loaded.temperature.temperature:.3f}" if scaled else "raw probabilities"
    typer.echo(f"{model} on {rows.title}: {int(measures['n_rows']):,} rows, {scale}\n")
    typer.echo(columns(table, indent="  "))


def _chance(measures: dict[str, float], name: str) -> str:
    band = measures.get(f"{name}_null_p95")
    return "" if band is None else f"a perfectly calibrated model stays below {band:.4f} in 95 of 100 cases"
