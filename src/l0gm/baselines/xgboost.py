"""XGBoost, with its own handling of categories."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.baselines.base import Size, needed
from l0gm.baselines.boosting import PATIENCE, TREES, XGBOOST
from l0gm.baselines.columns import TableBaseline, numbered

__all__ = ["XGBoost"]


class XGBoost(TableBaseline):
    """Boosted trees of XGBoost (Chen and Guestrin 2016), stopped early on the validation rows.

    Parameters
    ----------
    learning_rate, max_depth, min_child_weight, subsample
        Of XGBoost; the other settings are :data:`l0gm.baselines.boosting.XGBOOST`.
    trees : int
        Rounds at most.
    random_state : int
    threads : int, optional
    """

    def __init__(
        self,
        *,
        learning_rate: float = XGBOOST["learning_rate"],
        max_depth: int = XGBOOST["max_depth"],
        min_child_weight: float = XGBOOST["min_child_weight"],
        subsample: float = XGBOOST["subsample"],
        trees: int = TREES,
        random_state: Any = 0,
        threads: int | None = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.min_child_weight = min_child_weight
        self.subsample = subsample
        self.trees = trees
        self.random_state = random_state
        self.threads = threads

    def _fit(self, X: Any, y: NDArray[np.int64], V: Any, v: NDArray[np.int64]) -> None:
        xgboost = needed("xgboost", "the baseline XGBoost")
        several = len(self.classes_) > 2
        settings = {
            **XGBOOST,
            "learning_rate": self.learning_rate,
            "max_depth": self.max_depth,
            "min_child_weight": self.min_child_weight,
            "subsample": self.subsample,
            "seed": self.seed_,
            "eval_metric": "mlogloss" if several else "logloss",
            "objective": "multi:softprob" if several else "binary:logistic",
            **({"num_class": len(self.classes_)} if several else {}),
            **({} if self.threads is None else {"nthread": self.threads}),
        }
        train, valid = (
            xgboost.DMatrix(numbered(rows), labels, enable_categorical=True) for rows, labels in ((X, y), (V, v))
        )
        booster = xgboost.train(
            settings, train, self.trees, evals=[(valid, "valid")], early_stopping_rounds=PATIENCE, verbose_eval=False
        )
        self.model_ = booster[: booster.best_iteration + 1]

    def _probabilities(self, X: Any) -> NDArray[Any]:
        xgboost = needed("xgboost", "the baseline XGBoost")
        found: NDArray[Any] = self.model_.predict(xgboost.DMatrix(numbered(X), enable_categorical=True))
        return found if found.ndim == 2 else np.stack([1.0 - found, found], axis=1)

    def size(self) -> Size:
        """Return the number of leaves and splits."""
        nodes = sum(_nodes(json.loads(tree)) for tree in self.model_.get_dump(dump_format="json"))
        return Size(None, None, nodes)


def _nodes(node: dict[str, Any]) -> int:
    return 1 + sum(map(_nodes, node.get("children", ())))
