"""One epoch on a table of 1,000,000 rows and 40 columns, out of core from parquet: time, memory and a sanity AUC.

Usage: python benchmarks/large_table.py [--rows 1000000] [--folder DIR] [--threads 2]. The table is made once, in
bounded memory, and kept in DIR (default: a folder for temporary files): numbers of several shapes, dates, booleans,
categories with long tails, three identifiers of 100,000 values each, and missing values. A process of its own then
fits, compacts and measures on 100,000 further rows. Written to benchmarks/results/large_table.json.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CHUNK = 100_000
TEST_ROWS = 100_000
IDENTIFIERS = 100_000
SIZES = (2, 3, 5, 8, 12, 40, 150, 500, 1500)
SEED = 0
TARGET = "target"


def long_tail(rng, size: int, n: int) -> np.ndarray:
    """Return codes below ``size``, of which low ones are much more frequent."""
    return np.minimum((size ** rng.random(n) - 1) / (size - 1) * size, size - 1).astype(np.int64)


def chunk(rng, n: int, effects) -> tuple[pa.Table, np.ndarray]:
    """Return rows and the true probability of "yes"."""
    columns: dict[str, pa.Array] = {}
    score = np.full(n, -1.0)
    for i in range(8):
        x = rng.normal(10 * i, 1 + i, n)
        score += 0.4 * np.sin((x - 10 * i) / (1 + i) * 2) * (i < 4)
        columns[f"normal_{i}"] = with_missing(rng, x, 0.05 * i)
    for i in range(8):
        x = np.round(rng.lognormal(1 + i / 2, 1.0, n), 2)
        score += 0.15 * np.minimum(x / np.exp(1 + i / 2), 4) * (i < 3)
        columns[f"amount_{i}"] = with_missing(rng, x, 0.1 * (i % 3))
    for i in range(6):
        x = rng.poisson(3**i, n)
        score -= 0.3 * (x == 0) * (i < 2)
        columns[f"count_{i}"] = with_missing(rng, x, 0.02 * i)
    for i in range(2):
        x = rng.random(n) < 0.2 * (i + 1)
        score += 0.5 * x * (i == 0)
        columns[f"flag_{i}"] = with_missing(rng, x, 0.1 * i)
    for i in range(2):
        days = rng.integers(0, 2000, n)
        score += 0.3 * (days % 7 >= 5) * (i == 0)
        columns[f"date_{i}"] = with_missing(
            rng, np.datetime64("2018-01-01", "us") + days.astype("timedelta64[D]"), 0.02
        )
    for i, size in enumerate(SIZES):
        codes = long_tail(rng, size, n)
        score += effects[f"category_{i}"][codes] * (i % 2)
        columns[f"category_{i}"] = with_missing(rng, np.char.add(f"value {i} ", codes.astype(str)), 0.03 * i)
    for i in range(3):
        codes = long_tail(rng, IDENTIFIERS, n) if i else rng.integers(0, IDENTIFIERS, n)
        score += effects[f"identifier_{i}"][codes] * (i < 2)
        columns[f"identifier_{i}"] = with_missing(
            rng, np.char.add(f"id{i}-", np.char.zfill(codes.astype(str), 6)), 0.01
        )
    x = rng.normal(size=n)
    columns["noise_0"], columns["noise_1"] = pa.array(x), pa.array(np.round(rng.random(n), 3))
    truth = 1 / (1 + np.exp(-score))
    columns[TARGET] = pa.array(np.where(rng.random(n) < truth, "yes", "no"))
    return pa.table(columns), truth


def with_missing(rng, values: np.ndarray, share: float) -> pa.Array:
    return pa.array(values, mask=rng.random(len(values)) < share)


def make(folder: Path, rows: int) -> None:
    """Write train.parquet, test.parquet and about.json, with the AUC of the true probabilities on the test rows."""
    from l0gm.metrics import auc

    rng = np.random.default_rng(SEED)
    effects = {f"category_{i}": rng.normal(0, 0.5, size) for i, size in enumerate(SIZES)}
    effects |= {f"identifier_{i}": rng.normal(0, 0.5, IDENTIFIERS) for i in range(3)}
    folder.mkdir(parents=True, exist_ok=True)
    for name, size in (("train", rows), ("test", TEST_ROWS)):
        writer = None
        for start in range(0, size, CHUNK):
            table, truth = chunk(rng, min(CHUNK, size - start), effects)
            writer = writer or pq.ParquetWriter(folder / f"{name}.parquet", table.schema)
            writer.write_table(table)
        writer.close()
    yes = np.array(table.column(TARGET)) == "yes"
    (folder / "about.json").write_text(
        json.dumps({"rows": rows, "best_auc": auc(yes.astype(int), np.stack([1 - truth, truth], 1))})
    )


class Stopwatch:
    """Adds up wall-clock and processor time by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, dict[str, float]] = {}

    @contextmanager
    def stage(self, label: str):
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            known = self.seconds.setdefault(label, {"wall": 0.0, "cpu": 0.0})
            known["wall"] += time.perf_counter() - wall
            known["cpu"] += time.process_time() - cpu

    def watch(self, owner, name: str, label: str) -> None:
        """Make each call of a function a stage."""
        function = getattr(owner, name)

        def run(*args, **options):
            with self.stage(label):
                return function(*args, **options)

        setattr(owner, name, run)


