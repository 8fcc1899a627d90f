"""The open fraction that each penalty leads to: Adult at the paper's four lambdas, five seeds each.

Usage: python benchmarks/penalty_path.py [--data adult] [--seeds 5] [--out benchmarks/results/NAME.json].
Nothing but the penalty decides here how many dimensions stay open. Printed with the validation log loss, and whether
the fractions fall in every seed. Test rows are not read.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path

from l0gm import L0GMClassifier
from l0gm.datasets import load
from l0gm.experiments.machine import hardware, versions

PENALTIES = (1e-4, 3e-4, 1e-3, 3e-3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="adult")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "penalty_path.json")
    options = parser.parse_args()
    data = load(options.data)
    train, _ = data.split()
    X, y = data.frame.iloc[train].drop(columns=data.target), data.frame[data.target].iloc[train]
    paths = []
    for seed in range(options.seeds):
        path = []
        for penalty in PENALTIES:
            model = L0GMClassifier(penalty=penalty, random_state=seed).fit(X, y)
            gate = model.model_.gate
            path.append(
                {
                    "penalty": penalty,
                    "open": gate.n_open,
                    "fraction": gate.n_open / gate.dim,
                    "validation_log_loss": model.metrics_["validation"]["log_loss"],
                }
            )
        fractions = [step["fraction"] for step in path]
        falls = all(high > low for high, low in pairwise(fractions))
        inside = len({fraction for fraction in fractions if 0.02 < fraction < 0.98})
        paths.append({"seed": seed, "path": path, "falls": falls, "distinct_from_2_to_98_percent": inside})
        figures = "  ".join(
            f"{s['penalty']:g}: {s['open']:3d} ({s['fraction']:.1%}, log loss {s['validation_log_loss']:.4f})"
            for s in path
        )
        print(f"seed {seed}: {figures}  {'falls' if falls else 'DOES NOT FALL'}, {inside} inside 2 to 98 %", flush=True)
    options.out.parent.mkdir(exist_ok=True)
    record = {"data": options.data, "hardware": hardware(), "versions": versions(), "paths": paths}
    options.out.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
