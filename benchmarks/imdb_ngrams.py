"""IMDB with n-grams: the gated model, the dense one, one open dimension, and NB-LR on the same n-grams and rows.

Usage: python benchmarks/imdb_ngrams.py [--seeds 5] [--active 0.15] [--dim 16]. NB-LR is logistic regression on the
n-grams that a text holds, each multiplied by its naive-Bayes log-count ratio (Wang and Manning 2012); C is chosen by
the log loss of the validation rows, and so is whether rows are divided by their norm. It stands there twice: with each
n-gram once, and with those of a text's last tenth counted twice, as l0gm does. "First coordinate kept" is a random
mask of as many open dimensions as the gated model's, of which the first, where the log-count ratio is, is one. Test
rows are read once, at the end of each fit. Written to benchmarks/results/imdb_ngrams.json.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from scipy.sparse import csr_matrix, diags
from sklearn.linear_model import LogisticRegression

from l0gm import L0GMClassifier, evaluate, load
from l0gm.data.splits import three_way
from l0gm.datasets import load as load_data
from l0gm.encoders.text import Ngrams
from l0gm.estimators import fitting
from l0gm.experiments.machine import hardware, versions
from l0gm.gates import FixedMaskGate
from l0gm.metrics import DIRECTION, log_loss, paired_interval, summarise

MEASURES = ("accuracy", "auc", "log_loss", "ece", "ece_null_p95")
PLAIN_C = (0.03, 0.1, 0.3)
NORMED_C = (5.0, 10.0, 30.0)
BATCH = 1000


def kept_first(k, seed):
    """Return what makes the estimator's gate a random mask of k dimensions, the first of which is one."""

    def make(name, encoder, **_):
        others = 1 + torch.randperm(encoder.dim - 1, generator=torch.Generator().manual_seed(seed))[: k - 1]
        mask = torch.zeros(encoder.dim, dtype=torch.bool)
        mask[torch.cat([torch.zeros(1, dtype=torch.int64), others])] = True
        return FixedMaskGate(mask)

    return patch.object(fitting, "make_gate", make)


def matrix(field, rows, twice):
    """Return how often each n-gram is listed for each text, or whether it is."""
    ids = csr_matrix((np.ones(len(rows.ids)), rows.ids, rows.starts), (len(rows), field.n_rows), copy=True)
    ids.sum_duplicates()
    if not twice:
        ids.data[:] = 1.0
    return ids


def nb_lr(field, encoded, y, parts, twice):
    """Return the test probabilities of the best NB-LR, and its settings."""
    train, valid, test = (matrix(field, rows, twice) for rows in encoded)
    present = train.copy()
    present.data[:] = 1.0
    inside, outside = (np.asarray(present[parts[0] == k].sum(0)).ravel() + 1.0 for k in (1, 0))
    ratio = diags(np.log(inside / inside.sum()) - np.log(outside / outside.sum()))
    best = (np.inf, None, None)
    for normed, grid in ((False, PLAIN_C), (True, NORMED_C)):
        scaled = [m @ ratio for m in (train, valid, test)]
        if normed:
            scaled = [diags(1.0 / np.maximum(np.sqrt(m.multiply(m).sum(1)).A1, 1e-9)) @ m for m in scaled]
        for c in grid:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that it stopped early, which more rounds do not change here
                model = LogisticRegression(C=c, solver="liblinear", max_iter=100).fit(scaled[0], parts[0])
            score = log_loss(parts[1], model.predict_proba(scaled[1]))
            if score < best[0]:
                best = (score, model.predict_proba(scaled[2]), {"C": c, "normed": normed})
    return best[1:]