class Memory(threading.Thread):
    """Watches the resident memory of this process; pages of mapped files, which the system can drop, apart."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = {"RssAnon": 0, "RssFile": 0, "RssShmem": 0}

    def run(self) -> None:
        while True:
            for line in Path("/proc/self/status").read_text().splitlines():
                name, _, value = line.partition(":")
                if name in self.peak:
                    self.peak[name] = max(self.peak[name], int(value.split()[0]) * 1024)
            time.sleep(0.05)


def fit(folder: Path, threads: int) -> dict:
    """Fit and measure in this process."""
    import torch

    torch.set_num_threads(threads)
    from l0gm import L0GMClassifier
    from l0gm.estimators import classifier, preparation
    from l0gm.training.loop import Trainer

    linux = Path("/proc/self/status").exists()
    memory = Memory()
    if linux:
        memory.start()
    watch = Stopwatch()
    watch.watch(preparation.ParquetTable, "column", "read labels")
    watch.watch(preparation.ParquetTable, "read", "read the sample")
    watch.watch(preparation.SchemaFitter, "fit", "describe columns")
    watch.watch(preparation, "store", "encode all rows")
    watch.watch(Trainer, "fit", "one epoch")
    watch.watch(classifier, "summarise", "sum up the training rows")
    watch.watch(L0GMClassifier, "_measure", "measure held-out rows")
    with watch.stage("fit, all of it"):
        model = L0GMClassifier(epochs=1).fit(folder / "train.parquet", TARGET)
    with watch.stage("compact"):
        small = model.compact()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1024 if sys.platform != "darwin" else 1)
    with watch.stage("predict and measure 100,000 rows"):
        measures = small.evaluate(folder / "test.parquet", TARGET)
    known = {"fields": len(model.schema_.fields), "notes": model.notes_, "n_open": model.model_.gate.n_open}
    return {
        "seconds": watch.seconds,
        "peak_rss_bytes": peak,
        "peak_bytes_by_kind": memory.peak if linux else None,
        "test": measures,
        **known,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fit", action="store_true", help=argparse.SUPPRESS)  # the process that is measured
    arguments = parser.parse_args()
    rows, folder = arguments.rows, arguments.folder
    folder = folder or Path(tempfile.gettempdir()) / f"l0gm-large-table-{rows}"
    if arguments.fit:
        print(json.dumps(fit(folder, arguments.threads)))
        return
    if not (folder / "about.json").exists():
        print(f"making {rows:,} rows in {folder}")
        make(folder, rows)
    command = [sys.executable, __file__, "--fit", "--folder", str(folder), "--threads", str(arguments.threads)]
    child = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    from l0gm.experiments.machine import hardware, versions

    about = json.loads((folder / "about.json").read_text())
    sizes = {f"{name}_bytes": (folder / f"{name}.parquet").stat().st_size for name in ("train", "test")}
    record = {
        **about,
        "columns": 40,
        **sizes,
        "threads": arguments.threads,
        **json.loads(child.stdout.splitlines()[-1]),
    }
    record |= {"hardware": hardware(), "versions": versions()}
    for label, value in record["seconds"].items():
        print(f"{label:<34} {value['wall']:7.1f} s, {value['cpu']:7.1f} s of processor time")
    kinds = record["peak_bytes_by_kind"] or {}
    by_kind = ", ".join(f"{name} {value / 1e9:.2f}" for name, value in kinds.items())
    print(f"peak resident memory {record['peak_rss_bytes'] / 1e9:.2f} GB ({by_kind})")
    print(f"test AUC {record['test']['auc']:.4f}; the true probabilities have {record['best_auc']:.4f}")
    path = Path(__file__).parent / "results" / "large_table.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
