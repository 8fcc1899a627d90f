"""What stands between a model's raw probabilities and its answers, as entries of the file's document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from l0gm import calibration
from l0gm.decisions import ConformalSets, check_threshold
from l0gm.errors import ArtifactError

if TYPE_CHECKING:
    from l0gm.runtime.served import Served

__all__ = ["answers_from_document", "answers_to_document"]


def answers_to_document(model: Served) -> dict[str, Any]:
    """Return the entries on calibration, decision threshold and conformal sets."""
    return {
        "calibration": model.calibrator.to_dict(),
        "calibrated": model.calibrated,
        "decision_threshold": model.decision_threshold,
        "conformal": None if model.conformal is None else model.conformal.to_dict(),
    }


def answers_from_document(document: dict[str, Any], n_classes: int) -> dict[str, Any]:
    """Return the arguments of :class:`l0gm.runtime.served.Served` that the entries stand for.

    A document of format 1 knows a temperature alone.

    Raises
    ------
    ArtifactError, KeyError, ParameterError, TypeError
        If an entry is missing or unusable.
    """
    if document["format"] == 1:
        if not isinstance(document["temperature"], dict) or document["temperature"].keys() != {"temperature"}:
            raise ArtifactError("temperature is an object with a temperature")
        entries = {"kind": "temperature", **document["temperature"]}
        document = {**document, "calibration": entries, "decision_threshold": None, "conformal": None}
    calibrator, conformal = calibration.from_dict(document["calibration"]), document["conformal"]
    if calibrator.n_classes not in (None, n_classes):
        raise ArtifactError(f"a calibration of {calibrator.n_classes} classes for {n_classes} classes")
    if not isinstance(document["calibrated"], bool):
        raise ArtifactError("calibrated is true or false")
    return {
        "calibrator": calibrator,
        "calibrated": document["calibrated"],
        "decision_threshold": check_threshold(document["decision_threshold"], n_classes),
        "conformal": None if conformal is None else ConformalSets.from_dict(conformal),
    }
