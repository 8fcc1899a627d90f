"""Quality on Adult beside boosted trees, in one run: same rows, same validation rows for early stopping.

Usage: python benchmarks/adult_quality.py [--seeds 5] [--active 0.15] [--split openml]. The gated model stands there
twice: with the default settings, and with a wider deep branch, taught by the average of the boosted trees that are
installed (out of fold, on the training rows). So does the dense model: with the gated model's settings, and with the
weight decay and dropout that suited it best on validation rows. XGBoost, LightGBM and CatBoost take part where they are
installed. Test rows are read once, at the end of each fit. Written to benchmarks/results/adult_quality_SPLIT.json.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import VotingClassifier

from l0gm import L0GMClassifier, evaluate
from l0gm.data.splits import three_way
from l0gm.datasets import load
from l0gm.experiments.machine import hardware, versions
from l0gm.metrics import DIRECTION, paired_interval, summarise

MEASURES = ("accuracy", "auc", "log_loss", "brier", "ece", "ece_null_p95")
TUNED_DENSE = {"weight_decay": 1.0, "dropout": 0.3}
TAUGHT = {"deep": (256, 128), "dropout": 0.3, "teacher_weight": 0.3, "averaging": 0.998}
TREES = 4000
PATIENCE = 100


def with_categories(frame):
    frame = frame.copy()
    for name in frame.columns:
        if frame[name].dtype == object:
            frame[name] = frame[name].astype("category")
    return frame


def xgboost(X, y, V, v, seed):
    from xgboost import XGBClassifier

    model = XGBClassifier(
        n_estimators=TREES, learning_rate=0.05, max_depth=6, subsample=0.8, colsample_bytree=0.6, min_child_weight=3,
        enable_categorical=True, early_stopping_rounds=PATIENCE, random_state=seed, n_jobs=2, eval_metric="logloss",
    )  # fmt: skip
    return model.fit(X, y, eval_set=[(V, v)], verbose=False)


def lightgbm(X, y, V, v, seed):
    from lightgbm import LGBMClassifier, early_stopping

    model = LGBMClassifier(
        n_estimators=TREES, learning_rate=0.03, num_leaves=31, subsample=0.8, subsample_freq=1, colsample_bytree=0.6,
        min_child_samples=20, random_state=seed, n_jobs=2, verbose=-1,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a deprecation inside its own wrapper
        return model.fit(
            X, y, eval_set=[(V, v)], eval_metric="binary_logloss", callbacks=[early_stopping(PATIENCE, verbose=False)]
        )


def catboost(X, y, V, v, seed):
    from catboost import CatBoostClassifier

    model = CatBoostClassifier(
        iterations=TREES, learning_rate=0.05, early_stopping_rounds=PATIENCE, random_seed=seed, thread_count=2,
        verbose=False, allow_writing_files=False, cat_features=[c for c in X if X[c].dtype == "category"],
    )  # fmt: skip
    return model.fit(fill(X), y, eval_set=(fill(V), v))


class CategoryBoost(ClassifierMixin, BaseEstimator):
    """CatBoost with the category columns of a frame, in a form that scikit-learn can clone."""

    def fit(self, X, y):
        from catboost import CatBoostClassifier

        self.model_ = CatBoostClassifier(
            iterations=800, learning_rate=0.05, random_seed=0, thread_count=2, verbose=False, allow_writing_files=False,
            cat_features=[c for c in X if X[c].dtype == "category"],
        ).fit(fill(X), y)  # fmt: skip
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(fill(X))


def teacher():
    """The average of the boosted trees that are installed; their numbers of trees are about those of early stopping."""
    members = []
    with suppress(ImportError):
        from xgboost import XGBClassifier

        members.append(("xgboost", XGBClassifier(
            n_estimators=300, learning_rate=0.05, max_depth=6, subsample=0.8, colsample_bytree=0.6, min_child_weight=3,
            enable_categorical=True, random_state=0, n_jobs=2,
        )))  # fmt: skip
    with suppress(ImportError):
        from lightgbm import LGBMClassifier

        members.append(("lightgbm", LGBMClassifier(
            n_estimators=400, learning_rate=0.03, num_leaves=31, subsample=0.8, subsample_freq=1, colsample_bytree=0.6,
            min_child_samples=20, random_state=0, n_jobs=2, verbose=-1,
        )))  # fmt: skip
    with suppress(ImportError):
        import catboost  # noqa: F401  # whether it is there

        members.append(("catboost", CategoryBoost()))
    return VotingClassifier(members, voting="soft")


def fill(X):
    """CatBoost takes no missing category."""
    X = X.copy()
    for name in X.columns:
        if X[name].dtype == "category":
            X[name] = X[name].astype(object).fillna("missing").astype(str).astype("category")
    return X


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--active", type=float, default=0.15)
    parser.add_argument("--split", default="openml")
    options = parser.parse_args()
    data = load("adult")
    train, test = data.split(options.split)
    X, y = data.frame.drop(columns=data.target), data.frame[data.target]
    labels = (y == ">50K").to_numpy().astype(int)
    C = with_categories(X)
    scores: dict[str, list[dict[str, float]]] = {}
    seconds: dict[str, list[float]] = {}

    def note(name, seed, started, proba):
        measures = evaluate(labels[test], np.asarray(proba, dtype=np.float64), seed=seed)
        scores.setdefault(name, []).append({m: measures[m] for m in MEASURES})
        seconds.setdefault(name, []).append(time.perf_counter() - started)
        print(f"seed {seed} {name:<22} " + "  ".join(f"{m} {measures[m]:.4f}" for m in MEASURES), flush=True)

    for seed in range(options.seeds):
        ours = {
            f"l0gm, {options.active:.0%} active": {"active": options.active},
            "l0gm, taught": {"active": options.active, "teacher": teacher(), **TAUGHT},
            "dense, same settings": {"gate": "none"},
            "dense, tuned": {"gate": "none", **TUNED_DENSE},
        }
        for name, settings in ours.items():
            started = time.perf_counter()
            model = L0GMClassifier(random_state=seed, **settings).fit(X.iloc[train], y.iloc[train])
            note(name, seed, started, model.compact().predict_proba(X.iloc[test]))
        fit_rows, valid_rows, _ = (train[part] for part in three_way(y.iloc[train], 0.1, 0.1, seed))
        for fit in (xgboost, lightgbm, catboost):
            started = time.perf_counter()
            try:
                model = fit(C.iloc[fit_rows], labels[fit_rows], C.iloc[valid_rows], labels[valid_rows], seed)
            except ImportError:
                continue
            note(
                fit.__name__,
                seed,
                started,
                model.predict_proba(fill(C.iloc[test]) if fit is catboost else C.iloc[test]),
            )

    table = {
        name: {m: summarise([run[m] for run in runs], higher_is_better=DIRECTION.get(m)) for m in MEASURES}
        for name, runs in scores.items()
    }
    print()
    for name, measures in table.items():
        print(f"{name:<22} " + "  ".join(f"{m} {v['mean']:.4f} ± {v['std']:.4f}" for m, v in measures.items()))
    differences = {
        ours: {
            name: {
                m: paired_interval([r[m] for r in scores[ours]], [r[m] for r in scores[name]])._asdict()
                for m in MEASURES[:4]
            }
            for name in scores
            if name != ours
        }
        for ours in list(scores)[:2]
    }
    for ours, others in differences.items():
        for name, d in others.items():
            print(
                f"{ours} minus {name}: "
                + "  ".join(f"{m} {v['mean']:+.4f} [{v['low']:+.4f}, {v['high']:+.4f}]" for m, v in d.items())
            )
    record = {
        "split": options.split, "hardware": hardware(), "versions": versions(), "table": table,
        "differences_95": differences, "fit_seconds": seconds,
    }  # fmt: skip
    path = Path(__file__).parent / "results" / f"adult_quality_{options.split}.json"
    path.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
