"""One estimator that walks the whole line from rows to a compacted model."""

from __future__ import annotations

import copy
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from l0gm import compaction
from l0gm.assembly import text_encoding
from l0gm.data.fitting import SchemaFitter
from l0gm.data.labels import encode_labels
from l0gm.data.parquet import ParquetTable, batches_of, column_of, open_with
from l0gm.data.schema import Encoded
from l0gm.decisions import Threshold, decide, tuned_threshold
from l0gm.encoders.rows import RowEncoder
from l0gm.encoders.stored import StoredRows
from l0gm.encoders.text import TextEncoding
from l0gm.errors import ParameterError
from l0gm.estimators.answers import fitted_answers
from l0gm.estimators.conventions import (
    RANDOM_NUMBERS,
    EstimatorNotFittedError,
    device_of,
    seed_of,
    warn_of_column_vector,
)
from l0gm.estimators.fitting import Outcome, Training
from l0gm.estimators.parameters import check_parameters
from l0gm.estimators.path import on_path, train_path
from l0gm.estimators.preparation import Part, Prepared, batch_of, prepare
from l0gm.estimators.start import starting_model, what_stays
from l0gm.metrics import evaluate
from l0gm.runtime.contributions import Contributions
from l0gm.runtime.drift import DriftReport
from l0gm.runtime.groups import evaluate_groups
from l0gm.runtime.model import CompactModel
from l0gm.runtime.served import label_array
from l0gm.training.rows import predict

__all__ = ["L0GMClassifier"]


