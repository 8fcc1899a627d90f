"""``l0gm train``: from rows, or the nodes of a graph, to compacted models, one for each seed."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer

from l0gm.cli import train_options as o
from l0gm.cli.output import print_json
from l0gm.cli.parsing import amounts, fraction, names
from l0gm.errors import ParameterError

__all__ = ["EXAMPLES", "run"]

EXAMPLES = (
    "\b\nExamples:\n"
    "  l0gm train imdb --encoder ngrams --seeds 5\n"
    "  l0gm train adult --split openml --active 0.15 --seeds 5\n"
    "  l0gm train people.csv --target income --drop id --out runs/people\n"
    "  l0gm train people.csv --target income --active auto --teacher trees\n"
    "  l0gm train newer.csv --from runs/people/seed-0/model.l0gm --out runs/newer\n"
    "  l0gm train pubmed --encoder gcn --seeds 5\n"
    "  l0gm train papers.csv --edges citations.csv --node-id id --target field --encoder sage"
)


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
    initial: o.FromOption = None,
    active: o.ActiveOption = None,
    penalty: o.PenaltyOption = None,
    cost: o.CostOption = "",
    hidden_cost: o.HiddenCostOption = None,
    teacher: o.TeacherOption = None,
    teacher_weight: o.TeacherWeightOption = None,
    seeds: o.SeedsOption = 1,
    out: o.OutOption = None,
    dense: o.DenseOption = True,
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
    correct_and_smooth: o.SmoothOption = False,
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
    as_json: o.AsJsonOption = False,
    progress: o.ProgressOption = None,
    overwrite: o.OverwriteOption = False,
) -> None:
    """Train a sparse model for each seed.

    Each one is compacted and measured on the test rows, beside the dense model of the same seed. The folder gets
    a summary.json and, for each seed, seed-N/model.l0gm. The same command again goes on where it was stopped or
    killed. The nodes of a graph are classified where DATA is a graph (see l0gm data list), or a file of nodes and
    --edges one of edges.
    """
    values: dict[str, Any] = {name: v.value if isinstance(v, StrEnum) else v for name, v in locals().items()}
    from l0gm.cli.sources import is_graph, short_name

    if active is not None and penalty is not None:
        raise ParameterError("--active and --penalty: give one of the two")
    graph = edges is not None or is_graph(data)
    o.check_kind(values, data, graph)
    options: dict[str, Any] = {
        **{name: values[name] for name in o.SHARED},
        "penalty": penalty,
        "active": None if active is None else fraction("--active", active),
        "cost": amounts("--cost", cost) or None,
        "categorical": names(categorical),
        "missing_values": names(missing),
        "text": names(text),
    }
    folder = Path("runs", short_name(data)) if out is None else out
    common: dict[str, Any] = {
        "seeds": range(seeds),
        "out": folder,
        "dense": dense,
        "overwrite": overwrite,
        "progress": sys.stderr.isatty() if progress is None else progress,
    }
    try:
        if graph:
            from l0gm.cli.train_graph import train_graph

            summary = train_graph(values, options, common)
        else:
            from l0gm.cli.train_rows import train_rows

            summary = train_rows(values, options, common)
    except KeyboardInterrupt as interruption:
        how = "the same command goes on from there"
        if overwrite:
            how = f"the same command without --overwrite goes on from there, unless {folder} still holds another run"
        raise KeyboardInterrupt("; ".join([*map(str, interruption.args), how])) from None
    if as_json:
        print_json(summary)
    else:
        from l0gm.cli.train_report import text_of

        typer.echo(text_of(summary, folder))
