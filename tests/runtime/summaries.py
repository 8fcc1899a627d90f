"""The summary of some rows, as fit would keep it, for models made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from l0gm.data.schema import CategoricalField
from l0gm.runtime.reference import Reference


def summary(model, X, least=1):
    """Sum up the rows ``X``."""
    rows, proba = model.encode(X), model.predict_proba(X, calibrated=False)
    counts = [np.zeros(n, np.int64) for n in model.schema.n_rows]
    fractions = [np.zeros(n) for n in model.schema.n_rows]
    for i, codes in enumerate(rows.codes.T):
        np.add.at(counts[i], codes, 1)
        np.add.at(fractions[i], codes, rows.fractions[:, i])
    listed = [least if isinstance(f, CategoricalField) else 0 for f in model.schema.fields]
    return Reference(
        len(rows), tuple(counts), tuple(fractions), np.array(listed, np.int64), proba.mean(0), proba.std(0)
    )


def summed_up(model, X, least=1):
    """The model with the summary of the rows ``X``."""
    return replace(model, reference=summary(model, X, least))
