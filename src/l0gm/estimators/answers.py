"""What calibration rows say of a model's answers: the calibrator, and the conformal sets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from l0gm.calibration import METHODS, Calibrator, TemperatureScaling
from l0gm.decisions import ConformalSets

__all__ = ["fitted_answers"]

FEW_ROWS = 1000


def fitted_answers(
    method: str,
    classes: NDArray[np.generic],
    labels: NDArray[np.int64],
    proba: NDArray[np.float64] | None,
    weight: NDArray[np.float32] | None = None,
) -> tuple[Calibrator, ConformalSets | None, list[str]]:
    """Return calibrator, conformal sets and notes.

    Parameters
    ----------
    method : str
        One of :data:`l0gm.calibration.METHODS`.
    classes : array (C,)
    labels : int64 (n,)
        Class indices of the calibration rows.
    proba : float64 (n, C), optional
        Raw probabilities; None where there are no calibration rows.
    weight : float32 (n,), optional
    """
    if proba is None:
        note = "no calibration rows: probabilities stay as they are, and there are no prediction sets"
        return TemperatureScaling(), None, [note]
    notes = []
    calibrator = METHODS[method].fit(proba, labels, sample_weight=weight)
    conformal = ConformalSets.fit(proba, labels, sample_weight=weight)
    absent = [label for k, label in enumerate(classes.tolist()) if not (labels == k).any()]
    if absent and method != "temperature":
        notes.append(f"no calibration row of {', '.join(map(repr, absent))}: such probabilities stay as they are")
    if method in ("isotonic", "venn_abers") and len(labels) < FEW_ROWS:
        notes.append(
            f"calibration={method!r} has {len(labels)} rows, and below {FEW_ROWS:,} temperature, platt or beta are "
            "usually better"
        )
    return calibrator, conformal, notes
