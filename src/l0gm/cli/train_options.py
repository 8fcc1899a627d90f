"""The options of ``l0gm train``: what each one is called, and which go with tables and which with graphs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from l0gm.errors import ParameterError

__all__ = ["OF_GRAPHS", "OF_TABLES", "SHARED", "check_kind", "check_rows", "flag", "given"]

OF_TABLES = (
    *("test", "out_of_core", "initial", "teacher", "teacher_weight", "embedding_dim", "deep", "cin", "linear"),
    *("class_weight", "hidden_cost"),
)
OF_GRAPHS = (
    *("edges", "node_id", "source", "target_node", "weight", "relation", "fold", "scale", "gate_at", "width", "hidden"),
    *("layers", "hops", "direction", "relations", "neighbours", "inductive", "correct_and_smooth"),
)
SHARED = (
    *("epochs", "batch_size", "lr", "weight_decay", "dropout", "averaging", "mask", "gate", "calibration"),
    *("calibrated", "device", "encoder", "calibration_coupling"),
)
"""Options that are parameters of both estimators, under the same name."""
FLAGS = {"initial": "--from", "missing_values": "--missing", "out_of_core": "--out-of-core/--in-memory"}
FILE = " (a file is one with --edges)"
GRAPH_ENCODERS = ("gcn", "sage", "gat", "sign", "mlp")


def flag(name: str) -> str:
    """Return how an argument of ``train`` is spelled on the command line."""
    return FLAGS.get(name, f"--{name.replace('_', '-')}")


def given(value: Any) -> bool:
    """Return whether an option was given."""
    return value is not None and value is not False and value not in ("", [])


def check_kind(values: Mapping[str, Any], data: str, is_graph: bool) -> None:
    """Raise ParameterError, which names both, where an option was given that does not go with the kind of data."""
    kind, own, others = ("graph", "tables", OF_TABLES) if is_graph else ("table", f"graphs{FILE}", OF_GRAPHS)
    for name in others:
        if given(values[name]):
            raise ParameterError(f"{flag(name)}: {data} is a {kind}, and this option is for {own}; leave it out")
    encoder = values["encoder"]
    if is_graph and encoder is not None and encoder not in GRAPH_ENCODERS:
        raise ParameterError(f"--encoder {encoder}: {data} is a graph; choose one of {', '.join(GRAPH_ENCODERS)}")
    if not is_graph and encoder in GRAPH_ENCODERS:
        raise ParameterError(f"--encoder {encoder}: {data} is a table, and this encoder is for graphs{FILE}")


def check_rows(values: Mapping[str, Any], model: Path) -> None:
    """Raise ParameterError where an option was given that does not go with a model of rows."""
    for name in OF_GRAPHS:
        if given(values.get(name)):
            raise ParameterError(f"{flag(name)}: {model} classifies rows, and this option is for graphs; leave it out")


class Gate(StrEnum):
    """The paper's gate, gates and controls to compare it with, and the dense model."""

    HARD_CONCRETE = "hard_concrete"
    CONDITIONAL = "conditional"
    WEIGHTS = "weights"
    GAUSSIAN = "gaussian"
    L1 = "l1"
    RANDOM = "random"
    MAGNITUDE = "magnitude"
    STATIC = "static"
    PRUNED = "pruned"
    BLOCKS = "n:m"
    LOTTERY = "lottery"
    NONE = "none"


class Linear(StrEnum):
    """Forms of the linear term."""

    GATED = "gated"
    UNGATED = "ungated"
    OFF = "off"


class Mask(StrEnum):
    """What shares a sampled mask."""

    EXAMPLE = "example"
    BATCH = "batch"


class Teacher(StrEnum):
    """Models to learn from."""

    TREES = "trees"


class Calibration(StrEnum):
    """Methods of calibration."""

    TEMPERATURE = "temperature"
    PLATT = "platt"
    ISOTONIC = "isotonic"
    BETA = "beta"
    VENN_ABERS = "venn_abers"