class L0GMClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A classifier for tables, texts and rows that mix both, sparse by design (the paper's L0GM with Eq. 20).

    Each column becomes an embedding, each text a vector; a hard-concrete gate decides which of their dimensions the
    predictor may read; :meth:`compact` cuts the others out.

    Parameters
    ----------
    active : float or "auto", optional
        Fraction of the interface's dimensions that stay open, met exactly. Default 0.15 where no penalty is given.
        ``"auto"`` fits the dense model and about four sparse ones, and keeps the smallest whose validation log loss
        is within one standard error of the dense one's (see ``trials_``).
    penalty : float, optional
        Instead of ``active``: the paper's lambda on the summed open probabilities; the open count is what comes
        out of it.
    cost : mapping from str to float, optional
        What an open dimension of a column counts in the penalty, above 0 and 1 for columns that are not named: a
        column of cost 10 has to be ten times as useful to stay.
    hidden_cost : float, optional
        What an open hidden unit of the deep branch counts in the penalty, above 0, where an open dimension of the
        interface counts 1. Hidden units then have gates of their own, and :meth:`compact` cuts out those that
        closed; how many stay is what comes out of it. Default: hidden units have no gates.
    gate : str
        ``"hard_concrete"`` is the paper's gate. Others to compare it with, which leave as many dimensions open:
        ``"conditional"`` (each row closes more of what is open), ``"gaussian"`` (stochastic gates, Yamada et al.),
        ``"l1"`` (a scale a dimension under an L1 penalty, a group lasso with ``gate_groups="field"``), ``"magnitude"``
        (the largest |h| stay where a gate would be hardened), ``"static"`` (the largest |h| of the trained dense model,
        which is trained anew with them) and ``"random"``. ``"weights"`` has a gate for each weight of the first layer
        of the deep branch (of the linear layer over texts alone): ``active`` is then a fraction of the weights. So it
        is where these are pruned by size: ``"pruned"`` (the largest stay where a gate would be hardened), ``"n:m"``
        (the N largest of every M consecutive dimensions, for each unit) and ``"lottery"`` (in three rounds, each of
        which begins anew at early values: four trainings). ``"none"`` is the dense model.
    gate_groups : {"dimension", "field"}
        One gate a dimension, or one for each whole field.
    mask_seed : int, optional
        What ``gate="random"`` draws its mask with. Default: ``random_state``.
    embedding_dim : int, optional
        The paper's D. Default: 16, or less where the table has more than 16 fields, so that the interface has at
        most 256 dimensions; one a field where there are more fields than that.
    linear : {"gated", "ungated", "off"}
        The linear term of Eq. 20; ``ungated`` is the paper's literal form, with which no field can leave.
    deep : sequence of int, optional
        Widths of the deep branch's hidden layers; empty leaves the branch out. Default: (128, 64), and none where
        there are texts alone.
    cin : sequence of int
        Widths of the CIN's depths; empty leaves the branch out.
    cin_rank : int, optional
        Rank of the factorised CIN (Eq. 14). Default: full matrices; 16 where the table has more than 256 fields.
    dropout : float
    bins, max_bins, min_bin_rows, min_count, max_categories, hash_buckets, infinite, categorical, missing_values
        How columns become fields: see :class:`l0gm.data.fitting.SchemaFitter`.
    text : collection of str
        Columns to read as text; others are recognised (:class:`l0gm.data.fitting.SchemaFitter`).
    encoder : str or TextEncoding
        What makes a vector of a text: ``"ngrams"`` (:class:`l0gm.encoders.text.Ngrams`), ``"scratch"``
        (:class:`l0gm.encoders.transformer.Scratch`), or a pretrained one: ``"minilm"``, ``"mpnet"``, a name on the
        Hugging Face hub or a folder (:class:`l0gm.encoders.transformer.Transformer`, frozen by default).
    schema_rows : int
        Where fit reads files: how many training rows, drawn at random, say how columns become fields.
    warmup, ramp, hold, start_temperature, end_temperature : float
        See :class:`l0gm.schedules.Schedule`.
    mask : {"example", "batch"}
        Whether each example or each batch has its own sampled mask.
    inference : {"binary", "soft"}
        What an unhardened hard-concrete gate multiplies with at inference.
    threshold : float
        The paper's pi.
    teacher : "trees" or classifier, optional
        A model that is fitted to the training rows first; training then aims at its answers as much as at the labels
        (distillation). ``"trees"`` is scikit-learn's HistGradientBoostingClassifier. A Pipeline gets the rows as fit
        does; any other scikit-learn classifier gets numbers and categories, see
        :func:`l0gm.distillation.teacher_frame`. Each row's answer comes from a copy that was fitted without it.
    teacher_weight : float
        The answers' share in what training aims at, 0 to 1; the labels have the rest.
    epochs, batch_size : int, optional
        Default: 24 epochs of 256 rows; small tables get smaller batches and more epochs.
    lr, gate_lr, weight_decay, label_smoothing : float
    calibration_coupling : float
        Weight of a differentiable calibration error of each batch beside its log loss, as 0.1, 0.3 or 1
        (:func:`l0gm.training.coupling.soft_binned_ece`).
    averaging : float
        Decay of the weights' moving average once the gates are fixed; 0 takes the weights as they are.
    patience : int
        Epochs without a better validation log loss, after hardening, before training stops.
    class_weight : "balanced" or mapping, optional
        From label to weight.
    validation_fraction, calibration_fraction : float
        Parts of the training rows that are held out: one chooses the checkpoint, the other fits the calibrator.
    calibration : {"temperature", "platt", "isotonic", "beta", "venn_abers"}
        The method that is fitted on the calibration rows; see :mod:`l0gm.calibration`.
    calibrated : bool
        Whether :meth:`predict_proba` applies what was fitted.
    device : str
        ``"auto"`` takes a GPU where there is one.
    random_state : int, RandomState or None
        The same seed gives the same weights bit for bit on the same machine, on a CPU. ``None`` takes another seed
        each time; ``seed_`` says which.
    progress : bool
        Show a progress bar.
    history_path : path, optional
        A JSON-lines file that training writes as it goes.
    checkpoint_path : path, optional
        A file with the whole state of training, written every few seconds. A fit that was cut short goes on from
        it, to the same weights bit for bit (on a CPU, with as many threads), where settings and rows are the same.
        It stays when training has ended: the same fit is then over at once, and another fit replaces it.
    initial_model : path, CompactModel or fitted L0GMClassifier, optional
        A model to go on from: its classes, fields, bins, vocabularies, branches and open dimensions stay, and its
        weights are tuned to the rows that fit is given, for 8 epochs by default, since nothing has to be chosen any
        more. The new rows decide alone: what they do not show is forgotten in part, so add old ones. The validation
        log loss never ends above that of the initial weights. Parameters that say how columns become fields or how
        the model is built are not used; ``active``, ``penalty``, ``cost`` and ``hidden_cost`` are refused.

    Attributes
    ----------
    classes_ : array (C,)
    feature_names_in_ : array (columns,)
        All columns that fit saw, where all of them had a name that is text.
    n_features_in_ : int
    seed_ : int
        What ``random_state`` came to.
    notes_ : list of str
        What fit decided about columns and rows.
    schema_ : Schema
    model_ : GatedModel
        The PyTorch model, hardened.
    history_ : History
    calibrator_ : Calibrator
        Fitted on the calibration rows.
    decision_threshold_ : float or None
        Set by :meth:`tune_threshold`; None answers with the most probable class.
    conformal_ : ConformalSets or None
        What :meth:`predict_set` needs; None without calibration rows.
    trials_ : list of Trial
        With ``active="auto"``: what was tried, the dense model first.
    open_dimensions_ : bool array (fields, embedding_dim)
    feature_importances_ : array (columns,)
        Share of the open dimensions that belongs to each column.
    metrics_ : dict
        Measures on the validation and calibration rows, of the raw probabilities.

    Examples
    --------
    >>> from l0gm import L0GMClassifier
    >>> from l0gm.datasets import load
    >>> data = load("synthetic:mixed", rows=600)
    >>> X, y = data.frame.drop(columns=data.target), data.frame[data.target]
    >>> model = L0GMClassifier(active=0.2, epochs=2).fit(X, y)
    >>> model.predict_proba(X).shape
    (600, 2)
    """

    def __init__(
        self,
        active: float | Literal["auto"] | None = None,
        penalty: float | None = None,
        *,
        cost: Mapping[str, float] | None = None,
        hidden_cost: float | None = None,
        gate: Literal[
            "hard_concrete",
            "conditional",
            "weights",
            "gaussian",
            "l1",
            "random",
            "magnitude",
            "static",
            "pruned",
            "n:m",
            "lottery",
            "none",
        ] = "hard_concrete",
        gate_groups: Literal["dimension", "field"] = "dimension",
        mask_seed: int | None = None,
        embedding_dim: int | None = None,
        linear: Literal["gated", "ungated", "off"] = "gated",
        deep: Sequence[int] | None = None,
        cin: Sequence[int] = (8,),
        cin_rank: int | None = None,
        dropout: float = 0.2,
        bins: Literal["tree", "quantile"] = "tree",
        max_bins: int = 48,
        min_bin_rows: int = 20,
        min_count: int = 5,
        max_categories: int = 2000,
        hash_buckets: int = 4096,
        infinite: Literal["error", "missing"] = "error",
        categorical: Collection[str] = (),
        missing_values: Collection[str | float] = (),
        text: Collection[str] = (),
        encoder: str | TextEncoding = "ngrams",
        schema_rows: int = 200_000,
        warmup: float = 0.1,
        ramp: float = 0.4,
        hold: float = 0.1,
        start_temperature: float = 2.0,
        end_temperature: float = 0.5,
        mask: Literal["example", "batch"] = "example",
        inference: Literal["binary", "soft"] = "binary",
        threshold: float = 0.5,
        teacher: Any = None,
        teacher_weight: float = 0.3,
        epochs: int | None = None,
        batch_size: int | None = None,
        lr: float = 1e-3,
        gate_lr: float | None = None,
        weight_decay: float = 0.02,
        label_smoothing: float = 0.0,
        calibration_coupling: float = 0.0,
        averaging: float = 0.0,
        patience: int = 8,
        class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
        validation_fraction: float = 0.1,
        calibration_fraction: float = 0.1,
        calibration: Literal["temperature", "platt", "isotonic", "beta", "venn_abers"] = "temperature",
        calibrated: bool = False,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = 0,
        progress: bool = False,
        history_path: str | os.PathLike[str] | None = None,
        checkpoint_path: str | os.PathLike[str] | None = None,
        initial_model: Any = None,
    ) -> None:
        self.active = active
        self.penalty = penalty
        self.cost = cost
        self.hidden_cost = hidden_cost
        self.gate = gate
        self.gate_groups = gate_groups
        self.mask_seed = mask_seed
        self.embedding_dim = embedding_dim
        self.linear = linear
        self.deep = deep
        self.cin = cin
        self.cin_rank = cin_rank
        self.dropout = dropout
        self.bins = bins
        self.max_bins = max_bins
        self.min_bin_rows = min_bin_rows
        self.min_count = min_count
        self.max_categories = max_categories
        self.hash_buckets = hash_buckets
        self.infinite = infinite
        self.categorical = categorical
        self.missing_values = missing_values
        self.text = text
        self.encoder = encoder
        self.schema_rows = schema_rows
        self.warmup = warmup
        self.ramp = ramp
        self.hold = hold
        self.start_temperature = start_temperature
        self.end_temperature = end_temperature
        self.mask = mask
        self.inference = inference
        self.threshold = threshold
        self.teacher = teacher
        self.teacher_weight = teacher_weight
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.gate_lr = gate_lr
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.calibration_coupling = calibration_coupling
        self.averaging = averaging
        self.patience = patience
        self.class_weight = class_weight
        self.validation_fraction = validation_fraction
        self.calibration_fraction = calibration_fraction
        self.calibration = calibration
        self.calibrated = calibrated
        self.device = device
        self.random_state = random_state
        self.progress = progress
        self.history_path = history_path
        self.checkpoint_path = checkpoint_path
        self.initial_model = initial_model

    # ---- fit -----------------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> L0GMClassifier:
        """Fit schema, gate, weights and calibrator.

        Parameters
        ----------
        X : table (n, columns)
            pandas, polars, pyarrow, a dict of columns, a list of dicts or an array; or texts, as a list, an array or
            a series; or the path of a parquet file, of a folder of them or a list of paths, which are read in
            batches and need not fit into memory.
        y : sequence (n,)
            Labels: str, int or bool; with files, or the name of their column.
        sample_weight : sequence (n,), optional
            Not negative; with files, or the name of their column.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If the table or the target cannot be used; the message names the column.
        ParameterError
            If an argument is out of range; if the checkpoint is damaged or that of another fit, which has not ended.
        TrainingError
            If the loss is not finite.
        KeyboardInterrupt
            If it is interrupted (Ctrl-C) in training; with a ``checkpoint_path`` the file is written first.
        """
        check_parameters(self)
        prepared = self._prepared(X, y, sample_weight)
        self._begin(prepared)
        with _own_random_numbers():
            outcome = Training(self, prepared, prepared.seed, device_of(self.device)).run(X)
        self._take(prepared, outcome)
        return self

    def fit_path(self, X: Any, y: Any, actives: Sequence[float], sample_weight: Any = None) -> list[L0GMClassifier]:
        """Fit a model for each of several fractions in one training, from dense to sparse.

        The target falls through the fractions; at each one the model is copied, the copy hardened and fine-tuned
        briefly. All of them take at most about three times as long as one fit. They are not those of independent fits,
        since each set of open dimensions is found from the one before.

        Parameters
        ----------
        X, y, sample_weight
            As in :meth:`fit`.
        actives : sequence of float
            Fractions above 0 and at most 1.

        Returns
        -------
        list of L0GMClassifier
            Fitted, one for each fraction, in the order given, with that ``active``. This estimator stays as it is.

        Raises
        ------
        ParameterError
            As in :meth:`fit`; if the gate does not learn from a penalty, or ``penalty`` or ``initial_model`` is given.
        """
        made = on_path(self, actives)
        prepared = self._prepared(X, y, sample_weight)
        with _own_random_numbers():
            training = Training(made[0], prepared, prepared.seed, device_of(self.device))
            outcomes = train_path(training, X, actives)
        for model, outcome in zip(made, outcomes, strict=True):
            model._begin(prepared)
            model._take(prepared, outcome)
        return made

    def _prepared(self, X: Any, y: Any, sample_weight: Any) -> Prepared:
        """Return the rows, split and described."""
        seed = seed_of(self.random_state)
        device_of(self.device)
        warn_of_column_vector(y)
        table, y, sample_weight = open_with(X, y, sample_weight)
        if isinstance(table, ParquetTable) and self.teacher is not None and self.teacher_weight > 0.0:
            raise ParameterError(f"teacher={self.teacher!r} needs all rows in memory: read {table} into a table first")
        return prepare(
            table,
            y,
            sample_weight,
            fitter=self._fitter(),
            schema_rows=self.schema_rows,
            class_weight=self.class_weight,
            validation_fraction=self.validation_fraction,
            calibration_fraction=self.calibration_fraction,
            seed=seed,
            start=starting_model(self.initial_model),
        )

    def _begin(self, prepared: Prepared) -> None:
        """Set what is known of the rows before training."""
        self._forget()
        self.seed_ = prepared.seed
        self.notes_ = list(prepared.notes)
        self.classes_ = label_array(prepared.classes)
        if prepared.train.table.named:
            self.feature_names_in_ = np.asarray(prepared.schema.columns, dtype=object)
        self.n_features_in_ = len(prepared.schema.columns)
        self.schema_ = prepared.schema
        self._training_rows = len(prepared.train)
        self._inherited = {} if prepared.start is None else what_stays(prepared.start)

    def _take(self, prepared: Prepared, outcome: Outcome) -> None:
        """Set what training has left."""
        self.model_, self.history_, self._reference = outcome.model, outcome.history, outcome.reference
        self.notes_ += outcome.notes
        if outcome.trials is not None:
            self.trials_ = outcome.trials
        self._measure(prepared)

    def _fitter(self) -> SchemaFitter:
        return SchemaFitter(
            bins=self.bins,
            max_bins=self.max_bins,
            min_bin_rows=self.min_bin_rows,
            min_count=self.min_count,
            max_categories=self.max_categories,
            hash_buckets=self.hash_buckets,
            infinite=self.infinite,
            categorical=self.categorical,
            missing_values=self.missing_values,
            text=self.text,
            reader=text_encoding(self.encoder).reader,
        )

    def _measure(self, prepared: Prepared) -> None:
        """Fit the calibrator and set ``metrics_``, on rows that no weight was learned from."""
        held_out = prepared.held_out.items()
        proba = {name: self._answers(part.encoded) for name, part in held_out}
        self._calibrate(prepared.calibration, proba.get("calibration"))
        self.metrics_ = {
            name: evaluate(part.labels, proba[name]) for name, part in held_out if prepared.has_every_class(part)
        }

    def _calibrate(self, part: Part, proba: NDArray[np.float64] | None) -> None:
        """Fit calibrator and conformal sets on the calibration rows, whose raw probabilities are ``proba``."""
        self.decision_threshold_: float | None = None
        self._calibration_rows = None if proba is None else (part.labels, proba)
        self.calibrator_, self.conformal_, notes = fitted_answers(
            self.calibration, self.classes_, part.labels, proba, part.weight
        )
        self.notes_ += notes

    # ---- predict -------------------------------------------------------------------------------------------

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return class probabilities (n, C) of the gated PyTorch model.

        Raises
        ------
        DataError
            If a column that the model reads is missing or holds values of another kind than in fit.
        """
        self._check_fitted()
        proba = self._raw(X)
        return np.asarray(self.calibrator_.apply(proba), dtype=np.float64) if self.calibrated else proba

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the label that each row is answered with, (n,): the most probable one, or as the threshold says."""
        self._check_fitted()
        labels: NDArray[Any] = self.classes_[decide(self.predict_proba(X), self.decision_threshold_)]
        return labels

    def predict_set(self, X: Any, coverage: float = 0.9) -> NDArray[np.bool_]:
        """Return which labels are in each row's conformal set, bool (n, C), in the order of ``classes_``.

        The true label is in the set with a probability of at least ``coverage``, on average over rows like those of
        the calibration part; :class:`l0gm.decisions.ConformalSets` says what that means and what it does not.

        Raises
        ------
        ParameterError
            If the calibration rows are too few for this coverage, or there were none.
        """
        self._check_fitted()
        if self.conformal_ is None:
            raise ParameterError(f"coverage={coverage}: there were no calibration rows; see calibration_fraction")
        return self.conformal_.sets(self._raw(X), coverage)

    def tune_threshold(
        self,
        X: Any = None,
        y: Any = None,
        *,
        cost: tuple[float, float] | None = None,
        precision: float | None = None,
        confidence: float = 0.95,
    ) -> Threshold:
        """Choose the probability of the second class from which on :meth:`predict` answers it, and keep it.

        It applies to what :meth:`predict_proba` gives by default, and travels with the compacted model and its
        file. To set it by hand or to take it back, assign ``decision_threshold_``.

        Parameters
        ----------
        X, y : table (n, columns), sequence (n,), optional
            Rows that were not trained on. Default: fit's calibration rows.
        cost : (float, float), optional
            What it costs to answer the second class wrongly, and to miss it:
            :func:`l0gm.decisions.best_threshold`.
        precision : float, optional
            Instead of a cost, a precision to keep: :func:`l0gm.decisions.threshold_for_precision`.
        confidence : float
            Of the lower bound of the precision.

        Returns
        -------
        Threshold
            The value, and what it means on these rows.

        Raises
        ------
        ParameterError
            If neither or both of cost and precision are given, or the precision cannot be kept.
        DataError
            If there are more than two classes, or no rows.
        """
        self._check_fitted()
        if X is None and y is None:
            if self._calibration_rows is None:
                raise ParameterError("tune_threshold: fit had no calibration rows, so pass X and y")
            labels, proba = self._calibration_rows
            proba = self.calibrator_.apply(proba) if self.calibrated else proba
        else:
            labels, proba = encode_labels(y, self.classes_.tolist()), self.predict_proba(X)
        found = tuned_threshold(labels, proba, cost=cost, precision=precision, confidence=confidence)
        self.decision_threshold_ = found.value
        return found

    def evaluate(self, X: Any, y: Any) -> dict[str, float]:
        """Return the measures of :func:`l0gm.metrics.evaluate`, and how much of the interface is open.

        Where weights have gates, how many of these, too.
        """
        proba = self.predict_proba(X)
        measures = evaluate(encode_labels(column_of(X, y), self.classes_.tolist()), proba)
        gate, behind = self.model_.gate, self.model_.gate.targeted
        share = {"n_open": gate.n_open, "active_fraction": gate.n_open / gate.dim}
        if behind is not gate:
            share |= {"open_weights": behind.n_open, "weight_fraction": behind.n_open / behind.dim}
        return {**measures, **share}

    def evaluate_by(self, X: Any, y: Any, by: Any) -> dict[str | None, dict[str, Any]]:
        """Return the measures of each group of rows: see :func:`l0gm.metrics.by_group` for them.

        Parameters
        ----------
        X : table (n, columns)
        y : sequence (n,)
            Labels.
        by : str or sequence (n,)
            A column of ``X``, whether or not the model reads it, or each row's group. How numbers and columns of
            many values become groups: :func:`l0gm.data.groups.group_rows`.

        Returns
        -------
        dict
            From group to measures; rows where the value is missing are the group None.

        Raises
        ------
        DataError
            If there is no such column, or a label is unknown.
        """
        return evaluate_groups(X, encode_labels(y, self.classes_.tolist()), self.predict_proba(X), by)

    def _raw(self, X: Any) -> NDArray[np.float64]:
        """Return the raw probabilities of a table or of parquet files."""
        plan = self.plan()
        sources = [self.schema_.fields[i].source for i in plan.kept]
        sources += [self.schema_.texts[i].source for i in plan.kept_texts]
        tables = batches_of(X, sources)
        return np.concatenate(
            [self._answers(self.schema_.encode(table, plan.kept, plan.kept_texts)) for table in tables]
        )

    def _answers(self, rows: Encoded | StoredRows) -> NDArray[np.float64]:
        """Return the raw probabilities of encoded rows.

        What follows the texts' vectors is evaluated in double precision: single precision would let an answer depend
        on the rows beside it.
        """
        device = next(self.model_.parameters()).device
        device = torch.device("cpu") if device.type == "mps" else device  # which has no double precision
        encoder = self.model_.encoder
        assert isinstance(encoder, RowEncoder)
        model = copy.deepcopy(self.model_, {id(encoder.texts): torch.nn.ModuleList()}).to(device, torch.float64)
        assert isinstance(model.encoder, RowEncoder)
        model.encoder.texts = encoder.texts  # as they are: each row by itself, and too large to copy
        return np.asarray(predict(model, batch_of(self.schema_, text_encoding(self.encoder), rows, device)).cpu())

    # ---- what stayed ---------------------------------------------------------------------------------------

    @property
    def open_dimensions_(self) -> NDArray[np.bool_]:
        """Which dimensions of each field of a table are open, bool (fields, embedding_dim); of texts, see plan()."""
        self._check_fitted()
        mask: NDArray[np.bool_] = self.model_.gate.open_mask().cpu().numpy()
        encoder = self.model_.encoder
        assert isinstance(encoder, RowEncoder)
        return mask[: encoder.field_dim].reshape(len(self.schema_.fields), -1)

    @property
    def feature_importances_(self) -> NDArray[np.float64]:
        """Share of the open dimensions that belongs to each column; they sum to 1."""
        self._check_fitted()
        counts = np.zeros(self.n_features_in_)
        place = {name: i for i, name in enumerate(self.schema_.columns)}
        support = self.plan().support.values()
        for field, opened in zip((*self.schema_.fields, *self.schema_.texts), support, strict=True):
            counts[place[field.source]] += opened
        return np.asarray(counts / max(counts.sum(), 1.0))

    def get_support(self, indices: bool = False) -> NDArray[Any]:
        """Return which columns the model reads: a mask (columns,), or their positions."""
        plan = self.plan()
        sources = {*self.schema_.restrict(plan.kept, plan.kept_texts).sources}
        mask = np.array([name in sources for name in self.schema_.columns], dtype=bool)
        return np.flatnonzero(mask) if indices else mask

    # ---- what predictions rest on --------------------------------------------------------------------------

    def contributions(self, X: Any, *, by: Literal["column", "field"] = "column") -> Contributions:
        """Return what each column adds to the logits: those of :meth:`compact`, which see.

        To ask more than once, compact the model once and ask :meth:`l0gm.CompactModel.contributions`.
        """
        return self.compact().contributions(X, by=by)

    def drift(self, X: Any, *, level: float = 0.01, min_rate: float = 0.02, min_psi: float = 0.1) -> DriftReport:
        """Compare rows with the training rows; see :meth:`l0gm.CompactModel.drift`."""
        return self.compact().drift(X, level=level, min_rate=min_rate, min_psi=min_psi)

    # ---- compact -------------------------------------------------------------------------------------------

    def plan(self) -> compaction.CompactionPlan:
        """Return what :meth:`compact` will cut; print it to read it."""
        self._check_fitted()
        return compaction.plan(self.model_, self.schema_)

    def compact(self) -> CompactModel:
        """Return the smaller model: closed dimensions cut out, verified equal, independent of PyTorch.

        Raises
        ------
        CompactionError
            If its probabilities differ from the gated model's by more than 1e-5 on the certificate's rows.
        """
        plan = self.plan()
        program = compaction.apply(self.model_, plan)
        cut = self.schema_.restrict(plan.kept, plan.kept_texts)
        certificate = compaction.verify(self.model_, self.schema_, program, cut)
        gate = self.model_.gate
        return CompactModel(
            schema=cut,
            program=program,
            classes_=tuple(self.classes_.tolist()),
            certificate=certificate,
            calibrator=self.calibrator_,
            calibrated=self.calibrated,
            decision_threshold=self.decision_threshold_,
            conformal=self.conformal_,
            information={
                "n_open": gate.n_open,
                "n_dimensions": gate.dim,
                "n_parameters_gated": plan.n_parameters,
                "support": plan.support,
                "dropped": list(plan.dropped),
                **({"hidden_units": [list(counts) for counts in plan.hidden_units]} if plan.hidden else {}),
                **({"open_weights": list(plan.weights)} if plan.weights else {}),
                **({} if self.gate == "hard_concrete" or self._inherited else {"gate": self.gate}),
                "notes": self.notes_,
                "metrics": self.metrics_,
                "training_rows": self._training_rows,
                "random_state": self.seed_,
                **self._inherited,
            },
            reference=self._reference.restrict(
                plan.kept, plan.kept_texts, compaction.text_mean(self.model_, plan, self._reference.text_mean)
            ),
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Compact the model and write it to one file; see :meth:`l0gm.runtime.CompactModel.save`."""
        return self.compact().save(path)

    # ---- scikit-learn's conventions ------------------------------------------------------------------------

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        return tags  # not categorical, which means categories alone: HistGradientBoosting leaves it out, too

    def __getstate__(self) -> dict[str, Any]:
        """Return the state with the model on the CPU, so that it can be read where there is no accelerator."""
        state: dict[str, Any] = dict(super().__getstate__())
        if "model_" in state:
            device = next(state["model_"].parameters()).device
            if device.type != "cpu":
                state |= {"model_": copy.deepcopy(state["model_"]).cpu(), "_device": str(device)}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a state; a model of an accelerator goes back to it, where it is there."""
        device = state.get("_device")
        super().__setstate__({name: value for name, value in state.items() if name != "_device"})
        if device is not None:
            with suppress(ParameterError):
                self.model_.to(device_of(device))

    def _forget(self) -> None:
        """Leave what an earlier fit found."""
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)

    def _check_fitted(self) -> None:
        if not hasattr(self, "model_"):
            raise EstimatorNotFittedError("this L0GMClassifier is not fitted: call fit first")


@contextmanager
def _own_random_numbers() -> Iterator[None]:
    """Leave PyTorch's random numbers as they are after the block."""
    with RANDOM_NUMBERS:
        cuda = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
        with torch.random.fork_rng(cuda):
            yield
