"""``l0gm train``: from rows to compacted models, one for each seed."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from l0gm.cli.output import MEASURES, columns, note, print_json, share
from l0gm.cli.parsing import amounts, fraction, names, widths
from l0gm.errors import ParameterError

__all__ = ["EXAMPLES", "run"]

STAYS = (
    *("active", "penalty", "cost", "embedding_dim", "deep", "cin", "linear", "mask", "gate"),
    *("categorical", "missing", "text", "encoder"),
)
"""Options on what a model that training goes on from has decided already."""

EXAMPLES = (
    "\b\nExamples:\n"
    "  l0gm train imdb --encoder ngrams --seeds 5\n"
    "  l0gm train adult --split openml --active 0.15 --seeds 5\n"
    "  l0gm train people.csv --target income --drop id --out runs/people\n"
    "  l0gm train people.csv --target income --active auto --teacher trees\n"
    "  l0gm train newer.csv --from runs/people/seed-0/model.l0gm --out runs/newer"
)


class Gate(StrEnum):
    """The learned gate, the dense model, and two controls."""

    HARD_CONCRETE = "hard_concrete"
    NONE = "none"
    RANDOM = "random"
    MAGNITUDE = "magnitude"


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


def run(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="A data set's name (see l0gm data list) or a table file.", show_default=False
        ),
    ],
    target: Annotated[str | None, typer.Option(help="The column to predict; a file needs it.")] = None,
    split: Annotated[str | None, typer.Option(help="Split of a registered data set.")] = None,
    test: Annotated[Path | None, typer.Option(help="A file of test rows, where DATA is a file.")] = None,
    test_size: Annotated[
        float | None, typer.Option(help="Share of a file's rows to test on; 0.2 unless --test is given.")
    ] = None,
    out_of_core: Annotated[
        bool | None,
        typer.Option(
            "--out-of-core/--in-memory",
            help="Read parquet files in batches; by default folders and files from 256 MB on.",
        ),
    ] = None,
    initial: Annotated[
        Path | None,
        typer.Option("--from", help="A .l0gm file to go on from: its fields, branches and open dimensions stay."),
    ] = None,
    active: Annotated[
        str | None,
        typer.Option(
            help="Fraction of the dimensions that stay open, 0.15 without --penalty; or auto, the smallest model as "
            "good as the dense one on validation rows."
        ),
    ] = None,
    penalty: Annotated[float | None, typer.Option(help="Instead of --active: the paper's lambda.")] = None,
    cost: Annotated[
        str, typer.Option(help="What a column counts in the penalty, as scan=10,visit=3; 1 for the others.")
    ] = "",
    teacher: Annotated[
        Teacher | None, typer.Option(help="A model whose answers training aims at, beside the labels.")
    ] = None,
    teacher_weight: Annotated[float | None, typer.Option(help="The share of its answers, 0 to 1.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many models, seeds 0, 1, and so on.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Folder for the models; default runs/DATA.")] = None,
    dense: Annotated[bool, typer.Option(help="Fit the dense model too, for comparison.")] = True,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the training rows.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Rows a step.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate.")] = None,
    dropout: Annotated[float | None, typer.Option(help="Share that each layer of the deep branch drops.")] = None,
    averaging: Annotated[
        float | None, typer.Option(help="Decay of the weights' moving average once the gates are fixed, as 0.998.")
    ] = None,
    embedding_dim: Annotated[int | None, typer.Option(min=1, help="Dimensions a field.")] = None,
    deep: Annotated[str | None, typer.Option(help="Widths of the deep branch, as 128,64, or none.")] = None,
    cin: Annotated[str | None, typer.Option(help="Widths of the CIN's depths, as 8, or none.")] = None,
    linear: Annotated[Linear | None, typer.Option(help="The linear term.")] = None,
    mask: Annotated[Mask | None, typer.Option(help="One sampled mask an example, or a batch.")] = None,
    gate: Annotated[Gate | None, typer.Option(help="The learned gate, none, or a control.")] = None,
    calibration: Annotated[Calibration | None, typer.Option(help="The method of calibration that is fitted.")] = None,
    calibrated: Annotated[bool, typer.Option("--calibrated", help="Apply the fitted calibrator.")] = False,
    class_weight: Annotated[ClassWeight | None, typer.Option(help="Weight classes by their rarity.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    categorical: Annotated[
        str, typer.Option(help="Columns to read as categories whatever they hold, separated by commas.")
    ] = "",
    missing: Annotated[
        str, typer.Option(help="Values that are missing ones in every column, as unknown,-999; NA and ? are so anyway.")
    ] = "",
    text: Annotated[str, typer.Option(help="Columns to read as text, separated by commas; most are recognised.")] = "",
    encoder: Annotated[
        str | None,
        typer.Option(help="What makes a vector of a text: ngrams, scratch, minilm, mpnet, a model's name or folder."),
    ] = None,
    drop: Annotated[str, typer.Option(help="Columns to leave out, separated by commas.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    progress: Annotated[bool | None, typer.Option(help="Show a progress bar; by default on a terminal.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Discard an earlier run in --out.")] = False,
) -> None:
    """Train a sparse model for each seed.

    Each one is compacted and measured on the test rows, beside the dense model of the same seed. The folder gets
    a summary.json and, for each seed, seed-N/model.l0gm. The same command again goes on where it was stopped or
    killed.
    """
    if active is not None and penalty is not None:
        raise ParameterError("--active and --penalty: give one of the two")
    options: dict[str, Any] = {
        "active": None if active is None else fraction("--active", active),
        "penalty": penalty,
        "cost": amounts("--cost", cost) or None,
        "teacher": None if teacher is None else teacher.value,
        "teacher_weight": teacher_weight,
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "dropout": dropout,
        "averaging": averaging,
        "embedding_dim": embedding_dim,
        "deep": None if deep is None else widths("--deep", deep),
        "cin": None if cin is None else widths("--cin", cin),
        "linear": None if linear is None else linear.value,
        "mask": None if mask is None else mask.value,
        "gate": None if gate is None else gate.value,
        "calibration": None if calibration is None else calibration.value,
        "calibrated": calibrated,
        "class_weight": None if class_weight is None else class_weight.value,
        "device": device,
        "categorical": names(categorical),
        "missing_values": names(missing),
        "text": names(text),
        "encoder": encoder,
    }
    from l0gm.cli.files import check_columns
    from l0gm.cli.sources import is_registered, read_task, short_name
    from l0gm.experiments import run_seeds
    from l0gm.runtime import load

    spelled = [*options["categorical"], *options["text"]]  # as prediction reads them: 00501 is not 501
    if initial is not None:
        options["initial_model"] = str(initial)
        given = {**options, "missing": options["missing_values"]}
        for name in STAYS:
            if given[name] not in (None, []):
                raise ParameterError(f"--{name.replace('_', '-')}: it stays that of --from {initial}; leave it out")
        start = load(initial)
        spelled = list(start.schema.text_sources)
        if target is None and not is_registered(data):
            target = start.information.get("target")
    task = read_task(data, target, split, test, test_size, out_of_core, spelled)
    dropped = names(drop)
    for option, listed in (("--drop", dropped), *((f"--{name}", options[name]) for name in ("categorical", "text"))):
        check_columns(task.train.frame, listed, option)
    if task.train.target in dropped:
        raise ParameterError(f"--drop {task.train.target}: it is the target")
    folder = Path("runs", short_name(data)) if out is None else out
    try:
        summary = run_seeds(
            task.train.features(dropped),
            task.train.labels,
            task.test.features([name for name in dropped if name in task.test.frame.columns]),
            task.test.labels,
            seeds=range(seeds),
            out=folder,
            dense=dense,
            overwrite=overwrite,
            about={"data": task.name, "split": task.split, "target": task.train.target},
            progress=sys.stderr.isatty() if progress is None else progress,
            on_fit=_report,
            **{name: value for name, value in options.items() if value is not None},
        )
    except KeyboardInterrupt as interruption:
        how = "the same command goes on from there"
        if overwrite:
            how = f"the same command without --overwrite goes on from there, unless {folder} still holds another run"
        raise KeyboardInterrupt("; ".join([*map(str, interruption.args), how])) from None
    if as_json:
        print_json(summary)
    else:
        typer.echo(_text(summary, folder))


def _report(seed: int, role: str, record: dict[str, Any]) -> None:
    measures = record["test"]
    note(
        f"seed {seed}, {role}: accuracy {measures['accuracy']:.4f}, AUC {measures['auc']:.4f}, "
        f"log loss {measures['log_loss']:.4f}, {record['n_open']} of {record['n_dimensions']} open, "
        f"{record['fit_seconds']:.0f} s"
    )


def _text(summary: dict[str, Any], folder: Path) -> str:
    dense, seeds = summary["dense"], len(summary["seeds"])
    heads = ["", "gated", "worst", *(["dense"] if dense else [])]
    table: list[list[str]] = [heads]
    for key, label in MEASURES.items():
        if key in summary:
            row = [label, _spread(summary[key]), f"{summary[key]['worst']:.4f}"]
            table.append([*row, *([_spread(dense[key])] if dense else [])])
    table.append(
        [
            "parameters",
            f"{summary['n_parameters']:,.0f}",
            "",
            *([f"{dense['n_parameters']:,.0f}"] if dense else []),
        ]
    )
    sizes = [max(part["model_bytes"]) / 1000 for part in (summary, dense) if part]
    table.append(["file, kB", f"{sizes[0]:.0f}", "", *(f"{size:.0f}" for size in sizes[1:])])
    rows = summary["rows"]
    lines = [
        f"{summary['data']} ({summary['split']}): {rows['train']:,} training and {rows['test']:,} test rows, "
        f"{seeds} seed{'s' if seeds > 1 else ''}{', mean ± standard deviation' if seeds > 1 else ''}",
        "",
        columns(table, indent="  "),
        "",
        f"open dimensions: {share(summary['n_open'], summary['n_dimensions'])}",
        f"fields shut in every seed: {', '.join(_shut(summary)) or 'none'}",
        f"ECE that a perfectly calibrated model stays below in 95 of 100 cases: {summary['ece_null_p95']:.4f}",
    ]
    gap = summary["accuracy_minus_dense"]
    if gap:
        interval = f"95 % interval {gap['low']:+.4f} to {gap['high']:+.4f}"
        lines.append(f"accuracy, gated minus dense: {gap['mean']:+.4f} ({interval})")
    undecided = [s for s, h in zip(summary["seeds"], summary["hardening"], strict=True) if h and not h["decided"]]
    if undecided:
        lines.append(f"gates that had not decided by themselves: seed {', '.join(map(str, undecided))}; train longer")
    model = folder / f"seed-{summary['seeds'][0]}" / "model.l0gm"
    return "\n".join(
        [
            *lines,
            "",
            f"models:  {folder / 'seed-*' / 'model.l0gm'}",
            f"summary: {folder / 'summary.json'}",
            f"next:    l0gm show {model}",
        ]
    )


def _spread(measure: dict[str, Any]) -> str:
    return f"{measure['mean']:.4f}" + (f" ± {measure['std']:.4f}" if len(measure["seeds"]) > 1 else "")


def _shut(summary: dict[str, Any]) -> list[str]:
    return [name for name, opened in summary["support"].items() if not any(opened)]
