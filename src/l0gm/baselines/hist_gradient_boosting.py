"""scikit-learn's HistGradientBoosting, with its own handling of categories."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier

from l0gm.baselines.base import Size
from l0gm.baselines.boosting import HIST_GRADIENT_BOOSTING, TREES
from l0gm.baselines.columns import TableBaseline
from l0gm.distillation import MOST_CATEGORIES, target_encoder

__all__ = ["HistGradientBoosting"]


class HistGradientBoosting(TableBaseline):
    """Boosted trees of scikit-learn, stopped early on the validation rows.

    Categories of more values than it takes become their smoothed target rates, out of fold in training.

    Parameters
    ----------
    learning_rate, max_leaf_nodes, min_samples_leaf, l2_regularization
        Of scikit-learn; the other settings are :data:`l0gm.baselines.boosting.HIST_GRADIENT_BOOSTING`.
    trees : int
        Rounds at most.
    random_state : int
    threads : int, optional
    """

    def __init__(
        self,
        *,
        learning_rate: float = HIST_GRADIENT_BOOSTING["learning_rate"],
        max_leaf_nodes: int = HIST_GRADIENT_BOOSTING["max_leaf_nodes"],
        min_samples_leaf: int = HIST_GRADIENT_BOOSTING["min_samples_leaf"],
        l2_regularization: float = 0.0,
        trees: int = TREES,
        random_state: Any = 0,
        threads: int | None = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.trees = trees
        self.random_state = random_state
        self.threads = threads

    def _fit(self, X: Any, y: NDArray[np.int64], V: Any, v: NDArray[np.int64]) -> None:
        many = [name for name in X if X[name].dtype == "category" and len(X[name].cat.categories) > MOST_CATEGORIES]
        rates = (target_encoder(self.seed_), many)
        self.encoder_ = make_column_transformer(rates, remainder="passthrough", verbose_feature_names_out=False)
        self.encoder_.set_output(transform="pandas")
        settings = {
            **HIST_GRADIENT_BOOSTING,
            "learning_rate": self.learning_rate,
            "max_leaf_nodes": self.max_leaf_nodes,
            "min_samples_leaf": self.min_samples_leaf,
            "l2_regularization": self.l2_regularization,
        }
        self.model_ = HistGradientBoostingClassifier(
            max_iter=self.trees,
            early_stopping=True,
            categorical_features="from_dtype",
            random_state=self.seed_,
            **settings,
        )
        inside = self.encoder_.fit_transform(X, y)  # out of fold, where there are rates
        self.model_.fit(inside, y, X_val=self.encoder_.transform(V), y_val=v)

    def _probabilities(self, X: Any) -> NDArray[Any]:
        found: NDArray[Any] = self.model_.predict_proba(self.encoder_.transform(X))
        return found

    def size(self) -> Size:
        """Return the number of leaves and splits."""
        trees = [tree for trees in self.model_._predictors for tree in trees]  # there is no public way to them
        return Size(None, None, sum(len(tree.nodes) for tree in trees))
