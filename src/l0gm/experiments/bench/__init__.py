"""The compacted model beside boosted trees and an MLP: quality and latency of the same artifacts, in one run."""

from l0gm.experiments.bench.plan import Plan
from l0gm.experiments.bench.run import run_bench

__all__ = ["Plan", "run_bench"]
