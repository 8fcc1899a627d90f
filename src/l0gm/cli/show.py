"""``l0gm show``: what a model file holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from l0gm.cli.output import MEASURES, columns, listed, print_json, share
from l0gm.errors import ParameterError

__all__ = ["EXAMPLES", "run"]

EXAMPLES = "\b\nExamples:\n  l0gm show income.l0gm\n  l0gm show income.l0gm --card > CARD.md"


def run(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .l0gm file.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
    card: Annotated[bool, typer.Option("--card", help="Print the model card, Markdown.")] = False,
) -> None:
    """Show what a model file holds.

    That is what the model reads, which fields and dimensions stayed, how it was measured, and its certificate.
    PyTorch is not needed.
    """
    from l0gm.cli.models import facts
    from l0gm.runtime import load

    if as_json and card:
        raise ParameterError("--json and --card: give one of the two")
    loaded = load(model)
    if card:
        typer.echo(loaded.card())
        return
    known = facts(loaded, model)
    if as_json:
        print_json(known)
    else:
        typer.echo(_text(known))


def _text(known: dict[str, Any]) -> str:
    before, certificate = known["n_parameters_gated"], known["certificate"]
    rows = [
        ("model", known["path"]),
        ("size", f"{known['bytes']:,} bytes, {known['n_parameters']:,} parameters"),
        ("before compaction", "" if before is None else f"{before:,} parameters"),
        ("trained on", " ".join(str(known[key]) for key in ("data", "split") if key in known)),
        ("classes", ", ".join(map(str, known["classes"]))),
        *(_graph(known) if known["kind"] == "nodes" else []),
        ("reads", _read(known)),
        ("calibration", f"{known['calibration']}; {'on' if known['calibrated'] else 'off'} by default"),
        ("decision threshold", _threshold(known)),
        ("prediction sets", "" if known["coverage"] is None else f"up to {known['coverage']:.1%} coverage"),
        (
            "certificate",
            f"within {certificate['max_difference']:.2g} of the gated model on {certificate['n_rows']} {known['kind']}",
        ),
    ]
    blocks = ["\n".join(f"{name:<20}{value}" for name, value in rows if value)]
    if known["n_dimensions"] and known["n_open"] is not None:
        line = f"open dimensions     {share(known['n_open'], known['n_dimensions'])}"
        blocks.append("\n".join([line, *_stays(known)]))
    for name, heavy in known["ngrams"].items():
        blocks.append("\n".join([f"n-grams of {name} that move the answer most", *_pushes(heavy, known["classes"])]))
    if known["metrics"]:
        parts = list(known["metrics"])
        table: list[list[object]] = [["measured on", *parts]]
        for key, label in MEASURES.items():
            if any(key in known["metrics"][part] for part in parts):
                table.append([f"  {label}", *(_number(known["metrics"][part].get(key)) for part in parts)])
        table.append([f"  {known['kind']}", *(f"{int(known['metrics'][part].get('n_rows', 0)):,}" for part in parts)])
        blocks.append(columns(table))
    if known["notes"]:
        blocks.append("\n".join(["notes", *(f"  {line}" for line in known["notes"])]))
    return "\n\n".join(blocks)


def _graph(known: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the lines of a model of nodes alone."""
    reach = [f"{known[name]} {name}" for name in ("layers", "hops") if known[name]]
    edges = [known["direction"], *(["relations " + listed(known["relations"])] if known["relations"] else [])]
    return [
        ("encoder", ", ".join([str(known["encoder"] or ""), *reach]).strip(", ")),
        ("edges", ", ".join(edges) if reach else "not read"),
        ("gate at", str(known["gate_at"] or "")),
    ]


def _read(known: dict[str, Any]) -> str:
    names = known["reads"]
    if known["kind"] == "rows":
        return ", ".join(names) or "no column (constant output)"
    return f"{len(names)} attributes: {listed(names)}" if names else "no attribute (edges alone)"


def _stays(known: dict[str, Any]) -> list[str]:
    """Return the lines on how much of each field, or which attributes, stayed; none for the states of nodes."""
    if known["kind"] == "rows":
        stays = [
            (name, count or ("dropped" if name in known["dropped"] else 0)) for name, count in known["support"].items()
        ]
        return [columns(stays, indent="  ")]
    if known["gate_at"] != "attributes":
        return []
    kept = [name if count == 1 else f"{name} ({count})" for name, count in known["support"].items() if count]
    went = listed(known["dropped"]) or "none"
    return [f"attributes kept     {listed(kept) or 'none'}", f"attributes dropped  {went}"]


def _pushes(heavy: list[tuple[str, list[float]]], classes: list[Any]) -> list[str]:
    """Return a line a class: the n-grams that speak for it most, the strongest first."""
    lines = []
    for k, label in enumerate(classes):
        sign, place = (1 if k else -1, 0) if len(classes) == 2 else (1, k)
        towards = sorted(((sign * added[place], text) for text, added in heavy), reverse=True)
        words = [f"{text} ({value:.2f})" for value, text in towards if value > 0]
        lines.append(f"  towards {label}: {', '.join(words) or 'none of them'}")
    return lines


def _threshold(known: dict[str, Any]) -> str:
    value = known["decision_threshold"]
    return "" if value is None else f"{known['classes'][1]} from a probability of {value:.4g} on"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
