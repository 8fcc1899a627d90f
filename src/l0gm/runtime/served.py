"""What every compacted model shares, whatever it reads: classes, certificate, calibration and what is known of it."""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from l0gm.calibration import Calibrator, TemperatureScaling
from l0gm.decisions import ConformalSets, check_threshold, decide
from l0gm.errors import ArtifactError, ParameterError
from l0gm.runtime import artifact
from l0gm.runtime.answers import answers_from_document, answers_to_document
from l0gm.runtime.card import card, check_information

__all__ = ["CERTIFICATE", "Certificate", "Served", "label_array", "read_answers"]

Model = TypeVar("Model", bound="Served")
CERTIFICATE = "certificate.probabilities"


@dataclass(frozen=True)
class Certificate:
    """What the gated model answered on rows that were made up, and how far the compacted one was from it.

    Parameters
    ----------
    n_rows, seed : int
        What the rows are made with.
    tolerance : float
        Largest accepted difference in probability.
    max_difference : float
        Largest one found when the model was compacted.
    probabilities : float32 (n_rows, C)
        The gated model's answers.
    """

    n_rows: int
    seed: int
    tolerance: float
    max_difference: float
    probabilities: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Served(ABC):
    """A compacted classifier; see its two kinds, :class:`l0gm.CompactModel` and :class:`l0gm.CompactNodeModel`."""

    classes_: tuple[Any, ...]
    certificate: Certificate
    calibrator: Calibrator = field(default_factory=TemperatureScaling)
    calibrated: bool = False
    decision_threshold: float | None = None
    conformal: ConformalSets | None = None
    information: dict[str, Any] = field(default_factory=dict)

    @property
    @abstractmethod
    def feature_names_in_(self) -> tuple[str, ...]:
        """What prediction reads."""

    @property
    @abstractmethod
    def n_parameters(self) -> int:
        """Numbers that prediction uses."""

    @property
    def subject(self) -> str:
        """What the model classifies, as the card says it."""
        return "rows of columns and texts"

    @property
    def unit(self) -> str:
        """What one example is called."""
        return "rows"

    @property
    def what_it_holds(self) -> str:
        """How the card's sentence "The file holds no training row" goes on."""
        return "."

    @abstractmethod
    def verify(self) -> float:
        """Compute the certificate's rows again and return the largest difference to the gated model's answers."""

    @abstractmethod
    def _content(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return the arrays of the file and the entries of its document that belong to this kind of model."""

    def scaled(self, raw: NDArray[np.float64], calibrated: bool | None = None) -> NDArray[np.float64]:
        """Return what ``predict_proba`` makes of the program's probabilities (n, C)."""
        applied = self.calibrated if calibrated is None else calibrated
        return np.asarray(self.calibrator.apply(raw), dtype=np.float64) if applied and len(raw) else raw

    def decided(self, proba: NDArray[np.float64]) -> NDArray[Any]:
        """Return the labels that probabilities (n, C) stand for: the most probable, or as the threshold says."""
        labels: NDArray[Any] = label_array(self.classes_)[decide(proba, self.decision_threshold)]
        return labels

    def sets_of(self, coverage: float) -> ConformalSets:
        """Return the conformal sets, or raise ParameterError where there are none of this coverage."""
        if self.conformal is None:
            raise ParameterError(f"coverage={coverage}: this model was fitted without calibration rows, so has no sets")
        self.conformal.threshold(coverage)
        return self.conformal

    def card(self) -> str:
        """Return the model card, Markdown."""
        return card(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the model to one file (safetensors with JSON; docs/artifact.md) and return its path.

        Raises
        ------
        ArtifactError
            If it cannot be written; what was there stays.
        """
        arrays, own = self._content()
        document = {
            **own,
            "classes": list(self.classes_),
            **answers_to_document(self),
            "certificate": {
                name: getattr(self.certificate, name) for name in ("n_rows", "seed", "tolerance", "max_difference")
            },
            "information": self.information,
        }
        return artifact.write(path, {**arrays, CERTIFICATE: self.certificate.probabilities}, document, self.card())

    def with_threshold(self: Model, decision_threshold: float | None) -> Model:
        """Return the model with another decision threshold.

        Raises
        ------
        ParameterError
            If it is not a number from 0 to 1, or the model has more than two classes.
        """
        return replace(self, decision_threshold=check_threshold(decision_threshold, len(self.classes_)))

    def with_information(self: Model, **more: Any) -> Model:
        """Return the model with entries added to its information."""
        return replace(self, information={**self.information, **more})

    def _checked(self, proba: NDArray[np.float64]) -> float:
        """Return how far probabilities of the certificate's rows are from it.

        Raises
        ------
        ArtifactError
            If they are further than its tolerance: the file or the installation is not what was certified.
        """
        c = self.certificate
        worst = float(np.abs(proba - c.probabilities).max())
        if not worst <= c.tolerance + 1e-6:  # the answers are kept in single precision
            raise ArtifactError(f"the certificate fails: {worst:.3g} off in probability, {c.tolerance:g} allowed")
        return worst


def read_answers(answers: NDArray[Any], document: dict[str, Any], n_outputs: int) -> dict[str, Any]:
    """Return the arguments of a model that :class:`Served` has; ``answers`` are those of the certificate.

    Raises
    ------
    ArtifactError, KeyError, ParameterError, TypeError
        If an entry is missing or does not fit.
    """
    classes = document["classes"]
    kinds = {type(label) for label in classes} if isinstance(classes, list) else set()
    if len(kinds) != 1 or not kinds <= {str, int, bool} or len(set(classes)) < len(classes):
        raise ArtifactError("classes are a list of distinct strings, integers or booleans")
    if len(classes) != max(n_outputs, 2):
        raise ArtifactError(f"{len(classes)} classes for {n_outputs} outputs")
    c = document["certificate"]
    certificate = Certificate(c["n_rows"], c["seed"], float(c["tolerance"]), float(c["max_difference"]), answers)
    if not (
        type(certificate.n_rows) is type(certificate.seed) is int
        and certificate.seed >= 0
        and certificate.n_rows >= 1
        and answers.shape == (certificate.n_rows, len(classes))
        and answers.dtype == np.float32
        and np.isfinite(answers).all()
        and math.isfinite(certificate.tolerance)
    ):
        raise ArtifactError("the certificate does not fit its rows")
    if not isinstance(document["information"], dict):
        raise ArtifactError("information is an object")
    check_information(document["information"])
    return {
        "classes_": tuple(classes),
        "certificate": certificate,
        **answers_from_document(document, len(classes)),
        "information": document["information"],
    }


def label_array(classes: Sequence[Any]) -> NDArray[Any]:
    """Return labels as an array (C,), of objects where numpy's own types would alter them."""
    array = np.asarray(classes)
    altered = array.dtype.kind == "f" or array.tolist() != list(classes)  # integers too large, a text that ends in NUL
    return np.array(classes, dtype=object) if altered else array