class ClassWeight(StrEnum):
    """How classes are weighted."""

    BALANCED = "balanced"


class GateAt(StrEnum):
    """Where the gate of a graph model acts."""

    STATES = "states"
    ATTRIBUTES = "attributes"


class Direction(StrEnum):
    """Which way messages go along an edge."""

    UNDIRECTED = "undirected"
    FORWARD = "forward"
    BOTH = "both"


Count: TypeAlias = int | None
Share: TypeAlias = float | None
Words: TypeAlias = str | None

DataOption = Annotated[
    str,
    typer.Argument(metavar="DATA", help="A data set's name (see l0gm data list) or a table file.", show_default=False),
]
TargetOption = Annotated[Words, typer.Option(help="The column to predict; a file needs it.")]
SplitOption = Annotated[Words, typer.Option(help="Split of a registered data set.")]
TestOption = Annotated[Path | None, typer.Option(help="A file of test rows, where DATA is a file.")]
TestSizeOption = Annotated[
    Share, typer.Option(help="Share of a file's rows or labelled nodes to test on; 0.2 unless something else says it.")
]
OutOfCoreOption = Annotated[
    bool | None,
    typer.Option(
        "--out-of-core/--in-memory",
        help="Read parquet files in batches; by default folders and files from 256 MB on.",
    ),
]
FromOption = Annotated[
    Path | None,
    typer.Option("--from", help="A .l0gm file to go on from: its fields, branches and open dimensions stay."),
]
ActiveOption = Annotated[
    Words,
    typer.Option(
        help="Fraction of the dimensions that stay open, 0.15 without --penalty; or, for tables, auto, the smallest "
        "model as good as the dense one on validation rows."
    ),
]
PenaltyOption = Annotated[Share, typer.Option(help="Instead of --active: the paper's lambda.")]
CostOption = Annotated[
    str,
    typer.Option(
        help="What a column counts in the penalty, as scan=10,visit=3; 1 for the others. For graphs with --gate-at "
        "attributes."
    ),
]
HiddenCostOption = Annotated[
    Share,
    typer.Option(
        help="Gates for the hidden units of the deep branch: what an open one counts in the penalty, as 0.2, where an "
        "open dimension counts 1."
    ),
]
TeacherOption = Annotated[
    Teacher | None, typer.Option(help="A model whose answers training aims at, beside the labels.")
]
TeacherWeightOption = Annotated[Share, typer.Option(help="The share of its answers, 0 to 1.")]
SeedsOption = Annotated[int, typer.Option(min=1, help="How many models, seeds 0, 1, and so on.")]
OutOption = Annotated[Path | None, typer.Option(help="Folder for the models; default runs/DATA.")]
DenseOption = Annotated[bool, typer.Option(help="Fit the dense model too, for comparison.")]
EpochsOption = Annotated[Count, typer.Option(min=1, help="Passes over the training rows or nodes.")]
BatchSizeOption = Annotated[Count, typer.Option(min=1, help="Rows or nodes a step.")]
LrOption = Annotated[Share, typer.Option(help="Learning rate.")]
WeightDecayOption = Annotated[Share, typer.Option(help="Decay of the weights, which gates are left out of.")]
DropoutOption = Annotated[
    Share, typer.Option(help="Share that each layer of the deep branch, or of the graph encoder, drops.")
]
AveragingOption = Annotated[
    Share, typer.Option(help="Decay of the weights' moving average once the gates are fixed, as 0.998.")
]
CouplingOption = Annotated[
    Share, typer.Option(help="Weight of a calibration error beside the log loss in training, as 0.1, 0.3 or 1.")
]
EmbeddingDimOption = Annotated[Count, typer.Option(min=1, help="Dimensions a field.")]
DeepOption = Annotated[Words, typer.Option(help="Widths of the deep branch, as 128,64, or none.")]
CinOption = Annotated[Words, typer.Option(help="Widths of the CIN's depths, as 8, or none.")]
LinearOption = Annotated[Linear | None, typer.Option(help="The linear term.")]
MaskOption = Annotated[Mask | None, typer.Option(help="One sampled mask an example, or a batch.")]
GateOption = Annotated[Gate | None, typer.Option(help="The paper's gate, one to compare it with, or none.")]
CalibrationOption = Annotated[Calibration | None, typer.Option(help="The method of calibration that is fitted.")]
CalibratedOption = Annotated[bool, typer.Option("--calibrated", help="Apply the fitted calibrator.")]
ClassWeightOption = Annotated[ClassWeight | None, typer.Option(help="Weight classes by their rarity.")]
DeviceOption = Annotated[Words, typer.Option(help="auto, cpu or cuda.")]
CategoricalOption = Annotated[
    str, typer.Option(help="Columns to read as categories whatever they hold, separated by commas.")
]
MissingOption = Annotated[
    str, typer.Option(help="Values that are missing ones in every column, as unknown,-999; NA and ? are so anyway.")
]
TextOption = Annotated[str, typer.Option(help="Columns to read as text, separated by commas; most are recognised.")]
EncoderOption = Annotated[
    Words,
    typer.Option(
        help="What makes a vector of a text: ngrams, scratch, minilm, mpnet, a model's name or folder. Of a node: "
        "gcn (default), sage, gat, sign, or mlp, which reads no edges."
    ),
]
DropOption = Annotated[str, typer.Option(help="Columns to leave out, separated by commas.")]

