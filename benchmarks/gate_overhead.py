"""What the gate adds to a training step on a table of Adult's shape: 14 fields of 16 dimensions.

Usage: python benchmarks/gate_overhead.py [--repeats N]. Steps of the dense model, of a gate with a mask an example
and of one with a mask a batch are taken in turn, so that a noisy machine slows all of them alike; the figures are
the median time and the median of the ratios to the dense step beside it. Written to
benchmarks/results/gate_overhead.json.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from l0gm.data.schema import CategoricalField, NumericField, Schema
from l0gm.encoders import FieldTables, RowBatch, TabularEncoder
from l0gm.experiments.machine import hardware, versions
from l0gm.gates import HardConcreteGate, IdentityGate
from l0gm.heads import CIN, Deep, FieldLinear, IntegratedHead
from l0gm.model import GatedModel
from l0gm.training import Rows, Trainer

WIDTH = 16
N_ROWS = 20_000
PROGRESS = 0.3  # in the ramp: the penalty acts and the gates are open to change


def schema() -> Schema:
    numeric = [NumericField(f"n{i}", f"n{i}", tuple(map(float, range(46)))) for i in range(6)]
    sizes = (9, 16, 7, 15, 6, 5, 2, 42)
    texts = [CategoricalField(f"c{i}", f"c{i}", tuple(map(str, range(size)))) for i, size in enumerate(sizes)]
    fields = (*numeric, *texts)
    return Schema(fields, tuple(f.name for f in fields))


def stepper(kind: str, batch_size: int):
    torch.manual_seed(0)
    fields = schema()
    encoder = TabularEncoder(fields, WIDTH)
    numeric = [isinstance(f, NumericField) for f in fields.fields]
    if kind == "dense":
        gate = IdentityGate(encoder.dim)
        gate.harden()
    else:
        gate = HardConcreteGate(encoder.dim, mask=kind)
    n_fields = len(fields.fields)
    head = IntegratedHead(
        n_fields,
        1,
        linear=FieldLinear(FieldTables(fields.n_rows, numeric, 1, 0.0)),
        deep=Deep(encoder.dim, (128, 64), 1, dropout=0.2),
        cin=CIN(n_fields, (8,)),
    )
    trainer = Trainer(
        GatedModel(encoder, gate, head), active=None if kind == "dense" else 0.15, epochs=10, batch_size=batch_size
    )
    codes = torch.stack([torch.randint(0, n, (N_ROWS,)) for n in fields.n_rows], 1)
    rows = Rows(RowBatch(codes, torch.rand(N_ROWS, n_fields)), torch.randint(0, 2, (N_ROWS,)))
    trainer.control.multiplier = 1e-4
    trainer.model.train()
    return lambda: trainer._step(rows, torch.randint(0, N_ROWS, (batch_size,)), PROGRESS)


def measure(batch_size: int, repeats: int) -> dict[str, dict[str, float]]:
    steps = {kind: stepper(kind, batch_size) for kind in ("dense", "example", "batch")}
    seconds: dict[str, list[float]] = {kind: [] for kind in steps}
    for step in steps.values():
        for _ in range(20):
            step()
    for _ in range(repeats):
        for kind, step in steps.items():
            started = time.perf_counter()
            for _ in range(5):
                step()
            seconds[kind].append((time.perf_counter() - started) / 5)
    dense = np.array(seconds["dense"])
    return {
        kind: {
            "milliseconds": float(np.median(values)) * 1e3,
            "ratio": float(np.median(np.array(values) / dense)),
            "ratio_quartiles": [float(q) for q in np.quantile(np.array(values) / dense, [0.25, 0.75])],
        }
        for kind, values in seconds.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=100)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    results = {str(size): measure(size, repeats) for size in (256, 512, 1024)}
    for size, kinds in results.items():
        for kind, m in kinds.items():
            print(f"batch {size:>4}  {kind:<8} {m['milliseconds']:6.2f} ms  {m['ratio']:.3f} of the dense step")
    path = Path(__file__).parent / "results" / "gate_overhead.json"
    path.parent.mkdir(exist_ok=True)
    record = {"threads": 1, "hardware": hardware(), "versions": versions(), "by_batch_size": results}
    path.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
