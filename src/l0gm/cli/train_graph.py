"""``l0gm train`` on the nodes of a graph."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from l0gm.cli.graph_sources import EdgeFile, Nodes, huge_pages, read_nodes
from l0gm.cli.parsing import counts, names
from l0gm.cli.sources import SPLIT_SEED, TEST_SIZE, is_registered
from l0gm.cli.train_report import report
from l0gm.data.labels import encode_target
from l0gm.data.splits import stratified_split
from l0gm.errors import DataError, ParameterError

__all__ = ["graph_task", "train_graph"]

OWN = ("gate_at", "width", "hidden", "layers", "hops", "direction", "inductive")


def train_graph(values: dict[str, Any], options: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    """Train on a graph and return the summary; see :func:`l0gm.cli.train_rows.train_rows`."""
    huge_pages()
    from l0gm.experiments import run_graph_seeds

    if options["active"] == "auto":
        raise ParameterError("--active auto: it is for tables; give a fraction, or --penalty")
    task, parts, options = graph_task(values, options)
    return run_graph_seeds(
        task.graph,
        task.labels,
        **parts,
        smooth=values["correct_and_smooth"],
        on_fit=report,
        **common,
        **options,
    )


def graph_task(values: dict[str, Any], options: dict[str, Any]) -> tuple[Nodes, dict[str, Any], dict[str, Any]]:
    """Return the nodes, their parts with what they are about, and the estimator's parameters that are given.

    Raises
    ------
    L0GMError
        If an argument does not go with DATA, or the nodes cannot be had.
    """
    neighbours = values["neighbours"]
    options = {
        **options,
        **{name: values[name] for name in OWN},
        "relations": _relations(values["relations"]),
        "neighbours": None if neighbours is None else counts("--neighbours", neighbours, ("auto", "all")),
    }
    task = _read_task(values, names(values["drop"]), [*options["categorical"], *options["text"]])
    for name in ("categorical", "text"):
        task.check_attributes(options[name], f"--{name}")
    parts = {
        "train": task.parts["train"],
        "validation": task.parts.get("validation"),
        "test": task.parts["test"],
        "about": {
            "data": task.name,
            "split": task.split,
            "target": task.target,
            **({} if task.scale is None else {"scale": task.scale}),
        },
    }
    return task, parts, {name: value for name, value in options.items() if value is not None}


def _relations(text: str | None) -> str | list[str] | None:
    if text is None or text in ("fold", "keep"):
        return text
    found = names(text)
    if not found:
        raise ParameterError(f"--relations {text!r}: give fold, keep, or the names of some, separated by commas")
    return found


def _read_task(values: Mapping[str, Any], drop: list[str], text: Collection[str]) -> Nodes:
    """Return the nodes that the arguments of ``train`` ask for; they have a target, and "train" and "test" parts.

    Raises
    ------
    L0GMError
        If an argument does not go with DATA, or the nodes cannot be had.
    """
    data, target, fold, test_size = (values[name] for name in ("data", "target", "fold", "test_size"))
    registered = is_registered(data)
    if registered and test_size is not None:
        raise ParameterError(f"--test-size {test_size}: it is for files; {data} has named splits, see --split")
    if not registered and target is None:
        raise ParameterError(f"--target: name the column of {data} to predict")
    if fold is not None and test_size is not None:
        raise ParameterError("--fold and --test-size: give one of the two")
    used = [name for name in (target, fold, values["node_id"]) if name is not None]
    if not registered:
        for name in drop:
            if name in used:
                raise ParameterError(f"--drop {name}: another option names that column, and it is no attribute anyway")
    found = read_nodes(
        data,
        EdgeFile.of(values),
        target=target,
        fold=fold,
        split=values["split"],
        scale=values["scale"],
        text=text,
        drop=drop,
    )
    if registered:
        return found
    if fold is not None:
        lacking = [name for name in ("train", "test") if name not in found.parts]
        if lacking:
            raise DataError(f"--fold {fold}: no node says {' or '.join(map(repr, lacking))} there")
        return found
    size = TEST_SIZE if test_size is None else test_size
    labelled = found.labelled
    classes, codes = encode_target(found.labels[labelled], len(labelled))
    train, test = stratified_split(np.asarray(classes)[codes], size, SPLIT_SEED)
    name = f"{size:g} held out, stratified, seed {SPLIT_SEED}"
    return replace(found, parts={"train": labelled[train], "test": labelled[test]}, split=name)