def speed(path, texts):
    """Return reviews a second from strings to probabilities, one thread: in batches, and one by one."""
    model = load(path)
    model.predict_proba(texts[:10])
    began = time.perf_counter()
    for start in range(0, len(texts), BATCH):
        model.predict_proba(texts[start : start + BATCH])
    batched = time.perf_counter() - began
    began = time.perf_counter()
    for text in texts[:500]:
        model.predict_proba([text])
    return {"batches": len(texts) / batched, "one_by_one": 500 / (time.perf_counter() - began)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--active", type=float, default=0.15)
    parser.add_argument("--dim", type=int, default=16)
    parser.add_argument("--rows", type=int, help="fewer rows of each half, to try it out")
    options = parser.parse_args()
    data = load_data("imdb")
    halves = [np.random.default_rng(0).permutation(part)[: options.rows] for part in data.split()]
    (texts, labels), (new, truth) = (
        (data.frame["text"].iloc[rows].tolist(), data.frame["label"].iloc[rows].tolist()) for rows in halves
    )
    y, y_new = (np.array([label == "pos" for label in part], dtype=np.int64) for part in (labels, truth))
    encoder = Ngrams(dim=options.dim)
    k = max(1, round(options.active * options.dim))
    variants = {
        "l0gm": {"active": options.active},
        "one open dimension": {"active": 1 / options.dim},
        "first coordinate kept, others at random": {},
        "dense": {"gate": "none"},
    }
    runs: dict[str, list[dict[str, float]]] = {}
    about: dict[str, list] = {"fit_seconds": [], "opened": [], "nb_lr": [], "speed": [], "bytes": [], "n_grams": []}
    path = Path("imdb_ngrams.l0gm")
    for seed in range(options.seeds):
        for name, settings in variants.items():
            began = time.perf_counter()
            model = L0GMClassifier(encoder=encoder, random_state=seed, **settings)
            if not settings:
                with kept_first(k, seed):
                    model.fit(texts, labels)
            else:
                model.fit(texts, labels)
            seconds = time.perf_counter() - began
            small = model.compact()
            runs.setdefault(name, []).append(evaluate(y_new, small.predict_proba(new)))
            print(f"seed {seed}, {name}: {runs[name][-1]['accuracy']:.4f}, {seconds:.0f} s", flush=True)
            if name == "l0gm":
                about["fit_seconds"].append(seconds)
                about["opened"].append(list(model.plan().open_in_texts[0]))
                about["bytes"].append(small.save(path).stat().st_size)
                about["n_grams"].append(len(model.schema_.texts[0].vocabulary))
                about["speed"].append(speed(path, new))
                path.unlink()
                field = model.schema_.texts[0]
        places = three_way(y, 0.1, 0.1, seed)[:2]
        rows = field.vocabulary.find([texts[i] for part in places for i in part], encoder.tail)
        split = np.split(np.arange(len(rows)), [len(places[0])])
        encoded = [rows.take(split[0]), rows.take(split[1]), field.vocabulary.find(new, encoder.tail)]
        for name, twice in (("NB-LR", False), ("NB-LR, last tenth twice", True)):
            proba, chosen = nb_lr(field, encoded, y, [y[part] for part in places], twice)
            runs.setdefault(name, []).append(evaluate(y_new, proba))
            about["nb_lr"].append({"seed": seed, "name": name, **chosen})
            print(f"seed {seed}, {name}: {runs[name][-1]['accuracy']:.4f} {chosen}", flush=True)
    table = {
        name: {m: summarise([r[m] for r in of], higher_is_better=DIRECTION.get(m)) for m in MEASURES}
        for name, of in runs.items()
    }
    gaps = {
        name: paired_interval([r["accuracy"] for r in runs["l0gm"]], [r["accuracy"] for r in of])._asdict()
        for name, of in runs.items()
        if name != "l0gm"
    }
    report = {
        "settings": {**vars(options), "encoder": str(encoder)},
        "measures": table,
        "accuracy_of_l0gm_minus": gaps,
        **about,
        "versions": versions(),
        "hardware": hardware(),
    }
    if options.rows is None:
        out = Path(__file__).parent / "results" / "imdb_ngrams.json"
        out.write_text(json.dumps(report, indent=2, default=str) + "\n")
    for name, of in table.items():
        a, gap = of["accuracy"], gaps.get(name)
        beside = "" if gap is None else f"   l0gm minus it {gap['mean']:+.4f} [{gap['low']:+.4f}, {gap['high']:+.4f}]"
        print(f"{name:<42} {a['mean']:.4f} ± {a['std']:.4f}, worst {a['worst']:.4f}{beside}")


if __name__ == "__main__":
    main()
