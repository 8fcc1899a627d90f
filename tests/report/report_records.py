"""Folders of records as commands leave them, small and made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from l0gm.metrics import breakdown, evaluate

CONDITIONS = ("missing 0.1", "missing 0.3", "noise 0.05", "quantisation 8", "occlusion 0.1")


def write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def answers(seed: int, classes: int = 2, rows: int = 300, sharp: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Labels (n,) and probabilities (n, C) of a model that knows something."""
    rng = np.random.default_rng(seed)
    logits = sharp * rng.normal(size=(rows, classes))
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(classes, p=p) for p in proba])
    labels[:classes] = np.arange(classes)
    return labels, proba


def history(epochs: int = 6, n: int = 40) -> list[dict[str, Any]]:
    steps = [
        {
            "event": "epoch",
            "epoch": epoch,
            "train_loss": 0.7 / epoch,
            "valid_log_loss": 0.6 / epoch + 0.1,
            "n_open": max(n - 10 * epoch, 6),
            "expected_open": max(n - 9.5 * epoch, 6.2),
            "temperature": 2.0 - 0.2 * epoch,
            "penalty": 0.01 * epoch,
            "hardened": epoch > 3,
            "seconds": epoch * 0.5,
        }
        for epoch in range(1, epochs + 1)
    ]
    return [*steps, {"event": "end", "epochs": epochs, "seconds": 3.0}]


def paper_record(method: str, seed: int, **changes: Any) -> dict[str, Any]:
    labels, proba = answers(seed + len(method))
    measures = evaluate(labels, proba, draws=20)
    gated = method.startswith("l0gm")
    record = {
        "method": method,
        "title": method.upper(),
        "modality": "tabular",
        "group": "ours" if gated else "backbone",
        "data": "adult",
        "split": "openml",
        "seed": seed,
        "active": 0.15 if gated else None,
        "settings": {},
        "test": measures,
        "validation": measures,
        "n_open": 6 if gated else None,
        "n_dimensions": 40 if gated else None,
        "n_parameters": 120,
        "seconds": 3.2,
        "robustness": {
            "rob_mu": measures["accuracy"] - 0.02,
            "conditions": {name: {"accuracy": measures["accuracy"] - 0.01 * i} for i, name in enumerate(CONDITIONS)},
        },
        "latency": {"all rows": {"us_a_row": {"p10": 0.9 + len(method), "p50": 1.0 + len(method), "p99": 20.0}}},
        "breakdown": breakdown(labels, proba, classes=["no", "yes"], draws=20),
        "history": history() if gated else None,
        "support": {"age": 3, "race": 0, "hours": 3} if gated else None,
        "hardware": {"cpu": "a processor"},
        "versions": {"l0gm": "0.1"},
    }
    return {**record, **changes}


def make_paper(tmp_path: Path) -> Path:
    """The folder of ``l0gm paper``: three methods, three seeds, a table."""
    folder = tmp_path / "paper"
    for method in ("catboost", "l0gm-q1", "mlp"):
        for seed in (0, 1, 2):
            write(folder / "runs" / f"{method}{seed}.json", paper_record(method, seed))
    row = {"modality": "tabular", "method": "L0GM-Q1", "accuracy": {"text": "0.87 ± 0.01 [0.89]", "mean": 0.87}}
    marked = {"text": "0.88 ± 0.01", "mean": 0.88, "marked": True}
    claim = {"claim": "Sparser is calibrated", "paper": "yes", "ours": "no", "verdict": "does not hold here"}
    write(
        folder / "table3.json",
        {
            "table": "table3",
            "title": "Table 3: methods",
            "columns": ["modality", "method", "accuracy"],
            "rows": [row, {**row, "method": "MLP"}, {**row, "method": "CATBOOST", "accuracy": marked}],
            "claims": [claim],
            "notes": ["a note"],
        },
    )
    return folder


