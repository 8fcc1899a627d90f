"""Boosted trees: CatBoost, XGBoost, LightGBM and scikit-learn's HistGradientBoosting, by their fastest calls."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from l0gm.baselines.boosting import CATBOOST, HIST_GRADIENT_BOOSTING, LIGHTGBM, PATIENCE, XGBOOST
from l0gm.experiments.bench.contestant import Answer, Peer, library
from l0gm.experiments.bench.inputs import Form, Rows
from l0gm.experiments.bench.matrices import MatrixPeer

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CatBoost", "CatBoostCategories", "HistGB", "LightGBM", "XGBoost"]

MISSING = "missing"
"""CatBoost takes no missing category."""


class CatBoost(MatrixPeer):
    """CatBoost on codes as plain numbers."""

    key = "catboost"
    name = "CatBoost, codes as numbers"
    packages: ClassVar[tuple[str, ...]] = ("catboost",)
    order: ClassVar[Literal["C", "F"]] = "F"

    def learn(self, X: NDArray[Any], y: NDArray[np.int64], V: NDArray[Any], v: NDArray[np.int64]) -> None:
        """Fit the trees."""
        self.model = library("catboost", type(self)).CatBoostClassifier(
            iterations=self.most, early_stopping_rounds=PATIENCE, random_seed=self.seed, thread_count=self.threads,
            **CATBOOST,
        )  # fmt: skip
        self.model.fit(X.copy(order="F"), y, eval_set=(V.copy(order="F"), v))  # it makes what it reads read-only

    def predictor(self, threads: int) -> Answer:
        """Return what is timed."""
        return _catboost(self.model, threads)

    def size(self) -> dict[str, Any]:
        """Return trees and the bytes of the model file."""
        return {"trees": int(self.model.tree_count_), "bytes": _bytes(self.model.save_model)}


class CatBoostCategories(Peer):
    """CatBoost with its own handling of categories, which reads text by itself."""

    key = "catboost-categories"
    name = "CatBoost, categories"
    packages: ClassVar[tuple[str, ...]] = ("catboost",)

    def fit(self, train: Rows, valid: Rows) -> None:
        """Fit on the training rows and stop early on the validation rows."""
        catboost = library("catboost", type(self))
        self.pool = catboost.Pool
        self.model = catboost.CatBoostClassifier(
            iterations=self.most, early_stopping_rounds=PATIENCE, random_seed=self.seed, thread_count=self.threads,
            cat_features=list(self.coder.known), **CATBOOST,
        )  # fmt: skip
        self.model.fit(self._filled(train.frame), train.labels, eval_set=(self._filled(valid.frame), valid.labels))
        self.inputs: dict[Form, str] = {
            "prepared": "a Pool that is ready, its categories hashed",
            "object": "missing text filled, then the DataFrame as it is",
            "category": "missing text filled, then the DataFrame as it is",
            "dict": "a list of the row's values, missing text filled",
        }

    def ready(self, form: Form, frame: pd.DataFrame) -> Any:
        """Return the rows in this form."""
        if form == "prepared":
            return self.pool(self._filled(frame), cat_features=list(self.coder.known))
        return frame.to_dict("records")[0] if form == "dict" else frame

    def answer(self, form: Form, threads: int) -> Answer:
        """Return what is timed."""
        predict = _catboost(self.model, threads)
        if form == "prepared":
            return predict
        if form == "dict":
            names, known = self.model.feature_names_, self.coder.known
            return lambda row: predict([[_text(row[n]) if n in known else row[n] for n in names]])
        return lambda frame: predict(self._filled(frame))

    def size(self) -> dict[str, Any]:
        """Return trees and the bytes of the model file."""
        return {"trees": int(self.model.tree_count_), "bytes": _bytes(self.model.save_model)}

    def _filled(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the table with a category in the place of missing ones."""
        filled = {}
        for name in self.coder.known:
            column = frame[name]
            if column.dtype == object:
                if column.hasnans:
                    filled[name] = column.where(column.notna(), MISSING)
            elif column.hasnans:
                categories = list(dict.fromkeys([*column.cat.categories, MISSING]))
                codes = column.cat.codes.to_numpy().astype(np.int32)
                codes[codes < 0] = categories.index(MISSING)
                filled[name] = _categorical(codes, categories)
        return frame.assign(**filled) if filled else frame


