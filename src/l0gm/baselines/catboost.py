"""CatBoost, with its own handling of categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from l0gm.baselines.base import Size, needed
from l0gm.baselines.boosting import CATBOOST, PATIENCE, TREES
from l0gm.baselines.columns import TableBaseline

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CatBoost"]


class CatBoost(TableBaseline):
    """Boosted symmetric trees of CatBoost (Prokhorenkova et al. 2018), stopped early on the validation rows.

    Parameters
    ----------
    learning_rate, depth, l2_leaf_reg, random_strength
        Of CatBoost; the other settings are :data:`l0gm.baselines.boosting.CATBOOST`.
    trees : int
        At most.
    random_state : int
    threads : int, optional
    """

    def __init__(
        self,
        *,
        learning_rate: float = CATBOOST["learning_rate"],
        depth: int = 6,
        l2_leaf_reg: float = 3.0,
        random_strength: float = 1.0,
        trees: int = TREES,
        random_state: Any = 0,
        threads: int | None = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.depth = depth
        self.l2_leaf_reg = l2_leaf_reg
        self.random_strength = random_strength
        self.trees = trees
        self.random_state = random_state
        self.threads = threads

    def _fit(self, X: Any, y: NDArray[np.int64], V: Any, v: NDArray[np.int64]) -> None:
        settings = {
            **CATBOOST,
            "learning_rate": self.learning_rate,
            "depth": self.depth,
            "l2_leaf_reg": self.l2_leaf_reg,
            "random_strength": self.random_strength,
        }
        self.model_ = needed("catboost", "the baseline CatBoost").CatBoostClassifier(
            iterations=self.trees,
            early_stopping_rounds=PATIENCE,
            random_seed=self.seed_,
            thread_count=-1 if self.threads is None else self.threads,
            loss_function="MultiClass" if len(self.classes_) > 2 else "Logloss",
            cat_features=[name for name in X if X[name].dtype == "category"],
            **settings,
        )
        self.model_.fit(_coded(X), y, eval_set=(_coded(V), v))

    def _probabilities(self, X: Any) -> NDArray[Any]:
        threads = -1 if self.threads is None else self.threads
        found: NDArray[Any] = self.model_.predict(_coded(X), prediction_type="Probability", thread_count=threads)
        return found

    def size(self) -> Size:
        """Return the number of leaves, and of splits, one for each depth of a tree; statistics of categories beside."""
        leaves = self.model_.get_tree_leaf_counts()
        return Size(None, None, int(len(self.model_.get_leaf_values()) + np.log2(leaves).sum()))


def _coded(X: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with the codes of categories as whole numbers: CatBoost takes no missing category."""
    import pandas as pd

    columns = {name: X[name] for name in X}
    return pd.DataFrame({k: x.cat.codes.astype(np.int32) if x.dtype == "category" else x for k, x in columns.items()})
