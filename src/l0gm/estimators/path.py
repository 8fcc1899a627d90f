"""A whole front in one training: from dense to sparse, a copy at each fraction, hardened and fine-tuned."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from sklearn.base import clone

from l0gm.errors import ParameterError
from l0gm.estimators.fitting import Outcome, Training
from l0gm.estimators.parameters import check_parameters
from l0gm.schedules import PathSchedule
from l0gm.training.copies import Copies
from l0gm.training.history import History
from l0gm.training.progress import ProgressBar

if TYPE_CHECKING:
    from l0gm.estimators.classifier import L0GMClassifier

__all__ = ["LEARNED", "on_path", "train_path"]

LEARNED = ("hard_concrete", "conditional", "weights", "gaussian", "l1")
"""Gates that a penalty closes, step by step."""
FINE_TUNING = 1.5  # epochs of one fit, for all copies together
MOST = 0.4  # of these epochs, for one copy: as in a single fit


def on_path(given: L0GMClassifier, actives: Sequence[float]) -> list[L0GMClassifier]:
    """Return an estimator for each fraction, with the parameters of the one given.

    Raises
    ------
    ParameterError
        If a parameter does not go with a path, or is wrong.
    """
    if given.gate not in LEARNED:
        raise ParameterError(
            f"gate={given.gate!r}: a path needs a gate that learns; choose one of {', '.join(LEARNED)}"
        )
    for name in ("penalty", "initial_model"):
        if getattr(given, name) is not None:
            raise ParameterError(f"{name}={getattr(given, name)!r}: a path goes through fractions; leave {name} out")
    if not len(actives) or len(set(actives)) < len(actives):
        raise ParameterError(f"actives={list(actives)}: give one or more different fractions")
    made = [clone(given).set_params(active=active) for active in actives]
    for model in made:
        if isinstance(model.active, str):
            raise ParameterError(f"actives: {model.active!r} is no fraction above 0 and at most 1")
        check_parameters(model)
    return made


def train_path(training: Training, X: Any, actives: Sequence[float]) -> list[Outcome]:
    """Train once, through all fractions, then fine-tune a copy for each; return what becomes of each, in order.

    With a ``history_path``, the history of the one training goes there.
    """
    given, seed = training.given, training.seed
    train, validation = training.rows(X)
    torch.manual_seed(seed)
    model, train = training.model(train, given.gate, min(actives))
    gate = model.gate.targeted
    order = sorted(actives, reverse=True)
    counts = [gate.attainable(max(1, round(active * gate.dim))) for active in order]
    schedule = PathSchedule(
        given.warmup,
        given.ramp,
        given.hold,
        given.start_temperature,
        given.end_temperature,
        tuple(count / gate.dim for count in counts),
    )
    history = History(None if given.history_path is None else Path(given.history_path))
    copies = Copies(schedule.stages, counts)
    with ProgressBar(f"seed {seed}") if given.progress else nullcontext() as bar:
        trunk = training.trainer(model, order[-1], None, history, bar, schedule=schedule)
        copies.watch(trunk)
        trunk.fit(train, validation)
        share = FINE_TUNING / len(order)
        epochs = max(1, int(min(share, MOST) * trunk.epochs))
        outcomes = {}
        for active, state in zip(order, copies.taken, strict=True):
            point = copy.deepcopy(model)
            point.load_state_dict(state)
            own = History()
            end = history.last("end")
            assert end is not None  # training has ended
            own.append(event="path", values=len(order), epochs=end["epochs"], seconds=end["seconds"])
            tuning = training.trainer(point, active, None, own, bar, epochs=epochs)
            tuning.harden(validation)
            tuning.fit(train, validation)
            training.fill_unused(point, train)
            outcomes[active] = training.outcome(point, own, train)
    return [outcomes[active] for active in actives]
