"""Try generated tables until there are as many as asked for: ``make fuzz``.

Seed 37 is tried alone by ``python tests/messy/fuzz_messy.py --seed 37 --frames 500``. The same seed gives the same
tables; a failure is printed with its seed and the smallest table that shows it, which is kept in a file, too. See
messy_properties.py for what has to hold.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and torch are there

from l0gm.testing.fuzzing import ROUND, Fuzzer, options

TRAINED = 0.02


def tried(case: Any, path: Path) -> str:
    """Return what became of a table; it lies in ``path`` meanwhile."""
    from messy_properties import check

    path.write_text(repr(case), encoding="utf-8", errors="backslashreplace")
    outcome = check(case)
    return "refused" if outcome.refused else "trained and compared" if outcome.trained else "compared"


def run(count: int, first: int, out: Path) -> int:
    """Try ``count`` tables from the seed ``first`` on; return 1 at the first failure, else 0."""
    from messy_properties import cases

    return Fuzzer(tried, cases(TRAINED), "frames", ".txt").run(count, first, out)


def main() -> int:
    """Run the command; return its exit status."""
    parser = options(str(__doc__).splitlines()[0], "frames")
    parser.set_defaults(count=100_000)
    parser.add_argument("--processes", type=int, default=2, help="how many share the seeds")
    given = parser.parse_args()
    seeds = -(-given.count // ROUND)
    share = -(-seeds // given.processes)
    context = multiprocessing.get_context("spawn")
    workers = []
    for start in range(0, seeds, share):
        count = min(share * ROUND, given.count - start * ROUND)
        first = given.seed + start
        worker = context.Process(target=_exit, args=(count, first, given.out / f"frames-from-seed-{first}"))
        worker.start()
        workers.append(worker)
    for worker in workers:
        worker.join()
    return int(any(worker.exitcode for worker in workers))


def _exit(count: int, first: int, out: Path) -> None:
    sys.exit(run(count, first, out))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    sys.exit(main())
