"""The compacted models: fitted, saved, read back; what is read back is measured and timed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import l0gm
from l0gm.errors import DataError
from l0gm.experiments.bench.contestant import Answer, Contestant
from l0gm.experiments.bench.inputs import Form, Rows
from l0gm.runtime.model import CompactModel

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MAIN", "OURS", "Compacted", "compacted"]

MAIN = "l0gm"
NARROW: Mapping[str, Any] = {"hidden_cost": 0.35, "max_bins": 24}
"""What makes a model fast to serve; on Adult these values had the best validation loss (docs/results/latency.md)."""
OURS: Mapping[str, Mapping[str, Any]] = {
    MAIN: NARROW,
    "l0gm without CIN": {**NARROW, "cin": ()},
    "l0gm, hidden units not gated": {**NARROW, "hidden_cost": None},
}
"""Settings of each, beside those that all of them share."""


def compacted(name: str, settings: Mapping[str, Any], rows: Rows, classes: list[Any], path: Path) -> Compacted:
    """Fit, compact, save and load one model.

    Parameters
    ----------
    name : str
    settings : mapping
        Of :class:`l0gm.L0GMClassifier`.
    rows : Rows
        Of which the estimator holds out its validation and calibration rows.
    classes : list
        Labels by class number.
    path : Path
        The model file, which is left there.

    Raises
    ------
    DataError
        If a column is read as text: there are no prepared arrays of texts.
    """
    labels = np.asarray(classes, dtype=object)[rows.labels]
    model = l0gm.L0GMClassifier(**settings).fit(rows.frame, labels)
    model.compact().save(path)
    loaded = l0gm.load(path)
    assert isinstance(loaded, CompactModel)
    if loaded.schema.texts:
        names = ", ".join(f.source for f in loaded.schema.texts)
        raise DataError(f"{names} is read as text, and the benchmark is one of numbers and categories: leave it out")
    return Compacted(name, loaded, path)


class Compacted(Contestant):
    """A model file that was read back."""

    def __init__(self, name: str, model: CompactModel, path: Path) -> None:
        self.name, self.model, self.path = name, model, path
        self.inputs: dict[Form, str] = {
            "prepared": "predict_arrays(numbers, codes): raw float64 numbers, int32 codes; binning is timed",
            "object": "predict_proba(DataFrame)",
            "category": "predict_proba(DataFrame)",
            "dict": "predict_one(dict)",
        }

    def ready(self, form: Form, frame: pd.DataFrame) -> Any:
        """Return the rows in this form."""
        if form == "prepared":
            raw = self.model.read(frame)
            return raw.numbers, raw.codes
        return frame.to_dict("records")[0] if form == "dict" else frame

    def answer(self, form: Form, threads: int) -> Answer:
        """Return what is timed."""
        model = self.model
        if form == "prepared":
            return lambda arrays: model.predict_arrays(*arrays, threads=threads)
        if form == "dict":
            return lambda row: model.predict_one(row)[None]
        return lambda frame: model.predict_proba(frame, threads=threads)

    def size(self) -> dict[str, Any]:
        """Return open dimensions, hidden units, parameters and the bytes of the model file."""
        known, program = self.model.information, self.model.program
        return {
            "n_open": known["n_open"],
            "n_dimensions": known["n_dimensions"],
            "fields": len(program.fields),
            "hidden_units": [len(bias) for _, bias in program.deep[:-1]],
            "n_parameters": self.model.n_parameters,
            "bytes": self.path.stat().st_size,
        }
