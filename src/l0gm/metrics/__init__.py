"""How good the probabilities are, how sparse the model is, and how both vary over seeds (numpy alone)."""

from __future__ import annotations

from l0gm.metrics.breakdown import breakdown
from l0gm.metrics.calibration import (
    NullBand,
    ReliabilityTable,
    consistency_band,
    ece,
    ece_adaptive,
    ece_null,
    reliability_table,
)
from l0gm.metrics.classification import accuracy, auc, brier, log_loss, macro_f1, row_log_loss
from l0gm.metrics.groups import by_group
from l0gm.metrics.plots import ReliabilityDisplay, plot_reliability
from l0gm.metrics.report import evaluate
from l0gm.metrics.seeds import (
    DIRECTION,
    PairedInterval,
    Summary,
    paired_interval,
    summarise,
    summarise_runs,
)
from l0gm.metrics.sparsity import active_fraction, n_open, open_by_group

__all__ = [
    "DIRECTION",
    "NullBand",
    "PairedInterval",
    "ReliabilityDisplay",
    "ReliabilityTable",
    "Summary",
    "accuracy",
    "active_fraction",
    "auc",
    "breakdown",
    "brier",
    "by_group",
    "consistency_band",
    "ece",
    "ece_adaptive",
    "ece_null",
    "evaluate",
    "log_loss",
    "macro_f1",
    "n_open",
    "open_by_group",
    "paired_interval",
    "plot_reliability",
    "reliability_table",
    "row_log_loss",
    "summarise",
    "summarise_runs",
]
