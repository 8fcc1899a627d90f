"""``l0gm sweep``: the Pareto front of quality against the open fraction, over values of the knob and seeds."""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from l0gm.cli import train_options as o
from l0gm.cli.output import columns, note, print_json
from l0gm.cli.parsing import amounts, names, widths
from l0gm.errors import ParameterError

__all__ = ["EXAMPLES", "run"]

EXAMPLES = (
    "\b\nExamples:\n"
    "  l0gm sweep adult --active 0.05:0.6:8 --seeds 5\n"
    "  l0gm sweep adult --active 0.05:0.6:8 --seeds 5 --path\n"
    "  l0gm sweep adult --penalty 1e-4,3e-4,1e-3,3e-3 --seeds 5 --jobs 2\n"
    "  l0gm sweep people.csv --target income --active 0.05,0.1,0.2 --metric auc --out runs/sweep/people\n"
    "  l0gm sweep pubmed --encoder gcn --active 0.05:0.6:8 --ray auto --jobs 8"
)
OF_ROWS = ("hidden_cost", "teacher", "teacher_weight", "embedding_dim", "linear", "class_weight")
"""Options that are parameters of the estimator of rows alone, under the same name."""
FAILED = 1
DIGITS = 6  # of a value in a range, so that the same range gives the same points everywhere


class Metric(StrEnum):
    """Measures of quality that a front may be drawn by."""

    LOG_LOSS = "log_loss"
    AUC = "auc"
    ACCURACY = "accuracy"
    BRIER = "brier"
    ECE = "ece"


ActiveOption = Annotated[
    str | None,
    typer.Option(help="Fractions that stay open: as 0.05,0.1,0.2, or 0.05:0.6:8, eight in equal ratios."),
]
PenaltyOption = Annotated[
    str | None, typer.Option(help="Instead of --active: values of the paper's lambda, as 1e-4,3e-4,1e-3.")
]
SeedsOption = Annotated[int, typer.Option(min=1, help="How many models a value, seeds 0, 1, and so on.")]
MetricOption = Annotated[Metric, typer.Option(help="The quality on validation rows that the front is drawn by.")]
JobsOption = Annotated[int, typer.Option(min=1, help="How many models are fitted at a time, each by one thread.")]
PathOption = Annotated[
    bool,
    typer.Option("--path", help="Fit all values of a seed in one training, from dense to sparse: with --active."),
]
RayOption = Annotated[
    str | None,
    typer.Option(help="Fit on a Ray cluster: its address, auto, or local for one of --jobs cores on this machine."),
]
OutOption = Annotated[Path | None, typer.Option(help="The folder to write to; default runs/sweep/DATA.")]
AsJsonOption = Annotated[bool, typer.Option("--json", help="Print the front as JSON.")]


def run(
    data: o.DataOption,
    target: o.TargetOption = None,
    split: o.SplitOption = None,
    test: o.TestOption = None,
    test_size: o.TestSizeOption = None,
    out_of_core: o.OutOfCoreOption = None,
    edges: o.EdgesOption = None,
    node_id: o.NodeIdOption = None,
    source: o.SourceOption = None,
    target_node: o.TargetNodeOption = None,
    weight: o.WeightOption = None,
    relation: o.RelationOption = None,
    fold: o.FoldOption = None,
    scale: o.ScaleOption = None,
    active: ActiveOption = None,
    penalty: PenaltyOption = None,
    seeds: SeedsOption = 3,
    metric: MetricOption = Metric.LOG_LOSS,
    jobs: JobsOption = 1,
    ray: RayOption = None,
    path: PathOption = False,
    out: OutOption = None,
    cost: o.CostOption = "",
    hidden_cost: o.HiddenCostOption = None,
    teacher: o.TeacherOption = None,
    teacher_weight: o.TeacherWeightOption = None,
    epochs: o.EpochsOption = None,
    batch_size: o.BatchSizeOption = None,
    lr: o.LrOption = None,
    weight_decay: o.WeightDecayOption = None,
    dropout: o.DropoutOption = None,
    averaging: o.AveragingOption = None,
    calibration_coupling: o.CouplingOption = None,
    embedding_dim: o.EmbeddingDimOption = None,
    deep: o.DeepOption = None,
    cin: o.CinOption = None,
    linear: o.LinearOption = None,
    gate_at: o.GateAtOption = None,
    width: o.WidthOption = None,
    hidden: o.HiddenOption = None,
    layers: o.LayersOption = None,
    hops: o.HopsOption = None,
    direction: o.DirectionOption = None,
    relations: o.RelationsOption = None,
    neighbours: o.NeighboursOption = None,
    inductive: o.InductiveOption = False,
    mask: o.MaskOption = None,
    gate: o.GateOption = None,
    calibration: o.CalibrationOption = None,
    calibrated: o.CalibratedOption = False,
    class_weight: o.ClassWeightOption = None,
    device: o.DeviceOption = None,
    categorical: o.CategoricalOption = "",
    missing: o.MissingOption = "",
    text: o.TextOption = "",
    encoder: o.EncoderOption = None,
    drop: o.DropOption = "",
    as_json: AsJsonOption = False,
) -> None:
    """Train a model for each value of the knob and each seed, and draw the front of quality against size.

    Give --active or --penalty. Each model leaves a file of its own, so that the same command goes on where it was
    stopped or killed, and several sweeps may share a folder. Which values are on the front is decided by validation
    rows; measures on the test rows stand beside. Written are front.json, front.csv, front.md and the models. The exit
    code is 1 where a model failed; the others are kept.
    """
    values: dict[str, Any] = {name: v.value if isinstance(v, StrEnum) else v for name, v in locals().items()}
    from l0gm.cli.sources import is_graph, short_name

    if (active is None) == (penalty is None):
        raise ParameterError("--active and --penalty: give the values of one of the two")
    knob: dict[str, Any] = {
        "active": None if active is None else _fractions("--active", active),
        "penalty": None if penalty is None else _list("--penalty", penalty),
    }
    if path and penalty is not None:
        raise ParameterError("--path: it goes through open fractions; give --active, not --penalty")
    graph = edges is not None or is_graph(data)
    o.check_kind({**dict.fromkeys((*o.OF_TABLES, *o.OF_GRAPHS)), **values}, data, graph)
    if graph and path:
        raise ParameterError(f"--path: {data} is a graph, and paths are of tables and texts; leave it out")
    options: dict[str, Any] = {
        **{name: values[name] for name in o.SHARED},
        "cost": amounts("--cost", cost) or None,
        "categorical": names(categorical),
        "missing_values": names(missing),
        "text": names(text),
    }
    folder = Path("runs", "sweep", short_name(data)) if out is None else out
    common: dict[str, Any] = {
        **knob,
        "seeds": range(seeds),
        "out": folder,
        "metric": metric.value,
        "jobs": jobs,
        "ray": ray,
        "told": note,
    }
    try:
        front = (_of_graph if graph else _of_rows)(values, options, common)
    except KeyboardInterrupt as interruption:
        how = "the same command goes on from there"
        raise KeyboardInterrupt("; ".join([*map(str, interruption.args), how])) from None
    if as_json:
        print_json(front)
    else:
        typer.echo(_text(front, folder))
    if front["failed"]:
        first = front["failed"][0]
        asked = f"{seeds} paths" if path else f"{len(knob['active'] or knob['penalty'] or []) * seeds} models"
        note(
            f"l0gm: error: {len(front['failed'])} of {asked} failed, the first ({first['what']}): {first['why']}; "
            "the same command tries them again"
        )
        raise typer.Exit(FAILED)


