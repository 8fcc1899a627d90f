"""``l0gm robustness``: how much of a model's accuracy is left when rows are corrupted in twelve fixed ways."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from l0gm.cli.output import note, print_json
from l0gm.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from l0gm.cli.files import Frame
    from l0gm.cli.sources import Part
    from l0gm.robustness import InputStatistics
    from l0gm.runtime import CompactModel

__all__ = ["EXAMPLES", "run"]

EXAMPLES = (
    "\b\nExamples:\n"
    "  l0gm robustness income.l0gm adult --split openml\n"
    "  l0gm robustness income.l0gm held-out.csv --target income --train people.csv --out runs/robustness"
)
JSON, MARKDOWN = "robustness.json", "robustness.md"


@dataclass(frozen=True)
class _Answers:
    """A model whose probabilities are calibrated, or not, as asked."""

    model: CompactModel
    calibrated: bool | None

    @property
    def classes_(self) -> tuple[Any, ...]:
        return self.model.classes_

    def predict_proba(self, X: Any) -> NDArray[Any]:
        return self.model.predict_proba(X, calibrated=self.calibrated)


def run(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .l0gm file.", show_default=False)],
    data: Annotated[str, typer.Argument(metavar="DATA", help="A data set's name or a table file.", show_default=False)],
    target: Annotated[
        str | None,
        typer.Option(help="The column of true labels; by default the one that the model was trained on."),
    ] = None,
    train: Annotated[
        Path | None,
        typer.Option(help="The training rows, a table file: noise and bits are in units of their spread and range."),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Split of a registered data set.")] = None,
    part: Annotated[
        str | None, typer.Option(help="Rows of a registered data set: test (default), train or all.")
    ] = None,
    metric: Annotated[
        str, typer.Option(help="What Rob mu is the mean of in the JSON: accuracy, auc, log_loss or ece.")
    ] = "accuracy",
    seed: Annotated[int, typer.Option(min=0, help="Of the corruption.")] = 0,
    calibrated: Annotated[
        bool | None,
        typer.Option("--calibrated/--raw", help="Apply the calibrator or not; by default as trained."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help=f"A folder for {JSON} and {MARKDOWN}.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the measures as JSON.")] = False,
) -> None:
    """Measure a model on labelled rows, as they are and corrupted.

    Cells go missing, numbers get noise or lose bits, and blocks of columns go missing, each at three levels; Rob mu is
    the mean over these twelve conditions. Inputs, condition and seed decide what is corrupted, and the model does not.
    PyTorch is not needed.
    """
    from l0gm.cli.sources import read_labelled
    from l0gm.robustness import compare
    from l0gm.runtime.files import load_rows

    loaded = load_rows(model)
    rows, y = read_labelled(loaded, data, target, split, part)
    name = rows.target or loaded.information["target"]
    statistics, of = _statistics(loaded, rows, name, train, data, split, part)
    result = compare(
        {str(model): _Answers(loaded, calibrated)},
        _features(rows.frame, name, loaded).to_native(),
        y,
        statistics=statistics,
        seeds=(seed,),
        metric=metric,
        text=[field.source for field in loaded.schema.texts if field.source in rows.frame.columns],
    )[str(model)]
    applied = loaded.calibrated if calibrated is None else calibrated
    record = {
        **result.to_dict(),
        "model": str(model),
        "data": rows.title,
        "statistics_of": of,
        "calibrated": applied,
    }
    title = f"{model} on {rows.title}: {loaded.calibrator if applied else 'raw probabilities'}, seed {seed}; "
    text = f"{title}spread and range of {of}\n\n{result}"
    if out is not None:
        _write(out, record, text)
    if as_json:
        print_json(record)
    else:
        typer.echo(text)


def _statistics(
    model: CompactModel, rows: Part, target: str, train: Path | None, data: str, split: str | None, part: str | None
) -> tuple[InputStatistics, str]:
    """Return the statistics of the training rows, and what they are called."""
    from l0gm.cli.sources import is_registered, read_part
    from l0gm.robustness import InputStatistics

    if train is not None:
        if is_registered(str(train)):
            raise ParameterError(f"--train {train}: give a table file; of a data set, the split's training rows count")
        seen = read_part(str(train), None, None, None, model.schema.text_sources)
    elif is_registered(data) and part != "all":
        seen = read_part(data, None, split, "train", model.schema.text_sources)
    else:
        note(f"no --train: spread and range are those of {rows.title} itself, not of the training rows")
        seen = rows
    return InputStatistics.fit(_features(seen.frame, target, model).to_native()), seen.title


def _features(frame: Frame, target: str, model: CompactModel) -> Frame:
    """Return the table without the target, and with its numbers as numbers where they are written as text.

    What the model takes for a missing number is missing here, too: noise would make a number of it.
    """
    import narwhals.stable.v2 as nw

    from l0gm.data.frames import Table
    from l0gm.data.schema import NumericField

    frame = frame.drop([name for name in (target,) if name in frame.columns])
    table = Table(frame.to_native())
    for field in model.schema.fields:
        if not isinstance(field, NumericField) or field.part is not None or field.source not in table:
            continue
        if field.missing or table.kind(field.source) in ("text", "object"):
            numbers = table.numbers(field.source, field.missing)
            series = nw.new_series(field.source, numbers, nw.Float64, backend=frame.implementation)
            frame = frame.with_columns(series)
    return frame


def _write(folder: Path, record: dict[str, Any], text: str) -> None:
    from l0gm.experiments.records import write_json
    from l0gm.files import replacing

    write_json(folder / JSON, record)
    with replacing(folder / MARKDOWN) as beside:
        beside.write_text(f"{text}\n", encoding="utf-8")
