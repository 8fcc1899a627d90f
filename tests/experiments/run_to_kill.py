"""A process that has imported what a run needs; for each line on standard input it forks one, and may kill it.

A line is JSON: ``out``, the folder of the run; ``after``, seconds after which it is killed, or null; ``at``, a place
in the code where it kills itself and the number of times that it gets there before, or null. The answer is a line,
"killed" or "ended".
"""

import json
import os
import signal
import sys
import time
from importlib import import_module
from pathlib import Path

import torch

from conftest import OPTIONS, parts
from l0gm.experiments import run_seeds, seeds
from l0gm.runtime import artifact
from l0gm.training import checkpoint, history

for name in ("l0gm.estimators", "sklearn.tree", "torch._dynamo"):  # what a run imports later, and takes seconds
    import_module(name)
ROWS = parts("synthetic:mixed", ["age", "balance", "occupation", "region", "member"])


def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)


def half(path, content):
    """Write the first half of a file, and die."""
    with open(path, "ab") as file:
        file.write(content[: len(content) // 2])
    die()


PLACES = {
    "half a checkpoint": (Path, "write_bytes", half),
    "before a file is replaced": (Path, "replace", die),
    "half a record": (history, "_append", lambda path, line, anew: half(path, line)),
    "before the header of the model file": (artifact, "_order_header", die),
    "between model and record": (seeds, "write_json", die),
}


def at(place, times):
    """Die where ``place`` is reached once more than ``times``."""
    owner, name, end = PLACES[place]
    whole, left = getattr(owner, name), [times]

    def call(*args, **options):
        left[0] -= 1
        return whole(*args, **options) if left[0] >= 0 else end(*args, **options)

    setattr(owner, name, call)


def run(order):
    checkpoint.EVERY, checkpoint.SHARE = 0.02, 1.0
    if order["at"] is not None:
        at(*order["at"])
    run_seeds(*ROWS, seeds=[0], out=order["out"], active=0.3, **OPTIONS | {"epochs": 12})


def forked(order):
    """Return how the run ended."""
    child = os.fork()
    if child == 0:
        run(order)
        sys.stdout.flush()
        os._exit(0)
    deadline = time.monotonic() + (float("inf") if order["after"] is None else order["after"])
    ended, status = os.waitpid(child, os.WNOHANG)
    while not ended:
        time.sleep(0.002)
        if time.monotonic() >= deadline:
            os.kill(child, signal.SIGKILL)
            deadline = float("inf")
        ended, status = os.waitpid(child, os.WNOHANG)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return "killed"
    return "ended" if status == 0 else f"failed with status {status}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    for line in sys.stdin:
        print(forked(json.loads(line)), flush=True)
