"""Microseconds a row from a DataFrame to probabilities, one thread, all of Adult's test rows.

Usage: python benchmarks/predict_latency.py [--repeats 21]. The compacted model, the gated PyTorch model that it was
cut out of and scikit-learn's HistGradientBoosting predict in turn, so that a noisy machine slows all of them alike.
Written to benchmarks/results/predict_latency.json.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from l0gm import L0GMClassifier
from l0gm.datasets import load
from l0gm.experiments.machine import hardware, versions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=21)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    data = load("adult")
    train, test = data.split("openml")
    X, y = data.frame.drop(columns=data.target), data.frame[data.target]
    gated = L0GMClassifier(active=0.15).fit(X.iloc[train], y.iloc[train])
    small = gated.compact()
    C = X.copy()
    for name in C.columns:
        if C[name].dtype.kind == "O":
            C[name] = C[name].astype("category")
    trees = HistGradientBoostingClassifier(early_stopping=True, random_state=0).fit(C.iloc[train], y.iloc[train])
    rows, codes = X.iloc[test], C.iloc[test]
    encoded = small.encode(rows)
    contestants = {
        "compacted, object columns": lambda: small.predict_proba(rows),
        "compacted, category columns": lambda: small.predict_proba(codes),
        "compacted, from encoded rows": lambda: small.program.probabilities(encoded),
        "gated, PyTorch": lambda: gated.predict_proba(rows),
        "HistGradientBoosting, category columns": lambda: trees.predict_proba(codes),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    with threadpool_limits(1):
        for _ in range(repeats):
            for name, predict in contestants.items():
                started = time.perf_counter()
                predict()
                seconds[name].append(time.perf_counter() - started)
    results = {
        name: dict(zip(("p10", "p50", "p90"), np.quantile(values, [0.1, 0.5, 0.9]) / len(test) * 1e6, strict=True))
        for name, values in seconds.items()
    }
    for name, us in results.items():
        print(f"{name:<40} p50 {us['p50']:6.2f}  p10 {us['p10']:6.2f}  p90 {us['p90']:6.2f} us a row")
    record = {"rows": len(test), "threads": 1, "hardware": hardware(), "versions": versions(), "us_a_row": results}
    path = Path(__file__).parent / "results" / "predict_latency.json"
    path.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
