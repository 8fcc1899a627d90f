"""Drift: rows at prediction compared with the rows that the model was trained on.

Each text is asked one question: do more or fewer rows hold nothing that the model knows (no text, or no known word).
Each other field is asked up to four: are more or fewer values missing, are more of them unseen (vocabularies) or
outside of the range that was seen in fit (numbers), and are those that are there distributed otherwise over the bins,
categories or buckets. The mean prediction of each class is compared, too.

A difference counts as a change if it is both

- more than chance: the probabilities of all questions together are held against ``level`` by Holm's procedure, so
  that rows like the training rows give any alarm at all in about that fraction of cases; and
- large enough to matter: ``min_rate`` for a share of the rows or a mean prediction, ``min_psi`` for the population
  stability index of a distribution, where 0.1 and 0.25 are the customary marks of a moderate and a large shift
  (Siddiqi 2006, "Credit risk scorecards").

The tests are those of :mod:`l0gm.metrics.shift`; a mean prediction's difference is divided by
std sqrt(1/n + 1/m), std that of the training rows' predictions, and held against the normal distribution. Rows are
taken to be independent: if they come in groups, the same evidence counts more than once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l0gm.data.schema import MISSING, UNSEEN, CategoricalField, Field, NumericField
from l0gm.errors import DataError, ParameterError
from l0gm.metrics.shift import PSI, holm, population_stability, rates_differ
from l0gm.runtime.observed import Observed

__all__ = ["Change", "DriftReport", "FieldDrift", "compare"]

QUESTIONS = {"missing": "missing", "unseen": "unseen", "below": "below range", "above": "above range", "values": "PSI"}


@dataclass(frozen=True)
class Change:
    """One figure at fit and now.

    Parameters
    ----------
    fit : float
        A share of the training rows, or their mean prediction. For the PSI: what chance alone makes of it on average.
    now : float
    p_value : float
        How likely chance alone makes the difference at least as large, if this were the only question.
    changed : bool
        Whether the difference is more than chance, all questions considered, and large enough to matter.
    """

    fit: float
    now: float
    p_value: float
    changed: bool


@dataclass(frozen=True)
class FieldDrift:
    """What changed in one field.

    Parameters
    ----------
    name, column : str
        The field and the column that it reads.
    missing : Change
    unseen : Change, optional
        Values that are not in the vocabulary. At fit: the share that would have been unseen, had each row been left
        out in its turn, rare values that share the slot among them.
    below, above : Change, optional
        Numbers outside of the range that was seen in fit.
    values : Change, optional
        Population stability index over the slots of values that are not missing; None where the rows are too few.
    """

    name: str
    column: str
    missing: Change
    unseen: Change | None = None
    below: Change | None = None
    above: Change | None = None
    values: Change | None = None

    @property
    def changed(self) -> tuple[str, ...]:
        """Which of its questions found a change."""
        answers = {what: getattr(self, what) for what in QUESTIONS}
        return tuple(what for what, answer in answers.items() if answer is not None and answer.changed)


@dataclass(frozen=True)
class DriftReport:
    """What changed between the training rows and others; print it to read it.

    Parameters
    ----------
    fields : tuple of FieldDrift
        Of the fields that the model reads.
    predictions : dict
        From each class to the Change of its mean raw probability.
    n_fit, n_now : int
        Rows.
    level, min_rate, min_psi : float
        As asked.
    """

    fields: tuple[FieldDrift, ...]
    predictions: dict[Any, Change]
    n_fit: int
    n_now: int
    level: float
    min_rate: float
    min_psi: float

    @property
    def changed(self) -> list[str]:
        """Columns in which something changed, then ``"(prediction)"`` if a mean prediction did."""
        columns = dict.fromkeys(f.column for f in self.fields if f.changed)
        return [*columns, *(["(prediction)"] if any(c.changed for c in self.predictions.values()) else [])]

    def to_dict(self) -> dict[str, Any]:
        """Return the report ready for JSON."""
        return {
            "changed": self.changed,
            "rows": {"fit": self.n_fit, "now": self.n_now},
            "level": self.level,
            "min_rate": self.min_rate,
            "min_psi": self.min_psi,
            "fields": [{**asdict(f), "changed": list(f.changed)} for f in self.fields],
            "predictions": [{"class": label, **asdict(change)} for label, change in self.predictions.items()],
        }

    def __str__(self) -> str:
        table = [("", "missing %", "unseen %", "out of range %", "PSI", "by chance", "changed")]
        for f in self.fields:
            outside = None
            if f.below is not None and f.above is not None:
                outside = Change(f.below.fit + f.above.fit, f.below.now + f.above.now, 1.0, False)
            psi = ("", "") if f.values is None else (f"{f.values.now:.3f}", f"{f.values.fit:.3f}")
            said = ", ".join(QUESTIONS[what] for what in f.changed)
            table.append((_line(f.name), _percent(f.missing), _percent(f.unseen), _percent(outside), *psi, said))
        lines = [f"{self.n_now:,} rows, compared with the {self.n_fit:,} of training; shares as at fit -> now", ""]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for name, *cells, said in table:
            padded = [cell.rjust(width) for cell, width in zip(cells, widths[1:-1], strict=True)]
            lines.append("  ".join([name.ljust(widths[0]), *padded, said]).rstrip())
        lines.append("")
        for label, c in self.predictions.items():
            lines.append(f"mean p({_line(label)})  {c.fit:.4f} -> {c.now:.4f}{'  changed' if c.changed else ''}")
        lines += [
            "",
            f"changed: {', '.join(map(_line, self.changed)) or 'nothing'}",
            f"(more than chance at level {self.level:g} for all questions together, and by more than "
            f"{100 * self.min_rate:g} points or a PSI of {self.min_psi:g})",
        ]
        return "\n".join(lines)


def _line(name: object) -> str:
    """Return a name in one line, whatever characters it holds."""
    return " ".join(str(name).split())


def _percent(c: Change | None) -> str:
    if c is None:
        return ""
    return f"{100 * c.fit:.1f} -> {100 * c.now:.1f}"


def compare(now: Observed, *, level: float = 0.01, min_rate: float = 0.02, min_psi: float = 0.1) -> DriftReport:
    """Compare the rows that were observed with the training rows; see :meth:`l0gm.CompactModel.drift`.

    Raises
    ------
    DataError
        If there are no rows.
    ParameterError
        If a number is out of range.
    """
    for name, value, most in (("level", level, 1.0), ("min_rate", min_rate, 1.0), ("min_psi", min_psi, math.inf)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value <= most:
            raise ParameterError(f"{name}={value!r}: a number from 0{f' to {most:g}' if most < math.inf else ''}")
    if now.n_rows == 0:
        raise DataError("the table has no rows to compare with those of training")
    reference, fields, texts = now.reference, now.model.schema.fields, now.model.schema.texts
    asked: dict[tuple[Any, str], Change] = {
        (i, what): change for i, f in enumerate(fields) for what, change in _of_field(i, f, now)
    }
    asked |= {((f.source, i), "missing"): _of_text(i, now) for i, f in enumerate(texts)}
    asked |= {(label, "prediction"): change for label, change in _of_predictions(now)}
    beyond_chance = holm([change.p_value for change in asked.values()], level)
    settled = {}
    for (key, change), fallen in zip(asked.items(), beyond_chance.tolist(), strict=True):
        large = change.now > min_psi if key[1] == "values" else abs(change.now - change.fit) > min_rate
        settled[key] = replace(change, changed=fallen and large)
    return DriftReport(
        fields=tuple(
            FieldDrift(f.name, f.source, **{what: settled[i, what] for what in QUESTIONS if (i, what) in settled})
            for i, f in enumerate(fields)
        )
        + tuple(FieldDrift(f.name, f.source, settled[(f.source, i), "missing"]) for i, f in enumerate(texts)),
        predictions={label: settled[label, "prediction"] for label in now.model.classes_},
        n_fit=reference.n_rows,
        n_now=now.n_rows,
        level=float(level),
        min_rate=float(min_rate),
        min_psi=float(min_psi),
    )


def _of_text(i: int, now: Observed) -> Change:
    n, m = now.reference.n_rows, now.n_rows
    before, after = int(now.reference.empty[i]), int(now.empty[i])
    return Change(before / n, after / m, rates_differ(before, n, after, m), False)


def _of_field(i: int, f: Field, now: Observed) -> Iterator[tuple[str, Change]]:
    reference = now.reference
    n, m = reference.n_rows, now.n_rows
    before, after = reference.counts[i], now.counts[i]

    def share(a: int, b: int) -> Change:
        return Change(a / n, b / m, rates_differ(a, n, b, m), False)

    yield "missing", share(int(before[MISSING]), int(after[MISSING]))
    if isinstance(f, CategoricalField):
        yield "unseen", share(reference.unseen(i), int(after[UNSEEN]))
    if isinstance(f, NumericField):
        yield "below", share(0, int(now.below[i]))
        yield "above", share(0, int(now.above[i]))
    psi = _psi(f, before[1:], after[1:], int(reference.least[i]))
    if psi is not None:
        yield "values", Change(psi.by_chance, psi.value, psi.p_value, False)


def _psi(f: Field, before: NDArray[np.int64], after: NDArray[np.int64], least: int) -> PSI | None:
    """Compare the counts of values that are not missing, over bins, or over values from frequent to rare.

    A value that is listed by a narrow margin was lucky in the training rows, so values that are not listed for sure
    are counted together with the unseen ones: all others are as frequent in new rows as they were.
    """
    if isinstance(f, NumericField):
        return population_stability(before, after)
    together = before + after
    if isinstance(f, CategoricalField):
        expected = together * (before.sum() / max(int(together.sum()), 1))
        rare = expected < least + 4.0 * math.sqrt(least)
        rare[0] = True
        before, after, together = (
            np.concatenate([a[~rare], a[rare].sum(keepdims=True)]) for a in (before, after, together)
        )
    order = np.argsort(-together, kind="stable")
    return population_stability(before[order], after[order])


def _of_predictions(now: Observed) -> Iterator[tuple[Any, Change]]:
    reference = now.reference
    noise = math.sqrt(1.0 / reference.n_rows + 1.0 / now.n_rows)
    means = (now.probabilities / now.n_rows).tolist()
    for label, fit, std, mean in zip(
        now.model.classes_, reference.mean.tolist(), reference.std.tolist(), means, strict=True
    ):
        scale = max(std * noise, 1e-6)  # the compacted model's answers differ by rounding
        yield label, Change(fit, mean, math.erfc(abs(mean - fit) / scale / math.sqrt(2.0)), False)
