"""Runs over several seeds on the rows of tables."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import l0gm
from l0gm.data.labels import encode_labels, encode_target
from l0gm.data.parquet import ParquetTable, open_with
from l0gm.errors import DataError
from l0gm.experiments.records import fingerprint
from l0gm.experiments.seeds import OnFit, Subject, fit_seeds, measured_twice
from l0gm.metrics import breakdown, evaluate
from l0gm.runtime import CompactModel

__all__ = ["run_seeds"]


@dataclass(frozen=True)
class _Part:
    """Rows with their labels ``y``, which are ``classes[codes]``."""

    X: Any
    y: Any
    classes: tuple[Any, ...]
    codes: NDArray[np.int64]

    def __str__(self) -> str:
        if isinstance(self.X, ParquetTable):
            known = f"{self.X.digest} {self.classes}".encode() + self.codes.tobytes()
            return f"{len(self.codes)} (sha256 {hashlib.sha256(known).hexdigest()[:16]})"
        labels = [self.classes[code] for code in self.codes.tolist()]
        return f"{len(labels)} (sha256 {fingerprint(self.X, labels)})"


@dataclass(frozen=True)
class _Rows(Subject):
    """Training and test rows."""

    train: _Part
    test: _Part

    def make(self, parameters: Mapping[str, Any]) -> Any:
        return l0gm.L0GMClassifier(**parameters)

    def fit(self, model: Any) -> None:
        model.fit(self.train.X, self.train.y)

    def fit_path(self, model: Any, actives: Sequence[float]) -> list[Any]:
        """Return what :meth:`l0gm.L0GMClassifier.fit_path` makes of the training part."""
        return list(model.fit_path(self.train.X, self.train.y, actives))

    def measured(self, model: Any) -> dict[str, dict[str, Any]]:
        raw = model.predict_proba(self.test.X, calibrated=False)
        parts = partial(breakdown, self.test.codes, classes=self.test.classes)
        return measured_twice(model, raw, partial(evaluate, self.test.codes), parts)

    def conditions(self) -> dict[str, str]:
        return {"training rows": str(self.train), "test rows": str(self.test)}

    def counts(self) -> dict[str, Any]:
        return {"rows": {"train": len(self.train.codes), "test": len(self.test.codes)}}


def run_seeds(
    X_train: Any,
    y_train: Any,
    X_test: Any,
    y_test: Any,
    *,
    seeds: Sequence[int],
    out: str | Path,
    dense: bool = True,
    overwrite: bool = False,
    about: Mapping[str, Any] | None = None,
    progress: bool = False,
    on_fit: OnFit | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Fit, compact, save and measure one model for each seed, and summarise them.

    Each seed leaves ``seed-<s>/`` with ``model.l0gm``, ``history.jsonl`` and ``metrics.json``, and the same three
    of the dense model (``gate="none"``, all else equal) in ``seed-<s>/dense/``. A fit that has left its files is
    not repeated, and one that was cut short goes on from its ``checkpoint.pt``, so that the same call goes on where
    an earlier one was stopped, even killed, and ends with the same model files. The measures are those of the model
    file, read back; a model reads the test rows once, after all that concerns it has been decided.

    Parameters
    ----------
    X_train, X_test : table (n, columns)
        Or parquet files, as :meth:`l0gm.L0GMClassifier.fit` takes them.
    y_train, y_test : sequence (n,)
        Labels; with files, or the name of their column.
    seeds : sequence of int
        The ``random_state`` of each fit, all different.
    out : path
        The folder; ``summary.json`` comes last.
    dense : bool
        Whether to fit the dense models; with an ``initial_model`` there are none.
    overwrite : bool
        Fit again whatever is in ``out``; what an earlier run left there is replaced as each fit ends.
    about : mapping, optional
        Entries on the data (``data``, ``split``, ``target``) for the summary and the model files.
    progress : bool
        Show a progress bar for each fit.
    on_fit : callable, optional
        Called with (seed, "gated" or "dense", record) whenever a fit is there, new or found.
    **options
        Of :class:`l0gm.L0GMClassifier`.

    Returns
    -------
    dict
        The content of ``summary.json``.

    Raises
    ------
    ParameterError
        If ``out`` holds a run with other settings or on other rows; the message names what differs.
    DataError
        If a class has no test row, or the data cannot be used.
    KeyboardInterrupt
        If it is interrupted (Ctrl-C); the message says in which seed, fit and epoch.
    """
    chosen = l0gm.L0GMClassifier(**options).get_params(deep=False)
    from l0gm.estimators.start import fingerprint, starting_model  # after what names a missing package

    start = starting_model(chosen["initial_model"])
    return fit_seeds(
        _rows(X_train, y_train, X_test, y_test, start),
        chosen,
        {"initial_model": None if start is None else fingerprint(start)},
        seeds=seeds,
        out=out,
        dense=dense and start is None,
        overwrite=overwrite,
        about=about,
        progress=progress,
        on_fit=on_fit,
    )


def _rows(X_train: Any, y_train: Any, X_test: Any, y_test: Any, start: CompactModel | None) -> _Rows:
    """Return both parts, checked before hours of training: the test rows must be fit to measure on."""
    seen, y_train = open_with(X_train, y_train)
    held_out, y_test = open_with(X_test, y_test)
    X_train = seen if isinstance(seen, ParquetTable) else X_train
    X_test = held_out if isinstance(held_out, ParquetTable) else X_test
    if start is None:
        classes, codes = encode_target(y_train, len(seen))
    else:
        from l0gm.estimators.start import known_labels

        classes, codes = start.classes_, known_labels(y_train, len(seen), start)
    test = _Part(X_test, y_test, classes, encode_labels(y_test, classes))
    if len(test.codes) != len(held_out):
        raise DataError(f"the test rows have {len(test.codes)} labels for {len(held_out)} rows")
    lacking = [name for name in seen.names if name not in held_out]
    if lacking:
        raise DataError(f"the test rows lack {', '.join(lacking)}: bring these columns, or train without them")
    absent = sorted(set(range(len(classes))) - set(test.codes.tolist()))
    if absent:
        raise DataError(
            f"the {len(test.codes)} test rows hold none of class {', '.join(repr(classes[i]) for i in absent)}: "
            "every class is needed to measure on, so use more test rows"
        )
    return _Rows(_Part(X_train, y_train, classes, codes), test)
