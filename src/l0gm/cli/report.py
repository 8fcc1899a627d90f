"""``l0gm report``: what a folder holds as one HTML page, and its figures as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from l0gm.cli.output import note
from l0gm.cli.parsing import names

__all__ = ["EXAMPLES", "run"]

EXAMPLES = (
    "\b\nExamples:\n"
    "  l0gm report runs/adult\n"
    "  l0gm report runs --out everything.html\n"
    "  l0gm report runs/sweep/adult --figures figures --formats svg,pdf"
)
PAGE = "report.html"


def run(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="What a command has written to (--out).", show_default=False)
    ],
    out: Annotated[Path | None, typer.Option(help=f"The page; default DIR/{PAGE}.", show_default=False)] = None,
    title: Annotated[str | None, typer.Option(help="Its title; default the folder's name.", show_default=False)] = None,
    figures: Annotated[
        Path | None, typer.Option(help="A folder for the figures as files of their own.", show_default=False)
    ] = None,
    formats: Annotated[str, typer.Option(help="Of these files: svg, png, pdf, separated by commas.")] = "svg,png",
) -> None:
    """Show what a folder of l0gm train, sweep, bench, robustness or paper holds, or one above them.

    The page is one HTML file that opens offline: methods with their intervals, the Pareto front, reliability, confusion
    matrices, training, gates by field, robustness, latency, and how to repeat it. It shows what is there, and says
    which command makes what is not. Files that are not whole are left out by name.
    """
    from l0gm.report import read, write_figures, write_page

    found = read(folder)
    for line in found.notes:
        note(line)
    page = write_page(found, folder / PAGE if out is None else out, title)
    written = [] if figures is None else write_figures(found, figures, names(formats))
    methods = sum(len(listed) for listed in found.datasets.values())
    typer.echo(f"{len(found.runs)} runs of {methods} methods on {len(found.datasets)} data sets: {page}")
    if figures is not None:
        typer.echo(f"{len(written)} files of figures: {figures}")
