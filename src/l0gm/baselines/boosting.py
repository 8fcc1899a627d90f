"""What boosted trees are fitted with, wherever they are compared: in tables, in ``l0gm bench``, as a teacher.

What is not named here is the library's default.
"""

from __future__ import annotations

from typing import Any

__all__ = ["CATBOOST", "HIST_GRADIENT_BOOSTING", "LIGHTGBM", "PATIENCE", "TREES", "XGBOOST"]

TREES = 4000
"""Rounds at most; early stopping ends training long before."""
PATIENCE = 100
"""Rounds without a better validation loss after which training stops."""
CATBOOST: dict[str, Any] = {"learning_rate": 0.05, "verbose": False, "allow_writing_files": False}
XGBOOST: dict[str, Any] = {
    "learning_rate": 0.05, "max_depth": 6, "subsample": 0.8, "colsample_bytree": 0.6, "min_child_weight": 3,
}  # fmt: skip
LIGHTGBM: dict[str, Any] = {
    "learning_rate": 0.03, "num_leaves": 31, "bagging_fraction": 0.8, "bagging_freq": 1, "feature_fraction": 0.6,
    "min_data_in_leaf": 20, "verbose": -1,
}  # fmt: skip
HIST_GRADIENT_BOOSTING: dict[str, Any] = {
    "learning_rate": 0.05, "max_leaf_nodes": 31, "min_samples_leaf": 20, "n_iter_no_change": 30,
}  # fmt: skip
