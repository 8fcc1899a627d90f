"""Post-hoc calibration: fitted on held-out rows with scikit-learn at hand, applied with numpy alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from l0gm.calibration.base import Calibrator
from l0gm.calibration.beta import BetaCalibration
from l0gm.calibration.isotonic import IsotonicCalibration
from l0gm.calibration.platt import PlattScaling
from l0gm.calibration.temperature import TemperatureScaling
from l0gm.calibration.venn_abers import VennAbers
from l0gm.errors import ParameterError

__all__ = [
    "METHODS",
    "BetaCalibration",
    "Calibrator",
    "IsotonicCalibration",
    "PlattScaling",
    "TemperatureScaling",
    "VennAbers",
    "from_dict",
]

METHODS: Mapping[str, type[Calibrator]] = {
    method.kind: method
    for method in (TemperatureScaling, PlattScaling, IsotonicCalibration, BetaCalibration, VennAbers)
}
"""The methods by name, in the order of how many rows they ask for."""


def from_dict(values: Mapping[str, Any]) -> Calibrator:
    """Rebuild a calibrator of any method from what its ``to_dict`` returned.

    Raises
    ------
    ParameterError
        If ``values`` names no known method, or does not fit the method that it names.
    """
    if not isinstance(values, Mapping):
        raise ParameterError(f"a calibrator is an object with a kind, not {values!r}")
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in METHODS:
        raise ParameterError(f"calibration of kind {kind!r}: choose one of {', '.join(METHODS)}")
    return METHODS[kind].from_dict(values)
