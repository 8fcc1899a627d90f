"""The model of rows that is served: schema, program, calibration and what is known about them. Needs no PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from l0gm.data.frames import Table
from l0gm.data.labels import encode_labels
from l0gm.data.parquet import batches_of, column_of
from l0gm.data.probes import probe_rows
from l0gm.data.schema import PREFIX as SCHEMA_PREFIX
from l0gm.data.schema import Columns, Encoded, Schema
from l0gm.errors import ArtifactError
from l0gm.metrics import evaluate
from l0gm.runtime.contributions import Contributions, contributions
from l0gm.runtime.drift import DriftReport, compare
from l0gm.runtime.groups import evaluate_groups
from l0gm.runtime.observed import Observed
from l0gm.runtime.predictor import Predictor, check_threads
from l0gm.runtime.reference import PREFIX, Reference
from l0gm.runtime.served import CERTIFICATE, Served, read_answers
from l0gm.runtime.tabular import TabularProgram

__all__ = ["CompactModel", "rows_model"]


@dataclass(frozen=True, kw_only=True)
class CompactModel(Served):
    """A compacted classifier of rows of columns and texts.

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
    reference: Reference | None = None

    @property
    def feature_names_in_(self) -> tuple[str, ...]:
        """The columns that prediction reads; others may be absent."""
        return self.schema.sources

    @property
    def n_parameters(self) -> int:
        """Numbers that prediction uses."""
        return self.program.n_parameters

    @property
    def what_it_holds(self) -> str:
        """How the card's sentence "The file holds no training row" goes on."""
        has_ngrams = any(field.kind == "ngrams" for field in self.schema.texts)
        return (", but how many of them had each category, bucket or bin." if self.reference else ".") + (
            " Of texts it holds words and phrases of up to three words." if has_ngrams else ""
        )

    def encode(self, X: object) -> Encoded:
        """Return the rows as the program reads them."""
        return Encoded.joined([self.schema.encode(table) for table in batches_of(X, self.schema.sources)])

    @cached_property
    def predictor(self) -> Predictor:
        """What makes probabilities of rows."""
        return Predictor(self.program, self.schema)

    def read(self, X: object) -> Columns:
        """Return the rows as arrays: numbers, and codes of categories; what :meth:`predict_arrays` takes."""
        return Columns.joined([self.schema.read(table) for table in batches_of(X, self.schema.sources)])

    def predict_proba(self, X: object, *, calibrated: bool | None = None, threads: int = 1) -> NDArray[np.float64]:
        """Return class probabilities.

        Parameters
        ----------
        X : table (n, columns)
            pandas, polars, pyarrow, a dict of columns, a list of dicts or an array; or the path of a parquet file, of
            a folder of them or a list of paths, which are read in batches (needs pyarrow). Columns are found by
            name; ones that the model does not read are ignored.
        calibrated : bool, optional
            Whether to apply the calibrator; default: as the model was fitted.
        threads : int
            Threads that share the rows out once they are read; a row's answer does not depend on their number.

        Returns
        -------
        float64 (n, C)

        Raises
        ------
        DataError
            If a column that the model reads is missing or holds values of another kind than in fit.
        ParameterError
            If ``threads`` is no number of threads.
        """
        return self.scaled(self._raw(X, check_threads(threads)), calibrated)

    def predict_arrays(
        self, numbers: Any, codes: Any, *, calibrated: bool | None = None, threads: int = 1
    ) -> NDArray[np.float64]:
        """Return class probabilities of rows that are arrays already: the fastest way in.

        Parameters
        ----------
        numbers : float64 (n, p)
            A column for each numeric field of ``schema``, in its order, before binning; NaN where missing. Those of a
            date are its parts.
        codes : int32 (n, q)
            A column for each other field: 0 is a missing value, 1 an unseen category and i + 2 entry i of the field's
            ``vocabulary``; b + 1 is bucket b of a hashed identifier. :meth:`read` makes both of a table.
        calibrated, threads
            As in :meth:`predict_proba`.

        Returns
        -------
        float64 (n, C)

        Raises
        ------
        ParameterError
            If an array has another shape or type, a number is infinite, a code is no row of its field's table, or the
            model reads texts.
        """
        predictor = self.predictor
        proba = predictor.probabilities(predictor.columns(numbers, codes), check_threads(threads))
        return self.scaled(proba, calibrated)

    def predict_one(self, row: Mapping[str, Any], *, calibrated: bool | None = None) -> NDArray[np.float64]:
        """Return the class probabilities of one row, float64 (C,): those of ``predict_proba([row])[0]``.

        Parameters
        ----------
        row : mapping
            From column to value.
        calibrated : bool, optional
            As in :meth:`predict_proba`.

        Raises
        ------
        DataError
            As :meth:`predict_proba`.
        """
        proba: NDArray[np.float64] = self.scaled(self.predictor.one(row), calibrated)[0]
        return proba

    def _raw(self, X: object, threads: int = 1) -> NDArray[np.float64]:
        """Return the program's probabilities (n, C), file by file in batches."""
        tables = batches_of(X, self.schema.sources)
        found = [self.predictor.probabilities(self.schema.read(table), threads) for table in tables]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def predict(self, X: object) -> NDArray[Any]:
        """Return the label that each row is answered with, (n,): the most probable one, or as the threshold says."""
        return self.decided(self.predict_proba(X))

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
        return self._checked(self._raw(table))

    def _content(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        arrays = {
            **self.schema.arrays(),
            **self.program.arrays(),
            **({} if self.reference is None else self.reference.arrays(self.schema)),
        }
        return arrays, {"kind": "rows", "schema": self.schema.to_dict(), "program": self.program.structure()}


def rows_model(arrays: dict[str, NDArray[Any]], document: dict[str, Any]) -> CompactModel:
    """Make the model of a file's content; any of the errors that :func:`l0gm.load` catches where the two do not fit."""
    own = {name: arrays.pop(name) for name in list(arrays) if name.startswith(SCHEMA_PREFIX)}
    schema = Schema.from_dict(document["schema"], own)
    if own.keys() != schema.arrays().keys():
        raise ArtifactError("the schema has not the arrays that it needs")
    if schema.to_dict() != document["schema"]:  # a text where a list belongs, say
        raise ArtifactError("the schema is not in the form in which it is written")
    certified = arrays.pop(CERTIFICATE)
    summary = {name: arrays.pop(name) for name in list(arrays) if name.startswith(PREFIX)}
    program = TabularProgram.from_arrays(arrays, document["program"], schema)
    answers = read_answers(certified, document, program.n_outputs)
    n_classes = len(answers["classes_"])
    reference = Reference.from_arrays(summary, schema, n_classes, program.n_text_values) if summary else None
    return CompactModel(schema=schema, program=program, reference=reference, **answers)


def _no_columns(n_rows: int) -> Table:
    return Table({"unread": np.zeros(n_rows)})
