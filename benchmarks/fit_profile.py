"""Where the time of a fit goes: Adult, one seed, one thread, processor seconds by stage.

Usage: python benchmarks/fit_profile.py [--seed 0]. A stage inside another one counts for itself alone, and the stages
of a step that is taken to validate count as validation. Written to benchmarks/results/fit_profile.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from pathlib import Path

import torch

from l0gm import L0GMClassifier
from l0gm.data.fitting import SchemaFitter
from l0gm.data.schema import Schema
from l0gm.datasets import load
from l0gm.encoders import TabularEncoder
from l0gm.experiments.machine import hardware, versions
from l0gm.gates import HardConcreteGate
from l0gm.heads import IntegratedHead
from l0gm.training.checkpoint import Checkpoint
from l0gm.training.loop import Trainer
from l0gm.training.objective import Objective
from l0gm.training.safeguard import Safeguard
from l0gm.training.state import Best


class Stages:
    """Processor seconds by stage."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._open: list[str] = []
        self._since = 0.0

    def watch(self, owner: object, name: str, stage: str) -> None:
        """Make each call of a function a stage."""
        function = getattr(owner, name)

        def run(*args, **options):
            return self.run(stage, function, *args, **options)

        setattr(owner, name, run)

    def run(self, stage: str, function, *args, **options):
        """Call a function; what it takes is ``stage``'s."""
        if "validation" in self._open:
            return function(*args, **options)
        self._charge()
        self._open.append(stage)
        try:
            return function(*args, **options)
        finally:
            self._charge()
            self._open.pop()

    def _charge(self) -> None:
        now = time.process_time()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.set_num_threads(1)
    data = load("adult")
    train, _ = data.split("openml")
    X, y = data.features.iloc[train], data.labels.iloc[train]
    L0GMClassifier(epochs=1).fit(X.iloc[:500], y.iloc[:500])  # imports and compiles what is compiled

    stages = Stages()
    stages.watch(SchemaFitter, "fit", "describe columns")
    stages.watch(Schema, "encode", "encode rows")
    stages.watch(Trainer, "_conditions", "digests of model and rows, for the checkpoint")
    stages.watch(Checkpoint, "_write", "write the checkpoint")
    for owner, name in ((Trainer, "_score"), (Trainer, "_auc"), (Best, "offer"), (Safeguard, "check")):
        stages.watch(owner, name, "validation")
    stages.watch(Objective, "__call__", "loss")
    stages.watch(Objective, "expected_cost", "gate: expected count and control")
    stages.watch(Trainer, "_penalty", "gate: expected count and control")
    stages.watch(torch.Tensor, "backward", "backward")
    stages.watch(torch.nn.utils, "clip_grad_norm_", "optimizer, with clipping")
    stages.watch(torch.optim.AdamW, "zero_grad", "optimizer, with clipping")
    stages.watch(torch.optim.AdamW, "step", "optimizer, with clipping")
    for name in ("forward", "masked"):
        stages.watch(TabularEncoder, name, "forward: embeddings")
    for name in ("values", "gated"):
        stages.watch(HardConcreteGate, name, "gate: sampling")
    stages.watch(HardConcreteGate, "clamp_", "gate: expected count and control")
    stages.watch(IntegratedHead, "forward", "forward: head")
    stages.watch(Trainer, "fit", "the rest of the loop")
    with tempfile.TemporaryDirectory() as folder:
        model = L0GMClassifier(active=0.15, random_state=seed, checkpoint_path=Path(folder, "checkpoint"))
        stages.run("the rest of fit", model.fit, X, y)
    steps = model.history_.last("end")["epochs"] * -(-model._training_rows // 256)
    total = stages.seconds.total()
    print(f"{total:.1f} s of processor time, {steps:,} steps")
    for stage, seconds in stages.seconds.most_common():
        print(f"{stage:<48} {seconds:6.2f} s  {seconds / total:6.1%}")
    record = {"seed": seed, "steps": steps, "seconds": dict(stages.seconds.most_common()), "total": total}
    path = Path(__file__).parent / "results" / "fit_profile.json"
    path.write_text(json.dumps(record | {"hardware": hardware(), "versions": versions()}, indent=2) + "\n")


if __name__ == "__main__":
    main()
