"""Pretrained encoders on IMDB: the gated model beside the dense one, over seeds.

Usage: python benchmarks/imdb_encoders.py [--encoder minilm] [--train 25000] [--test 25000] [--seeds 3] [--active 0.12]
[--pooling mean] [--max-tokens 128] [--fine-tune] [--epochs N] [--device auto] [--no-compact]. Fewer rows than all are
the same ones each time, of either half, drawn once. Frozen features are computed first, timed, and kept in the cache;
what is fitted after that takes seconds. Test rows are read once a fit. Written to
benchmarks/results/imdb_<encoder>.json (with "-tuned" behind the name for --fine-tune). With several GPUs:
torchrun --nproc-per-node N benchmarks/imdb_encoders.py --fine-tune.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from l0gm import L0GMClassifier, evaluate
from l0gm.data.frames import Table
from l0gm.datasets import load
from l0gm.encoders import TextBatch
from l0gm.encoders.transformer import Transformer
from l0gm.experiments.machine import hardware, versions
from l0gm.metrics import DIRECTION, summarise

MEASURES = ("accuracy", "auc", "log_loss", "ece", "ece_null_p95")
GATES = ("hard_concrete", "none")


def drawn(rows, n):
    """The first n of the rows in an order that is always the same: fewer are part of more."""
    order = np.argsort(np.random.PCG64(0).random_raw(len(rows)), kind="stable")
    return np.sort(np.asarray(rows)[order[:n]])


def encoded(encoding, texts):
    """Put the features of the texts into the cache; return tokens a text, texts cut short and seconds."""
    notes: list[str] = []
    field = encoding.reader.field("text", "text", texts, (), notes)
    batch = TextBatch.of(field.encode(Table({"text": texts})))
    began = time.perf_counter()
    if encoding.frozen:
        encoding.prepared(field, batch)
    return {
        "tokens_a_text": round(float(batch.lengths.double().mean()), 1),
        "texts_at_the_limit": float((batch.lengths >= encoding.max_tokens).double().mean()),
        "feature_seconds": round(time.perf_counter() - began, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--train", type=int, default=25_000)
    parser.add_argument("--test", type=int, default=25_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--active", type=float, default=0.12)
    parser.add_argument("--pooling", default="mean")
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--fine-tune", action="store_true")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--no-compact", action="store_true")
    options = parser.parse_args()
    encoding = Transformer(
        options.encoder, pooling=options.pooling, frozen=not options.fine_tune, max_tokens=options.max_tokens
    )
    if options.epochs and options.fine_tune:
        encoding = replace(encoding, epochs=options.epochs)
    data = load("imdb")
    halves = data.split()
    train, test = (drawn(rows, n) for rows, n in zip(halves, (options.train, options.test), strict=True))
    texts, labels = data.features.iloc[:, 0], data.labels
    y_test = (labels.iloc[test] == "pos").to_numpy().astype(int)
    both = [*texts.iloc[train], *texts.iloc[test]]
    about = encoded(encoding, both)
    print(f"{len(both):,} texts: {about}", flush=True)
    scores: dict[str, list[dict[str, float]]] = {gate: [] for gate in GATES}
    compacted = {}
    for seed in range(options.seeds):
        for gate in GATES:
            began = time.perf_counter()
            model = L0GMClassifier(
                options.active if gate == "hard_concrete" else None,
                encoder=encoding,
                gate=gate,
                epochs=options.epochs,
                random_state=seed,
                device=options.device,
            ).fit(texts.iloc[train].tolist(), labels.iloc[train])
            seconds = time.perf_counter() - began
            measures = evaluate(y_test, model.predict_proba(texts.iloc[test].tolist()))
            hardened = model.history_.last("harden")
            scores[gate].append(
                {
                    **{name: measures[name] for name in MEASURES},
                    "open": model.model_.gate.n_open,
                    "decided": bool(hardened["decided"]) if hardened and gate != "none" else True,
                    "seconds": round(seconds, 1),
                }
            )
            print(f"seed {seed} {gate:<13} {scores[gate][-1]}", flush=True)
            if gate == "hard_concrete" and seed == 0 and not options.no_compact:
                began = time.perf_counter()
                small = model.compact()
                with tempfile.TemporaryDirectory() as folder:
                    size = small.save(Path(folder) / "model.l0gm").stat().st_size
                compacted = {
                    "max_difference": small.certificate.max_difference,
                    "file_bytes": size,
                    "seconds": round(time.perf_counter() - began, 1),
                }
                print(compacted, flush=True)
    if int(os.environ.get("RANK", "0")):
        return  # of several processes one writes
    difference = [a["accuracy"] - b["accuracy"] for a, b in zip(*scores.values(), strict=True)]
    result = {
        "encoder": options.encoder,
        "options": vars(options),
        "rows": {"train": len(train), "test": len(test)},
        "dimensions": model.model_.gate.dim,
        **about,
        "runs": scores,
        "summary": {
            gate: {
                name: summarise([run[name] for run in runs], higher_is_better=DIRECTION.get(name)) for name in MEASURES
            }
            for gate, runs in scores.items()
        },
        "accuracy_gated_minus_dense": difference,
        "compacted": compacted,
        "hardware": hardware(),
        "versions": versions(),
    }
    name = Path(options.encoder).name + ("-tuned" if options.fine_tune else "")
    path = Path(__file__).parent / "results" / f"imdb_{name}.json"
    path.write_text(json.dumps(result, indent=2, default=lambda value: getattr(value, "__dict__", str(value))) + "\n")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
