"""Runs that are made by hand: records and answers of methods whose skill is known."""

import json

import numpy as np

from l0gm.experiments.paper.results import Result, Variant
from l0gm.experiments.paper.runs import ANSWERS
from l0gm.metrics import evaluate

LABELS = np.random.default_rng(0).integers(2, size=600)


def result(out, title, skills, *, open_fractions=None, rob_mu=0.8, paper=None):
    """Return a result whose seeds have these skills: how far the logit of the true class is from the other."""
    records = []
    for seed, skill in enumerate(skills):
        rng = np.random.default_rng([seed, 7])
        logits = rng.normal(size=(len(LABELS), 2))
        logits[np.arange(len(LABELS)), LABELS] += skill
        proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        folder = out / "models" / f"{title}-{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / ANSWERS, labels=LABELS, proba=proba)
        records.append(
            {
                "seed": seed,
                "test": evaluate(LABELS, proba, draws=20),
                "robustness": {"rob_mu": rob_mu, "conditions": {}},
                "n_open": round(100 * open_fractions[seed]) if open_fractions else 15,
                "n_dimensions": 100,
                "seconds": 1.0,
                "folder": f"models/{title}-{seed}",
                "point": f"{title}-{seed}",
            }
        )
    json.dumps(records)
    return Result(Variant(title, title, paper=paper or {}), tuple(records), out)