EdgesOption = Annotated[
    Path | None, typer.Option(help="A file of edges: the rows of DATA are then the nodes of a graph.")
]
NodeIdOption = Annotated[
    Words, typer.Option(help="The column of DATA by which edges name nodes; else they hold row numbers, from 0.")
]
SourceOption = Annotated[Words, typer.Option(help="The edges' first column; source, src and from are known.")]
TargetNodeOption = Annotated[Words, typer.Option(help="The edges' second column; target, dst and to are known.")]
WeightOption = Annotated[Words, typer.Option(help="A column of the edges that holds their weights.")]
RelationOption = Annotated[Words, typer.Option(help="A column of the edges that says of which kind each one is.")]
FoldOption = Annotated[
    Words, typer.Option(help="A column of DATA that says train, validation or test; other nodes are left alone.")
]
ScaleOption = Annotated[Share, typer.Option(help="Of synthetic:products: the fraction of its size.")]
GateAtOption = Annotated[GateAt | None, typer.Option(help="What the gate closes: node states (default) or attributes.")]
WidthOption = Annotated[Count, typer.Option(min=1, help="Dimensions of the last node state.")]
HiddenOption = Annotated[Count, typer.Option(min=1, help="Dimensions of the states before it.")]
LayersOption = Annotated[Count, typer.Option(min=1, help="Layers of the graph encoder.")]
HopsOption = Annotated[Count, typer.Option(min=1, help="How far sign propagates attributes.")]
DirectionOption = Annotated[Direction | None, typer.Option(help="Which way messages go along an edge.")]
RelationsOption = Annotated[
    Words, typer.Option(help="fold (default) takes all kinds of edges as one, keep each by itself; or some, by name.")
]
NeighboursOption = Annotated[
    Words, typer.Option(help="How many a node receives from in training, as 15,10, the last layer first; or all.")
]
InductiveOption = Annotated[bool, typer.Option("--inductive", help="Train on the graph of the training nodes alone.")]
SmoothOption = Annotated[
    bool, typer.Option("--correct-and-smooth", help="Measure the answers after Correct and Smooth, too.")
]
AsJsonOption = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]
ProgressOption = Annotated[bool | None, typer.Option(help="Show a progress bar; by default on a terminal.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Discard an earlier run in --out.")]
