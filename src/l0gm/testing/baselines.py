"""The contract of a baseline, of rows or of nodes, as clauses that any classifier can be put through."""

from __future__ import annotations

import pickle
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import _safe_indexing

from l0gm.baselines.base import HELD_OUT, Size, size_of
from l0gm.data.splits import three_way
from l0gm.errors import NotFittedError
from l0gm.metrics import log_loss
from l0gm.testing.clauses import demand, run_clauses
from l0gm.testing.messy import mixed_rows, random_graph, strange_rows

__all__ = ["check_baseline", "check_node_baseline"]

Codes = NDArray[np.int64]
TWO, TRUTH, THREE = ("no", "yes"), (False, True), (2, 7, 11)
N_ROWS, N_NEW = 300, 60
EQUAL = 1e-9


class Make(Protocol):
    """Makes a new classifier, with few trees or epochs; ``functools.partial`` of :attr:`Method.make` is one."""

    def __call__(self, *, seed: int, threads: int) -> Any:
        """Return it."""


def check_baseline(
    make: Make,
    draw: Callable[[int, int, int], tuple[Any, Codes]] | None = None,
    strange: Callable[[Any], Any] | None = None,
    *,
    tolerance: float = EQUAL,
) -> None:
    """Put a classifier of rows through the contract of :class:`l0gm.baselines.RowBaseline`.

    Parameters
    ----------
    make : callable
        ``make(seed=, threads=)`` returns a new classifier. It is called many times.
    draw : callable
        Of a number of rows, a seed and 2 or 3 classes: rows (n) and class indices int64 (n,) that can be learned from
        them. Default: :func:`l0gm.testing.messy.mixed_rows`; of texts, give one that returns texts.
    strange : callable
        From such rows to as many with values that no training row had, and missing ones. Default:
        :func:`l0gm.testing.messy.strange_rows`.
    tolerance : float
        How far the answer to a row may move with the rows beside it: what is computed in single precision, rows of
        different lengths together, is rounded differently.

    Raises
    ------
    AssertionError
        At the first broken clause; the message names it.

    Examples
    --------
    >>> from functools import partial
    >>> from l0gm.baselines import find
    >>> check_baseline(partial(find("tabular", "histgb").make, active=None, trees=20))
    """
    trial = _RowTrial(make, mixed_rows if draw is None else draw, strange_rows if strange is None else strange)
    trial.tolerance = tolerance
    run_clauses(f"the baseline {type(trial.make()).__name__}", (*_CLAUSES, *_OF_ROWS), trial)


def check_node_baseline(make: Make, draw: Callable[[int, int, int], tuple[Any, Codes]] | None = None) -> None:
    """Put a classifier of nodes through the contract of baselines.

    Parameters
    ----------
    make : callable
        ``make(seed=, threads=)`` returns a new classifier. It is called many times.
    draw : callable
        Of a number of nodes, a seed and 2 or 3 classes: a graph and class indices int64 (n,). Default:
        :func:`l0gm.testing.messy.random_graph`.

    Raises
    ------
    AssertionError
        At the first broken clause; the message names it.
    """
    trial = _NodeTrial(make, random_graph if draw is None else draw)
    run_clauses(f"the baseline {type(trial.make()).__name__}", _CLAUSES, trial)


class _Trial(ABC):
    """A classifier, and what it is tried on; what was fitted once is kept."""

    tolerance = EQUAL

    def __init__(self, make: Make, draw: Callable[[int, int, int], tuple[Any, Codes]]) -> None:
        self._make, self.draw = make, draw
        self._kept: dict[Any, Any] = {}

    def make(self, seed: int = 0, threads: int = 1) -> Any:
        return self._make(seed=seed, threads=threads)

    def fitted(self, names: Sequence[Any] = TWO) -> Any:
        if str(names) not in self._kept:
            self.keep(self.fit(self.make(), names), names)
        return self._kept[str(names)]

    def keep(self, model: Any, names: Sequence[Any] = TWO) -> None:
        self._kept[str(names)] = model

    @abstractmethod
    def fit(self, model: Any, names: Sequence[Any] = TWO) -> Any:
        """Fit to labels of these names, as many as there are classes; return what fit does."""

    @abstractmethod
    def proba(self, model: Any, rows: Codes | None = None) -> NDArray[Any]:
        """Return the answers to new rows, those of these numbers, by default all."""

    @abstractmethod
    def predict(self, model: Any) -> NDArray[Any]:
        """Return the labels that new rows are answered with."""

    @abstractmethod
    def truth(self) -> Codes:
        """Return the class indices of the new rows, of two classes."""


