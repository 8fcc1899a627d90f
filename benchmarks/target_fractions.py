"""Is the target met, by gates that had decided? Adult at 5, 12, 15, 35 and 60 % active, five seeds each.

Usage: python benchmarks/target_fractions.py [--data adult] [--seeds 5] [--out benchmarks/results/NAME.json].
For each fit: the count that the gates reached by themselves, the count after hardening, which has to be
round(active * dimensions), and how far hardening alone moved the validation AUC. Test rows are not read.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from l0gm import L0GMClassifier
from l0gm.datasets import load
from l0gm.experiments.machine import hardware, versions

FRACTIONS = (0.05, 0.12, 0.15, 0.35, 0.60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="adult")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "target_fractions.json")
    options = parser.parse_args()
    data = load(options.data)
    train, _ = data.split()
    X, y = data.frame.iloc[train].drop(columns=data.target), data.frame[data.target].iloc[train]
    fits = []
    for active in FRACTIONS:
        for seed in range(options.seeds):
            model = L0GMClassifier(active=active, random_state=seed).fit(X, y)
            record = model.history_.last("harden")
            dim = model.model_.gate.dim
            fit = {
                "active": active,
                "seed": seed,
                "dimensions": dim,
                "asked": round(active * dim),
                "open_by_themselves": record["n_open_before"],
                "open": record["n_open"],
                "auc_moved": record["auc_after"] - record["auc_before"],
                "epochs": model.history_.last("end")["epochs"],
            }
            fits.append(fit)
            near = abs(fit["open_by_themselves"] - fit["asked"]) <= 0.02 * dim
            exact = fit["open"] == fit["asked"] == model.open_dimensions_.sum()
            unmoved = abs(fit["auc_moved"]) < 0.001
            print(
                f"{active:4.0%} seed {seed}: gates {fit['open_by_themselves']:3d}, asked {fit['asked']:3d}, "
                f"open {fit['open']:3d}, AUC moved {fit['auc_moved']:+.5f}  "
                f"{'exact' if exact else 'NOT EXACT'}, {'near' if near else 'NOT NEAR'}, "
                f"{'unmoved' if unmoved else 'MOVED'}",
                flush=True,
            )
    options.out.parent.mkdir(exist_ok=True)
    record = {"data": options.data, "hardware": hardware(), "versions": versions(), "fits": fits}
    options.out.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
