"""The paper's figures, as reported (arXiv:2603.26801): what ours stand beside, never what they are bent to."""

from __future__ import annotations

from l0gm.baselines import Modality

__all__ = ["ABLATION", "ANNEALING", "COUPLING", "DATASETS", "ENVIRONMENT", "PENALTIES", "Q1", "Q2", "Figures"]

Figures = dict[str, float]


def _q(accuracy: float, worst: float, ece: float, rob_mu: float, us_a_row: float | None = None) -> Figures:
    found = {"accuracy": accuracy, "worst": worst, "ece": ece, "rob_mu": rob_mu}
    return found if us_a_row is None else {**found, "us_a_row": us_a_row}


Q1: dict[Modality, dict[str, Figures]] = {
    "tabular": {
        "mlp": _q(0.8407, 0.7703, 0.0954, 0.7926),
        "xgboost": _q(0.8705, 0.7804, 0.0113, 0.8207),
        "lightgbm": _q(0.8606, 0.7802, 0.0431, 0.8178),
        "catboost": _q(0.8704, 0.7801, 0.0067, 0.8199),
        "l0gm": _q(0.8906, 0.8702, 0.0107, 0.8714),
    },
    "graph": {
        "gcn": _q(0.7036, 0.6757, 0.0507, 0.6895),
        "sage": _q(0.6826, 0.6366, 0.0853, 0.6596),
        "gat": _q(0.6657, 0.6107, 0.0297, 0.6382),
        "mlp": _q(0.5096, 0.3906, 0.0389, 0.4502),
        "l0gm": _q(0.7359, 0.7128, 0.0217, 0.7246),
    },
    "text": {
        "scratch": _q(0.9086, 0.2387, 0.0216, 0.8843),
        "distilbert": _q(0.9123, 0.2245, 0.0207, 0.8896),
        "bert": _q(0.9285, 0.1986, 0.0184, 0.9072),
        "roberta": _q(0.9447, 0.1706, 0.0154, 0.9238),
        "deberta": _q(0.9416, 0.1767, 0.0165, 0.9194),
        "l0gm": _q(0.9438, 0.1586, 0.0127, 0.9316),
    },
}
"""Table 3, left: "Acc/AUC" stands under accuracy."""

Q2: dict[Modality, dict[str, Figures]] = {
    "tabular": {
        "mlp": _q(0.8289, 0.7426, 0.1123, 0.7768, 6.83),
        "xgboost": _q(0.8667, 0.7709, 0.0146, 0.8095, 1.93),
        "lightgbm": _q(0.8548, 0.7684, 0.0497, 0.8068, 2.67),
        "catboost": _q(0.8659, 0.7723, 0.0094, 0.8092, 3.47),
        "l0gm": _q(0.8887, 0.8668, 0.0124, 0.8696, 1.24),
    },
    "graph": {
        "gcn": _q(0.6897, 0.6758, 0.1167, 0.6896, 0.00943),
        "sage": _q(0.6597, 0.6367, 0.0887, 0.6595, 0.00093),
        "gat": _q(0.6384, 0.6108, 0.0823, 0.6381, 0.01263),
        "mlp": _q(0.4504, 0.3907, 0.0436, 0.4501, 0.00056),
        "l0gm": _q(0.7248, 0.7076, 0.0334, 0.7162, 0.00048),
    },
    "text": {
        "scratch": _q(0.8927, 0.2106, 0.0284, 0.8689, 5.83),
        "distilbert": _q(0.8974, 0.1983, 0.0276, 0.8752, 3.97),
        "bert": _q(0.9136, 0.1765, 0.0247, 0.8949, 7.27),
        "roberta": _q(0.9286, 0.1507, 0.0226, 0.9113, 8.17),
        "deberta": _q(0.9257, 0.1564, 0.0229, 0.9092, 10.97),
        "l0gm": _q(0.9326, 0.1426, 0.0197, 0.9217, 2.17),
    },
}
"""Table 3, right."""

DATASETS: dict[str, dict[str, int | None]] = {
    "adult": {"instances": 48_842, "edges": None, "classes": 2, "features": 14, "train": 39_073, "test": 9_769},
    "imdb": {"instances": 50_000, "edges": None, "classes": 2, "features": None, "train": 25_000, "test": 25_000},
    "ogbn_products": {
        "instances": 2_449_029, "edges": 61_859_140, "classes": 47, "features": 100, "train": 196_615,
        "test": 2_213_091,
    },
}  # fmt: skip
"""Table 2."""

