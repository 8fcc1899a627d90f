"""``l0gm paper``: the paper's tables, each with its figures beside ours and a verdict a claim."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from l0gm.cli.output import columns, note, print_json
from l0gm.cli.parsing import names
from l0gm.errors import ParameterError

if TYPE_CHECKING:
    from l0gm.baselines import Modality
    from l0gm.experiments.paper import Case

__all__ = ["EXAMPLES", "run"]

EXAMPLES = (
    "\b\nExamples:\n"
    "  l0gm paper table3 --modality tabular --quick\n"
    "  l0gm paper table8 --seeds 5 --jobs 2 --out runs/paper\n"
    "  l0gm paper table3 --data people.csv --target income --methods catboost,logistic"
)
QUICK_SEEDS, SEEDS = 2, 5
OF_METHODS = ("table3", "table7")
"""Tables in which methods are chosen."""
FAILED = 1


class Which(StrEnum):
    """What --modality takes."""

    TABULAR = "tabular"
    TEXT = "text"
    GRAPH = "graph"
    ALL = "all"


def run(
    table: Annotated[
        str,
        typer.Argument(
            metavar="TABLE", help="table2, 3, 4, 6, 7, 8, 9, 10, or masks: see the list below.", show_default=False
        ),
    ],
    modality: Annotated[Which, typer.Option(help="Which block of the table.")] = Which.ALL,
    data: Annotated[
        str | None, typer.Option(help="Instead of the paper's: a registered data set, or a table file of your own.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="The column to predict, for a file.")] = None,
    split: Annotated[str | None, typer.Option(help="A split of the registered data set.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Runs a method; default 5, with --quick 2.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="How many runs at a time, each by one thread.")] = 1,
    quick: Annotated[bool, typer.Option("--quick", help="Minutes: few rows, few seeds.")] = False,
    active: Annotated[float | None, typer.Option(help="The open fraction, instead of the table's own.")] = None,
    methods: Annotated[str | None, typer.Option(help="Whom to compare with, separated by commas.")] = None,
    extended: Annotated[bool, typer.Option("--extended", help="Compare with every method that there is.")] = False,
    trials: Annotated[int, typer.Option(min=1, help="Of table7: fits for each method.")] = 8,
    settings: Annotated[
        Path | None, typer.Option(help="A table7.json: methods take the settings that were found there.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder to write to; default runs/paper/MODALITY, or MODALITY-quick.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> None:
    """Make a table of the paper: its figures beside ours, with intervals over rows and seeds, and a verdict a claim.

    Tables: 2 the data sets, 3 methods with quality, robustness and latency, 4 the environment, 6 variants of the gate,
    7 the search for settings, 8 the sweep over lambda, 9 annealing, 10 calibration coupling; masks is the learned gate
    beside random, top-k and static masks. Each run is kept, so that the same command goes on where it was stopped, and
    tables share their runs. Written are TABLE.md, TABLE.csv and TABLE.json.
    """
    from l0gm.experiments.paper import Settings, check_table, run_table, settings_found, write_table
    from l0gm.experiments.records import plain

    check_table(table)
    for option, given in (("--methods", methods is not None), ("--extended", extended)):
        if given and table not in OF_METHODS:
            raise ParameterError(f"{option}: methods are chosen in {' and '.join(OF_METHODS)}; leave it out of {table}")
    if settings is not None and table == "table7":
        raise ParameterError(f"--settings {settings}: table7 is what searches for settings; leave it out")
    chosen = () if table == "table4" else _modalities(modality, data)
    found = {} if settings is None else settings_found(settings)
    if settings is not None and len(chosen) > 1:
        raise ParameterError(f"--settings {settings}: give --modality, too; methods of two may have one name")
    if settings is not None and chosen and chosen[0] not in found:
        raise ParameterError(f"--settings {settings}: it has none for {chosen[0]}, but for {', '.join(found)}")
    if methods is not None and len(chosen) == 1:
        _check_methods(methods, chosen[0])
    out = _folder(modality, data, quick) if out is None else out
    plan = Settings(
        out=out,
        seeds=seeds if seeds is not None else QUICK_SEEDS if quick else SEEDS,
        jobs=jobs,
        quick=quick,
        active=active,
        methods=None if methods is None else tuple(names(methods)),
        extended=extended,
        trials=trials,
        chosen=found.get(chosen[0], {}) if chosen else {},
        told=note,
    )
    cases = {name: _case(name, data, target, split, quick) for name in chosen}
    try:
        made = run_table(table, cases, plan)
    except KeyboardInterrupt as interruption:
        how = "the same command goes on from there"
        raise KeyboardInterrupt("; ".join([*map(str, interruption.args), how])) from None
    paths = write_table(made, out)
    if as_json:
        print_json(plain(made.to_dict()))
    else:
        blocks = [made.title, columns(made.cells(), indent="  ")]
        if made.claims:
            blocks.append("\n".join(f"{claim.verdict}: {claim.claim}: {claim.ours}" for claim in made.claims))
        blocks += ["\n".join(made.notes), "written: " + ", ".join(map(str, paths))]
        typer.echo("\n\n".join(block for block in blocks if block))
    if made.failed:
        note(f"l0gm: error: {len(made.failed)} methods lack seeds that failed; the same command tries them again")
        raise typer.Exit(FAILED)


def _folder(modality: Which, data: str | None, quick: bool) -> Path:
    """Return a folder of the question's own: other rows would take the place of its tables."""
    from l0gm.cli.sources import short_name

    name = modality.value if data is None else short_name(data)
    return Path("runs", "paper", f"{name}-quick" if quick else name)


def _check_methods(text: str, modality: Modality) -> None:
    """Raise ParameterError where none of the methods is for this kind of data."""
    from l0gm.baselines import find
    from l0gm.baselines import methods as known

    if not any(name in known(modality) for name in names(text)):
        for name in names(text):
            find(modality, name)


def _modalities(which: Which, data: str | None) -> tuple[Modality, ...]:
    from l0gm.baselines import MODALITIES
    from l0gm.cli.sources import is_graph

    if which is not Which.ALL:
        return tuple(name for name in MODALITIES if name == which.value)
    if data is None:
        return MODALITIES
    return ("graph",) if is_graph(data) else ("text",) if data == "imdb" else ("tabular",)


def _case(modality: Modality, data: str | None, target: str | None, split: str | None, quick: bool) -> Case:
    from l0gm.cli.sources import is_registered, read_task, registered_name
    from l0gm.experiments.paper import row_case, usual_case

    if data is None or is_registered(data):
        if target is not None:
            raise ParameterError(f"--target {target}: it is for files; of a registered data set it is known")
        return usual_case(modality, quick=quick, data=None if data is None else registered_name(data), split=split)
    if modality == "graph":
        raise ParameterError(f"--data {data}: of graphs, registered ones are compared; see l0gm data")
    task = read_task(data, target, split, None, None, out_of_core=False)
    parts: list[tuple[Any, Any]] = [(_pandas(part.features()), part.labels) for part in (task.train, task.test)]
    return row_case(modality, task.name, task.split, parts[0], parts[1], quick=quick)


def _pandas(table: Any) -> Any:
    """Return a table as pandas, which all methods read."""
    import narwhals.stable.v2 as nw

    return nw.from_native(table, eager_only=True).to_pandas()
