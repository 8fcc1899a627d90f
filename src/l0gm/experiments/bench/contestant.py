"""What is measured: a fitted model that answers rows in each of the forms in which its user may have them."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from l0gm.baselines.threads import pinned
from l0gm.errors import L0GMError
from l0gm.experiments.bench.inputs import Coder, Form, Rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Contestant", "LeftOutError", "Peer", "as_probabilities", "library", "pinned"]

Answer = Callable[[Any], NDArray[Any]]
"""From what :meth:`Contestant.ready` made of rows to probabilities: (n, C), or (n,) of the second class of two."""


class LeftOutError(L0GMError):
    """A contestant cannot take part on this machine or on this data; the message says why."""


class Contestant(ABC):
    """A fitted model.

    Attributes
    ----------
    name : str
        In tables.
    inputs : dict
        What its answers start from in each form, and what is timed, in words.
    """

    name: str
    inputs: dict[Form, str]

    @abstractmethod
    def ready(self, form: Form, frame: pd.DataFrame) -> Any:
        """Return rows in this form; this is not timed.

        Parameters
        ----------
        form : str
        frame : pandas.DataFrame
            Plain columns (:func:`l0gm.experiments.bench.inputs.plain_frame`); where the form is "category", with
            categories in the place of text. Of one row where it is "dict".
        """

    @abstractmethod
    def answer(self, form: Form, threads: int) -> Answer:
        """Return what is timed in this form; what can be done once, such as loading, is done here."""

    @abstractmethod
    def size(self) -> dict[str, Any]:
        """Return what tells how large the model is."""

    def probabilities(self, frame: pd.DataFrame, form: Form = "prepared", threads: int = 1) -> NDArray[np.float64]:
        """Return the class probabilities (n, C) of what :meth:`ready` takes, by the very call that is timed."""
        return as_probabilities(self.answer(form, threads)(self.ready(form, frame)))


class Peer(Contestant):
    """A model of another library, fitted on the same rows and stopped early on the same validation rows.

    Attributes
    ----------
    key : str
        On the command line.
    packages : tuple of str
        What ``pip install`` needs.
    """

    key: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]

    def __init__(self, coder: Coder, n_classes: int, *, seed: int, threads: int, most: int) -> None:
        """Take the settings.

        Parameters
        ----------
        coder : Coder
            Fitted on the training rows.
        n_classes : int
        seed : int
        threads : int
            Of training.
        most : int
            Trees, or epochs, at most.
        """
        self.coder, self.n_classes, self.seed, self.threads, self.most = coder, n_classes, seed, threads, most

    @abstractmethod
    def fit(self, train: Rows, valid: Rows) -> None:
        """Fit on the training rows and stop early on the validation rows."""


def library(name: str, peer: type[Peer]) -> Any:
    """Return a module that a peer needs.

    Raises
    ------
    LeftOutError
        If it is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise LeftOutError(f"{name} is not installed: pip install {' '.join(peer.packages)}") from error


def as_probabilities(answers: NDArray[Any]) -> NDArray[np.float64]:
    """Return class probabilities (n, C), where answers are (n, C), or (n,) of the second class of two."""
    p = np.asarray(answers, dtype=np.float64)
    if p.ndim == 1 or p.shape[1] == 1:
        p = np.stack([1.0 - p.ravel(), p.ravel()], axis=1)
    summed: NDArray[np.float64] = p / p.sum(axis=1, keepdims=True)  # single precision does not sum to 1
    return summed
