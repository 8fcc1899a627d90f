"""A finished table: rows of measures with their spread, marks, claims and notes, as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from l0gm.experiments.machine import hardware, versions
from l0gm.experiments.paper.claims import NAMES, Claim
from l0gm.experiments.paper.results import HIGHER, Result, best, difference
from l0gm.experiments.records import write_json
from l0gm.files import replacing

__all__ = ["LEGEND", "Row", "Table", "Value", "measured_rows", "write_table"]

LEGEND = (
    "Mean ± standard deviation over seeds. Bold: the best of its block, and what cannot be told from it (the 95 % "
    "interval of the difference, over test rows and seeds, or over seeds alone for ECE and Rob mu, holds 0); with one "
    "seed, nothing. In brackets: the paper's figure, as reported."
)


@dataclass(frozen=True)
class Value:
    """A measure of a row.

    Parameters
    ----------
    text : str
    numbers : mapping from str to float or None
        In CSV and JSON: mean, std, worst, low, high, paper, or whatever there is.
    marked : bool
        Whether it is the best of its block, or cannot be told from it.
    """

    text: str
    numbers: Mapping[str, float | None] = field(default_factory=dict)
    marked: bool = False


@dataclass(frozen=True)
class Row:
    """A row: what names it, and its measures by heading."""

    names: Mapping[str, str]
    values: Mapping[str, Value]


@dataclass(frozen=True)
class Table:
    """A table of the paper.

    Parameters
    ----------
    name, title : str
    rows : sequence of Row
    claims : sequence of Claim
    notes : sequence of str
    more : mapping
        Other entries of the JSON file.
    failed : sequence of str
        Methods that lack seeds.
    """

    name: str
    title: str
    rows: Sequence[Row]
    claims: Sequence[Claim] = ()
    notes: Sequence[str] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    failed: Sequence[str] = ()

    @property
    def heads(self) -> list[str]:
        """The columns, names first."""
        names = dict.fromkeys(name for row in self.rows for name in row.names)
        return [*names, *dict.fromkeys(name for row in self.rows for name in row.values)]

    def cells(self, bold: bool = False) -> list[list[str]]:
        """Return the table as text: a head, then its rows; ``bold`` puts Markdown's stars around what is marked."""
        heads = self.heads
        return [heads, *([_cell(row, head, bold) for head in heads] for row in self.rows)]

    def markdown(self) -> str:
        """Return the page: title, table, claims and notes."""
        blocks = [f"# {self.title}", _markdown(self.cells(bold=True))]
        if self.claims:
            heads = ["claim", "paper", "here", "verdict"]
            blocks += ["## Claims", _markdown([heads, *([c.claim, c.paper, c.ours, c.verdict] for c in self.claims)])]
        blocks += ["\n".join(f"- {note}" for note in self.notes)] if self.notes else []
        return "\n\n".join(blocks) + "\n"

    def csv(self) -> str:
        """Return each row with its numbers, a column a number."""
        names = dict.fromkeys(name for row in self.rows for name in row.names)
        heads = dict.fromkeys(
            (head, number) for row in self.rows for head, value in row.values.items() for number in value.numbers
        )
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*names, *(f"{head} {number}" for head, number in heads)])
        for row in self.rows:
            numbers = [row.values[head].numbers.get(number) if head in row.values else None for head, number in heads]
            writer.writerow([*(row.names.get(name, "") for name in names), *("" if n is None else n for n in numbers)])
        return text.getvalue()

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {
            "table": self.name,
            "title": self.title,
            "columns": self.heads,
            "rows": [
                {
                    **row.names,
                    **{head: {"text": v.text, "marked": v.marked, **v.numbers} for head, v in row.values.items()},
                }
                for row in self.rows
            ],
            "claims": [claim.to_dict() for claim in self.claims],
            "notes": list(self.notes),
            **self.more,
            "hardware": hardware(),
            "versions": versions(),
        }


def write_table(table: Table, out: Path) -> list[Path]:
    """Write NAME.md, NAME.csv and NAME.json, each whole or not at all; return their paths."""
    paths = [out / f"{table.name}.{kind}" for kind in ("md", "csv", "json")]
    for path, text in zip(paths, (table.markdown(), table.csv()), strict=False):
        with replacing(path) as beside:
            beside.write_text(text, encoding="utf-8")
    write_json(paths[-1], table.to_dict())
    return paths


def measured_rows(
    block: Mapping[str, str], results: Iterable[Result], measures: Sequence[str], *, worst: bool = True
) -> list[Row]:
    """Return a row for each result of a block, in which the best of each measure is marked.

    Parameters
    ----------
    block : mapping
        What names the block, such as ``{"modality": "tabular"}``.
    results : iterable of Result
    measures : sequence of str
        Of :data:`l0gm.experiments.paper.results.HIGHER`.
    worst : bool
        Whether the worst seed's accuracy is a column.
    """
    compared = list(results)
    leaders = {measure: best(compared, measure) for measure in measures}
    rows = []
    for result in compared:
        values = {}
        for measure in measures:
            values[NAMES[measure]] = _measured(result, measure, leaders[measure])
            if measure == "accuracy" and worst:
                values["worst seed"] = _worst(result)
        rows.append(Row({**block, "method": result.variant.title}, values))
    return rows


def _measured(result: Result, measure: str, leader: Result | None) -> Value:
    summary, paper = result.summary(measure), result.variant.paper.get(measure)
    if summary is None:
        return Value(f"- {_reported(paper, measure)}".strip(), {"mean": None, "paper": paper})
    several = len(result.records) > 1
    text = _number(summary["mean"], measure) + (f" ± {_number(summary['std'], measure)}" if several else "")
    if measure == "ece":
        null = result.summary("ece_null_p95")
        text += "" if null is None else f" (null {null['mean']:.4f})"
    marked = leader is not None and _leads(result, leader, measure)
    around = result.interval(measure)
    numbers = {
        "mean": summary["mean"],
        "std": summary["std"] if several else None,
        "worst": summary.get("worst"),
        "low": None if around is None else around.low,
        "high": None if around is None else around.high,
        "paper": paper,
    }
    return Value(" ".join(filter(None, [text, _reported(paper, measure)])), numbers, marked)


def _leads(result: Result, leader: Result, measure: str) -> bool:
    if HIGHER[measure] is None:
        return False
    if len(leader.records) < 2 or len(result.records) < 2:
        return False  # one seed tells nothing apart
    apart = None if result is leader else difference(result, leader, measure)
    return apart is None or not apart.decided


def _worst(result: Result) -> Value:
    summary, paper = result.summary("accuracy"), result.variant.paper.get("worst")
    if summary is None:
        return Value("-", {"value": None, "paper": paper})
    value = summary["worst"]
    return Value(f"{value:.4f} {_reported(paper, 'accuracy')}".strip(), {"value": value, "paper": paper})


def _number(value: float, measure: str) -> str:
    return f"{100 * value:.1f} %" if measure in ("active", "weights") else f"{value:.4f}"


def _reported(paper: float | None, measure: str) -> str:
    return "" if paper is None else f"[{_number(paper, measure)}]"


def _cell(row: Row, head: str, bold: bool) -> str:
    if head in row.names:
        return row.names[head]
    value = row.values.get(head, Value(""))
    return f"**{value.text}**" if bold and value.marked else value.text


def _markdown(cells: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in cells]
    return "\n".join([lines[0], "|" + "---|" * len(cells[0]), *lines[1:]])
