"""l0gm itself, dense, and with other gates at the same interface and the same number of open dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from l0gm.baselines.methods import Method, Modality

__all__ = ["METHODS"]

TAUGHT: dict[str, Any] = {"deep": (256, 128), "dropout": 0.3, "teacher_weight": 0.3, "averaging": 0.998}
"""Beside the teacher, the average of the boosted trees that are installed: as in benchmarks/adult_quality.py."""
# Name, title, group, source, parameters.
ROWS: tuple[tuple[str, str, Any, str, dict[str, Any]], ...] = (
    ("l0gm", "L0GM", "ours", "the paper, Eq. 20", {}),
    ("l0gm-q1", "L0GM on the backbone", "ours", "the paper, section 5.4.1", {"linear": "off", "cin": ()}),
    ("l0gm-taught", "L0GM, taught by trees", "ours", "", TAUGHT),
    ("dense", "the same, dense", "backbone", "the paper, section 4, without its gate", {"gate": "none"}),
    ("conditional", "conditional gate", "ours", "the paper, section 1", {"gate": "conditional"}),
    ("fine-grained", "gate a weight", "ours", "the paper, Table 6", {"gate": "weights"}),
    ("static", "static mask", "generic", "the paper, Table 6", {"gate": "static"}),
    ("top-k", "top-k by magnitude", "generic", "Han et al. 2016", {"gate": "magnitude"}),
    ("random", "random mask", "generic", "", {"gate": "random"}),
    ("pruned", "one-shot weight pruning", "generic", "Han et al. 2016", {"gate": "pruned"}),
    ("lottery", "lottery ticket", "generic", "Frankle and Carbin 2019", {"gate": "lottery"}),
    ("n:m", "N:M sparsity", "generic", "Mishra et al. 2021", {"gate": "n:m"}),
    ("l1", "L1", "generic", "Liu et al. 2017", {"gate": "l1"}),
    ("group-lasso", "group lasso", "generic", "Yuan and Lin 2006", {"gate": "l1", "gate_groups": "field"}),
    ("gaussian", "Gaussian gates", "generic", "Yamada et al. 2020", {"gate": "gaussian"}),
)
OF_FIELDS = ("conditional", "group-lasso", "l0gm-q1", "l0gm-taught")  # which need rows with fields

TUNED = ("l0gm", "l0gm-q1", "l0gm-taught")
# The paper's Table 7, behind the estimators' own defaults where those are not among its values.
OPTIMISATION: Mapping[Modality, Mapping[str, tuple[Any, ...]]] = {
    "tabular": {
        "lr": (1e-3, 1e-4, 3e-4),
        "weight_decay": (0.02, 0.0, 1e-6, 1e-5, 1e-4),
        "dropout": (0.2, 0.0, 0.05, 0.1, 0.15),
        "batch_size": (256, 64, 128, 512),
    },
    "text": {
        "lr": (1e-3, 1e-4, 3e-4),
        "weight_decay": (0.02, 0.0, 1e-6, 1e-5, 1e-4),
        "dropout": (0.2, 0.0, 0.05, 0.1, 0.15),
        "batch_size": (None, 64, 128, 256, 512),
    },
    "graph": {
        "lr": (0.01, 1e-4, 3e-4, 1e-3),
        "weight_decay": (0.0, 1e-6, 1e-5, 1e-4),
        "dropout": (0.5, 0.0, 0.05, 0.1, 0.15),
    },
}
GATING: Mapping[str, tuple[Any, ...]] = {
    "penalty": (1e-3, 1e-4, 3e-4, 3e-3, 1e-2),
    "warmup": (0.1, 0.05, 0.15, 0.2),
    "end_temperature": (0.5, 1.0, 2.0),
    "gate_groups": ("dimension", "field"),
    "calibration_coupling": (0.0, 0.1, 0.3, 1.0),
}
"""Of l0gm's own gate, also from Table 7. With ``penalty`` a method leaves ``active`` aside."""


def _of(modality: Modality) -> Iterator[Method]:
    for name, title, group, source, parameters in ROWS:
        if modality != "tabular" and name in OF_FIELDS:
            continue
        gating = {k: v for k, v in GATING.items() if modality == "tabular" or k != "gate_groups"}
        yield Method(
            name=name,
            title=title,
            modality=modality,
            group=group,
            source=source,
            make=_maker(modality, parameters),
            packages={"torch_geometric": "graph"} if modality == "graph" else {},
            space={**OPTIMISATION[modality], **(gating if name in TUNED else {})},
            budgeted=name != "dense",
        )


def _maker(modality: Modality, parameters: Mapping[str, Any]) -> Any:
    def make(*, seed: int, active: float | None, threads: int = 1, **settings: Any) -> Any:
        from l0gm.estimators import L0GMClassifier, L0GMNodeClassifier

        kind = L0GMNodeClassifier if modality == "graph" else L0GMClassifier
        dense = parameters.get("gate") == "none" or settings.get("penalty") is not None
        own = {**parameters, **({} if dense else {"active": active})}
        if parameters is TAUGHT:
            from l0gm.baselines.averaged_trees import averaged_trees

            own["teacher"] = averaged_trees(seed, threads)
        return kind(random_state=seed, **{**own, **settings})

    return make


METHODS: tuple[Method, ...] = tuple(method for modality in ("tabular", "text", "graph") for method in _of(modality))
