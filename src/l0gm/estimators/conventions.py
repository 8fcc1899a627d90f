"""What scikit-learn's conventions ask of an estimator beside fit and predict."""

from __future__ import annotations

import os
import threading
import warnings
from numbers import Integral
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import DataConversionWarning
from sklearn.exceptions import NotFittedError as SklearnNotFittedError

from l0gm.errors import NotFittedError, ParameterError

__all__ = ["RANDOM_NUMBERS", "EstimatorNotFittedError", "device_of", "seed_of", "warn_of_column_vector"]

RANDOM_NUMBERS = threading.RLock()
"""PyTorch's random numbers are one stream for all threads: one fit at a time uses it."""


class EstimatorNotFittedError(NotFittedError, SklearnNotFittedError):  # type: ignore[misc]  # no types
    """The estimator has to be fitted first: l0gm's error and scikit-learn's."""


def seed_of(random_state: Any) -> int:
    """Return the seed that ``random_state`` stands for.

    Parameters
    ----------
    random_state : int, RandomState or None
        A whole number is the seed itself. A ``numpy.random.RandomState`` gives its next number, so that each fit has
        another one; ``None`` asks numpy's global ``RandomState``.

    Raises
    ------
    ParameterError
        If it is none of these, or negative.
    """
    if random_state is None or isinstance(random_state, np.random.RandomState):
        source = np.random if random_state is None else random_state
        return int(source.randint(np.iinfo(np.int32).max))
    if isinstance(random_state, bool) or not isinstance(random_state, Integral) or random_state < 0:
        raise ParameterError(f"random_state={random_state!r}: a whole number of at least 0, a RandomState or None")
    return int(random_state)


def warn_of_column_vector(y: Any) -> None:
    """Warn, as every classifier of scikit-learn does, where ``y`` is a column (n, 1) and not a vector (n,)."""
    shape: tuple[int, ...] = getattr(y, "shape", ())
    if len(shape) == 2 and shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of y to "
            "(n_samples,), for example using ravel().",
            DataConversionWarning,
            stacklevel=3,
        )


def device_of(name: str) -> torch.device:
    """Return the device of this name; "auto" is the GPU where there is one.

    Raises
    ------
    ParameterError
        If it is not there.
    """
    if name == "auto":  # the GPU that torchrun gives to this process, where there are several
        return torch.device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        float(torch.zeros(1, device=device))  # whether it is there
    except (AssertionError, NotImplementedError, RuntimeError, TypeError) as error:
        raise ParameterError(f"device={name!r}: {error}") from error
    return device
