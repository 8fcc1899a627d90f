"""Graph encoders without a gate, label propagation, and ways of training on parts of a graph, by name."""

from __future__ import annotations

from typing import Any

from l0gm.baselines.methods import Method

__all__ = ["METHODS"]

SPACE: dict[str, tuple[Any, ...]] = {
    "dropout": (0.5, 0.8),
    "l2": (5e-4, 2e-3),
    "lr": (0.01, 0.003),
    "hidden": (64, 128),
}
GRAPH = {"torch_geometric": "graph"}


def _dense(**parameters: Any) -> Any:
    """Return what makes l0gm's estimator without a gate."""

    def make(*, seed: int, active: float = 1.0, threads: int = 1, **settings: Any) -> Any:
        from l0gm.estimators import L0GMNodeClassifier

        return L0GMNodeClassifier(gate="none", random_state=seed, **{**parameters, **settings})

    return make


def _propagation(*, seed: int, active: float = 1.0, threads: int = 1, **settings: Any) -> Any:
    from l0gm.baselines.graph_propagation import LabelPropagation

    return LabelPropagation(threads=threads, random_state=seed, **settings)


def _saint(*, seed: int, active: float = 1.0, threads: int = 1, **settings: Any) -> Any:
    from l0gm.baselines.graph_saint import GraphSAINT

    return GraphSAINT(threads=threads, random_state=seed, **settings)


def _fastgcn(*, seed: int, active: float = 1.0, threads: int = 1, **settings: Any) -> Any:
    from l0gm.baselines.graph_fastgcn import FastGCN

    return FastGCN(threads=threads, random_state=seed, **settings)


def _backbone(name: str, title: str, source: str, space: dict[str, tuple[Any, ...]], **parameters: Any) -> Method:
    packages = {} if name in ("mlp", "sign") else GRAPH
    return Method(name, title, "graph", "backbone", source, _dense(encoder=name, **parameters), packages, space)


METHODS: tuple[Method, ...] = (
    _backbone("mlp", "MLP", "", SPACE),
    Method(
        "label-propagation", "label propagation", "graph", "backbone", "Zhu and Ghahramani 2002", _propagation,
        space={"alpha": (0.9, 0.5, 0.99), "iterations": (50, 10)},
    ),
    _backbone("gcn", "GCN", "Kipf and Welling 2017", SPACE),
    _backbone("sage", "GraphSAGE", "Hamilton et al. 2017", SPACE),
    _backbone("gat", "GAT", "Velickovic et al. 2018", SPACE),
    _backbone("sign", "SIGN", "Frasca et al. 2020", {**SPACE, "hops": (3, 2)}),
    Method(
        "dropedge", "GCN with DropEdge", "graph", "efficiency", "Rong et al. 2020",
        _dense(encoder="gcn", drop_edge=0.3), GRAPH, {**SPACE, "drop_edge": (0.3, 0.5, 0.8)},
    ),
    Method(
        "neighbour-sampling", "GraphSAGE on samples", "graph", "efficiency", "Hamilton et al. 2017",
        _dense(encoder="sage", neighbours=(15, 10)), GRAPH, {**SPACE, "neighbours": ((15, 10), (10, 5))},
    ),
    Method(
        "graphsaint", "GraphSAINT", "graph", "efficiency", "Zeng et al. 2020", _saint, GRAPH,
        {**SPACE, "roots": (1000, 3000), "sampler": ("walk", "node")},
    ),
    Method(
        "fastgcn", "FastGCN", "graph", "efficiency", "Chen et al. 2018", _fastgcn, GRAPH,
        {**SPACE, "samples": ((400, -1), (100, -1), (400, 400))},
    ),
)  # fmt: skip
