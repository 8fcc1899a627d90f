"""The model that is served: schema, program, calibration and what is known about them. Needs no PyTorch."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from l0gm.calibration import Calibrator, TemperatureScaling
from l0gm.data.frames import Table
from l0gm.data.labels import encode_labels
from l0gm.data.parquet import batches_of, column_of
from l0gm.data.probes import probe_rows
from l0gm.data.schema import PREFIX as SCHEMA_PREFIX
from l0gm.data.schema import Encoded, Schema
from l0gm.decisions import ConformalSets, check_threshold, decide
from l0gm.errors import ArtifactError, ParameterError
from l0gm.metrics import evaluate
from l0gm.runtime import artifact
from l0gm.runtime.answers import answers_from_document, answers_to_document
from l0gm.runtime.card import card, check_information
from l0gm.runtime.contributions import Contributions, contributions
from l0gm.runtime.drift import DriftReport, compare
from l0gm.runtime.groups import evaluate_groups
from l0gm.runtime.observed import Observed
from l0gm.runtime.reference import PREFIX, Reference
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
    calibrator : Calibrator
        Fitted on rows that were not trained on; applied where asked.
    calibrated : bool
        Whether :meth:`predict_proba` applies it by default.
    decision_threshold : float, optional
        Of two classes: the probability of the second from which on :meth:`predict` answers it; None takes the more
        probable one.
    conformal : ConformalSets, optional
        What :meth:`predict_set` needs.
    information : dict
        Metrics, support by field, sizes before and after, settings: what the card shows.
    reference : Reference, optional
        The training rows in sums, which :meth:`contributions` and :meth:`drift` need.
    """

    schema: Schema
    program: TabularProgram
    classes_: tuple[Any, ...]
    certificate: Certificate
    calibrator: Calibrator = field(default_factory=TemperatureScaling)
    calibrated: bool = False
    decision_threshold: float | None = None
    conformal: ConformalSets | None = None
    information: dict[str, Any] = field(default_factory=dict)
    reference: Reference | None = None

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
        return Encoded.joined([self.schema.encode(table) for table in batches_of(X, self.schema.sources)])

    def predict_proba(self, X: object, *, calibrated: bool | None = None) -> NDArray[np.float64]:
        """Return class probabilities.

        Parameters
        ----------
        X : table (n, columns)
            pandas, polars, pyarrow, a dict of columns, a list of dicts or an array; or the path of a parquet file, of
            a folder of them or a list of paths, which are read in batches (needs pyarrow). Columns are found by
            name; ones that the model does not read are ignored.
        calibrated : bool, optional
            Whether to apply the calibrator; default: as the model was fitted.

        Returns
        -------
        float64 (n, C)

        Raises
        ------
        DataError
            If a column that the model reads is missing or holds values of another kind than in fit.
        """
        return self.scaled(self._raw(X), calibrated)

    def _raw(self, X: object) -> NDArray[np.float64]:
        """Return the program's probabilities (n, C), file by file in batches."""
        tables = batches_of(X, self.schema.sources)
        return np.concatenate([self.program.probabilities(self.schema.encode(table)) for table in tables])

    def scaled(self, raw: NDArray[np.float64], calibrated: bool | None = None) -> NDArray[np.float64]:
        """Return what :meth:`predict_proba` makes of the program's probabilities (n, C)."""
        applied = self.calibrated if calibrated is None else calibrated
        return np.asarray(self.calibrator.apply(raw), dtype=np.float64) if applied and len(raw) else raw

    def predict(self, X: object) -> NDArray[Any]:
        """Return the label that each row is answered with, (n,): the most probable one, or as the threshold says."""
        labels: NDArray[Any] = label_array(self.classes_)[decide(self.predict_proba(X), self.decision_threshold)]
        return labels

    def predict_set(self, X: object, coverage: float = 0.9) -> NDArray[np.bool_]:
        """Return which labels are in each row's conformal set, bool (n, C), in the order of ``classes_``.

        The true label is in the set with a probability of at least ``coverage``, on average over rows like those of
        the calibration part; :class:`l0gm.decisions.ConformalSets` says what that means and what it does not.

        Raises
        ------
        ParameterError
            If the calibration rows are too few for this coverage, or there were none.
        DataError
            As :meth:`predict_proba`.
        """
        return self.sets_of(coverage).sets(self._raw(X), coverage)

    def sets_of(self, coverage: float) -> ConformalSets:
        """Return the conformal sets, or raise ParameterError where there are none of this coverage."""
        if self.conformal is None:
            raise ParameterError(f"coverage={coverage}: this model was fitted without calibration rows, so has no sets")
        self.conformal.threshold(coverage)
        return self.conformal

    def evaluate(self, X: object, y: object, *, calibrated: bool | None = None) -> dict[str, float]:
        """Return the measures of :func:`l0gm.metrics.evaluate` on these rows."""
        return evaluate(encode_labels(column_of(X, y), self.classes_), self.predict_proba(X, calibrated=calibrated))

    def evaluate_by(
        self, X: object, y: object, by: Any, *, calibrated: bool | None = None
    ) -> dict[str | None, dict[str, Any]]:
        """Return the measures of each group of rows: see :func:`l0gm.metrics.by_group` for them.

        Parameters
        ----------
        X : table (n, columns)
        y : sequence (n,)
            Labels.
        by : str or sequence (n,)
            A column of ``X``, whether or not the model reads it, or each row's group. How numbers and columns of
            many values become groups: :func:`l0gm.data.groups.group_rows`.
        calibrated : bool, optional
            As in :meth:`predict_proba`.

        Returns
        -------
        dict
            From group to measures; rows where the value is missing are the group None.

        Raises
        ------
        DataError
            If there is no such column, or a label is unknown.
        """
        labels = encode_labels(y, self.classes_)
        return evaluate_groups(X, labels, self.predict_proba(X, calibrated=calibrated), by)

    def contributions(self, X: object, *, by: Literal["column", "field"] = "column") -> Contributions:
        """Return what each column adds to the logits of these rows; they add up (:mod:`l0gm.runtime.contributions`).

        Parameters
        ----------
        X : table (n, columns)
        by : {"column", "field"}
            A date is one column and several fields, one for each of its parts.

        Raises
        ------
        ArtifactError
            If the model keeps no summary of its training rows, from whose mean contributions start.
        DataError
            As :meth:`predict_proba`.
        """
        return contributions(self, X, by)

    def heaviest_ngrams(self, most: int = 20) -> dict[str, list[tuple[str, list[float]]]]:
        """Return for each text the n-grams that move the logits most through its text term.

        Each comes with what it adds, (C,), a single number for two classes: towards the second. In a text of n n-grams
        it counts 1 / sqrt(n) of that. What a deep branch makes of the text is not in it.

        Parameters
        ----------
        most : int
            For each text.
        """
        found, at = {}, 0
        for part, f in zip(self.program.texts, self.schema.texts, strict=True):
            assert self.program.text_out is not None  # since there are texts
            found[f.name] = part.heaviest(f, self.program.text_out[:, at : at + part.width], most)
            at += part.width
        return found

    def drift(self, X: object, *, level: float = 0.01, min_rate: float = 0.02, min_psi: float = 0.1) -> DriftReport:
        """Compare these rows with the training rows (:mod:`l0gm.runtime.drift` says how).

        Parameters
        ----------
        X : table (n, columns), or the path of parquet files
            Rows at prediction; no labels are needed. They are read a part at a time.
        level : float
            Chance of any alarm at all if nothing has changed.
        min_rate : float
            Shares of the rows and mean predictions have to differ by more than this to count as changed.
        min_psi : float
            The same for the population stability index of a field.

        Raises
        ------
        ArtifactError
            If the model keeps no summary of its training rows.
        DataError
            If there are no rows; else as :meth:`predict_proba`.
        """
        rows = Observed(self)
        rows.add(X)
        return compare(rows, level=level, min_rate=min_rate, min_psi=min_psi)

    def verify(self) -> float:
        """Compute the certificate's rows again and return the largest difference to the gated model's answers.

        Raises
        ------
        ArtifactError
            If it is above the certificate's tolerance: the file or the installation is not what was certified.
        """
        c = self.certificate
        table = Table(probe_rows(self.schema, c.n_rows, c.seed)) if self.schema.sources else _no_columns(c.n_rows)
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
            **self.schema.arrays(),
            **self.program.arrays(),
            "certificate.probabilities": self.certificate.probabilities,
            **({} if self.reference is None else self.reference.arrays(self.schema)),
        }
        document = {
            "kind": "rows",
            "classes": list(self.classes_),
            "schema": self.schema.to_dict(),
            "program": self.program.structure(),
            **answers_to_document(self),
            "certificate": {
                name: getattr(self.certificate, name) for name in ("n_rows", "seed", "tolerance", "max_difference")
            },
            "information": self.information,
        }
        return artifact.write(path, arrays, document, self.card())

    def with_threshold(self, decision_threshold: float | None) -> CompactModel:
        """Return the model with another decision threshold.

        Raises
        ------
        ParameterError
            If it is not a number from 0 to 1, or the model has more than two classes.
        """
        return replace(self, decision_threshold=check_threshold(decision_threshold, len(self.classes_)))

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
    if document.get("kind") not in ("rows", "tabular"):  # the second before there were texts
        raise ArtifactError(f"{path} holds a {document.get('kind')!r} model, which this version cannot run")
    try:
        return _assemble(arrays, document)
    except KeyError as error:
        raise ArtifactError(f"{path} is damaged: {error} is missing") from error
    except (ArithmeticError, ArtifactError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ArtifactError(f"{path} is damaged: {error}") from error


def _assemble(arrays: dict[str, NDArray[Any]], document: dict[str, Any]) -> CompactModel:
    """Make the model of a file's content; any of the errors named in :func:`load` where the two do not fit."""
    own = {name: arrays.pop(name) for name in list(arrays) if name.startswith(SCHEMA_PREFIX)}
    schema = Schema.from_dict(document["schema"], own)
    if own.keys() != schema.arrays().keys():
        raise ArtifactError("the schema has not the arrays that it needs")
    if schema.to_dict() != document["schema"]:  # a text where a list belongs, say
        raise ArtifactError("the schema is not in the form in which it is written")
    answers = arrays.pop("certificate.probabilities")
    summary = {name: arrays.pop(name) for name in list(arrays) if name.startswith(PREFIX)}
    program = TabularProgram.from_arrays(arrays, document["program"], schema)
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
    if not isinstance(document["information"], dict):
        raise ArtifactError("information is an object")
    check_information(document["information"])
    return CompactModel(
        schema=schema,
        program=program,
        classes_=tuple(classes),
        certificate=certificate,
        **answers_from_document(document, len(classes)),
        information=document["information"],
        reference=Reference.from_arrays(summary, schema, len(classes), program.n_text_values) if summary else None,
    )


def label_array(classes: Sequence[Any]) -> NDArray[Any]:
    """Return labels as an array (C,), of objects where numpy's own types would alter them."""
    array = np.asarray(classes)
    altered = array.dtype.kind == "f" or array.tolist() != list(classes)  # integers too large, a text that ends in NUL
    return np.array(classes, dtype=object) if altered else array


def _no_columns(n_rows: int) -> Table:
    return Table({"unread": np.zeros(n_rows)})
