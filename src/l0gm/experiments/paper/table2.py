"""Tables 2 and 4: the data sets, and the environment."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from typing import Any

from l0gm.baselines import Modality
from l0gm.experiments.machine import hardware, versions, versions_of
from l0gm.experiments.paper.cases import USUAL, Case, NodeCase, RowCase
from l0gm.experiments.paper.claims import Claim, untested
from l0gm.experiments.paper.published import DATASETS, ENVIRONMENT
from l0gm.experiments.paper.tables import Row, Table, Value

__all__ = ["table2", "table4"]

LABELS = {
    "instances": "rows or nodes", "edges": "edges", "classes": "classes", "features": "columns", "train": "training",
    "test": "test",
}  # fmt: skip
PACKAGES = (
    "scikit-learn", "pandas", "pyarrow", "torch-geometric", "transformers", "xgboost", "lightgbm", "catboost", "optuna",
)  # fmt: skip


def table2(cases: Mapping[Modality, Case], notes: Sequence[str]) -> Table:
    """Return how much data there is, counted in what was loaded, beside the paper's Table 2."""
    rows, claims = [], []
    for modality, case in cases.items():
        counts = _counts(case)
        reported = DATASETS[USUAL[modality]]
        same = case.is_papers and not case.quick
        values = {}
        for key, label in LABELS.items():
            paper = reported[key] if same else None
            shown = "-" if counts[key] is None else f"{counts[key]:,}"
            values[label] = Value(
                shown if paper is None else f"{shown} [{paper:,}]", {"count": counts[key], "paper": paper}
            )
        rows.append(Row({"modality": modality, "data": f"{case.data} ({case.split})"}, values))
        claim, paper_text = f"{USUAL[modality]}: these sizes", "Table 2"
        if not same:
            taken = f"a part of {case.data}" if case.quick else f"{case.data}, split {case.split},"
            claims.append(untested(claim, paper_text, f"{taken} was taken instead"))
            continue
        other = [LABELS[key] for key, value in reported.items() if value is not None and counts[key] != value]
        text = "all of them" if not other else f"{', '.join(other)} differ"
        claims.append(Claim(claim, paper_text, text, "does not hold here" if other else "holds"))
    return Table("table2", "Table 2: the data sets", rows, claims, [*notes, "In brackets: the paper's figure."])


def table4() -> Table:
    """Return what this machine runs on, beside the paper's Table 4."""
    import torch

    machine = hardware()
    found: dict[str, Any] = {
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "gpu": machine["gpu"],
        "cudnn": torch.backends.cudnn.version() if torch.cuda.is_available() else None,
        "cpu": machine["cpu"],
        "cores": machine["cores"],
        "threads": machine["threads"],
        "simd": machine["simd"],
        "system": platform.platform(),
        **versions(),
        **versions_of(*PACKAGES),
    }
    rows = [
        Row(
            {
                "entry": name,
                "here": "none" if value is None else str(value),
                "paper": ENVIRONMENT.get(name, ""),
            },
            {},
        )
        for name, value in found.items()
    ]
    return Table("table4", "Table 4: the environment", rows)


def _counts(case: Case) -> dict[str, int | None]:
    if isinstance(case, RowCase):
        train, test = case.rows.train, case.rows.test
        n_rows = {"train": len(train.codes), "test": len(test.codes)}
        columns = train.X.shape[1] if hasattr(train.X, "shape") else None
        return {
            "instances": sum(n_rows.values()), "edges": None, "classes": len(train.classes), "features": columns,
            **n_rows,
        }  # fmt: skip
    assert isinstance(case, NodeCase)
    graph, parts = case.nodes.graph, case.nodes.nodes
    width = graph.nodes.shape[1] if hasattr(graph.nodes, "shape") else len(graph.nodes.names)
    return {
        "instances": graph.n_nodes, "edges": graph.n_edges, "classes": len(case.nodes.classes), "features": width,
        "train": len(parts["train"]), "test": len(parts["test"]),
    }  # fmt: skip
