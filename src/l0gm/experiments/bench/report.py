"""The record of a benchmark as tables: text, Markdown and csv."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from l0gm.experiments.bench.boosters import CatBoost, CatBoostCategories
from l0gm.experiments.bench.inputs import FORMS
from l0gm.experiments.bench.ours import MAIN
from l0gm.experiments.records import plain
from l0gm.files import replacing

__all__ = [
    "HEADLINE",
    "Cells",
    "facts",
    "headline_table",
    "latency_tables",
    "markdown",
    "quality_table",
    "roofline_lines",
    "write_report",
]

Cells = list[list[str]]
"""A head, then lines; all of the same length."""
MEASURES = {"accuracy": "accuracy", "auc": "AUC", "log_loss": "log loss", "ece": "ECE, top label"}

CATBOOSTS = (CatBoost.name, CatBoostCategories.name)
HEADLINE = "Latency, microseconds a row"

Record = Mapping[str, Any]


def quality_table(record: Record) -> Cells:
    """Return a line a contestant: measures on the test rows, and sizes."""
    cells: Cells = [["", *MEASURES.values(), "size", "kB", "fit, s"]]
    for name, found in record["quality"].items():
        measures = [f"{found[key]:.4f}" for key in MEASURES]
        cells.append([name, *measures, _size(found), f"{found['bytes'] / 1000:,.0f}", f"{found['fit_seconds']:,.0f}"])
    return cells


def headline_table(record: Record) -> Cells:
    """Return a line for each measurement: the main model beside the fastest peer, and beside the faster CatBoost.

    Times are medians in microseconds a row; behind each peer's stands how many times as long as the main model it
    takes, with the 10th and 90th percentile of the rounds.
    """
    cells: Cells = [["", "threads", "rows", MAIN, "fastest peer", "its time", "times", "CatBoost", "times"]]
    for entry in record["latency"]:
        found, times, fastest = entry["contestants"], entry["times_as_long_as_l0gm"], entry["fastest_peer"]
        own = {name: found[name]["us_a_row"]["p50"] for name in found}
        boosted = [name for name in CATBOOSTS if name in own]
        faster = min(boosted, key=lambda name: own[name]) if boosted else None
        beside = ["none", "", ""] if fastest is None else [fastest, _us(own[fastest]), _times(times[fastest])]
        last = ["", ""] if faster is None else [_us(own[faster]), _times(times[faster])]
        where = [FORMS[entry["form"]], str(entry["threads"]), f"{entry['rows']:,}"]
        cells.append([*where, _us(own[MAIN]), *beside, *last])
    return cells


def latency_tables(record: Record) -> list[tuple[str, Cells]]:
    """Return a titled table for each form and number of threads.

    For each batch there are p50 and p99 in microseconds a row, and how many times as long as the main model it takes:
    the median of the rounds, with the 10th and 90th percentile.
    """
    tables = []
    groups = dict.fromkeys((entry["form"], entry["threads"]) for entry in record["latency"])
    for form, threads in groups:
        entries = [e for e in record["latency"] if (e["form"], e["threads"]) == (form, threads)]
        cells: Cells = [[""]]
        for entry in entries:
            rows = f"{entry['rows']:,} row{'s' * (entry['rows'] > 1)}"
            cells[0] += [f"{rows}: p50", "p99", f"times {MAIN}"]
        for name in record["quality"]:
            line = [name]
            for entry in entries:
                us = entry["contestants"][name]["us_a_row"]
                line += [_us(us["p50"]), _us(us["p99"]), _times(entry["times_as_long_as_l0gm"].get(name))]
            cells.append(line)
        tables.append((f"{FORMS[form]}, {threads} thread{'s' * (threads > 1)}, microseconds a row", cells))
    return tables


def roofline_lines(record: Record) -> list[str]:
    """Return the roofline in words; nothing where there is none."""
    found = record["roofline"]
    if found is None:
        return []
    size, speeds = found["bytes"], found["bandwidth"]
    listed = ", ".join(
        f"{name} ({speed['bytes'] / 1000:,.0f} kB) {speed['read'] / 1e9:.0f} read, {speed['copy'] / 1e9:.0f} copy"
        for name, speed in speeds.items()
    )
    return [
        f"bytes a row: {size['input']} input, {size['tables']:,} table rows, {size['output']} output; "
        f"weights that all rows share {size['weights']:,}; the whole model {size['model']:,}",
        f"bandwidth of one thread, GB/s: {listed}",
        f"moving these bytes takes {found['bound_us']:.4f} microseconds a row; measured on {found['rows']:,} rows: "
        f"{found['measured_us']:.4f}, {found['times_bound']:.1f} times as long",
    ]


def facts(record: Record) -> list[str]:
    """Return lines on what was measured, on what and on which rows."""
    rows, machine = record["rows"], record["hardware"]
    held = ", ".join(f"{name} {size // 1024:,} KiB" for name, size in machine["caches"].items())
    columns = record["columns"]
    lines = [
        f"{record.get('data', 'data')}, {record.get('split', '')}: {columns['numbers']} columns of numbers, "
        f"{columns['text']} of text; {rows['train']:,} training, {rows['validation']:,} validation and "
        f"{rows['test']:,} test rows",
        f"{machine['cpu']}, {machine['simd'] or 'no known vector instructions'}, {machine['cores']} cores, "
        f"{held or 'caches unknown'}",
        ", ".join(f"{name} {version}" for name, version in record["versions"].items()),
    ]
    taught = {"average": "the average of boosted trees", "trees": "scikit-learn's boosted trees", "none": "nobody"}
    seconds = "" if record["teacher"] == "none" else "; the first model's seconds of fit include the teacher's"
    lines.append(f"l0gm is taught by {taught[record['teacher']]}{seconds}")
    before, after = record["load"]
    if before is not None:
        lines.append(f"processes that wanted to run, this one among them: {before} before timing, {after} after it")
    given = record.get("rows_given")
    if given is not None and given > rows["train"] + rows["validation"] + rows["calibration"]:
        lines.append(f"fitted on a part of the {given:,} training rows, drawn at random: the same for all")
    if record["plan"]["quick"]:
        lines.append("quick: small models, hardly trained; the figures mean nothing")
    return lines


def markdown(record: Record) -> str:
    """Return the whole report."""
    parts = ["# l0gm bench", "\n".join(f"- {line}" for line in facts(record))]
    parts += ["## Quality of what was timed, on the test rows", _markdown(quality_table(record))]
    parts += [f"## {HEADLINE}", _markdown(headline_table(record))]
    for title, cells in latency_tables(record):
        parts += [f"## {title[0].upper()}{title[1:]}", _markdown(cells)]
    lines = roofline_lines(record)
    if lines:
        parts += ["## Roofline", "\n".join(f"- {line}" for line in lines)]
    parts += ["## What each starts from", _markdown(_inputs(record))]
    if record["left_out"]:
        parts += ["## Left out", "\n".join(f"- {name}: {why}" for name, why in record["left_out"].items())]
    return "\n\n".join(parts) + "\n"


def write_report(record: Record, folder: Path) -> list[Path]:
    """Write bench.json, bench.md and bench.csv, each whole or not at all; return their paths."""
    contents = {
        "bench.json": json.dumps(plain(record), indent=2, allow_nan=False) + "\n",
        "bench.md": markdown(record),
        "bench.csv": _csv(record),
    }
    for name, text in contents.items():
        with replacing(folder / name) as beside:
            beside.write_text(text, encoding="utf-8")
    return [folder / name for name in contents]


def _csv(record: Record) -> str:
    """Return a line a contestant, form, batch and number of threads; times in microseconds a row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    times = [f"times_as_long_as_l0gm_{q}" for q in ("p50", "p10", "p90")]
    writer.writerow(["contestant", "form", "threads", "rows", "p10", "p50", "p99", "calls", *times, *MEASURES])
    for entry in record["latency"]:
        for name, found in entry["contestants"].items():
            ratio = entry["times_as_long_as_l0gm"].get(name, {"p50": 1.0, "p10": 1.0, "p90": 1.0})
            writer.writerow(
                [
                    *(name, entry["form"], entry["threads"], entry["rows"]),
                    *(f"{found['us_a_row'][q]:.6g}" for q in ("p10", "p50", "p99")),
                    found["calls"],
                    *(f"{ratio[q]:.6g}" for q in ("p50", "p10", "p90")),
                    *(f"{record['quality'][name][key]:.6g}" for key in MEASURES),
                ]
            )
    return text.getvalue()


def _inputs(record: Record) -> Cells:
    forms = list(record["plan"]["forms"])
    cells: Cells = [["", *(FORMS[form] for form in forms)]]
    return cells + [[name, *(inputs[form] for form in forms)] for name, inputs in record["inputs"].items()]


def _markdown(cells: Sequence[Sequence[str]]) -> str:
    head, *lines = [f"| {' | '.join(line)} |" for line in cells]
    return "\n".join([head, "|---" * len(cells[0]) + "|", *lines])


def _size(found: Record) -> str:
    if "trees" in found:
        return f"{found['trees']:,} trees"
    opened = f"{found['n_open']} of {found['n_dimensions']} open, " if "n_open" in found else ""
    return f"{opened}{found['n_parameters']:,} parameters"


def _us(value: float) -> str:
    return f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def _times(ratio: Mapping[str, float] | None) -> str:
    if ratio is None:
        return "1"
    digits = 1 if ratio["p50"] >= 10 else 2
    return f"{ratio['p50']:.{digits}f} [{ratio['p10']:.{digits}f}, {ratio['p90']:.{digits}f}]"
