"""What fuzzing commands share: many examples from a range of seeds, a progress line, the failing input in a file."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from l0gm.errors import MissingExtraError

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["Fuzzer", "options"]

ROUND = 500  # examples a seed


@dataclass(frozen=True)
class Fuzzer:
    """One property, tried on generated examples.

    Parameters
    ----------
    check : callable
        Called with (example, path): write the input that the example stands for to ``path``, try it, return what
        became of it in a word; any exception is a failure.
    examples : SearchStrategy
        Of hypothesis, which makes the examples and makes a failing one as small as it can.
    unit : str
        What an example is called.
    suffix : str
        Of the input files.
    """

    check: Callable[[Any, Path], str]
    examples: SearchStrategy[Any]
    unit: str
    suffix: str

    def run(self, count: int, first: int, out: Path) -> int:
        """Try ``count`` examples, ROUND from each seed from ``first`` on; return 0, or 1 at the first failure.

        The input in the works lies in ``out``, where one that kills the process is left behind as it was; one that
        fails is kept there beside the traceback.
        """
        out.mkdir(parents=True, exist_ok=True)
        path = out / f"trying{self.suffix}"
        seen: Counter[str] = Counter()
        started = time.monotonic()
        for seed in range(first, first + -(-count // ROUND)):
            try:
                self._round(seed, min(ROUND, count - seen.total()), path, seen)
            except Exception:
                kept = out / f"failure-seed-{seed}{self.suffix}"
                path.replace(kept)
                kept.with_name(f"{kept.name}.traceback").write_text(traceback.format_exc())
                traceback.print_exc()
                _line(f"seed {seed} failed; its smallest input is {kept}; --{self.unit} {ROUND} --seed {seed} repeats")
                return 1
            self._progress(seen, count, seed, time.monotonic() - started)
        path.unlink(missing_ok=True)
        facts = ", ".join(f"{number:,} {word}" for word, number in seen.most_common())
        _line(f"{seen.total():,} {self.unit} from seeds {first} to {seed}: {facts}; no failure")
        return 0

    def _round(self, first: int, count: int, path: Path, seen: Counter[str]) -> None:
        from hypothesis import HealthCheck, Phase, given, seed, settings

        def one(example: Any) -> None:
            seen[self.check(example, path)] += 1

        quiet = settings(
            max_examples=count,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        )
        seed(first)(quiet(given(self.examples)(one)))()

    def _progress(self, seen: Counter[str], count: int, seed: int, seconds: float) -> None:
        done = seen.total()
        facts = ", ".join(f"{number:,} {word}" for word, number in seen.most_common(3))
        text = f"{done:,} of {count:,} {self.unit}, {done / seconds:,.0f} a second, seed {seed}: {facts}"
        if sys.stderr.isatty():
            print(f"\r{text}\033[K", end="" if done < count else "\n", file=sys.stderr, flush=True)  # noqa: T201
        elif done % max(count // 10 // ROUND * ROUND, ROUND) == 0:
            _line(text)


def options(about: str, unit: str, arguments: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """Return the parser of a fuzzing command: how many examples, from which seed on, and where failures go.

    Raises
    ------
    MissingExtraError
        If hypothesis is not installed.
    """
    try:
        import hypothesis  # noqa: F401  # whether it is there
    except ImportError as error:
        raise MissingExtraError("hypothesis", "dev", "fuzzing") from error
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument(f"--{unit}", type=int, default=2000, dest="count", help="how many to try")
    parser.add_argument("--seed", type=int, default=0, help=f"the first seed; each makes {ROUND} {unit}")
    parser.add_argument("--out", type=Path, default=Path("fuzz"), help="folder for inputs that fail")
    return parser


def _line(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201
