"""``l0gm explain``: which columns pushed each prediction, and by how much."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from l0gm.cli.output import columns, print_json

if TYPE_CHECKING:
    from l0gm.cli.files import Frame
    from l0gm.data.schema import Encoded
    from l0gm.runtime import CompactModel
    from l0gm.runtime.contributions import Contributions

__all__ = ["EXAMPLES", "run"]

EXAMPLES = "\b\nExamples:\n  l0gm explain income.l0gm people.csv\n  l0gm explain income.l0gm adult --rows 3 --json"


def run(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .l0gm file.", show_default=False)],
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="A table file, or a data set's name.", show_default=False)
    ],
    rows: Annotated[int, typer.Option(min=1, help="How many rows to explain, from the first on.")] = 5,
    top: Annotated[int, typer.Option(min=1, help="How many columns to name a row; the others are summed up.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: every column of each row.")] = False,
) -> None:
    """Show what predictions rest on.

    For each row: the prediction, its log-odds against the other classes before calibration, and the columns that
    pushed towards it (+) or away from it (-), with their values. The pushes and the base, at which every column has
    its mean over the training rows, add up to the log-odds. PyTorch is not needed.
    """
    from l0gm.cli.rows import check_sources, located
    from l0gm.cli.streams import open_stream
    from l0gm.runtime.files import load_rows

    loaded = load_rows(model)
    stream = open_stream(data)
    check_sources(loaded.schema, stream)
    found: list[dict[str, Any]] = []
    residual = 0.0
    for _, batch in stream.batches(loaded.feature_names_in_):
        first = batch.head(rows - len(found))
        c, explained = located(lambda frame: _explained(loaded, frame), first, stream.name, len(found))
        found += [{"row": len(found) + r, **row} for r, row in enumerate(explained)]
        residual = max(residual, c.max_residual)
        if len(found) == rows:
            break
    if as_json:
        print_json({"method": c.method, "exact": c.exact, "max_residual": residual, "rows": found})
        return
    for row in found:
        typer.echo(_text(row, top) + "\n")
    typer.echo(
        f"contributions: {c.method}, which add up to the log-odds within {residual:.1g}; base: every column at its "
        "mean over the training rows"
    )


def _explained(model: CompactModel, frame: Frame) -> tuple[Contributions, list[dict[str, Any]]]:
    """Return the contributions of the rows, and each row's explanation, ready for JSON."""
    from l0gm.cli.rows import typed

    table = typed(frame, model.schema)
    c, proba = model.contributions(table), model.predict_proba(table)
    rows = model.encode(table)
    read = {name: _as_read(model, name, frame[name].to_list(), rows) for name in c.names}
    result = []
    for r, label in enumerate(model.predict(table).tolist()):
        pushes = c.towards(label)[r].tolist()
        by_size = sorted(zip(c.names, pushes, strict=True), key=lambda pair: -abs(pair[1]))
        base, odds = c.log_odds(label)
        result.append(
            {
                "prediction": label,
                "probability": float(proba[r, model.classes_.index(label)]),
                "log_odds": float(odds[r]),
                "base": base,
                "contributions": [{"column": name, **read[name][r], "contribution": push} for name, push in by_size],
            }
        )
    return c, result


def _as_read(model: CompactModel, name: str, values: list[Any], rows: Encoded) -> list[dict[str, Any]]:
    """Return for each row the value of a column and what it was read as: a value, a missing or an unseen one.

    A text is unseen if it holds nothing that is known.
    """
    from l0gm.data.schema import MISSING, UNSEEN, CategoricalField

    for text, found in zip(model.schema.texts, rows.texts, strict=True):
        if text.source == name:
            kinds = ["unseen" if empty else "value" for empty in text.is_empty(found).tolist()]
            return [
                {"value": value, "read": "missing" if value is None or not str(value).strip() else kind}
                for value, kind in zip(values, kinds, strict=True)
            ]
    at = [i for i, f in enumerate(model.schema.fields) if f.source == name]
    listed = isinstance(model.schema.fields[at[0]], CategoricalField)
    result = []
    for value, row in zip(values, rows.codes[:, at].tolist(), strict=True):
        missing = all(code == MISSING for code in row)
        plain = value if isinstance(value, (str, int, float)) else str(value)
        read = "missing" if missing else "unseen" if listed and row == [UNSEEN] else "value"
        result.append({"value": None if missing else plain, "read": read})
    return result


def _text(row: dict[str, Any], top: int) -> str:
    shown, others = row["contributions"][:top], row["contributions"][top:]
    table = [(" ".join(p["column"].split()), _value(p), f"{p['contribution']:+.2f}") for p in shown]
    if others:
        rest = sum(p["contribution"] for p in others)
        table.append((f"{len(others)} other column{'s' * (len(others) > 1)}", "", f"{rest:+.2f}"))
    table += [("base", "", f"{row['base']:+.2f}"), ("log-odds", "", f"{row['log_odds']:+.2f}")]
    head = f"row {row['row']}: {row['prediction']}, probability {row['probability']:.3f}"
    return f"{head}\n{columns(table, indent='  ')}"


def _value(push: dict[str, Any]) -> str:
    if push["read"] == "missing":
        return "(missing)"
    text = " ".join(str(push["value"]).split())
    return (text if len(text) <= 40 else text[:37] + "...") + (" (unseen)" if push["read"] == "unseen" else "")
