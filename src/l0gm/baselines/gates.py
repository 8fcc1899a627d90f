"""l0gm itself, dense, and with other gates at the same interface and the same number of open dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from l0gm.baselines.methods import Method, Modality

__all__ = ["METHODS"]

# Name, title, group, source, parameters.
ROWS: tuple[tuple[str, str, Any, str, dict[str, Any]], ...] = (
    ("l0gm", "L0GM", "ours", "the paper, section 4", {}),
    ("dense", "the same, dense", "backbone", "the paper, section 4, without its gate", {"gate": "none"}),
    ("conditional", "conditional gate", "ours", "the paper, section 1", {"gate": "conditional"}),
    ("fine-grained", "gate a weight", "ours", "the paper, Table 6", {"gate": "weights"}),
    ("static", "static mask", "generic", "the paper, Table 6", {"gate": "static"}),
    ("top-k", "top-k by magnitude", "generic", "Han et al. 2016", {"gate": "magnitude"}),
    ("random", "random mask", "generic", "", {"gate": "random"}),
    ("l1", "L1", "generic", "Liu et al. 2017", {"gate": "l1"}),
    ("group-lasso", "group lasso", "generic", "Yuan and Lin 2006", {"gate": "l1", "gate_groups": "field"}),
    ("gaussian", "Gaussian gates", "generic", "Yamada et al. 2020", {"gate": "gaussian"}),
)
ATTRIBUTES_ALONE = ("conditional", "group-lasso")  # which need rows with fields


def _of(modality: Modality) -> Iterator[Method]:
    for name, title, group, source, parameters in ROWS:
        if modality != "tabular" and name in ATTRIBUTES_ALONE:
            continue
        yield Method(
            name=name,
            title=title,
            modality=modality,
            group=group,
            source=source,
            make=_maker(modality, parameters),
            packages={"torch_geometric": "graph"} if modality == "graph" else {},
            budgeted=name != "dense",
        )


def _maker(modality: Modality, parameters: Mapping[str, Any]) -> Any:
    def make(*, seed: int, active: float, threads: int = 1, **settings: Any) -> Any:
        from l0gm.estimators import L0GMClassifier, L0GMNodeClassifier

        kind = L0GMNodeClassifier if modality == "graph" else L0GMClassifier
        knob = {} if parameters.get("gate") == "none" or "penalty" in settings else {"active": active}
        return kind(random_state=seed, **{**parameters, **knob, **settings})

    return make


METHODS: tuple[Method, ...] = tuple(method for modality in ("tabular", "text", "graph") for method in _of(modality))