class _RowTrial(_Trial):
    def __init__(
        self, make: Make, draw: Callable[[int, int, int], tuple[Any, Codes]], strange: Callable[[Any], Any]
    ) -> None:
        super().__init__(make, draw)
        self.strange = strange

    def fit(self, model: Any, names: Sequence[Any] = TWO) -> Any:
        X, codes = self.draw(N_ROWS, 0, len(names))
        return model.fit(X, np.array(names)[codes])

    def proba(self, model: Any, rows: Codes | None = None) -> NDArray[Any]:
        X = self.draw(N_NEW, 1, len(model.classes_) if hasattr(model, "classes_") else 2)[0]
        found: NDArray[Any] = model.predict_proba(X if rows is None else _safe_indexing(X, rows))
        return found

    def predict(self, model: Any) -> NDArray[Any]:
        found: NDArray[Any] = model.predict(self.draw(N_NEW, 1, 2)[0])
        return found

    def truth(self) -> Codes:
        return self.draw(N_NEW, 1, 2)[1]


class _NodeTrial(_Trial):
    """New rows are nodes that are in the graph, but not in training."""

    new = np.arange(N_ROWS - N_NEW, N_ROWS)

    def fit(self, model: Any, names: Sequence[Any] = TWO) -> Any:
        graph, codes = self.draw(N_ROWS, 0, len(names))
        return model.fit(graph, np.array(names)[codes], train=np.arange(N_ROWS - N_NEW))

    def proba(self, model: Any, rows: Codes | None = None) -> NDArray[Any]:
        graph, _ = self.draw(N_ROWS, 0, len(model.classes_) if hasattr(model, "classes_") else 2)
        found: NDArray[Any] = model.predict_proba(graph, self.new if rows is None else self.new[rows])
        return found

    def predict(self, model: Any) -> NDArray[Any]:
        found: NDArray[Any] = model.predict(self.draw(N_ROWS, 0, 2)[0], self.new)
        return found

    def truth(self) -> Codes:
        return self.draw(N_ROWS, 0, 2)[1][self.new]


def _same(a: NDArray[Any], b: NDArray[Any], tolerance: float = 0.0) -> bool:
    return a.shape == b.shape and bool(np.abs(a - b).max() <= tolerance)


def _distributions(proba: NDArray[Any], n: int, n_classes: int) -> None:
    demand(proba.shape == (n, n_classes), f"probabilities are {proba.shape}, not {(n, n_classes)}")
    demand(proba.dtype == np.float64, f"probabilities are {proba.dtype}")
    demand(bool(np.isfinite(proba).all() and (proba >= 0).all()), "probabilities are negative or not finite")
    demand(_same(proba.sum(1), np.ones(n), EQUAL), "probabilities of a row do not sum to 1")


def _can_be_cloned(trial: _Trial) -> None:
    model = trial.make(seed=5)
    twin = clone(model)
    demand(twin is not model and type(twin) is type(model), "a clone is of another type")
    demand(repr(twin.get_params(deep=False)) == repr(model.get_params(deep=False)), "a clone has other parameters")


def _fit_returns_the_classifier_and_leaves_its_parameters(trial: _Trial) -> None:
    model = trial.make()
    before = model.get_params(deep=False)
    demand(trial.fit(model) is model, "fit returns something else")
    after = model.get_params(deep=False)
    demand(all(after[name] is value for name, value in before.items()), "fit changed a parameter")
    trial.keep(model)


def _does_not_answer_before_fit(trial: _Trial) -> None:
    for ask in (trial.proba, trial.predict):
        try:
            ask(trial.make())
        except NotFittedError:
            continue
        raise AssertionError(f"{ask.__name__} raises no NotFittedError")


def _answers_are_distributions_over_the_classes_in_order(trial: _Trial) -> None:
    for names in (TWO, TRUTH, THREE):
        model = trial.fitted(names)
        demand(model.classes_.tolist() == list(names), f"classes_ is {model.classes_.tolist()}, not {list(names)}")
        _distributions(trial.proba(model), N_NEW, len(names))


def _predict_is_the_most_probable_class(trial: _Trial) -> None:
    model = trial.fitted()
    expected = model.classes_[trial.proba(model).argmax(1)]
    demand(bool((trial.predict(model) == expected).all()), "predict answers with another class")


