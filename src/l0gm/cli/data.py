"""``l0gm data``: the registered data sets."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from l0gm.cli.output import columns, print_json
from l0gm.errors import DatasetError

__all__ = ["app"]

app = typer.Typer(
    help="List, describe and fetch data sets.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog="\b\nExamples:\n  l0gm data list\n  l0gm data fetch adult",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A data set's name.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list", epilog="\b\nExample:\n  l0gm data list --json")
def list_(as_json: AsJson = False) -> None:
    """List the data sets."""
    from l0gm import datasets

    entries = [_facts(name) for name in datasets.names()]
    if as_json:
        print_json(entries)
        return
    rows: list[tuple[str, ...]] = [("name", "kind", "rows", "edges", "splits")]
    for e in entries:
        edges = "" if e["edges"] is None else f"{e['edges']:,}"
        rows.append((e["name"], e["kind"], f"{e['rows']:,}", edges, ", ".join(e["splits"])))
    lines = columns(rows).splitlines()
    width = max(map(len, lines))
    for line, summary in zip(lines, ["what it is", *(e["summary"] for e in entries)], strict=True):
        typer.echo(f"{line:<{width}}  {summary}")


@app.command(epilog="\b\nExample:\n  l0gm data describe adult")
def describe(name: Name, as_json: AsJson = False) -> None:
    """Say what a data set is, without loading it."""
    facts = _facts(name)
    if as_json:
        print_json(facts)
        return
    for key, value in facts.items():
        text = ", ".join(value) if isinstance(value, list) else value
        if key == "path" or value is not None:
            typer.echo(f"{key:<9}{'not on this machine' if value is None else text}")


@app.command(epilog="\b\nExample:\n  l0gm data fetch adult")
def fetch(name: Name) -> None:
    """Bring a data set to this machine.

    Nothing is brought where there is a verified copy. Prints its path.
    """
    from l0gm import datasets
    from l0gm.cli.sources import registered_name

    typer.echo(datasets.fetch(registered_name(name)))


@app.command(epilog="\b\nExample:\n  l0gm data path adult")
def path(name: Name) -> None:
    """Print where a data set lies.

    Nothing is fetched.
    """
    from l0gm import datasets
    from l0gm.cli.sources import registered_name

    typer.echo(datasets.path(registered_name(name)))


def _facts(name: str) -> dict[str, Any]:
    from l0gm import datasets
    from l0gm.cli.sources import registered_name

    entry = datasets.describe(registered_name(name))
    try:
        here: str | None = str(datasets.path(entry.name))
    except DatasetError:
        here = None
    return {
        "name": entry.name,
        "summary": entry.summary,
        "kind": entry.kind,
        "task": entry.task,
        "rows": entry.rows,
        "edges": entry.edges if entry.kind == "graph" else None,
        "target": entry.target,
        "splits": list(entry.splits),
        "path": here,
    }
