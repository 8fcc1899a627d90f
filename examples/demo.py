"""The main job on real data: Adult, from a DataFrame to a small calibrated model that needs no PyTorch.

Run it with ``make demo``, or ``python examples/demo.py [FOLDER]``; the model is written to FOLDER (runs/demo).
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", str(min(2, os.cpu_count() or 1)))

import pickle
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

import l0gm
from l0gm import L0GMClassifier, evaluate
from l0gm.datasets import load

ACTIVE = 0.15
SEED = 0
REPEATS = 7


def main(folder: Path) -> None:
    data = load("adult")
    print(f"{data.description}\nfrom: {data.source}\n")
    train, test = data.split("openml")
    X, y = data.frame.drop(columns=data.target), data.frame[data.target]
    X_train, y_train, X_test, y_test = X.iloc[train], y.iloc[train], X.iloc[test], y.iloc[test]

    dense = fit("dense, no gate", L0GMClassifier(gate="none", random_state=SEED), X_train, y_train)
    gated = fit(f"gated, {ACTIVE:.0%} active", L0GMClassifier(active=ACTIVE, random_state=SEED), X_train, y_train)
    small = gated.compact().with_information(metrics={"test": gated.evaluate(X_test, y_test)})
    path = small.save(folder / "adult.l0gm")
    served = l0gm.load(path)
    trees = HistGradientBoostingClassifier(early_stopping=True, random_state=SEED)
    C_train, C_test = as_categories(X_train, X_test)
    fit("HistGradientBoosting", trees, C_train, y_train)

    print("\nwhat the gate kept:")
    print(gated.plan())
    rows = [
        row(
            "dense",
            dense,
            X_test,
            y_test,
            f"{dense.model_.gate.n_open} of {dense.model_.gate.dim}",
            f"{dense.get_support().sum()} of {dense.n_features_in_}",
            dense.plan().n_parameters,
            None,
        ),
        row(
            "gated",
            gated,
            X_test,
            y_test,
            f"{gated.model_.gate.n_open} of {gated.model_.gate.dim}",
            f"{gated.get_support().sum()} of {gated.n_features_in_}",
            gated.plan().n_parameters,
            None,
        ),
        row(
            "compacted",
            served,
            X_test,
            y_test,
            f"{gated.model_.gate.n_open} of {gated.model_.gate.n_open}",
            f"{len(served.feature_names_in_)} of {gated.n_features_in_}",
            served.n_parameters,
            path.stat().st_size,
        ),
        row(
            "HistGradientBoosting",
            trees,
            C_test,
            y_test,
            "-",
            f"{X.shape[1]} of {X.shape[1]}",
            sum(t[0].get_n_leaf_nodes() for t in trees._predictors),
            len(pickle.dumps(trees)),
        ),
    ]
    time_rows(rows)
    show(rows)
    print(
        f"\nTest rows: {len(test):,}, read once. 'calibrated' is the 95th percentile of the ECE that a perfectly "
        "calibrated model\nwith the same probabilities would score on as many rows. Speed: from the DataFrame, one "
        "thread, all test rows.\nParameters of HistGradientBoosting: leaves; its bytes: a pickle."
    )
    print(
        f"\nThe model lies in {path}\n"
        f"  in Python, without PyTorch:  l0gm.load('{path}').predict_proba(frame)\n"
        f"  on the command line:         l0gm predict {path} people.csv\n"
        f"  what it is:                  l0gm show {path}"
    )


def fit(name, model, X, y):
    started = time.perf_counter()
    model.fit(X, y)
    print(f"{name}: fitted in {time.perf_counter() - started:.0f} s", flush=True)
    return model


def as_categories(train, test):
    """HistGradientBoosting takes category columns, with the training rows' categories."""
    train, test = train.copy(), test.copy()
    for name in train.columns:
        if not np.issubdtype(getattr(train[name].dtype, "numpy_dtype", train[name].dtype), np.number):
            train[name] = train[name].astype("category")
            test[name] = test[name].astype(train[name].dtype)
    return train, test


def row(name, model, X, y, dimensions, fields, parameters, size):
    classes = list(model.classes_)
    proba = model.predict_proba(X)
    measures = evaluate(np.array([classes.index(label) for label in y]), proba)
    return {
        "name": name,
        "measures": measures,
        "dimensions": dimensions,
        "fields": fields,
        "parameters": parameters,
        "bytes": size,
        "predict": lambda: model.predict_proba(X),
        "rows": len(X),
    }


def time_rows(rows) -> None:
    """Time each model's prediction in turn, so that a noisy machine slows all of them alike."""
    seconds = {r["name"]: [] for r in rows}
    with threadpool_limits(1):
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        for _ in range(REPEATS):
            for r in rows:
                started = time.perf_counter()
                r["predict"]()
                seconds[r["name"]].append(time.perf_counter() - started)
        torch.set_num_threads(threads)
    for r in rows:
        r["us"] = median(seconds[r["name"]]) / r["rows"] * 1e6


def show(rows) -> None:
    head = [
        "",
        "accuracy",
        "AUC",
        "log loss",
        "ECE (calibrated)",
        "open dims",
        "fields",
        "parameters",
        "bytes",
        "us/row",
    ]
    table = [head]
    for r in rows:
        m = r["measures"]
        table.append(
            [
                r["name"],
                f"{m['accuracy']:.4f}",
                f"{m['auc']:.4f}",
                f"{m['log_loss']:.4f}",
                f"{m['ece']:.4f} ({m['ece_null_p95']:.4f})",
                r["dimensions"],
                r["fields"],
                f"{r['parameters']:,}",
                "-" if r["bytes"] is None else f"{r['bytes']:,}",
                f"{r['us']:.1f}",
            ]
        )
    widths = [max(len(line[i]) for line in table) for i in range(len(head))]
    print()
    for number, line in enumerate(table):
        print(
            "  ".join(
                cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
            )
        )
        if number == 0:
            print("  ".join("-" * w for w in widths))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/demo"))
