"""What the training rows were like, field by field, in counts and sums: what predictions are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.schema import UNSEEN, CategoricalField, NumericField, Schema
from l0gm.errors import ArtifactError

__all__ = ["PREFIX", "Reference", "required"]

PREFIX = "reference."
TEXT_NAMES = ("text_mean", "empty")


@dataclass(frozen=True)
class Reference:
    """The training rows in sums: those that had a weight above zero, each counted once.

    Parameters
    ----------
    n_rows : int
    counts : tuple of int64 (rows of the field's table,)
        For each field how many rows have each code; they sum to ``n_rows``.
    fractions : tuple of float64, as ``counts``
        For each code the sum of its rows' fractions; zero but for numeric fields.
    least : int64 (m,)
        Values in fewer rows than this share the slot of unseen ones; 0 for fields without a vocabulary.
    mean, std : float64 (classes,)
        Of the model's raw probabilities.
    text_mean : float64 (values of all texts,)
        Of the values that the model makes of texts.
    empty : int64 (texts,)
        For each text how many rows hold nothing that is known.
    """

    n_rows: int
    counts: tuple[NDArray[np.int64], ...]
    fractions: tuple[NDArray[np.float64], ...]
    least: NDArray[np.int64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    text_mean: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    empty: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def restrict(self, keep: Sequence[int], texts: Sequence[int], text_mean: NDArray[np.float64]) -> Reference:
        """Return that of the fields and texts with these numbers, whose values have the mean ``text_mean``."""
        return replace(
            self,
            counts=tuple(self.counts[i] for i in keep),
            fractions=tuple(self.fractions[i] for i in keep),
            least=self.least[list(keep)],
            empty=self.empty[list(texts)],
            text_mean=text_mean,
        )

    def unseen(self, i: int) -> int:
        """Return how many rows would hold an unseen value of field i, had each been left out in its turn.

        The vocabulary was made from these very rows: how many of them fall into the slot of unseen values is too few
        to expect of others. Values in exactly ``least`` rows would have been one short.
        """
        counts = self.counts[i]
        return int(counts[UNSEEN] + counts[UNSEEN + 1 :][counts[UNSEEN + 1 :] == self.least[i]].sum())

    def arrays(self, schema: Schema) -> dict[str, NDArray[Any]]:
        """Return what a model file keeps, by name."""
        numeric = [a for f, a in zip(schema.fields, self.fractions, strict=True) if isinstance(f, NumericField)]
        return {
            f"{PREFIX}n_rows": np.array([self.n_rows], np.int64),
            f"{PREFIX}counts": np.concatenate([np.zeros(0, np.int64), *self.counts]),
            f"{PREFIX}fractions": np.concatenate([np.zeros(0), *numeric]),
            f"{PREFIX}least": self.least,
            f"{PREFIX}probabilities": np.stack([self.mean, self.std]),
            **({f"{PREFIX}text_mean": self.text_mean, f"{PREFIX}empty": self.empty} if schema.texts else {}),
        }

    @classmethod
    def from_arrays(
        cls, arrays: dict[str, NDArray[Any]], schema: Schema, n_classes: int, n_text_values: int = 0
    ) -> Reference:
        """Put the summary together again from its arrays, and check them.

        Raises
        ------
        ArtifactError
            If one is missing or left over, or they do not fit each other, the schema and the classes.
        """
        names = ("n_rows", "counts", "fractions", "least", "probabilities", *TEXT_NAMES[: 2 * bool(schema.texts)])
        nothing: dict[str, NDArray[Any]] = {PREFIX + "text_mean": np.zeros(0), PREFIX + "empty": np.zeros(0, np.int64)}
        try:
            total, counts, fractions, least, proba = (arrays[PREFIX + name] for name in names[:5])
            text_mean, empty = ((arrays if schema.texts else nothing)[PREFIX + name] for name in TEXT_NAMES)
        except KeyError as error:
            raise ArtifactError(f"the summary of the training rows is incomplete: {error} is missing") from error
        numeric = [isinstance(f, NumericField) for f in schema.fields]
        ramps = sum(n for n, yes in zip(schema.n_rows, numeric, strict=True) if yes)
        if not (
            len(arrays) == len(names)
            and text_mean.dtype == np.float64
            and empty.dtype == np.int64
            and (text_mean.shape, empty.shape) == ((n_text_values,), (len(schema.texts),))
            and bool(np.isfinite(text_mean).all())
            and total.dtype == counts.dtype == least.dtype == np.int64
            and fractions.dtype == proba.dtype == np.float64
            and (total.shape, counts.shape, fractions.shape) == ((1,), (sum(schema.n_rows),), (ramps,))
            and (least.shape, proba.shape) == ((len(numeric),), (2, n_classes))
        ):
            raise ArtifactError("the summary of the training rows does not fit the schema")
        n_rows = int(total[0])
        by_field = tuple(np.split(counts, np.cumsum(schema.n_rows)[:-1])) if numeric else ()
        sums, at = [], 0
        for c, yes in zip(by_field, numeric, strict=True):
            sums.append(fractions[at : at + len(c)] if yes else np.zeros(len(c)))
            at += len(c) * yes
        listed = [isinstance(f, CategoricalField) for f in schema.fields]
        if not (
            n_rows >= 1
            and bool((counts >= 0).all())
            and all(sum(c.tolist()) == n_rows for c in by_field)  # Python's integers do not wrap
            and all(bool(((s >= 0.0) & (s <= c)).all()) for c, s in zip(by_field, sums, strict=True))
            and all(low >= 1 if yes else low == 0 for low, yes in zip(least.tolist(), listed, strict=True))
            and bool(((empty >= 0) & (empty <= n_rows)).all())
            and bool(((proba >= 0.0) & (proba <= 1.0)).all())
            and abs(float(proba[0].sum()) - 1.0) < 1e-3
        ):
            raise ArtifactError("the summary of the training rows cannot be one of rows")
        return cls(n_rows, by_field, tuple(sums), least, proba[0], proba[1], text_mean, empty)


def required(reference: Reference | None, use: str) -> Reference:
    """Return the summary, or raise ArtifactError, which says what its ``use`` would be, where there is none."""
    if reference is None:
        raise ArtifactError(
            f"this model keeps no summary of its training rows, {use}: it was saved without one, or by a version that "
            "kept none; compact and save it again"
        )
    return reference
