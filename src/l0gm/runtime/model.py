"""The model that is served: schema, program, calibration and what is known about them. Needs no PyTorch."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.calibration import TemperatureScaling
from l0gm.data.frames import Table
from l0gm.data.labels import encode_labels
from l0gm.data.probes import probe_rows
from l0gm.data.schema import Encoded, Schema
from l0gm.errors import ArtifactError
from l0gm.metrics import evaluate
from l0gm.runtime import artifact
from l0gm.runtime.card import card
from l0gm.runtime.tabular import TabularProgram

__all__ = ["Certificate", "CompactModel", "label_array", "load"]


@dataclass(frozen=True)
class Certificate:
    """What the gated model answered on rows made from the schema, and how far the compacted one was from it.

    Parameters
    ----------
    n_rows, seed : int
        Of :func:`l0gm.data.probes.probe_rows`.
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


@dataclass(frozen=True)
class CompactModel:
    """A compacted classifier.

    Parameters
    ----------
    schema : Schema
        The fields that it reads.
    program : TabularProgram
    classes_ : tuple
        Labels, in the order of the probabilities' columns.
    certificate : Certificate
    temperature : TemperatureScaling
        Fitted on rows that were not trained on; applied where asked.
    calibrated : bool
        Whether :meth:`predict_proba` applies it by default.
    information : dict
        Metrics, support by field, sizes before and after, settings: what the card shows.
    """

    schema: Schema
    program: TabularProgram
    classes_: tuple[Any, ...]
    certificate: Certificate
    temperature: TemperatureScaling = field(default_factory=TemperatureScaling)
    calibrated: bool = False
    information: dict[str, Any] = field(default_factory=dict)

    @property
    def feature_names_in_(self) -> tuple[str, ...]:
        """The columns that prediction reads; others may be absent."""
        return self.schema.sources

    @property
    def n_parameters(self) -> int:
        """Numbers that prediction uses."""
        return self.program.n_parameters

    def encode(self, X: object) -> Encoded:
        """Return the rows as the program reads them."""
        return self.schema.encode(X)

    def predict_proba(self, X: object, *, calibrated: bool | None = None) -> NDArray[np.float64]:
        """Return class probabilities.

        Parameters
        ----------
        X : table (n, columns)
            pandas, polars, pyarrow, a dict of columns, a list of dicts or an array. Columns are found by name;
            ones that the model does not read are ignored.
        calibrated : bool, optional
            Whether to apply the temperature; default: as the model was fitted.

        Returns
        -------
        float64 (n, C)

        Raises
        ------
        DataError
            If a column that the model reads is missing or holds values of another kind than in fit.
        """
        proba = self.program.probabilities(self.encode(X))
        if self.calibrated if calibrated is None else calibrated:
            return np.asarray(self.temperature.apply(proba), dtype=np.float64)
        return proba

    def predict(self, X: object) -> NDArray[Any]:
        """Return the most probable label of each row, (n,)."""
        labels: NDArray[Any] = label_array(self.classes_)[self.predict_proba(X).argmax(1)]
        return labels

    def evaluate(self, X: object, y: object, *, calibrated: bool | None = None) -> dict[str, float]:
        """Return the measures of :func:`l0gm.metrics.evaluate` on these rows."""
        return evaluate(encode_labels(y, self.classes_), self.predict_proba(X, calibrated=calibrated))

    def verify(self) -> float:
        """Compute the certificate's rows again and return the largest difference to the gated model's answers.

        Raises
        ------
        ArtifactError
            If it is above the certificate's tolerance: the file or the installation is not what was certified.
        """
        c = self.certificate
        table = Table(probe_rows(self.schema, c.n_rows, c.seed)) if self.schema.fields else _no_columns(c.n_rows)
        worst = float(np.abs(self.program.probabilities(self.encode(table)) - c.probabilities).max())
        if not worst <= c.tolerance + 1e-6:  # the answers are kept in single precision
            raise ArtifactError(f"the certificate fails: {worst:.3g} off in probability, {c.tolerance:g} allowed")
        return worst

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
        arrays = {
            **self.program.arrays(),
            "certificate.probabilities": self.certificate.probabilities,
        }
        document = {
            "kind": "tabular",
            "classes": list(self.classes_),
            "schema": self.schema.to_dict(),
            "program": self.program.structure(),
            "temperature": self.temperature.to_dict(),
            "calibrated": self.calibrated,
            "certificate": {
                name: getattr(self.certificate, name) for name in ("n_rows", "seed", "tolerance", "max_difference")
            },
            "information": self.information,
        }
        return artifact.write(path, arrays, document, self.card())

    def with_information(self, **more: Any) -> CompactModel:
        """Return the model with entries added to its information."""
        return replace(self, information={**self.information, **more})


def load(path: str | os.PathLike[str]) -> CompactModel:
    """Read a model file; PyTorch is not needed.

    Raises
    ------
    ArtifactError
        If the file is missing, damaged, foreign or of a newer format.
    """
    arrays, document, _ = artifact.read(path)
    if document.get("kind") != "tabular":
        raise ArtifactError(f"{path} holds a {document.get('kind')!r} model, which this version cannot run")
    try:
        return _assemble(arrays, document)
    except KeyError as error:
        raise ArtifactError(f"{path} is damaged: {error} is missing") from error
    except (ArithmeticError, ArtifactError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ArtifactError(f"{path} is damaged: {error}") from error


def _assemble(arrays: dict[str, NDArray[Any]], document: dict[str, Any]) -> CompactModel:
    """Make the model of a file's content; any of the errors named in :func:`load` where the two do not fit."""
    schema = Schema.from_dict(document["schema"])
    if schema.to_dict() != document["schema"]:  # a text where a list belongs, say
        raise ArtifactError("the schema is not in the form in which it is written")
    answers = arrays.pop("certificate.probabilities")
    program = TabularProgram.from_arrays(arrays, document["program"], schema.n_rows)
    classes = document["classes"]
    kinds = {type(label) for label in classes} if isinstance(classes, list) else set()
    if len(kinds) != 1 or not kinds <= {str, int, bool} or len(set(classes)) < len(classes):
        raise ArtifactError("classes are a list of distinct strings, integers or booleans")
    if len(classes) != max(program.n_outputs, 2):
        raise ArtifactError(f"{len(classes)} classes for {program.n_outputs} outputs")
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
    if not isinstance(document["calibrated"], bool) or not isinstance(document["information"], dict):
        raise ArtifactError("calibrated is true or false, information an object")
    return CompactModel(
        schema=schema,
        program=program,
        classes_=tuple(classes),
        certificate=certificate,
        temperature=TemperatureScaling.from_dict(document["temperature"]),
        calibrated=document["calibrated"],
        information=document["information"],
    )


def label_array(classes: Sequence[Any]) -> NDArray[Any]:
    """Return labels as an array (C,), of objects where numpy's own types would alter them."""
    array = np.asarray(classes)
    altered = array.dtype.kind == "f" or array.tolist() != list(classes)  # integers too large, a text that ends in NUL
    return np.array(classes, dtype=object) if altered else array


def _no_columns(n_rows: int) -> Table:
    return Table({"unread": np.zeros(n_rows)})
