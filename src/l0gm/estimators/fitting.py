"""From prepared rows to a trained model: teacher, model, gate and trainer, once or several times in a search."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.utils import _safe_indexing
from torch import Tensor

from l0gm import compaction
from l0gm.assembly import integrated_predictor, make_gate, make_hidden_gate, make_weight_gates, text_encoding
from l0gm.data.frames import Table
from l0gm.data.parquet import ParquetTable
from l0gm.data.schema import Encoded
from l0gm.distillation import out_of_fold, soft_targets
from l0gm.encoders.batch import RowBatch
from l0gm.encoders.rows import RowEncoder
from l0gm.encoders.text import TextEncoder
from l0gm.errors import ParameterError
from l0gm.estimators.preparation import Prepared
from l0gm.estimators.reference import summarise
from l0gm.estimators.search import Fitted, Trial, smallest
from l0gm.estimators.start import fingerprint
from l0gm.heads import IntegratedHead
from l0gm.metrics import accuracy, log_loss, row_log_loss
from l0gm.model import GatedModel
from l0gm.runtime.reference import Reference
from l0gm.schedules import Schedule
from l0gm.training.checkpoint import Checkpoint
from l0gm.training.copies import Copies
from l0gm.training.history import History
from l0gm.training.loop import Trainer
from l0gm.training.lottery import EARLY, Ticket, find_ticket
from l0gm.training.masks import magnitude_mask
from l0gm.training.progress import ProgressBar
from l0gm.training.rows import Rows, predict

if TYPE_CHECKING:
    from l0gm.estimators.classifier import L0GMClassifier

__all__ = ["Outcome", "Training"]

DEFAULT_ACTIVE = 0.15
LEAST_STEPS = 1500
WARM_EPOCHS, WARM_STEPS = 8, 400  # of a model that is there already: no support is chosen, nor found from nothing
NOT_OF_TRAINING = ("calibration", "calibrated", "random_state", "progress", "history_path", "checkpoint_path")


@dataclass
class Outcome:
    """What training leaves.

    Parameters
    ----------
    model : GatedModel
        Hardened.
    history : History
    reference : Reference
        The training rows in sums.
    notes : list of str
    trials : list of Trial, optional
        With ``active="auto"``.
    """

    model: GatedModel
    history: History
    reference: Reference
    notes: list[str]
    trials: list[Trial] | None = None


@dataclass
class Training:
    """One fit of an estimator.

    Parameters
    ----------
    given : L0GMClassifier
        For its parameters.
    prepared : Prepared
    seed : int
    device : torch.device
    """

    given: L0GMClassifier
    prepared: Prepared
    seed: int
    device: torch.device
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        path = None if self.given.checkpoint_path is None else Path(self.given.checkpoint_path)
        about = {k: v for k, v in self.given.get_params(deep=False).items() if k not in NOT_OF_TRAINING}
        start = self.prepared.start
        about |= {"initial_model": None if start is None else fingerprint(start)}
        self.checkpoint = Checkpoint(path, about)  # one for all fits of a search

    def run(self, X: Any) -> Outcome:
        """Train on the prepared rows; ``X`` is what fit was given, for a teacher that wants it so."""
        given = self.given
        train, validation = self.rows(X)
        path = None if given.history_path is None else Path(given.history_path)
        trials = None
        if given.active == "auto":
            model, history, trials = self._search(train, validation, path)
        else:
            chosen = self._chosen(train, validation)
            model, history = self._fit(train, validation, given.gate, self._active(), History(path), chosen)
        return self.outcome(model, history, train, trials)

    def rows(self, X: Any) -> tuple[Rows, Rows]:
        """Return the training and the validation rows as the trainer takes them."""
        prepared, texts = self.prepared, text_encoding(self.given.encoder)
        target = self._taught(X)
        train = prepared.train.rows(prepared.schema, texts, self.device)
        if target is not None:
            train = replace(train, target=torch.from_numpy(target).to(self.device))
        if len(prepared.validation):
            return train, prepared.validation.rows(prepared.schema, texts, self.device)
        self.notes.append("no validation rows: the checkpoint was chosen on the training rows")
        return train, train

    def outcome(self, model: GatedModel, history: History, train: Rows, trials: list[Trial] | None = None) -> Outcome:
        """Return what a trained model comes to, with notes on what stayed."""
        notes = list(self.notes)
        hardened = history.last("harden")
        if model.gate.targeted.learned and hardened is not None and not hardened["decided"]:
            notes.append(
                f"the gates had not decided by themselves ({hardened['n_open_before']} open, {hardened['n_open']} "
                "asked): train longer, or with a longer ramp"
            )
        plan = compaction.plan(model, self.prepared.schema)
        if plan.hidden_units:
            stayed = " and ".join(f"{opened} of {width}" for opened, width in plan.hidden_units)
            notes.append(f"hidden units that stayed: {stayed}")
        if plan.weights:
            opened, total = plan.weights
            notes.append(
                f"open weights: {opened} of {total}; they read {plan.n_open} of {plan.n_dimensions} dimensions"
            )
        reference = summarise(model, self.prepared.schema, train, self.given.min_count, self._empty_texts())
        return Outcome(model, history, reference, notes, trials)

    def _taught(self, X: Any) -> NDArray[np.float32] | None:
        """Return the distributions that training aims at, (n, C), where a teacher makes them."""
        given, part = self.given, self.prepared.train
        if given.teacher is None or given.teacher_weight == 0.0:
            return None
        assert not isinstance(part.table, ParquetTable)  # fit refuses them
        answers = out_of_fold(
            given.teacher,
            self.prepared.schema,
            part.table,
            part.labels,
            len(self.prepared.classes),
            part.weight,
            self.seed,
            lambda: _safe_indexing(_indexable(X, part.table), part.places),
        )
        scores = {"log_loss": log_loss(part.labels, answers), "accuracy": accuracy(part.labels, answers)}
        self.notes.append("teacher, out of fold: " + ", ".join(f"{k} {v:.4f}" for k, v in scores.items()))
        return soft_targets(part.labels, answers, float(given.teacher_weight))

    def _active(self) -> float | None:
        given = self.given
        if given.gate == "none" or given.initial_model is not None:
            return None
        return DEFAULT_ACTIVE if given.active is None and given.penalty is None else given.active  # type: ignore[return-value]  # not "auto"

    def _empty_texts(self) -> list[NDArray[np.bool_]]:
        """Return for each text which training rows hold nothing that is known, (n,)."""
        encoded = self.prepared.train.encoded
        if not isinstance(encoded, Encoded):  # stored rows have no texts
            return []
        return [f.is_empty(text) for f, text in zip(self.prepared.schema.texts, encoded.texts, strict=True)]

    def _fit(
        self,
        train: Rows,
        validation: Rows,
        gate: str,
        active: float | None,
        history: History,
        chosen: Tensor | Ticket | None = None,
        early: Copies | None = None,
    ) -> tuple[GatedModel, History]:
        """Return a trained model and what happened; ``chosen`` is the mask (dim,) of a static gate, or a ticket."""
        given = self.given
        torch.manual_seed(self.seed)
        model, train = self.model(train, gate, active, chosen)
        penalty = None if gate == "none" else given.penalty
        with ProgressBar(f"seed {self.seed}") if given.progress else nullcontext() as bar:
            trainer = self.trainer(model, active, penalty, history, bar)
            if early is not None:
                early.watch(trainer)
            trainer.fit(train, validation)
        if self.prepared.start is None:  # else what no new row uses is as it was learned
            self.fill_unused(model, train)
        return model, history

    def fill_unused(self, model: GatedModel, train: Rows) -> None:
        """Set the rows of tables that no training row used."""
        assert isinstance(model.encoder, RowEncoder)
        assert isinstance(model.head, IntegratedHead)
        if model.encoder.fields is not None:
            counts = train.inputs.counts(self.prepared.schema.n_rows)  # type: ignore[attr-defined]  # the part made them
            model.encoder.fields.tables.fill_unused(counts)
            if model.head.linear is not None:
                model.head.linear.tables.fill_unused(counts)

    def _chosen(self, train: Rows, validation: Rows) -> Tensor | Ticket | None:
        """Return what other trainings choose before the one that counts, where the gate wants it."""
        gate, active = self.given.gate, self._active()
        if self.prepared.start is not None or gate not in ("static", "lottery"):
            return None
        assert active is not None  # check_parameters has refused a penalty
        if gate == "static":
            dense, _ = self._fit(train, validation, "none", None, History())
            return magnitude_mask(dense, train.inputs, active, self.given.gate_groups == "field")
        early = Copies([(EARLY, EARLY)])

        def fit(ticket: Ticket | None) -> GatedModel:
            first = early if ticket is None else None
            return self._fit(train, validation, gate, active, History(), ticket, first)[0]

        return find_ticket(fit, early, active)

    def _search(self, train: Rows, validation: Rows, path: Path | None) -> tuple[GatedModel, History, list[Trial]]:
        """Return the smallest model that is as good as the dense one, its history, and what was tried."""

        def fit(active: float | None) -> Fitted[tuple[GatedModel, History]]:
            gate = "none" if active is None else self.given.gate
            model, history = self._fit(train, validation, gate, active, History())
            proba = predict(model, validation.inputs).cpu().numpy()
            return Fitted((model, history), model.gate.n_open, row_log_loss(validation.y.cpu().numpy(), proba))

        dense = fit(None)
        (model, chosen), trials = smallest(
            dense,
            fit,
            lambda fraction: max(1, round(fraction * dense.n_open)),
            None if validation.weight is None else validation.weight.cpu().numpy(),
        )
        history = History(path)
        for trial in trials:
            history.append(event="trial", **trial.to_dict())
        for record in chosen.records:
            history.append(**record)
        if model.gate.n_open == dense.n_open:
            self.notes.append('active="auto": no smaller model was as good as the dense one, which is kept')
        return model, history, trials

    def model(
        self, train: Rows, gate_name: str, active: float | None, chosen: Tensor | Ticket | None = None
    ) -> tuple[GatedModel, Rows]:
        """Return the model before training, and the rows that it is trained on."""
        given, prepared = self.given, self.prepared
        if prepared.start is not None:
            model = compaction.expand(prepared.start.program, prepared.schema, dropout=given.dropout)
            return model.to(self.device), train
        n_classes = len(prepared.classes)
        rule: dict[str, Any] = {
            "temperature": given.start_temperature,
            "inference": given.inference,
            "threshold": given.threshold,
        }
        hidden = None
        if given.hidden_cost is not None and gate_name != "none":  # the dense model that active="auto" compares with
            hidden = partial(make_hidden_gate, cost=float(given.hidden_cost), mask=given.mask, **rule)
        encoder, head = integrated_predictor(
            prepared.schema,
            1 if n_classes == 2 else n_classes,
            width=given.embedding_dim,
            linear=given.linear,
            deep=given.deep,
            cin=given.cin,
            cin_rank=given.cin_rank,
            dropout=given.dropout,
            texts=text_encoding(given.encoder),
            hidden_gate=hidden,
            first=make_weight_gates(gate_name, active, **rule),
        )
        inputs = train.inputs
        if isinstance(inputs, RowBatch):
            texts = [
                text.start(rows.to("cpu"), train.y.cpu(), n_classes).to(self.device)
                for text, rows in zip(encoder.texts, inputs.texts, strict=True)
                if isinstance(text, TextEncoder)
            ]
            train = replace(train, inputs=inputs._replace(texts=tuple(texts)))
        gate = make_gate(
            gate_name,
            encoder,
            groups=given.gate_groups,
            active=active,
            seed=self.seed if given.mask_seed is None else int(given.mask_seed),
            mask=given.mask,
            **rule,
            cost=None if given.cost is None else self._costs(encoder),
            chosen=chosen if isinstance(chosen, Tensor) else None,
            layer=head.text if head.deep is None else head.deep.linears[0],
        )
        model = GatedModel(encoder, gate, head).to(self.device)
        if isinstance(chosen, Ticket):
            chosen.put(model)
        return model, train

    def _costs(self, encoder: RowEncoder) -> list[float]:
        """Return the cost of each dimension of the interface.

        Raises
        ------
        ParameterError
            If ``cost`` names a column that fit did not see.
        """
        schema, cost = self.prepared.schema, {} if self.given.cost is None else self.given.cost
        unknown = [name for name in cost if name not in schema.columns]
        if unknown:
            raise ParameterError(f"cost names {unknown}, and the table has no such column")
        sources = [f.source for f in (*schema.fields, *schema.texts)]
        return [float(cost.get(sources[group], 1.0)) for group in encoder.groups.tolist()]

    def trainer(
        self,
        model: GatedModel,
        active: float | None,
        penalty: float | None,
        history: History,
        bar: ProgressBar | None,
        **other: Any,
    ) -> Trainer:
        """Return the trainer that the parameters ask for; ``other`` are settings of its own."""
        given, n_rows, warm = self.given, len(self.prepared.train), self.prepared.start is not None
        suited = dict(text_encoding(given.encoder).training) if self.prepared.schema.texts else {}
        usual_size, usual_epochs = suited.pop("batch_size", None), suited.pop("epochs", None)
        batch_size = usual_size if given.batch_size is None else given.batch_size
        if batch_size is None:
            batch_size = min(256, max(16, n_rows // 64))
        epochs = usual_epochs if given.epochs is None else given.epochs
        if epochs is None:
            usual, least = (WARM_EPOCHS, WARM_STEPS) if warm else (24, LEAST_STEPS)
            epochs = max(usual, math.ceil(least / math.ceil(n_rows / max(batch_size, 1))))
        settings: dict[str, Any] = {
            "schedule": Schedule(given.warmup, given.ramp, given.hold, given.start_temperature, given.end_temperature),
            "epochs": epochs,
            "batch_size": batch_size,
            "lr": given.lr,
            "gate_lr": given.gate_lr,
            "weight_decay": given.weight_decay,
            "smoothing": given.label_smoothing,
            "coupling": given.calibration_coupling,
            "averaging": given.averaging,
            "patience": given.patience,
            "keep_start": warm,
            "seed": self.seed,
        }
        return Trainer(
            model,
            active=active,
            penalty=penalty,
            history=history,
            on_step=bar,
            checkpoint=self.checkpoint,
            **{**settings, **suited, **other},
        )


def _indexable(X: Any, table: Table) -> Any:
    """Return what fit was given in a form that scikit-learn takes rows of."""
    if isinstance(X, (list, tuple)) and table.texts_alone:
        return np.array(X, dtype=object)
    return pd.DataFrame(X) if isinstance(X, (Mapping, list)) else X
