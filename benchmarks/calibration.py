"""Calibration and decisions on Adult: every method, groups of rows, a threshold, and the coverage of prediction sets.

Usage: python benchmarks/calibration.py [--seeds 5] [--active 0.15] [--split openml]. One fit a seed; calibrators,
thresholds and sets are fitted on its calibration rows and measured on the test rows, which are read once a fit.
Written to benchmarks/results/calibration_adult.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from l0gm import L0GMClassifier, evaluate
from l0gm.calibration import METHODS
from l0gm.datasets import load
from l0gm.decisions import at_threshold
from l0gm.experiments.machine import hardware, versions
from l0gm.metrics import DIRECTION, ece_adaptive, ece_null, summarise

MEASURES = ("accuracy", "auc", "log_loss", "ece", "ece_null_p95", "ece_adaptive", "ece_adaptive_null_p95")
POSITIVE = ("ece_adaptive_positive", "ece_adaptive_positive_null_p95")
COVERAGES = (0.8, 0.9, 0.95)
COLUMNS = ("sex", "race")
PRECISION = 0.9


def measured(labels, proba):
    scores = evaluate(labels, proba)
    scores = {name: scores[name] for name in MEASURES}
    null = ece_null(proba, "positive", binning="mass")
    return {**scores, **dict(zip(POSITIVE, (ece_adaptive(labels, proba, "positive"), null.p95), strict=True))}


def covered(sets, labels, rows):
    """How often the sets hold the label, in all rows and in parts of them, and how large they are."""
    held = sets[np.arange(len(labels)), labels]
    groups = {f"{column} {group}": rows[column] == group for column in COLUMNS for group in rows[column].unique()}
    return {
        "coverage": held.mean(),
        **{f"coverage of class {k}": held[labels == k].mean() for k in (0, 1)},
        **{f"coverage of {name}": held[members].mean() for name, members in groups.items()},
        **{f"sets of {size}": np.mean(sets.sum(1) == size) for size in (0, 1, 2)},
    }


def over_seeds(runs):
    """Summarise dicts of numbers, one a seed."""
    numbers = {name: [float(run[name]) for run in runs] for name in runs[0]}
    return {name: summarise(values, higher_is_better=DIRECTION.get(name)) for name, values in numbers.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--active", type=float, default=0.15)
    parser.add_argument("--split", default="openml")
    options = parser.parse_args()
    data = load("adult")
    train, test = data.split(options.split)
    X, y = data.features, data.labels
    labels = (y.iloc[test] == ">50K").to_numpy().astype(int)
    methods: dict[str, list] = {}
    sets: dict[str, list] = {}
    groups: dict[str, dict[str, list]] = {}
    thresholds, calibrators, rows = [], [], 0
    for seed in range(options.seeds):
        model = L0GMClassifier(active=options.active, random_state=seed).fit(X.iloc[train], y.iloc[train])
        fit_labels, fit_proba = model._calibration_rows
        rows = len(fit_labels)
        raw = model.compact().predict_proba(X.iloc[test])
        fitted = {name: method.fit(fit_proba, fit_labels) for name, method in METHODS.items()}
        calibrators.append({name: str(one) for name, one in fitted.items()})
        for name, proba in {"raw": raw, **{name: one.apply(raw) for name, one in fitted.items()}}.items():
            methods.setdefault(name, []).append(measured(labels, proba))
            print(
                f"seed {seed} {name:<12} " + "  ".join(f"{m} {v:.4f}" for m, v in methods[name][-1].items()), flush=True
            )
        for coverage in COVERAGES:
            found = covered(model.predict_set(X.iloc[test], coverage), labels, X.iloc[test])
            sets.setdefault(f"{coverage:g}", []).append(found)
            print(f"seed {seed} coverage {coverage:g}  " + "  ".join(f"{m} {v:.4f}" for m, v in found.items()))
        for column in COLUMNS:
            for group, found in model.evaluate_by(X.iloc[test], y.iloc[test], column).items():
                groups.setdefault(column, {}).setdefault(str(group), []).append(found)
        promised = model.tune_threshold(precision=PRECISION)
        kept = at_threshold(labels, raw, promised.value)
        thresholds.append(
            {"threshold": promised.value, "precision": kept.precision, "recall": kept.recall, "accuracy": kept.accuracy}
        )
        print(f"seed {seed} precision {PRECISION} promised: {thresholds[-1]}", flush=True)
    record = {
        "split": options.split,
        "active": options.active,
        "hardware": hardware(),
        "versions": versions(),
        "rows": {"calibration": rows, "test": len(test)},
        "methods": {name: over_seeds(runs) for name, runs in methods.items()},
        "calibrators": calibrators,
        "coverage": {name: over_seeds(runs) for name, runs in sets.items()},
        "groups": {
            column: {group: over_seeds(runs) for group, runs in parts.items()} for column, parts in groups.items()
        },
        "precision_promised": PRECISION,
        "thresholds": over_seeds(thresholds),
    }
    path = Path(__file__).parent / "results" / "calibration_adult.json"
    path.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
