"""``l0gm predict``: probabilities and labels for the rows of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from l0gm.cli.output import note
from l0gm.errors import ParameterError

__all__ = ["EXAMPLES", "run"]

EXAMPLES = (
    "\b\nExamples:\n"
    "  l0gm predict income.l0gm people.csv\n"
    "  l0gm predict income.l0gm people.parquet --keep id,name --out answers.parquet"
)


def run(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .l0gm file.", show_default=False)],
    data: Annotated[
        str,
        typer.Argument(metavar="DATA", help="A table file, or a data set's name: all its rows.", show_default=False),
    ],
    out: Annotated[
        Path | None, typer.Option(help="A csv or parquet file to write; by default csv on standard output.")
    ] = None,
    keep: Annotated[str, typer.Option(help="Columns of DATA to repeat in front, separated by commas.")] = "",
    calibrated: Annotated[
        bool | None,
        typer.Option("--calibrated/--raw", help="Apply the temperature or not; by default as trained."),
    ] = None,
) -> None:
    """Write labels and probabilities for rows.

    The columns are prediction, the most probable label, and p(LABEL) for each label. DATA needs the columns that
    the model reads (see l0gm show), others are ignored. PyTorch is not needed.
    """
    import narwhals.stable.v2 as nw

    from l0gm.cli.files import check_columns, check_writable, write_table
    from l0gm.cli.parsing import names
    from l0gm.cli.sources import read_part
    from l0gm.runtime.model import label_array, load

    if out is not None:
        check_writable(out)
    loaded = load(model)
    frame = read_part(data, None, None, "all", loaded.schema.text_sources).frame
    kept = names(keep)
    check_columns(frame, kept, "--keep")
    proba = loaded.predict_proba(frame.to_native(), calibrated=calibrated)
    answers = {"prediction": label_array(loaded.classes_)[proba.argmax(1)].tolist()}
    answers |= {f"p({label})": proba[:, i] for i, label in enumerate(loaded.classes_)}
    clash = [name for name in kept if name in answers]
    if clash:
        raise ParameterError(f"--keep {clash[0]}: the output has a column of that name already; rename it")
    columns = {name: frame[name] for name in kept}
    result = nw.from_dict({**columns, **answers}, backend=frame.implementation)
    if out is None:
        typer.echo(result.write_csv(None), nl=False)
    else:
        write_table(result, out)
        note(f"{len(result):,} rows written to {out}")
