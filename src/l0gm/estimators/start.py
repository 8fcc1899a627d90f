"""Where fit starts from when it is given a model: what stands for one, and what no longer has to be decided."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.frames import Table
from l0gm.data.labels import encode_labels
from l0gm.data.parquet import ParquetTable
from l0gm.data.schema import Schema
from l0gm.errors import DataError, ParameterError
from l0gm.runtime.files import load_rows
from l0gm.runtime.model import CompactModel

__all__ = ["STAYS", "fingerprint", "known_labels", "schema_for", "starting_model", "what_stays"]

STAYS = ("active", "penalty", "cost", "hidden_cost")
"""Parameters of an estimator that ask for another support than that of the model it starts from."""
INFORMATION = ("n_dimensions", "n_parameters_gated", "support", "dropped", "hidden_units", "gate")


def starting_model(value: Any) -> CompactModel | None:
    """Return the compacted model that ``initial_model`` stands for: a file's, a model, a fitted estimator's; or None.

    Raises
    ------
    ArtifactError
        If there is no such file, or it holds no model.
    NotFittedError
        If the estimator has not been fitted.
    ParameterError
        If it is none of these.
    """
    if value is None or isinstance(value, CompactModel):
        return value
    if isinstance(value, (str, os.PathLike)):
        return load_rows(value)
    if hasattr(value, "compact"):
        model = value.compact()
        if isinstance(model, CompactModel):
            return model
    raise ParameterError(
        f"initial_model is a {type(value).__name__}: give the path of a .l0gm file, a CompactModel or a fitted "
        "L0GMClassifier"
    )


def known_labels(y: Any, n_rows: int, start: CompactModel) -> NDArray[np.int64]:
    """Return the class index of each label, int64 (n,), among the classes of ``start``.

    Raises
    ------
    DataError
        If a label is unknown to it or missing, the number of labels is not ``n_rows``, or they are of one class only.
    """
    try:
        labels = encode_labels(y, start.classes_)
    except DataError as error:
        raise DataError(f"{error}: drop these rows, or fit without initial_model to learn another class") from error
    if len(labels) != n_rows:
        raise DataError(f"the target has {len(labels)} labels for {n_rows} rows")
    present = [repr(start.classes_[i]) for i in np.unique(labels)]
    if len(present) < 2:
        raise DataError(
            f"rows of {' '.join(present) or 'no class'} alone would make the model forget the other classes: add "
            "rows of these, old ones will do"
        )
    return labels


def schema_for(table: Table | ParquetTable, start: CompactModel) -> Schema:
    """Return the schema of ``start`` with the columns of the table that fit sees now.

    Raises
    ------
    DataError
        If a table without column names has not as many columns as the one that ``start`` was fitted to.
    """
    if isinstance(table, Table):
        start.schema.placed(table)
    return Schema(start.schema.fields, tuple(table.names))


def what_stays(start: CompactModel) -> dict[str, Any]:
    """Return the information on ``start`` that is that of any model which goes on from it: what was cut out."""
    return {name: start.information[name] for name in INFORMATION if name in start.information}


def fingerprint(start: CompactModel) -> str:
    """Return a text that is the same for models of the same fields and weights."""
    digest = hashlib.sha256(json.dumps([start.schema.to_dict(), list(start.classes_)]).encode())
    for name, array in sorted(start.program.arrays().items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode() + array.tobytes())
    return f"sha256 {digest.hexdigest()[:16]}"
