"""Whether the parameters of the estimator are what they have to be."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from l0gm.assembly import COSTED, COUNTED, GATES, RULED, WEIGHED, text_encoding
from l0gm.calibration import METHODS
from l0gm.distillation import check_teacher
from l0gm.errors import ParameterError
from l0gm.estimators.start import STAYS

if TYPE_CHECKING:
    from l0gm.estimators.classifier import L0GMClassifier

__all__ = ["check_knob", "check_numbers", "check_parameters"]

NUMBERS = (
    *("penalty", "dropout", "warmup", "ramp", "hold", "start_temperature", "end_temperature", "threshold"),
    *("lr", "gate_lr", "weight_decay", "label_smoothing", "calibration_coupling", "averaging", "teacher_weight"),
    *("validation_fraction", "calibration_fraction", "hidden_cost"),
)
WHOLE_NUMBERS = (
    *("embedding_dim", "cin_rank", "max_bins", "min_bin_rows", "min_count", "max_categories", "hash_buckets"),
    "schema_rows",
    *("epochs", "batch_size", "patience", "mask_seed"),
)
OPTIONAL = ("penalty", "hidden_cost", "gate_lr", "embedding_dim", "cin_rank", "epochs", "batch_size", "mask_seed")


def check_parameters(given: L0GMClassifier) -> None:
    """Raise ParameterError where a parameter is of the wrong type or out of range, or two do not go together.

    What a part of the line checks itself (its own schedule, trainer, schema) is left to it.
    """
    check_numbers(given, NUMBERS, WHOLE_NUMBERS, OPTIONAL)
    if given.gate not in GATES:
        raise ParameterError(f"gate={given.gate!r}: choose one of {', '.join(GATES)}")
    if not isinstance(given.calibration, str) or given.calibration not in METHODS:
        raise ParameterError(f"calibration={given.calibration!r}: choose one of {', '.join(METHODS)}")
    for name in STAYS:
        if given.initial_model is not None and getattr(given, name) is not None:
            raise ParameterError(
                f"{name}={getattr(given, name)!r} asks for other open dimensions than those of initial_model, which "
                f"stay: leave {name} out, or fit without initial_model"
            )
    if given.active == "auto":
        if given.gate in (*WEIGHED, "static"):
            raise ParameterError(
                f'active="auto" looks for a number of open dimensions, and gate={given.gate!r} '
                + ("counts weights" if given.gate in WEIGHED else "fits a dense model of its own for each one")
                + ": give a fraction"
            )
        if given.gate == "none":
            raise ParameterError('active="auto" looks for a smaller model than gate="none": leave one of them out')
        if given.validation_fraction == 0:
            raise ParameterError('active="auto" compares on validation rows: give validation_fraction above 0')
    check_knob(given)
    if given.schema_rows < 1:
        raise ParameterError(f"schema_rows={given.schema_rows}: at least 1")
    check_teacher(given.teacher)
    if not 0.0 <= given.teacher_weight <= 1.0:
        raise ParameterError(f"teacher_weight={given.teacher_weight}: a share from 0 to 1")
    for name in ("deep", "cin"):
        widths = getattr(given, name)
        if name == "deep" and widths is None:
            continue
        if not isinstance(widths, Iterable) or not all(isinstance(w, Integral) and int(w) >= 1 for w in widths):
            raise ParameterError(f"{name}={widths!r}: a sequence of widths, whole numbers of at least 1")
    _check_hidden_cost(given)
    text_encoding(given.encoder)


def _check_hidden_cost(given: L0GMClassifier) -> None:
    """Raise ParameterError where there are no hidden units, or no penalty that could close one."""
    cost = given.hidden_cost
    if cost is None:
        return
    if not 0.0 < float(cost) < math.inf:
        raise ParameterError(f"hidden_cost={cost!r}: a finite number above 0 is needed")
    if given.deep is not None and not tuple(given.deep):
        raise ParameterError(f"hidden_cost={cost!r}: deep={given.deep!r} leaves no hidden units; leave one of them out")
    if given.gate != "hard_concrete":
        raise ParameterError(f"gate={given.gate!r} has no penalty for hidden units: leave hidden_cost out")
    if given.active == 1.0 or given.penalty == 0.0:
        name, value = ("active", given.active) if given.penalty is None else ("penalty", given.penalty)
        raise ParameterError(
            f"hidden_cost={cost!r}: {name}={value!r} closes nothing, hidden units neither; give a smaller active, or "
            "a penalty above 0"
        )


def check_numbers(given: Any, numbers: Iterable[str], whole: Iterable[str], optional: Collection[str]) -> None:
    """Raise ParameterError where a parameter that is to be a number, or a whole one, is not."""
    for names, kind, what in ((numbers, Real, "a number"), (whole, Integral, "a whole number")):
        for name in names:
            value = getattr(given, name)
            if value is None and name in optional:
                continue
            if isinstance(value, bool) or not isinstance(value, kind):
                raise ParameterError(f"{name}={value!r}: {what} is needed")


def check_knob(given: Any) -> None:
    """Raise ParameterError where the knob and the settings of gates cannot be used, or do not go with the gate."""
    if given.active is not None and given.penalty is not None:
        raise ParameterError("give active or penalty, not both")
    active: Any = None if given.active == "auto" else given.active
    if active is not None and (
        isinstance(active, bool) or not isinstance(active, Real) or not 0.0 < float(active) <= 1.0
    ):
        raise ParameterError(f"active={active!r}: a fraction above 0 and at most 1, or 'auto'")
    if given.cost is not None:
        if not isinstance(given.cost, Mapping):
            raise ParameterError(f"cost={given.cost!r}: a mapping from columns to numbers is needed")
        value: Any
        for name, value in given.cost.items():
            if isinstance(value, bool) or not isinstance(value, Real) or not 0.0 < float(value) < math.inf:
                raise ParameterError(f"cost of {name!r} is {value!r}: a finite number above 0 is needed")
        if given.gate not in COSTED:
            raise ParameterError(
                f"gate={given.gate!r} has no penalty that counts a dimension as more than one: leave cost out, or give "
                f"one of {', '.join(COSTED)}"
            )
    if given.penalty is not None and given.gate in COUNTED:
        raise ParameterError(f"gate={given.gate!r} keeps a given number: give active, not penalty")
    if given.inference != "binary" and given.gate not in (*RULED, "none"):
        raise ParameterError(
            f"inference={given.inference!r}: gate={given.gate!r} has a rule of its own; leave inference out, or give "
            f"one of {', '.join(RULED)}"
        )
    if given.gate in WEIGHED and given.gate_groups != "dimension":
        raise ParameterError(
            f"gate_groups={given.gate_groups!r}: gate={given.gate!r} has one gate a weight; leave one of them out"
        )
    if given.mask_seed is not None and given.gate not in ("random", "none"):
        raise ParameterError(f"mask_seed={given.mask_seed}: gate={given.gate!r} draws no mask; leave mask_seed out")