ENVIRONMENT = {"torch": "2.5.1+cu121", "cuda": "12.1", "gpu": "NVIDIA RTX 6000 Ada Generation", "cudnn": "90100"}
"""Table 4."""


def _a(accuracy: float, percent: float, ece: float) -> Figures:
    return {"accuracy": accuracy, "active": percent / 100.0, "ece": ece}


ABLATION: dict[Modality, dict[str, Figures]] = {
    "tabular": {
        "dense": _a(0.8729, 100.0, 0.0247),
        "static": _a(0.8696, 19.7, 0.0209),
        "l0gm": _a(0.8794, 12.5, 0.0158),
        "fine-grained": _a(0.8657, 16.4, 0.0296),
        "fixed": _a(0.8619, 13.1, 0.0417),
    },
    "text": {
        "dense": _a(0.9318, 100.0, 0.0216),
        "static": _a(0.9284, 21.3, 0.0207),
        "l0gm": _a(0.9356, 11.8, 0.0189),
        "fine-grained": _a(0.9261, 14.9, 0.0313),
        "fixed": _a(0.9227, 12.4, 0.0398),
    },
    "graph": {
        "dense": _a(0.6893, 100.0, 0.1167),
        "static": _a(0.6768, 24.6, 0.1049),
        "l0gm": _a(0.7017, 15.2, 0.0716),
        "fine-grained": _a(0.6712, 18.7, 0.1124),
        "fixed": _a(0.6668, 15.9, 0.1396),
    },
}
"""Table 6."""


def _p(percent: float, accuracy: float, worst: float, ece: float) -> Figures:
    return {"active": percent / 100.0, "accuracy": accuracy, "worst": worst, "ece": ece}


PENALTIES: dict[Modality, dict[float, Figures]] = {
    "tabular": {
        1e-4: _p(100.0, 0.890, 0.870, 0.018),
        3e-4: _p(35.0, 0.889, 0.868, 0.012),
        1e-3: _p(15.0, 0.887, 0.866, 0.010),
        3e-3: _p(7.0, 0.881, 0.852, 0.019),
    },
    "text": {
        1e-4: _p(100.0, 0.933, 0.143, 0.024),
        3e-4: _p(30.0, 0.932, 0.143, 0.020),
        1e-3: _p(12.0, 0.930, 0.142, 0.017),
        3e-3: _p(6.0, 0.922, 0.151, 0.026),
    },
    "graph": {
        1e-4: _p(100.0, 0.725, 0.708, 0.040),
        3e-4: _p(28.0, 0.724, 0.708, 0.033),
        1e-3: _p(15.0, 0.721, 0.705, 0.028),
        3e-3: _p(8.0, 0.712, 0.692, 0.045),
    },
}
"""Table 8: by lambda."""

ANNEALING: dict[Modality, dict[str, Figures]] = {
    "tabular": {
        "fixed": {"accuracy": 0.862, "worst": 0.842, "ece": 0.042},
        "annealed": {"accuracy": 0.889, "worst": 0.867, "ece": 0.012},
    },
    "text": {
        "fixed": {"accuracy": 0.923, "worst": 0.158, "ece": 0.040},
        "annealed": {"accuracy": 0.933, "worst": 0.143, "ece": 0.020},
    },
    "graph": {
        "fixed": {"accuracy": 0.667, "worst": 0.651, "ece": 0.140},
        "annealed": {"accuracy": 0.724, "worst": 0.708, "ece": 0.033},
    },
}
"""Table 9."""

COUPLING: dict[Modality, dict[str, Figures]] = {
    "tabular": {
        "moderate": {"active": 0.15, "accuracy": 0.887, "ece": 0.010, "ece_coupled": 0.010},
        "high": {"active": 0.07, "accuracy": 0.881, "ece": 0.019, "ece_coupled": 0.014},
    },
    "text": {
        "moderate": {"active": 0.12, "accuracy": 0.930, "ece": 0.017, "ece_coupled": 0.017},
        "high": {"active": 0.06, "accuracy": 0.922, "ece": 0.026, "ece_coupled": 0.021},
    },
    "graph": {
        "moderate": {"active": 0.15, "accuracy": 0.721, "ece": 0.028, "ece_coupled": 0.028},
        "high": {"active": 0.08, "accuracy": 0.712, "ece": 0.045, "ece_coupled": 0.036},
    },
}
"""Table 10: moderate is lambda 1e-3, high 3e-3."""
