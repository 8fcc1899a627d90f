"""Two processes under torchrun, connected by gloo, end with one set of weights: those of one process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import torch

MEMBER = Path(__file__).parent / "team_member.py"


def run(folder, gate, processes, epochs=4):
    folder.mkdir(exist_ok=True)
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(MEMBER.parent)}
    done = subprocess.run(
        [sys.executable, *launch, str(MEMBER), str(folder), gate, str(epochs)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(folder / f"weights-{rank}.pt", weights_only=True) for rank in range(processes)]


def test_two_processes_end_with_the_weights_of_one(tmp_path):
    (one,) = run(tmp_path / "one", "dense", 1)
    first, second = run(tmp_path / "two", "dense", 2)
    for name, value in one.items():
        assert torch.equal(first[name], second[name]), name
        assert torch.allclose(first[name], value, atol=1e-4), name
    # one history and one checkpoint, of rank 0
    records = [json.loads(line) for line in (tmp_path / "two" / "history.jsonl").read_text().splitlines()]
    assert [record["event"] for record in records].count("end") == 1
    assert {p.name for p in (tmp_path / "two").iterdir()} == {
        *("history.jsonl", "checkpoint", "weights-0.pt", "weights-1.pt", "steps-0", "steps-1")
    }


def test_two_processes_harden_the_same_gates(tmp_path):
    first, second = run(tmp_path / "two", "gated", 2, epochs=8)
    assert all(torch.equal(first[name], second[name]) for name in first)
    again = run(tmp_path / "two", "gated", 2, epochs=8)  # the checkpoint says that it has ended
    assert all(torch.equal(first[name], again[1][name]) for name in first)