class XGBoost(MatrixPeer):
    """XGBoost on codes as plain numbers, asked in place: a DMatrix that is asked twice answers from its cache."""

    key = "xgboost"
    name = "XGBoost"
    packages: ClassVar[tuple[str, ...]] = ("xgboost",)
    dtype: ClassVar[Any] = np.float32

    def learn(self, X: NDArray[Any], y: NDArray[np.int64], V: NDArray[Any], v: NDArray[np.int64]) -> None:
        """Fit the trees."""
        xgboost = library("xgboost", type(self))
        several = self.n_classes > 2
        task = (
            {"objective": "multi:softprob", "num_class": self.n_classes}
            if several
            else {"objective": "binary:logistic"}
        )
        settings = {**task, **XGBOOST, "nthread": self.threads, "seed": self.seed}
        settings["eval_metric"] = "mlogloss" if several else "logloss"
        train, valid = xgboost.DMatrix(X, y), xgboost.DMatrix(V, v)
        booster = xgboost.train(
            settings, train, self.most, evals=[(valid, "valid")], early_stopping_rounds=PATIENCE, verbose_eval=False
        )
        self.model = booster[: booster.best_iteration + 1]

    def predictor(self, threads: int) -> Answer:
        """Return what is timed."""
        booster = self.model.copy()
        booster.set_param({"nthread": threads})
        return lambda X: booster.inplace_predict(X, validate_features=False)

    def size(self) -> dict[str, Any]:
        """Return trees and the bytes of the model file."""
        return {
            "trees": self.model.num_boosted_rounds() * (self.n_classes if self.n_classes > 2 else 1),
            "bytes": len(self.model.save_raw("ubj")),
        }


class LightGBM(MatrixPeer):
    """LightGBM on codes as plain numbers."""

    key = "lightgbm"
    name = "LightGBM"
    packages: ClassVar[tuple[str, ...]] = ("lightgbm",)

    def learn(self, X: NDArray[Any], y: NDArray[np.int64], V: NDArray[Any], v: NDArray[np.int64]) -> None:
        """Fit the trees."""
        lightgbm = library("lightgbm", type(self))
        several = self.n_classes > 2
        task = {"objective": "multiclass", "num_class": self.n_classes} if several else {"objective": "binary"}
        settings = {**task, **LIGHTGBM, "num_threads": self.threads, "seed": self.seed}
        train = lightgbm.Dataset(X, y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecations inside its own wrapper
            fitted = lightgbm.train(
                settings, train, self.most, valid_sets=[lightgbm.Dataset(V, v, reference=train)],
                callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
            )  # fmt: skip
        self.text = fitted.model_to_string(num_iteration=fitted.best_iteration)
        self.model = lightgbm.Booster(model_str=self.text)

    def predictor(self, threads: int) -> Answer:
        """Return what is timed."""
        predict = self.model.predict
        return lambda X: predict(X, num_threads=threads)

    def size(self) -> dict[str, Any]:
        """Return trees and the bytes of the model file."""
        return {"trees": self.model.num_trees(), "bytes": len(self.text.encode())}


class HistGB(MatrixPeer):
    """scikit-learn's HistGradientBoosting on codes as plain numbers; its threads are those of OpenMP."""

    key = "histgb"
    name = "HistGradientBoosting"
    packages: ClassVar[tuple[str, ...]] = ("scikit-learn",)

    def learn(self, X: NDArray[Any], y: NDArray[np.int64], V: NDArray[Any], v: NDArray[np.int64]) -> None:
        """Fit the trees."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        self.model = HistGradientBoostingClassifier(
            max_iter=self.most, early_stopping=True, random_state=self.seed, **HIST_GRADIENT_BOOSTING
        )
        self.model.fit(X, y, X_val=V, y_val=v)

    def predictor(self, threads: int) -> Answer:
        """Return what is timed, with the threads that are pinned around it."""
        predict: Answer = self.model.predict_proba
        return predict

    def size(self) -> dict[str, Any]:
        """Return trees and the bytes of the pickle."""
        import pickle

        trees = self.model.n_iter_ * (self.n_classes if self.n_classes > 2 else 1)
        return {"trees": int(trees), "bytes": len(pickle.dumps(self.model))}


def _catboost(model: Any, threads: int) -> Answer:
    predict = model.predict
    return lambda X: predict(X, prediction_type="Probability", thread_count=threads)


def _text(value: Any) -> Any:
    return MISSING if value is None else value


def _categorical(codes: NDArray[np.int32], categories: Any) -> Any:
    import pandas as pd

    return pd.Categorical.from_codes(codes, categories=categories)


def _bytes(save: Any) -> int:
    """Return the size of the file that ``save`` writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model")
        save(str(path))
        return path.stat().st_size
