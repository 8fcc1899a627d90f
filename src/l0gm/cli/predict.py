"""``l0gm predict``: probabilities and labels for the rows of a table, or the nodes of a graph."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from l0gm.cli import train_options as o
from l0gm.cli.output import note
from l0gm.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from l0gm.cli.files import Frame
    from l0gm.runtime import CompactModel
    from l0gm.runtime.served import Served

__all__ = ["EXAMPLES", "answers_of", "run"]

EXAMPLES = (
    "\b\nExamples:\n"
    "  l0gm predict income.l0gm people.csv\n"
    "  l0gm predict income.l0gm people.parquet --keep id,name --out answers.parquet\n"
    "  l0gm predict fields.l0gm papers.csv --edges citations.csv --node-id id --keep id --out answers.csv"
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
        typer.Option("--calibrated/--raw", help="Apply the calibrator or not; by default as trained."),
    ] = None,
    coverage: Annotated[
        float | None,
        typer.Option(help="Add sets of labels that hold the true one as often, as 0.9: a column in(LABEL) for each."),
    ] = None,
    edges: o.EdgesOption = None,
    node_id: o.NodeIdOption = None,
    source: o.SourceOption = None,
    target_node: o.TargetNodeOption = None,
    weight: o.WeightOption = None,
    relation: o.RelationOption = None,
    scale: o.ScaleOption = None,
) -> None:
    """Write labels and probabilities for rows, or for the nodes of a graph.

    The columns are prediction, the label that the row is answered with, p(LABEL) for each label and, with --coverage,
    in(LABEL), whether it is in the row's set. DATA needs the columns that the model reads (see l0gm show), others are
    ignored. It is read and answered piece by piece, so that it may be larger than memory; the nodes of a graph are
    answered at once. PyTorch is not needed.
    """
    values = dict(locals())
    from l0gm.cli.files import check_writable
    from l0gm.cli.parsing import names
    from l0gm.runtime import CompactModel, load

    if out is not None:
        check_writable(out)
        for path in (Path(data), model, *([] if edges is None else [edges])):
            if out.exists() and path.exists() and out.samefile(path):
                raise ParameterError(f"--out {out}: it would replace {path}, which is read; choose another place")
    loaded = load(model)
    if coverage is not None:
        loaded.sets_of(coverage)
    if isinstance(loaded, CompactModel):
        o.check_rows(values, model)
        done = _predict_rows(loaded, data, names(keep), out, calibrated, coverage)
    else:
        from l0gm.cli.graph_answers import predict_nodes

        done = predict_nodes(loaded, values, names(keep))
    if out is not None:
        note(f"{done:,} {loaded.unit} written to {out}")


def _predict_rows(
    loaded: CompactModel, data: str, kept: list[str], out: Path | None, calibrated: bool | None, coverage: float | None
) -> int:
    """Write the answers for rows, batch by batch, and return how many there are."""
    from l0gm.cli.answers import refuse_clash, writing
    from l0gm.cli.files import check_columns
    from l0gm.cli.progress import showing
    from l0gm.cli.rows import check_sources, located, typed
    from l0gm.cli.streams import open_stream

    stream = open_stream(data)
    check_columns(stream, kept, "--keep")
    check_sources(loaded.schema, stream)

    def answer(frame: Frame) -> dict[str, NDArray[Any]]:
        raw = loaded.predict_proba(typed(frame, loaded.schema), calibrated=False)
        return answers_of(loaded, raw, calibrated, coverage)

    visible = sys.stderr.isatty() and not (out is None and sys.stdout.isatty())
    done = 0
    with writing(out, stream, kept) as write, showing("predict", visible) as show:
        for share, frame in stream.batches([*loaded.feature_names_in_, *kept]):
            answers = located(answer, frame, stream.name, done)
            refuse_clash(kept, answers)
            write(frame.select(kept) if kept else None, answers)
            done += len(frame)
            show(done, share)
    return done


def answers_of(
    model: Served, raw: NDArray[Any], calibrated: bool | None, coverage: float | None
) -> dict[str, NDArray[Any]]:
    """Return the columns of the output, each (n,), of raw probabilities (n, C)."""
    from l0gm.decisions import decide
    from l0gm.runtime.served import label_array

    proba = model.scaled(raw, calibrated)
    decisive = proba if model.decision_threshold is None else model.scaled(raw)  # a threshold goes with its own scale
    found = {"prediction": label_array(model.classes_)[decide(decisive, model.decision_threshold)]}
    found |= {f"p({label})": proba[:, i] for i, label in enumerate(model.classes_)}
    if coverage is not None:
        sets = model.sets_of(coverage).sets(raw, coverage)
        found |= {f"in({label})": sets[:, i] for i, label in enumerate(model.classes_)}
    return found
