"""LightGBM, with its own handling of categories."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from l0gm.baselines.base import Size, needed
from l0gm.baselines.boosting import LIGHTGBM, PATIENCE, TREES
from l0gm.baselines.columns import TableBaseline, numbered

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LightGBM"]


class LightGBM(TableBaseline):
    """Boosted trees of LightGBM (Ke et al. 2017), stopped early on the validation rows.

    Parameters
    ----------
    learning_rate, num_leaves, min_data_in_leaf, feature_fraction
        Of LightGBM; the other settings are :data:`l0gm.baselines.boosting.LIGHTGBM`.
    trees : int
        Rounds at most.
    random_state : int
    threads : int, optional
    """

    def __init__(
        self,
        *,
        learning_rate: float = LIGHTGBM["learning_rate"],
        num_leaves: int = LIGHTGBM["num_leaves"],
        min_data_in_leaf: int = LIGHTGBM["min_data_in_leaf"],
        feature_fraction: float = LIGHTGBM["feature_fraction"],
        trees: int = TREES,
        random_state: Any = 0,
        threads: int | None = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.min_data_in_leaf = min_data_in_leaf
        self.feature_fraction = feature_fraction
        self.trees = trees
        self.random_state = random_state
        self.threads = threads

    def boosted(self, X: pd.DataFrame, y: NDArray[np.int64], V: pd.DataFrame, v: NDArray[np.int64], seed: int) -> Any:
        """Return the fitted Booster.

        Parameters
        ----------
        X, V : pandas.DataFrame (n, m), (k, m)
            Training and validation rows, as :func:`l0gm.distillation.teacher_frame` gives them.
        y, v : int64 (n,), (k,)
            Class indices; every class is in ``y``.
        seed : int
        """
        lightgbm = needed("lightgbm", "the baseline LightGBM")
        n_classes = len(np.unique(y))
        settings = {
            **LIGHTGBM,
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_data_in_leaf": self.min_data_in_leaf,
            "feature_fraction": self.feature_fraction,
            "seed": seed,
            "deterministic": True,
            "force_col_wise": True,
            "objective": "multiclass" if n_classes > 2 else "binary",
            **({"num_class": n_classes} if n_classes > 2 else {}),
            **({} if self.threads is None else {"num_threads": self.threads}),
        }
        train = lightgbm.Dataset(numbered(X), y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecations inside its own wrapper
            return lightgbm.train(
                settings,
                train,
                self.trees,
                valid_sets=[lightgbm.Dataset(numbered(V), v, reference=train)],
                callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
            )

    def _fit(self, X: Any, y: NDArray[np.int64], V: Any, v: NDArray[np.int64]) -> None:
        self.model_ = self.boosted(X, y, V, v, self.seed_)

    def _probabilities(self, X: Any) -> NDArray[Any]:
        threads = {} if self.threads is None else {"num_threads": self.threads}
        found: NDArray[Any] = self.model_.predict(numbered(X), **threads)
        return found if found.ndim == 2 else np.stack([1.0 - found, found], axis=1)

    def size(self) -> Size:
        """Return the number of leaves and splits of the trees that are used."""
        trees = self.model_.dump_model()["tree_info"]
        return Size(None, None, sum(2 * tree["num_leaves"] - 1 for tree in trees))