def _learns(trial: _Trial) -> None:
    truth = trial.truth()
    found = float((trial.proba(trial.fitted()).argmax(1) == truth).mean())
    share = float(np.bincount(truth).max() / len(truth))
    demand(found > share, f"the accuracy on new rows is {found:.3f}, and {share:.3f} are of one class")


def _a_seed_decides_the_answers_whatever_the_labels_are_called(trial: _Trial) -> None:
    expected = trial.proba(trial.fitted())
    again = trial.proba(trial.fitted(TRUTH))
    demand(_same(again, expected), f"the same seed gives answers that differ by {np.abs(again - expected).max():.3g}")
    other = trial.proba(trial.fit(trial.make(seed=1)))
    demand(not _same(other, expected), "another seed gives the same answers")


def _threads_are_as_before(trial: _Trial) -> None:
    model, before = trial.make(threads=1), torch.get_num_threads()
    if getattr(model, "threads", None) is None:
        return  # it takes those that there are
    torch.set_num_threads(before + 1)
    try:
        trial.proba(trial.fit(model))
        demand(torch.get_num_threads() == before + 1, f"PyTorch has {torch.get_num_threads()}, not {before + 1}")
    finally:
        torch.set_num_threads(before)


def _says_how_large_it_is(trial: _Trial) -> None:
    size = size_of(trial.fitted())
    demand(isinstance(size, Size), f"size() is {size!r}")
    demand(all(n is None or (type(n) is int and n >= 0) for n in size), f"size() has other than whole numbers: {size}")
    demand((size.n_open is None) == (size.n_dimensions is None), f"size() says one of two numbers: {size}")
    if size.n_open is not None and size.n_dimensions is not None:
        demand(size.n_open <= size.n_dimensions, f"more is open than there is: {size}")


def _pickled_answers_are_the_same(trial: _Trial) -> None:
    model = trial.fitted()
    demand(_same(trial.proba(pickle.loads(pickle.dumps(model))), trial.proba(model)), "pickled, it answers otherwise")


def _answers_do_not_depend_on_other_rows(trial: _Trial) -> None:
    model = trial.fitted()
    expected = trial.proba(model)
    for rows in (np.arange(N_NEW)[::-1], np.array([7]), np.arange(0, N_NEW, 3)):
        found = trial.proba(model, rows)
        demand(_same(found, expected[rows], trial.tolerance), f"{len(rows)} rows by themselves have other answers")


def _measures_the_validation_rows(trial: _RowTrial) -> None:
    model = trial.fitted()
    X, codes = trial.draw(N_ROWS, 0, 2)
    valid = three_way(codes, *HELD_OUT, 0)[1]
    expected = log_loss(codes[valid], model.predict_proba(_safe_indexing(X, valid)))
    found = model.metrics_["validation"]["log_loss"]
    demand(abs(found - expected) <= EQUAL, f"the validation log loss is {expected}, metrics_ has {found}")


def _calibration_rows_are_not_learned_from(trial: _RowTrial) -> None:
    X, codes = trial.draw(N_ROWS, 0, 2)
    kept, _, calibration = three_way(codes, *HELD_OUT, 0)
    rows = np.arange(N_ROWS)
    rows[calibration] = kept[codes[kept] != codes[calibration[0]]][0]  # one row, whatever the label
    model = trial.make().fit(_safe_indexing(X, rows), np.array(TWO)[codes])
    demand(_same(trial.proba(model), trial.proba(trial.fitted())), "other calibration rows give other answers")


def _strange_and_missing_values_have_answers(trial: _RowTrial) -> None:
    _distributions(trial.fitted().predict_proba(trial.strange(trial.draw(N_NEW, 1, 2)[0])), N_NEW, 2)


_CLAUSES: tuple[Callable[[_Trial], None], ...] = (
    _can_be_cloned,
    _does_not_answer_before_fit,
    _fit_returns_the_classifier_and_leaves_its_parameters,
    _answers_are_distributions_over_the_classes_in_order,
    _predict_is_the_most_probable_class,
    _learns,
    _a_seed_decides_the_answers_whatever_the_labels_are_called,
    _threads_are_as_before,
    _says_how_large_it_is,
    _pickled_answers_are_the_same,
    _answers_do_not_depend_on_other_rows,
)
_OF_ROWS: tuple[Callable[[_RowTrial], None], ...] = (
    _measures_the_validation_rows,
    _calibration_rows_are_not_learned_from,
    _strange_and_missing_values_have_answers,
)
