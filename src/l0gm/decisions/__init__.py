"""From probabilities to answers: thresholds by cost or precision, and sets of labels with stated coverage."""

from l0gm.decisions.conformal import ConformalSets
from l0gm.decisions.thresholds import (
    Threshold,
    at_threshold,
    best_threshold,
    check_threshold,
    decide,
    threshold_for_precision,
    tuned_threshold,
)

__all__ = [
    "ConformalSets",
    "Threshold",
    "at_threshold",
    "best_threshold",
    "check_threshold",
    "decide",
    "threshold_for_precision",
    "tuned_threshold",
]
