"""The baselines for tables by name: backbones, boosted trees, and feature selection before an MLP."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from l0gm.baselines.boosting import CATBOOST, HIST_GRADIENT_BOOSTING, LIGHTGBM, XGBOOST
from l0gm.baselines.methods import Method

__all__ = ["METHODS"]

# Every space has four settings of three or four values, the default first.
NETWORK: Mapping[str, tuple[Any, ...]] = {
    "lr": (1e-3, 3e-4, 3e-3),
    "weight_decay": (0.02, 0.0, 0.1, 1.0),
    "dropout": (0.2, 0.0, 0.1, 0.3),
    "batch_size": (256, 64, 128, 512),
}


def _method(
    name: str,
    title: str,
    kind: str,
    source: str,
    space: Mapping[str, tuple[Any, ...]],
    package: str | None = None,
) -> Method:
    """Return a dense method; ``kind`` is "module:class" in this package."""

    def make(*, seed: int, active: float | None = None, threads: int = 1, **settings: Any) -> Any:
        return _kind(kind)(random_state=seed, threads=threads, **settings)

    packages = {} if package is None else {package: "baselines"}
    return Method(name, title, "tabular", "backbone", source, make, packages, space)


def _selection(name: str, title: str, select: str, source: str, package: str | None = None) -> Method:
    def make(*, seed: int, active: float | None = None, threads: int = 1, **settings: Any) -> Any:
        kept = {} if active is None else {"fields": float(active)}
        return _kind("selected_mlp:SelectedMLP")(
            **{"select": select, "random_state": seed, "threads": threads, **kept, **settings}
        )

    packages = {} if package is None else {package: "baselines"}
    return Method(name, title, "tabular", "efficiency", source, make, packages, NETWORK, budgeted=True)


def _kind(name: str) -> Any:
    module, kind = name.split(":")
    return getattr(import_module(f"l0gm.baselines.{module}"), kind)


METHODS: tuple[Method, ...] = (
    _method(
        "logistic",
        "logistic regression",
        "logistic_regression:LogisticRegression",
        "scikit-learn",
        {"C": (1.0, 0.01, 0.1, 10.0), "numbers": ("scaled", "bins")},
    ),
    _method("mlp", "MLP", "mlp:MLP", "", NETWORK),
    _method("wide-deep", "Wide&Deep", "wide_deep:WideDeep", "Cheng et al. 2016", NETWORK),
    _method("deepfm", "DeepFM", "deepfm:DeepFM", "Guo et al. 2017", NETWORK),
    _method("xdeepfm", "xDeepFM", "xdeepfm:XDeepFM", "Lian et al. 2018", NETWORK),
    _method(
        "xgboost",
        "XGBoost",
        "xgboost:XGBoost",
        "Chen and Guestrin 2016",
        {
            "learning_rate": (XGBOOST["learning_rate"], 0.02, 0.1),
            "max_depth": (XGBOOST["max_depth"], 4, 8),
            "min_child_weight": (XGBOOST["min_child_weight"], 1, 10),
            "subsample": (XGBOOST["subsample"], 0.6, 1.0),
        },
        "xgboost",
    ),
    _method(
        "lightgbm",
        "LightGBM",
        "lightgbm:LightGBM",
        "Ke et al. 2017",
        {
            "learning_rate": (LIGHTGBM["learning_rate"], 0.015, 0.06),
            "num_leaves": (LIGHTGBM["num_leaves"], 15, 63),
            "min_data_in_leaf": (LIGHTGBM["min_data_in_leaf"], 5, 50),
            "feature_fraction": (LIGHTGBM["feature_fraction"], 0.4, 1.0),
        },
        "lightgbm",
    ),
    _method(
        "catboost",
        "CatBoost",
        "catboost:CatBoost",
        "Prokhorenkova et al. 2018",
        {
            "learning_rate": (CATBOOST["learning_rate"], 0.02, 0.1),
            "depth": (6, 4, 8),
            "l2_leaf_reg": (3.0, 1.0, 10.0),
            "random_strength": (1.0, 0.3, 3.0),
        },
        "catboost",
    ),
    _method(
        "histgb",
        "HistGradientBoosting",
        "hist_gradient_boosting:HistGradientBoosting",
        "scikit-learn, after LightGBM",
        {
            "learning_rate": (HIST_GRADIENT_BOOSTING["learning_rate"], 0.02, 0.1),
            "max_leaf_nodes": (HIST_GRADIENT_BOOSTING["max_leaf_nodes"], 15, 63),
            "min_samples_leaf": (HIST_GRADIENT_BOOSTING["min_samples_leaf"], 5, 50),
            "l2_regularization": (0.0, 1.0, 10.0),
        },
    ),
    _selection("filter", "mutual information, MLP", "mutual_information", "Guyon and Elisseeff 2003"),
    _selection("wrapper", "recursive elimination, MLP", "elimination", "Guyon et al. 2002"),
    _selection("embedded-l1", "L1 selection, MLP", "l1", "Tibshirani 1996"),
    _selection("embedded-trees", "tree importance, MLP", "trees", "Friedman 2001", "lightgbm"),
)
