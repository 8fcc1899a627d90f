"""The page: sections through a template, with everything that it needs inside."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import l0gm
from l0gm.errors import MissingExtraError, ParameterError
from l0gm.files import replacing
from l0gm.report.reading import Found
from l0gm.report.sections import Figure, Section, sections_of
from l0gm.report.summary import sentences
from l0gm.report.svg import inline_svg
from l0gm.report.tables import Table

__all__ = ["FORMATS", "write_figures", "write_page"]

FORMATS = ("svg", "png", "pdf")
DPI = 200


def write_page(found: Found, path: str | Path, title: str | None = None) -> Path:
    """Write the page, one HTML file that needs no other and no network; return its path.

    Parameters
    ----------
    found : Found
        What :func:`l0gm.report.read` found.
    path : path
    title : str, optional
        Default: the folder's name.

    Raises
    ------
    MissingExtraError
        If jinja2 or matplotlib is not installed.
    ParameterError
        If the file cannot be written.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise MissingExtraError("jinja2", "report", "the report's page") from error
    parts = {name: files("l0gm.report").joinpath(f"page.{name}").read_text(encoding="utf-8") for name in _PARTS}
    script = parts["js"]
    names = iter(f"f{i}" for i in range(10**6))

    def drawn(figure: Figure) -> str:
        return inline_svg(figure.draw(), next(names), figure.label)

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["drawn"] = drawn
    text = environment.from_string(parts["html"]).render(
        title=title or found.folder.resolve().name,
        datasets=_datasets(found),
        tables=[_paper(record) for record in found.tables],
        commands=found.commands,
        notes=found.notes,
        style=parts["css"],
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        version=l0gm.__version__,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        runs=len(found.runs),
    )
    path = Path(path)
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")
    return path


def write_figures(found: Found, folder: str | Path, formats: Sequence[str] = ("svg", "png")) -> list[Path]:
    """Write each figure of the page to files of its own; return their paths.

    Parameters
    ----------
    found : Found
    folder : path
        For files such as ``adult-openml-methods-1.svg``.
    formats : sequence of str
        Out of svg, png (200 dots an inch) and pdf.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    ParameterError
        If a format is unknown, or a file cannot be written.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise ParameterError(f"formats={list(formats)}: choose out of {', '.join(FORMATS)}")
    written = []
    for part in _datasets(found):
        for section in part["sections"]:
            for number, figure in enumerate(section.figures, start=1):
                ax: Any = figure.draw()
                for kind in formats:
                    path = Path(folder) / f"{part['name']}-{section.name}-{number}.{kind}"
                    with replacing(path) as beside:
                        ax.figure.savefig(beside, format=kind, dpi=DPI)
                    written.append(path)
    return written


_PARTS = ("html", "css", "js")


def _datasets(found: Found) -> list[dict[str, Any]]:
    """Return what the page says of each data set."""
    fronts = {_dataset(record): record for record in found.fronts.values()}
    parts: list[dict[str, Any]] = []
    taken: set[str] = set()
    for title, methods in found.datasets.items():
        name = _slug(title)
        while name in taken:
            name += "-2"
        taken.add(name)
        sections: list[Section] = sections_of(methods, fronts.get(methods[0].runs[0].dataset))
        parts.append(
            {
                "name": name,
                "title": title,
                "summary": sentences(methods),
                "sections": [section for section in sections if section.is_there],
                "lacking": [section for section in sections if not section.is_there],
            }
        )
    return parts


def _dataset(record: dict[str, Any]) -> str:
    data, split = record.get("data"), record.get("split")
    return f"{data} ({split})" if split else str(data)


def _paper(record: dict[str, Any]) -> dict[str, Any]:
    """Return a table of the paper for the template: its cells as texts, its claims with their verdicts."""
    columns = [str(name) for name in record["columns"]]
    rows = [[row.get(name) for name in record["columns"]] if isinstance(row, dict) else row for row in record["rows"]]
    cells = [[_cell(value) for value in row] for row in rows if isinstance(row, list)]
    claims = [claim for claim in record.get("claims") or [] if isinstance(claim, dict)]
    return {
        "title": str(record.get("title") or record.get("table") or "table"),
        "table": Table(columns, [[*row, *[""] * (len(columns) - len(row))][: len(columns)] for row in cells]),
        "claims": [
            {name: _cell(claim.get(name)) for name in ("claim", "paper", "ours", "verdict")} for claim in claims
        ],
        "notes": [_cell(note) for note in record.get("notes") or []],
    }


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        text = str(value.get("text", ""))
        return Marked(text) if value.get("marked") else text
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


class Marked(str):
    """A cell that its table marks."""

    marked = True


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "data"
