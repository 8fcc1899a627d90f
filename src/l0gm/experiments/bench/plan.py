"""What a benchmark is to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from l0gm.errors import ParameterError
from l0gm.experiments.bench.inputs import FORMS, Form
from l0gm.experiments.bench.peers import chosen_peers

__all__ = ["MOST_COLUMNS", "Batch", "Plan"]

Batch = int | Literal["all"]
MOST_COLUMNS = 50
"""Above which the average of several libraries would take most of an hour to teach."""


@dataclass(frozen=True)
class Plan:
    """What a benchmark does.

    Parameters
    ----------
    seed : int
    repeats : int
        Rounds of each measurement.
    threads : tuple of int
        Of answering; each number is measured.
    batches : tuple of int or "all"
        Rows of a call; "all" is all test rows.
    forms : tuple of str
        Of :data:`l0gm.experiments.bench.inputs.FORMS`.
    peers : tuple of str, optional
        Default: all.
    most_rows : int, optional
        Training rows, the validation and calibration rows among them, at most; drawn at random, stratified.
    active : float
        Of the compacted models.
    teacher : {"average", "trees", "none"}, optional
        Of the compacted models: the average of the boosted trees that are installed, scikit-learn's trees, or none.
        Default: the average where there are at most :data:`MOST_COLUMNS` columns and no identifiers, else
        scikit-learn's trees; none if ``quick``.
    training_threads : int
        Of the peers. Boosted trees wait for each other's threads many times a tree: beside another process, two threads
        may take much longer than one.
    most_trees : int
        Of each peer at most.
    quick : bool
        Small models that were hardly trained: to try the benchmark out. Their figures mean nothing.
    """

    seed: int = 0
    repeats: int = 21
    threads: tuple[int, ...] = (1, 2)
    batches: tuple[Batch, ...] = (1, 256, "all")
    forms: tuple[Form, ...] = tuple(FORMS)
    peers: tuple[str, ...] | None = None
    most_rows: int | None = None
    active: float = 0.15
    teacher: Literal["average", "trees", "none"] | None = None
    training_threads: int = 1
    most_trees: int = 4000
    quick: bool = False

    def __post_init__(self) -> None:
        chosen_peers(self.peers)
        for name, values in (("threads", self.threads), ("batches", [b for b in self.batches if b != "all"])):
            if any(type(value) is not int or value < 1 for value in values):
                raise ParameterError(f"{name}={values}: whole numbers from 1 are needed")
        if self.repeats < 1:
            raise ParameterError(f"repeats={self.repeats}: at least 1 is needed")
