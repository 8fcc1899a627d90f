"""``l0gm bench``: the compacted model beside boosted trees and an MLP, quality and latency in one run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from l0gm.cli.output import columns, note, print_json
from l0gm.cli.parsing import names
from l0gm.errors import DataError, ParameterError

if TYPE_CHECKING:
    from l0gm.cli.sources import Task

__all__ = ["EXAMPLES", "run"]

EXAMPLES = (
    "\b\nExamples:\n"
    "  l0gm bench adult\n"
    "  l0gm bench --data people.csv --target income --peers catboost,xgboost\n"
    "  l0gm bench synthetic:wide --rows 100000 --threads 1 --out runs/bench/wide"
)
CELLS, MANY = 10_000_000, 200_000
"""Cells and rows of a generated table that models are fitted on at most, unless --train-rows says otherwise."""
QUICK_ROWS = 4000
TEACHERS = ("average", "trees", "none")
REPEATS, FEW_REPEATS, QUICK_REPEATS = 21, 7, 3
"""Rounds of each measurement; few where there are more than MANY / 2 test rows."""


def run(
    name: Annotated[
        str | None, typer.Argument(metavar="DATA", help="A data set's name or a table file.", show_default=False)
    ] = None,
    data: Annotated[Path | None, typer.Option(help="A table file of your own, instead of DATA.")] = None,
    target: Annotated[str | None, typer.Option(help="The column to predict, for a file.")] = None,
    split: Annotated[str | None, typer.Option(help="A split of the registered data set.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of splits, training and the order of turns.")] = 0,
    repeats: Annotated[int | None, typer.Option(min=1, help="Rounds of each measurement; default 21.")] = None,
    threads: Annotated[str, typer.Option(help="Numbers of threads to measure with.")] = "1,2",
    batch: Annotated[str, typer.Option(help="Rows of a call; all stands for all test rows.")] = "1,256,all",
    peers: Annotated[str | None, typer.Option(help="Which peers take part, separated by commas; default all.")] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="Rows of a generated table.")] = None,
    train_rows: Annotated[
        int | None, typer.Option(min=100, help="Training rows at most, drawn at random; all models get the same.")
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(help="Who teaches l0gm: average (of boosted trees), trees (scikit-learn's) or none."),
    ] = None,
    fit_threads: Annotated[int, typer.Option(min=1, help="Threads that the peers are trained with.")] = 1,
    quick: Annotated[bool, typer.Option("--quick", help="Try it out: small models, few rows, few rounds.")] = False,
    out: Annotated[Path | None, typer.Option(help="The folder to write to; default runs/bench/NAME.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the record as JSON.")] = False,
) -> None:
    """Compare the compacted model with other libraries: quality and latency of the same artifacts, in one run.

    All models are trained on the same rows and stopped early on the same ones. They answer in turn, from prepared
    arrays, DataFrames and dicts, each by the fastest call of its library. Peers that are not installed are left out by
    name. Written are bench.json, bench.md, bench.csv and the model files.
    """
    from l0gm.cli.sources import short_name
    from l0gm.experiments.bench import Plan, run_bench
    from l0gm.experiments.bench.report import (
        HEADLINE,
        facts,
        headline_table,
        quality_table,
        roofline_lines,
        write_report,
    )

    if (name is None) == (data is None):
        raise ParameterError("DATA and --data: give one of the two")
    source = str(name if name is not None else data)
    folder = Path("runs", "bench", short_name(source)) if out is None else out
    plan = Plan(
        seed=seed,
        repeats=repeats if repeats is not None else QUICK_REPEATS if quick else REPEATS,
        threads=tuple(_whole("--threads", part) for part in names(threads)),
        batches=tuple("all" if part == "all" else _whole("--batch", part) for part in names(batch)),
        peers=None if peers is None else tuple(names(peers)),
        most_rows=train_rows,
        teacher=_teacher(teacher),
        training_threads=fit_threads,
        quick=quick,
    )
    task, generated = _read(source, target, split, QUICK_ROWS if quick and rows is None else rows)
    given, asked = len(task.train.frame), len(task.test.frame)
    if train_rows is None and (quick or generated):
        plan = replace(plan, most_rows=QUICK_ROWS if quick else min(CELLS // len(task.train.frame.columns), MANY))
    if repeats is None and not quick and asked > MANY // 2:
        plan = replace(plan, repeats=FEW_REPEATS)
    record = run_bench(
        _pandas(task.train.features()),
        task.train.labels,
        _pandas(task.test.features()),
        task.test.labels,
        out=folder,
        plan=plan,
        about={"data": task.name, "split": task.split, "target": task.train.target, "rows_given": given},
        told=note,
    )
    written = write_report(record, folder)
    if as_json:
        from l0gm.experiments.records import plain

        print_json(plain(record))
        return
    blocks = ["\n".join(facts(record)), columns(quality_table(record), indent="  ")]
    blocks.append(f"{HEADLINE}\n{columns(headline_table(record), indent='  ')}")
    blocks += ["\n".join(roofline_lines(record))]
    blocks += ["\n".join(f"left out: {peer}: {why}" for peer, why in record["left_out"].items())]
    blocks += ["written: " + ", ".join(map(str, written))]
    typer.echo("\n\n".join(block for block in blocks if block))


def _read(source: str, target: str | None, split: str | None, rows: int | None) -> tuple[Task, bool]:
    """Return the training and test rows, and whether they are generated in the number that is asked for."""
    import narwhals.stable.v2 as nw

    from l0gm import datasets
    from l0gm.cli.sources import Part, Task, is_registered, read_task, registered_name

    if is_registered(source):
        entry = datasets.describe(registered_name(source))
        if entry.kind != "table":
            raise DataError(f"{source} is a graph, and the benchmark is one of tables")
        if "rows" in entry.options:
            dataset = datasets.load(entry.name) if rows is None else datasets.load(entry.name, rows=rows)
            frame = nw.from_native(dataset.frame, eager_only=True)
            chosen = split or dataset.default_split
            parts = (Part(frame[part], dataset.target, dataset.name) for part in dataset.split(chosen))
            return Task(f"{dataset.name} of {len(frame):,} rows", chosen, *parts), True
    return read_task(source, target, split, None, None, out_of_core=False if _is_file(source) else None), False


def _is_file(source: str) -> bool:
    return Path(source).is_file()


def _teacher(name: str | None) -> Any:
    if name not in (None, *TEACHERS):
        raise ParameterError(f"--teacher {name}: choose one of {', '.join(TEACHERS)}")
    return name


def _whole(option: str, text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ParameterError(f"{option} {text!r}: give whole numbers from 1, separated by commas")
    return int(text)


def _pandas(table: Any) -> Any:
    """Return a table as pandas, which all peers read."""
    import narwhals.stable.v2 as nw

    return nw.from_native(table, eager_only=True).to_pandas()