def _of_rows(values: dict[str, Any], options: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    """Sweep over the rows of a table, or over texts."""
    from l0gm.cli.files import check_columns
    from l0gm.cli.sources import read_task
    from l0gm.experiments.sweeps import run_sweep

    options |= {name: values[name] for name in OF_ROWS}
    options |= {name: None if values[name] is None else widths(f"--{name}", values[name]) for name in ("deep", "cin")}
    dropped = names(values["drop"])
    spelled = [*options["categorical"], *options["text"]]  # as prediction reads them: 00501 is not 501
    asked = {name: values[name] for name in ("data", "target", "split", "test", "test_size", "out_of_core")}
    task = read_task(**asked, text=spelled)
    for option, listed in (("--drop", dropped), *((f"--{name}", options[name]) for name in ("categorical", "text"))):
        check_columns(task.train.frame, listed, option)
    if task.train.target in dropped:
        raise ParameterError(f"--drop {task.train.target}: it is the target")
    return run_sweep(
        task.train.features(dropped),
        task.train.labels,
        task.test.features([name for name in dropped if name in task.test.frame.columns]),
        task.test.labels,
        **common,
        path=values["path"],
        about={"data": task.name, "split": task.split, "target": task.train.target},
        **{name: value for name, value in options.items() if value is not None},
    )


def _of_graph(values: dict[str, Any], options: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    """Sweep over the nodes of a graph."""
    from l0gm.cli.graph_sources import huge_pages
    from l0gm.cli.train_graph import graph_task
    from l0gm.experiments.sweeps import run_graph_sweep

    huge_pages()
    task, parts, chosen = graph_task(values, options)
    return run_graph_sweep(task.graph, task.labels, **parts, **common, **chosen)


def _list(option: str, text: str) -> list[float]:
    """Return the numbers in a text such as ``1e-4,3e-4``.

    Raises
    ------
    ParameterError
        If a part is no finite number, or there is none.
    """
    try:
        found = [float(part) for part in names(text)]
    except ValueError:
        found = []
    if not found or not all(map(math.isfinite, found)):
        raise ParameterError(f"{option} {text!r}: give numbers, separated by commas")
    return found


def _fractions(option: str, text: str) -> list[float]:
    """Return the numbers in a list, or those of a range ``a:b:n``: n from a to b, each the same times the one before.

    Raises
    ------
    ParameterError
        If it is neither.
    """
    if ":" not in text:
        return _list(option, text)
    remedy = f"{option} {text!r}: give a range as 0.05:0.6:8 (first, last, how many), or numbers separated by commas"
    try:
        first, last, count = (kind(part) for kind, part in zip((float, float, int), text.split(":"), strict=True))
    except ValueError:
        raise ParameterError(remedy) from None
    if not (0.0 < first < last <= 1.0 and count >= 2):
        raise ParameterError(f"{remedy}; fractions above 0 and at most 1, two or more of them, the smallest first")
    ratio = last / first
    return [float(f"{first * ratio ** (i / (count - 1)):.{DIGITS}g}") for i in range(count)]


def _text(front: dict[str, Any], folder: Path) -> str:
    """Return the table for people."""
    from l0gm.experiments.fronts import cells

    rows = front["rows"]
    lines = [
        f"{front['data']} ({front['split']}): {rows['train']:,} training and {rows['test']:,} test rows",
        "",
        columns(cells(front), indent="  "),
        "",
        *front["notes"],
        "",
        f"models:  {folder / 'models'}",
        "front:   " + ", ".join(str(folder / f"front.{kind}") for kind in ("json", "csv", "md")),
    ]
    return "\n".join(lines)
