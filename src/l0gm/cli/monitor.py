"""``l0gm monitor``: whether rows still look like those that a model was trained on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from l0gm.cli.output import print_json

__all__ = ["EXAMPLES", "run"]

EXAMPLES = "\b\nExamples:\n  l0gm monitor income.l0gm new.csv\n  l0gm monitor income.l0gm new.parquet --fail --json"
CHANGED = 1


def run(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .l0gm file.", show_default=False)],
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="A table file, or a data set's name.", show_default=False)
    ],
    level: Annotated[float, typer.Option(help="Chance of any alarm at all where nothing has changed.")] = 0.01,
    min_rate: Annotated[float, typer.Option(help="Shares have to differ by more than this to count.")] = 0.02,
    min_psi: Annotated[float, typer.Option(help="The same for population stability indices.")] = 0.1,
    fail: Annotated[bool, typer.Option("--fail", help="End with exit code 1 if something changed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Compare rows with those of training.

    For each field: missing, unseen and out-of-range values, and the population stability index of the others, beside
    what chance makes of it; and the mean prediction. Labels are not needed, nor is PyTorch.

    Exit code: 0, with --fail 1 if something changed, 2 after an error.
    """
    from l0gm.cli.progress import showing
    from l0gm.cli.rows import check_sources, located, typed
    from l0gm.cli.streams import open_stream
    from l0gm.runtime.drift import compare
    from l0gm.runtime.files import load_rows
    from l0gm.runtime.observed import Observed

    loaded = load_rows(model)
    rows = Observed(loaded)
    stream = open_stream(data)
    check_sources(loaded.schema, stream)
    with showing("monitor", sys.stderr.isatty()) as show:
        for share, frame in stream.batches(loaded.feature_names_in_):
            located(lambda some: rows.add(typed(some, loaded.schema)), frame, stream.name, rows.n_rows)
            show(rows.n_rows, share)
    report = compare(rows, level=level, min_rate=min_rate, min_psi=min_psi)
    if as_json:
        print_json(report.to_dict())
    else:
        typer.echo(report)
    if fail and report.changed:
        raise typer.Exit(CHANGED)
