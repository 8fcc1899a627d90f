"""One estimator that walks the whole line from a table to a compacted model."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from l0gm import compaction
from l0gm.assembly import GATES, integrated_predictor, make_gate
from l0gm.calibration import TemperatureScaling
from l0gm.data.fitting import SchemaFitter
from l0gm.data.labels import encode_labels
from l0gm.encoders.tabular import TabularBatch, TabularEncoder
from l0gm.errors import NotFittedError, ParameterError
from l0gm.estimators.preparation import Prepared, prepare
from l0gm.heads import IntegratedHead
from l0gm.metrics import evaluate
from l0gm.model import GatedModel
from l0gm.runtime.model import CompactModel, label_array
from l0gm.schedules import Schedule
from l0gm.training.history import History
from l0gm.training.loop import Trainer
from l0gm.training.progress import ProgressBar
from l0gm.training.rows import predict

__all__ = ["L0GMClassifier"]

DEFAULT_ACTIVE = 0.15
LEAST_STEPS = 1500
NUMBERS = (
    *("active", "penalty", "dropout", "warmup", "ramp", "hold", "start_temperature", "end_temperature", "threshold"),
    *("lr", "gate_lr", "weight_decay", "label_smoothing", "validation_fraction", "calibration_fraction"),
)
WHOLE_NUMBERS = (
    *("embedding_dim", "cin_rank", "max_bins", "min_bin_rows", "min_count", "max_categories", "hash_buckets"),
    *("epochs", "batch_size", "patience", "random_state"),
)


class L0GMClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A classifier for tables that is sparse by design (the paper's L0GM with the integrated predictor of Eq. 20).

    Each column becomes an embedding; a hard-concrete gate decides which of its dimensions the predictor may read;
    :meth:`compact` cuts the others out.

    Parameters
    ----------
    active : float, optional
        Fraction of the interface's dimensions that stay open, met exactly. Default 0.15 where no penalty is given.
    penalty : float, optional
        Instead of ``active``: the paper's lambda on the summed open probabilities; the open count is what comes
        out of it.
    gate : {"hard_concrete", "none", "random", "magnitude"}
        The learned gate; the dense model; and two controls with the same number of open dimensions.
    gate_groups : {"dimension", "field"}
        One gate a dimension, or one for each whole field.
    embedding_dim : int, optional
        The paper's D. Default: 16, or less where the table has more than 16 fields, so that the interface has at
        most 256 dimensions; one a field where there are more fields than that.
    linear : {"gated", "ungated", "off"}
        The linear term of Eq. 20; ``ungated`` is the paper's literal form, with which no field can leave.
    deep : sequence of int
        Widths of the deep branch's hidden layers; empty leaves the branch out.
    cin : sequence of int
        Widths of the CIN's depths; empty leaves the branch out.
    cin_rank : int, optional
        Rank of the factorised CIN (Eq. 14).
    dropout : float
    bins, max_bins, min_bin_rows, min_count, max_categories, hash_buckets, infinite, categorical
        How columns become fields: see :class:`l0gm.data.fitting.SchemaFitter`.
    warmup, ramp, hold, start_temperature, end_temperature : float
        See :class:`l0gm.schedules.Schedule`.
    mask : {"example", "batch"}
        Whether each example or each batch has its own sampled mask.
    inference : {"binary", "soft"}
        What an unhardened gate multiplies with at inference.
    threshold : float
        The paper's pi.
    epochs, batch_size : int, optional
        Default: 24 epochs of 256 rows; small tables get smaller batches and more epochs.
    lr, gate_lr, weight_decay, label_smoothing : float
    patience : int
        Epochs without a better validation log loss, after hardening, before training stops.
    class_weight : "balanced" or mapping, optional
        From label to weight.
    validation_fraction, calibration_fraction : float
        Parts of the training rows that are held out: one chooses the checkpoint, the other fits the temperature.
    calibrated : bool
        Whether :meth:`predict_proba` applies the fitted temperature.
    device : str
        ``"auto"`` takes a GPU where there is one.
    random_state : int
        The same seed gives the same weights bit for bit on the same machine, on a CPU.
    progress : bool
        Show a progress bar.
    history_path : path, optional
        A JSON-lines file that training writes as it goes.

    Attributes
    ----------
    classes_ : array (C,)
    feature_names_in_ : array (columns,)
        All columns that fit saw.
    n_features_in_ : int
    notes_ : list of str
        What fit decided about columns and rows.
    schema_ : Schema
    model_ : GatedModel
        The PyTorch model, hardened.
    history_ : History
    temperature_ : TemperatureScaling
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
        active: float | None = None,
        penalty: float | None = None,
        *,
        gate: Literal["hard_concrete", "none", "random", "magnitude"] = "hard_concrete",
        gate_groups: Literal["dimension", "field"] = "dimension",
        embedding_dim: int | None = None,
        linear: Literal["gated", "ungated", "off"] = "gated",
        deep: Sequence[int] = (128, 64),
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
        warmup: float = 0.1,
        ramp: float = 0.4,
        hold: float = 0.1,
        start_temperature: float = 2.0,
        end_temperature: float = 0.5,
        mask: Literal["example", "batch"] = "example",
        inference: Literal["binary", "soft"] = "binary",
        threshold: float = 0.5,
        epochs: int | None = None,
        batch_size: int | None = None,
        lr: float = 1e-3,
        gate_lr: float | None = None,
        weight_decay: float = 0.02,
        label_smoothing: float = 0.0,
        patience: int = 8,
        class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
        validation_fraction: float = 0.1,
        calibration_fraction: float = 0.1,
        calibrated: bool = False,
        device: str = "auto",
        random_state: int = 0,
        progress: bool = False,
        history_path: str | os.PathLike[str] | None = None,
    ) -> None:
        self.active = active
        self.penalty = penalty
        self.gate = gate
        self.gate_groups = gate_groups
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
        self.warmup = warmup
        self.ramp = ramp
        self.hold = hold
        self.start_temperature = start_temperature
        self.end_temperature = end_temperature
        self.mask = mask
        self.inference = inference
        self.threshold = threshold
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.gate_lr = gate_lr
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.patience = patience
        self.class_weight = class_weight
        self.validation_fraction = validation_fraction
        self.calibration_fraction = calibration_fraction
        self.calibrated = calibrated
        self.device = device
        self.random_state = random_state
        self.progress = progress
        self.history_path = history_path

    # ---- fit -----------------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> L0GMClassifier:
        """Fit schema, gate, weights and temperature.

        Parameters
        ----------
        X : table (n, columns)
            pandas, polars, pyarrow, a dict of columns, a list of dicts or an array.
        y : sequence (n,)
            Labels: str, int or bool.
        sample_weight : sequence (n,), optional
            Not negative.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If the table or the target cannot be used; the message names the column.
        ParameterError
            If an argument is out of range.
        TrainingError
            If the loss is not finite.
        """
        self._check_parameters()
        device = _device(self.device)
        prepared = prepare(
            X,
            y,
            sample_weight,
            fitter=self._fitter(),
            class_weight=self.class_weight,
            validation_fraction=self.validation_fraction,
            calibration_fraction=self.calibration_fraction,
            seed=self.random_state,
        )
        self.notes_ = list(prepared.notes)
        self.classes_ = label_array(prepared.classes)
        self.feature_names_in_ = np.asarray(prepared.schema.columns, dtype=object)
        self.n_features_in_ = len(prepared.schema.columns)
        self.schema_ = prepared.schema
        self._training_rows = len(prepared.train)
        with ExitStack() as stack:
            cuda = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
            stack.enter_context(torch.random.fork_rng(cuda))
            torch.manual_seed(self.random_state)
            self._train(prepared, device)
        self._measure(prepared)
        return self

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
        )

    def _build(self, prepared: Prepared) -> GatedModel:
        """Return the model before training."""
        n_classes = len(prepared.classes)
        encoder, head = integrated_predictor(
            prepared.schema,
            1 if n_classes == 2 else n_classes,
            width=self.embedding_dim,
            linear=self.linear,
            deep=self.deep,
            cin=self.cin,
            cin_rank=self.cin_rank,
            dropout=self.dropout,
        )
        gate = make_gate(
            self.gate,
            encoder,
            groups=self.gate_groups,
            active=self._active(),
            seed=int(self.random_state),
            temperature=self.start_temperature,
            mask=self.mask,
            inference=self.inference,
            threshold=self.threshold,
        )
        return GatedModel(encoder, gate, head)

    def _train(self, prepared: Prepared, device: torch.device) -> None:
        """Set ``model_`` and ``history_``."""
        model = self._build(prepared).to(device)
        train = prepared.train.rows(prepared.schema, device)
        validation = train
        if len(prepared.validation):
            validation = prepared.validation.rows(prepared.schema, device)
        else:
            self.notes_.append("no validation rows: the checkpoint was chosen on the training rows")
        history = History(None if self.history_path is None else Path(self.history_path))
        with ProgressBar(f"seed {self.random_state}") if self.progress else nullcontext() as bar:
            self._trainer(model, len(prepared.train), history, bar).fit(train, validation)
        codes = train.inputs.codes  # type: ignore[attr-defined]  # a TabularBatch, made above
        assert isinstance(model.encoder, TabularEncoder)
        assert isinstance(model.head, IntegratedHead)
        model.encoder.tables.fill_unused(codes)
        if model.head.linear is not None:
            model.head.linear.tables.fill_unused(codes)
        self.model_, self.history_ = model, history
        hardened = history.last("harden")
        if model.gate.learned and hardened is not None and not hardened["decided"]:
            self.notes_.append(
                f"the gates had not decided by themselves ({hardened['n_open_before']} open, {hardened['n_open']} "
                "asked): train longer, or with a longer ramp"
            )

    def _measure(self, prepared: Prepared) -> None:
        """Fit the temperature and set ``metrics_``, on rows that no weight was learned from."""
        proba = {name: self._raw(part.table) for name, part in prepared.held_out.items()}
        self.temperature_ = TemperatureScaling()
        if "calibration" in proba:
            part = prepared.calibration
            self.temperature_ = TemperatureScaling.fit(proba["calibration"], part.labels, sample_weight=part.weight)
        else:
            self.notes_.append("no calibration rows: the temperature is 1")
        self.metrics_ = {
            name: evaluate(part.labels, proba[name])
            for name, part in prepared.held_out.items()
            if prepared.has_every_class(part)
        }

    def _check_parameters(self) -> None:
        for names, kind, what in ((NUMBERS, Real, "a number"), (WHOLE_NUMBERS, Integral, "a whole number")):
            for name in names:
                value = getattr(self, name)
                if value is not None and (isinstance(value, bool) or not isinstance(value, kind)):
                    raise ParameterError(f"{name}={value!r}: {what} is needed")
        if self.gate not in GATES:
            raise ParameterError(f"gate={self.gate!r}: choose one of {', '.join(GATES)}")
        if self.active is not None and self.penalty is not None:
            raise ParameterError("give active or penalty, not both")
        if self.active is not None and not 0.0 < self.active <= 1.0:
            raise ParameterError(f"active={self.active}: a fraction above 0 and at most 1")
        if self.penalty is not None and self.gate in ("random", "magnitude"):
            raise ParameterError(f"gate={self.gate!r} keeps a given number of dimensions: give active, not penalty")
        for name in ("deep", "cin"):
            widths = getattr(self, name)
            if not isinstance(widths, Iterable) or not all(isinstance(w, Integral) and int(w) >= 1 for w in widths):
                raise ParameterError(f"{name}={widths!r}: a sequence of widths, whole numbers of at least 1")

    def _active(self) -> float | None:
        if self.gate == "none":
            return None
        return DEFAULT_ACTIVE if self.active is None and self.penalty is None else self.active

    def _trainer(self, model: GatedModel, n_rows: int, history: History, bar: ProgressBar | None) -> Trainer:
        batch_size = self.batch_size
        if batch_size is None:
            batch_size = min(256, max(16, n_rows // 64))
        epochs = self.epochs
        if epochs is None:
            epochs = max(24, math.ceil(LEAST_STEPS / math.ceil(n_rows / max(batch_size, 1))))
        return Trainer(
            model,
            active=self._active(),
            penalty=None if self.gate == "none" else self.penalty,
            schedule=Schedule(self.warmup, self.ramp, self.hold, self.start_temperature, self.end_temperature),
            epochs=epochs,
            batch_size=batch_size,
            lr=self.lr,
            gate_lr=self.gate_lr,
            weight_decay=self.weight_decay,
            smoothing=self.label_smoothing,
            patience=self.patience,
            seed=self.random_state,
            history=history,
            on_step=bar,
        )

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
        return np.asarray(self.temperature_.apply(proba), dtype=np.float64) if self.calibrated else proba

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable label of each row, (n,)."""
        best = self.predict_proba(X).argmax(1)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    def evaluate(self, X: Any, y: Any) -> dict[str, float]:
        """Return the measures of :func:`l0gm.metrics.evaluate`, and how much of the interface is open."""
        proba = self.predict_proba(X)
        measures = evaluate(encode_labels(y, self.classes_.tolist()), proba)
        gate = self.model_.gate
        return {**measures, "n_open": gate.n_open, "active_fraction": gate.n_open / gate.dim}

    def _raw(self, X: Any) -> NDArray[np.float64]:
        device = next(self.model_.parameters()).device
        batch = TabularBatch.of(self.schema_.encode(X), device)
        proba: NDArray[np.float64] = predict(self.model_, batch).cpu().numpy()
        return proba

    # ---- what stayed ---------------------------------------------------------------------------------------

    @property
    def open_dimensions_(self) -> NDArray[np.bool_]:
        """Which dimensions of each field are open, bool (fields, embedding_dim)."""
        self._check_fitted()
        mask: NDArray[np.bool_] = self.model_.gate.open_mask().cpu().numpy()
        return mask.reshape(len(self.schema_.fields), -1)

    @property
    def feature_importances_(self) -> NDArray[np.float64]:
        """Share of the open dimensions that belongs to each column; they sum to 1."""
        self._check_fitted()
        counts = np.zeros(self.n_features_in_)
        place = {name: i for i, name in enumerate(self.feature_names_in_)}
        for field, opened in zip(self.schema_.fields, self.open_dimensions_.sum(1), strict=True):
            counts[place[field.source]] += opened
        return np.asarray(counts / max(counts.sum(), 1.0))

    def get_support(self, indices: bool = False) -> NDArray[Any]:
        """Return which columns the model reads: a mask (columns,), or their positions."""
        plan = self.plan()
        sources = {self.schema_.fields[i].source for i in plan.kept}
        mask = np.array([name in sources for name in self.feature_names_in_], dtype=bool)
        return np.flatnonzero(mask) if indices else mask

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
        cut = self.schema_.restrict(plan.kept)
        certificate = compaction.verify(self.model_, self.schema_, program, cut)
        gate = self.model_.gate
        return CompactModel(
            schema=cut,
            program=program,
            classes_=tuple(self.classes_.tolist()),
            certificate=certificate,
            temperature=self.temperature_,
            calibrated=self.calibrated,
            information={
                "n_open": gate.n_open,
                "n_dimensions": gate.dim,
                "n_parameters_gated": plan.n_parameters,
                "support": plan.support,
                "dropped": list(plan.dropped),
                "notes": self.notes_,
                "metrics": self.metrics_,
                "training_rows": self._training_rows,
                "random_state": int(self.random_state),
            },
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Compact the model and write it to one file; see :meth:`l0gm.runtime.CompactModel.save`."""
        return self.compact().save(path)

    def _check_fitted(self) -> None:
        if not hasattr(self, "model_"):
            raise NotFittedError("this L0GMClassifier is not fitted: call fit first")


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        float(torch.zeros(1, device=device))  # whether it is there
    except (AssertionError, NotImplementedError, RuntimeError, TypeError) as error:
        raise ParameterError(f"device={name!r}: {error}") from error
    return device
