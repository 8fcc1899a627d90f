"""Rob mu: how much of a metric is left when test inputs are corrupted in twelve fixed ways (the paper's Appendix B)."""

from __future__ import annotations

from l0gm.robustness.conditions import CONDITIONS, Condition
from l0gm.robustness.measure import compare, rob_mu_over, robustness
from l0gm.robustness.perturb import applies, perturb, perturb_array
from l0gm.robustness.results import Comparison, OverSeeds, Robustness
from l0gm.robustness.statistics import InputStatistics, NumericColumn

__all__ = [
    "CONDITIONS",
    "Comparison",
    "Condition",
    "InputStatistics",
    "NumericColumn",
    "OverSeeds",
    "Robustness",
    "applies",
    "compare",
    "perturb",
    "perturb_array",
    "rob_mu_over",
    "robustness",
]
