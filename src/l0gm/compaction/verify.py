"""The certificate: both models on rows made from the schema, and a refusal where they differ."""

from __future__ import annotations

import numpy as np

from l0gm.data.frames import Table
from l0gm.data.probes import probe_rows
from l0gm.data.schema import Schema
from l0gm.encoders.batch import RowBatch
from l0gm.errors import CompactionError
from l0gm.model import GatedModel
from l0gm.runtime.model import Certificate
from l0gm.runtime.tabular import TabularProgram
from l0gm.training.rows import predict

__all__ = ["TOLERANCE", "verify"]

TOLERANCE = 1e-5


def verify(
    model: GatedModel,
    schema: Schema,
    program: TabularProgram,
    cut: Schema,
    *,
    n_rows: int = 2048,
    seed: int = 0,
    tolerance: float = TOLERANCE,
) -> Certificate:
    """Compare the gated model with the program that was cut out of it.

    Parameters
    ----------
    model, schema
        The gated model and all of its fields.
    program, cut
        The compacted model and the fields that it reads.
    n_rows, seed : int
        The rows of :func:`l0gm.data.probes.probe_rows`.
    tolerance : float
        Largest difference in probability that is accepted.

    Raises
    ------
    CompactionError
        If a probability differs by more, or a weight or a probability is not finite.
    """
    strange = [name for name, a in program.arrays().items() if not np.isfinite(a).all()]
    if strange:
        raise CompactionError(f"the model has weights that are not finite ({', '.join(strange)}): it was not compacted")
    table = Table(probe_rows(schema, n_rows, seed))
    rows = RowBatch.of(schema.encode(table), next(model.parameters()).device)
    expected = predict(model, rows).cpu().numpy()
    got = program.probabilities(cut.encode(table))
    difference = np.abs(expected - got)
    worst = float(difference.max())
    if not np.isfinite(difference).all() or worst > tolerance:
        row = int(np.argmax(np.nan_to_num(difference, nan=np.inf).max(1)))
        raise CompactionError(
            f"the compacted model differs from the gated one by up to {worst:.3g} in probability (probe row {row}); "
            f"{tolerance:g} is allowed. The model was not compacted"
        )
    return Certificate(n_rows, seed, tolerance, worst, expected.astype(np.float32))
