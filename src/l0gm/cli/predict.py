"""``l0gm predict``: probabilities and labels for the rows of a table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from l0gm.cli.output import note
from l0gm.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from l0gm.cli.files import Frame
    from l0gm.runtime import CompactModel

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
        typer.Option("--calibrated/--raw", help="Apply the calibrator or not; by default as trained."),
    ] = None,
    coverage: Annotated[
        float | None,
        typer.Option(help="Add sets of labels that hold the true one as often, as 0.9: a column in(LABEL) for each."),
    ] = None,
) -> None:
    """Write labels and probabilities for rows.

    The columns are prediction, the label that the row is answered with, p(LABEL) for each label and, with --coverage,
    in(LABEL), whether it is in the row's set. DATA needs the columns that the model reads (see l0gm show), others are
    ignored. It is read and answered piece by piece, so that it may be larger than memory. PyTorch is not needed.
    """
    from l0gm.cli.answers import writing
    from l0gm.cli.files import check_columns, check_writable
    from l0gm.cli.parsing import names
    from l0gm.cli.progress import showing
    from l0gm.cli.rows import check_sources, located, typed
    from l0gm.cli.streams import open_stream
    from l0gm.runtime import load

    if out is not None:
        check_writable(out)
        for path in (Path(data), model):
            if out.exists() and path.exists() and out.samefile(path):
                raise ParameterError(f"--out {out}: it would replace {path}, which is read; choose another place")
    loaded = load(model)
    if coverage is not None:
        loaded.sets_of(coverage)
    stream = open_stream(data)
    kept = names(keep)
    check_columns(stream, kept, "--keep")
    check_sources(loaded.schema, stream)

    def answer(frame: Frame) -> dict[str, NDArray[Any]]:
        return _answers(loaded, typed(frame, loaded.schema), calibrated, coverage)

    visible = sys.stderr.isatty() and not (out is None and sys.stdout.isatty())
    done = 0
    with writing(out, stream, kept) as write, showing("predict", visible) as show:
        for share, frame in stream.batches([*loaded.feature_names_in_, *kept]):
            answers = located(answer, frame, stream.name, done)
            clash = [name for name in kept if name in answers]
            if clash:
                raise ParameterError(f"--keep {clash[0]}: the output has a column of that name already; rename it")
            write(frame.select(kept) if kept else None, answers)
            done += len(frame)
            show(done, share)
    if out is not None:
        note(f"{done:,} rows written to {out}")


def _answers(
    model: CompactModel, table: Any, calibrated: bool | None, coverage: float | None
) -> dict[str, NDArray[Any]]:
    """Return the columns of the output, each (n,)."""
    from l0gm.decisions import decide
    from l0gm.runtime.served import label_array

    raw = model.predict_proba(table, calibrated=False)
    proba = model.scaled(raw, calibrated)
    decisive = proba if model.decision_threshold is None else model.scaled(raw)  # a threshold goes with its own scale
    found = {"prediction": label_array(model.classes_)[decide(decisive, model.decision_threshold)]}
    found |= {f"p({label})": proba[:, i] for i, label in enumerate(model.classes_)}
    if coverage is not None:
        sets = model.sets_of(coverage).sets(raw, coverage)
        found |= {f"in({label})": sets[:, i] for i, label in enumerate(model.classes_)}
    return found