def trained_record(seed: int, **changes: Any) -> dict[str, Any]:
    labels, proba = answers(seed)
    record = {
        "seed": seed,
        "test": evaluate(labels, proba, draws=20),
        "breakdown": breakdown(labels, proba, classes=["<=50K", ">50K"], draws=20),
        "n_open": 6,
        "n_dimensions": 40,
        "n_parameters": 99,
        "support": {"age": 4, "race": 0, "sex": 2},
        "fit_seconds": 2.5,
        "hardware": {"cpu": "a processor"},
        "conditions": {
            "active": 0.15,
            "gate": "hard_concrete",
            "lr": 0.001,
            "penalty": None,
            "torch": "2",
            "l0gm": "0",
        },
    }
    return {**record, **changes}


def make_trained(tmp_path: Path) -> Path:
    """The folder of ``l0gm train``: two seeds, gated and dense."""
    folder = tmp_path / "trained"
    for seed in (0, 1):
        for at, changes in (("", {}), ("dense", {"n_open": 40, "conditions": {"gate": "none", "lr": 0.001}})):
            place = folder / f"seed-{seed}" / at
            write(place / "metrics.json", trained_record(seed, **changes))
            (place / "history.jsonl").write_text("".join(json.dumps(record) + "\n" for record in history()))
    summary = {"data": "adult", "split": "openml", "target": "class", "seeds": [0, 1], "dense": {"accuracy": {}}}
    more = {"options": {"active": 0.15, "deep": [32], "lr": 0.001}, "changed": {"active": 0.15, "deep": [32]}}
    write(folder / "summary.json", {**summary, **more, "versions": {"l0gm": "0.1"}, "hardware": {"cpu": "one"}})
    return folder


NASTY = '</script><script>alert("1")</script>'


def make_messy(tmp_path: Path) -> Path:
    """Half-written and foreign files, HTML, mathematics and other scripts in names, 58 classes, NaN, a single seed."""
    folder = tmp_path / "messy"
    labels, proba = answers(0, classes=58, rows=900, sharp=2.5)
    classes = [f"class {i} 日本語" for i in range(56)] + [NASTY, "a" * 300]
    fields = {NASTY: 3, "$x_{1}$ & $y": 2, "naïve\nlines\x00\x1b": 1, "عربى": 0, **{f"field {i}": 0 for i in range(60)}}
    measures = {**evaluate(labels, proba, draws=10), "auc": float("nan")}
    odd = paper_record(
        "l0gm-odd", 7, title=f"$\\alpha$ <b>bold</b> {NASTY}", data="<i>données</i> $", split="", test=measures,
        breakdown=breakdown(labels, proba, classes=classes, draws=10), support=fields,
    )  # fmt: skip
    write(folder / "runs" / "odd.json", odd)
    steps = [{**record, "penalty": float("nan")} for record in odd["history"]]
    write(folder / "runs" / "other.json", {**odd, "method": "plain", "title": "plain", "seed": 3, "history": steps})
    empty = {"reliability": {"top_label": {"count": [0, 0]}}, "confusion": {"classes": ["a"], "counts": [[1, 2]]}}
    write(
        folder / "runs" / "bare.json", {"method": "bare", "data": "<i>données</i> $", "seed": 0, "test": {"ece": 0.1}}
    )
    write(
        folder / "runs" / "wrong.json", {**odd, "method": "wrong", "title": "wrong", "breakdown": empty, "support": 3}
    )
    (folder / "runs" / "half.json").write_text('{"method": "l0gm", "data": "adu')
    write(folder / "runs" / "nothing.json", {"method": "x", "data": "y", "seed": 0, "test": {"accuracy": None}})
    write(folder / "runs" / "list.json", [1, 2])
    write(folder / "table9.json", {"title": NASTY, "columns": ["a"], "rows": [[NASTY], {"a": 1}, 3], "claims": [1]})
    write(folder / "bench.json", {"latency": [{}], "quality": {}})
    return folder
