"""Gated and dense node classifiers over seeds: GCN, GraphSAGE, GAT, SIGN, MLP on Cora, PubMed or Debian's packages.

Usage: python benchmarks/nodes_quality.py cora|pubmed|debian_packages [--seeds 10] [--active 0.15] [--encoders gcn,sage]

The splits are the data sets' own (Planetoid's public one; by time for the packages). Both models have the same settings
and seeds; the difference is paired, its interval Student's t over seeds. Test nodes are read once, at the end of each
fit. Written to benchmarks/results/nodes_<data>.json after every fit, and taken up where it was left.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from l0gm import L0GMNodeClassifier
from l0gm.datasets import load_graph
from l0gm.experiments.machine import hardware, versions
from l0gm.experiments.records import plain, read_json, write_json
from l0gm.metrics import macro_f1, paired_interval, summarise

PLANETOID = {"dropout": 0.8, "patience": 15}
DEBIAN = {
    "hidden": 256,
    "width": 64,
    "dropout": 0.3,
    "lr": 0.002,
    "weight_decay": 0.02,
    "l2": 0.0,
    "relations": ["Depends"],
    "hops": 2,
    "epochs": 16,
    "text": ["short_description", "long_description"],
}
OWN: dict[str, dict[str, dict[str, Any]]] = {"debian_packages": {"sage": {"neighbours": (10, 5), "epochs": 8}}}
SETTINGS: dict[str, dict[str, Any]] = {
    "cora": PLANETOID | {"mask": "batch"},
    "pubmed": PLANETOID | {"l2": 2e-3},
    "debian_packages": DEBIAN,
}
ENCODERS = {
    "cora": ("gcn", "sage", "gat", "sign"),
    "pubmed": ("gcn", "sage", "gat", "sign"),
    "debian_packages": ("mlp", "sign", "sage"),
}
MEASURES = {"accuracy": True, "macro_f1": True, "log_loss": False, "ece": False}


def measured(data: Any, options: dict[str, Any]) -> dict[str, Any]:
    train, validation, test = data.split()
    start = time.perf_counter()
    model = L0GMNodeClassifier(**options).fit(data.graph, data.labels, train=train, validation=validation)
    seconds = time.perf_counter() - start
    proba = model.predict_proba(data.graph)
    scores = model.evaluate(data.graph, data.labels[test], test)
    place = {label: i for i, label in enumerate(model.classes_.tolist())}
    labels = np.array([place[label] for label in data.labels[test].tolist()])
    smoothed = model.predict_proba(data.graph, test, known=(train, data.labels[train]))
    return {
        **{name: scores[name] for name in ("accuracy", "log_loss", "ece", "ece_null_p95", "n_open")},
        "macro_f1": macro_f1(labels, proba[test]),
        "smoothed_accuracy": float((smoothed.argmax(1) == labels).mean()),
        "validation_accuracy": model.metrics_["validation"]["accuracy"],
        "dimensions": model.model_.gate.dim,
        "parameters": model.compact_.n_parameters,
        "seconds": seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=list(SETTINGS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--active", type=float, default=0.15)
    parser.add_argument("--encoders", default="")
    given = parser.parse_args()
    path = Path(__file__).parent / "results" / f"nodes_{given.data}.json"
    data = load_graph(given.data)
    settings = SETTINGS[given.data]
    known = plain({"settings": settings, "active": given.active, "versions": versions()})
    record = read_json(path) or {}
    if {name: record.get(name) for name in known} != known:
        record = {**known, "hardware": hardware(), "data": given.data, "fits": {}, "summary": {}}
    encoders = given.encoders.split(",") if given.encoders else ENCODERS[given.data]
    for seed in range(given.seeds):
        for encoder in encoders:
            for name, knob in (("gated", {"active": given.active}), ("dense", {"gate": "none"})):
                key = f"{encoder}, {name}, seed {seed}"
                if key not in record["fits"]:
                    own = OWN.get(given.data, {}).get(encoder, {})
                    options = {**settings, **own, **knob, "encoder": encoder, "random_state": seed}
                    record["fits"][key] = measured(data, options)
                    print(key, record["fits"][key], flush=True)
                    summary(record, encoders)
                    write_json(path, record)
    summary(record, encoders)
    write_json(path, record)
    for encoder, found in record["summary"].items():
        print(encoder, found)


def summary(record: dict[str, Any], encoders: Any) -> None:
    """Put mean, standard deviation, worst and the paired difference of each encoder into the record."""
    for encoder in encoders:
        fits = {
            name: [v for k, v in record["fits"].items() if k.startswith(f"{encoder}, {name},")]
            for name in ("gated", "dense")
        }
        n = min(map(len, fits.values()))
        if n < 2:
            continue
        found: dict[str, Any] = {"seeds": n}
        for measure, higher in (*MEASURES.items(), ("smoothed_accuracy", True)):
            values = {name: [fit[measure] for fit in some[:n]] for name, some in fits.items()}
            for name, some in values.items():
                found[f"{measure}, {name}"] = dict(summarise(some, higher_is_better=higher))
            gap = paired_interval(values["gated"], values["dense"])
            found[f"{measure}, gated - dense"] = {"mean": gap.mean, "low": gap.low, "high": gap.high}
        record["summary"][encoder] = found


if __name__ == "__main__":
    main()
