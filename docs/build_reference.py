"""Write docs/reference/ from the docstrings and the command line's help: python docs/build_reference.py [--check].

With --check nothing is written; the exit code says whether the pages are as they would be written.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "reference"
PAGES = {
    "estimator": ("The estimator", ["l0gm.estimators"]),
    "serving": (
        "The model that is served",
        [f"l0gm.runtime.{name}" for name in ("model", "served", "files", "contributions", "drift")],
    ),
    "calibration": ("Calibration and decisions", ["l0gm.calibration", "l0gm.decisions"]),
    "metrics": ("Measures", ["l0gm.metrics", "l0gm.metrics.bootstrap", "l0gm.metrics.latency"]),
    "robustness": ("Robustness", ["l0gm.robustness"]),
    "gates": ("Gates and schedules", ["l0gm.gates", "l0gm.schedules"]),
    "data": ("Rows, splits and data sets", ["l0gm.data.fitting", "l0gm.data.splits", "l0gm.datasets"]),
    "texts": ("Texts", ["l0gm.encoders.text", "l0gm.encoders.transformer"]),
    "graphs": (
        "Graphs",
        [f"l0gm.{name}" for name in ("data.graphs", "data.adjacency", "data.propagation", "data.sampling")]
        + [f"l0gm.runtime.{name}" for name in ("nodes", "attributes", "smoothing")],
    ),
    "training": ("Training and teachers", ["l0gm.training", "l0gm.distillation"]),
    "baselines": (
        "Baselines",
        [
            f"l0gm.baselines.{name}"
            for name in (
                "methods",
                "base",
                "columns",
                "logistic_regression",
                "network",
                "mlp",
                "field_network",
                "wide_deep",
                "deepfm",
                "xdeepfm",
                "xgboost",
                "lightgbm",
                "catboost",
                "hist_gradient_boosting",
                "selected_mlp",
                "selection",
                "averaged_trees",
                "boosting",
                "threads",
            )
        ]
        + ["l0gm.testing.baselines"],
    ),
    "experiments": (
        "Seeds, sweeps and the tables",
        ["l0gm.experiments", "l0gm.experiments.sweeps", "l0gm.experiments.paper"],
    ),
    "report": ("The report", ["l0gm.report", "l0gm.report.figures"]),
    "errors": ("Errors", ["l0gm.errors"]),
}
SECTIONS = ("Parameters", "Attributes", "Returns", "Yields", "Raises", "Notes", "Examples", "See Also")


def main() -> None:
    pages = {name: page(title, modules) for name, (title, modules) in PAGES.items()}
    pages["command-line"] = command_line()
    index = "".join(f"- [{text.splitlines()[0].removeprefix('# ')}]({name}.md)\n" for name, text in pages.items())
    pages["index"] = f"# Reference\n\nMade from the docstrings by `python docs/build_reference.py`.\n\n{index}"
    current = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md"))}
    if sys.argv[1:] == ["--check"]:
        stale = sorted(name for name in {*pages, *current} if pages.get(name) != current.get(name))
        sys.exit(f"out of date: {', '.join(stale)}; run python docs/build_reference.py" if stale else 0)
    FOLDER.mkdir(exist_ok=True)
    for name in current.keys() - pages.keys():
        (FOLDER / f"{name}.md").unlink()
    for name, text in pages.items():
        (FOLDER / f"{name}.md").write_text(text, encoding="utf-8")


def page(title: str, modules: list[str]) -> str:
    lines = [f"# {title}", ""]
    for name in modules:
        module = importlib.import_module(name)
        lines += [f"## `{name}`", "", *body(module.__doc__ or ""), ""]
        for public in module.__all__:
            lines += entry(public, getattr(module, public), 3)
    return tidy(lines)


def entry(name: str, value: Any, depth: int) -> list[str]:
    mark = "#" * depth
    if inspect.isclass(value):
        constructor = "" if issubclass(value, Exception) else signature(value)
        lines = [f"{mark} class `{name}{constructor}`", "", *body(inspect.getdoc(value) or ""), ""]
        if issubclass(value, Exception):
            return lines
        for member, thing in vars(value).items():
            if member.startswith("_"):
                continue
            made = thing.__func__ if isinstance(thing, (classmethod, staticmethod)) else thing
            if isinstance(thing, property) and thing.__doc__:
                lines += [f"{mark}# property `{member}`", "", *body(inspect.cleandoc(thing.__doc__)), ""]
            elif inspect.isfunction(made):
                lines += entry(member, made, depth + 1)
        return lines
    if callable(value):
        return [f"{mark} `{name}{signature(value)}`", "", *body(inspect.getdoc(value) or ""), ""]
    return [f"{mark} `{name}`", ""]


def signature(value: Any) -> str:
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return ""
    kept = [
        p.replace(annotation=inspect.Parameter.empty)
        for p in found.parameters.values()
        if p.name not in ("self", "cls")
    ]
    plain = str(found.replace(parameters=kept, return_annotation=inspect.Signature.empty))
    return re.sub(r"<[^<>]*>", "...", plain)


def body(doc: str) -> list[str]:
    """Turn a numpy-style docstring into Markdown: section titles in bold, entries as a list, examples as code."""
    lines: list[str] = []
    section = ""
    text = [*inspect.cleandoc(doc).splitlines(), ""]
    code = False
    for line, following in zip(text, [*text[1:], ""], strict=True):
        if re.fullmatch(r"-{3,}", line) and section:
            continue
        if line in SECTIONS and re.fullmatch(r"-{3,}", following):
            section = line
            lines += [f"**{line}**", ""]
            continue
        if line.startswith(">>>") and not code:
            lines.append("```pycon")
            code = True
        elif code and not line.strip():
            lines.append("```")
            code = False
        if code or section not in ("Parameters", "Attributes", "Returns", "Yields", "Raises"):
            lines.append(line)
        elif line and not line.startswith(" "):
            lines.append(f"- `{line}`")
        else:
            lines.append(f"  {line.strip()}" if line.strip() else "")
    if code:
        lines.append("```")
    return [re.sub(r":(?:class|func|meth|mod|attr):`[~.]?([^`]+)`", r"`\1`", line) for line in lines]


def command_line() -> str:
    os.environ.update(COLUMNS="110", TERMINAL_WIDTH="110")
    from typer.main import get_command
    from typer.testing import CliRunner

    from l0gm.cli import app

    runner, lines = CliRunner(), ["# The command line", ""]

    def help_of(path: list[str], command: Any) -> None:
        shown = runner.invoke(app, [*path, "--help"], prog_name="l0gm").stdout
        lines.extend([f"## `{' '.join(['l0gm', *path])}`", "", "```text", shown.strip("\n"), "```", ""])
        for name, inner in getattr(command, "commands", {}).items():
            help_of([*path, name], inner)

    help_of([], get_command(app))
    return tidy(lines)


def tidy(lines: list[str]) -> str:
    text = "\n".join(line.rstrip() for line in lines)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


if __name__ == "__main__":
    main()
