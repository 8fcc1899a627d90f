"""The tables of a page, and how far methods are apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from l0gm.metrics import DIRECTION, paired_interval
from l0gm.report.figures.words import label, number
from l0gm.report.runs import Method

__all__ = ["Table", "best_of", "difference", "measures_table", "sizes_table"]

_NUMBER = re.compile(r"[-+]?[\d.]|best$|-$")


@dataclass(frozen=True)
class Table:
    """Texts in rows and columns; the first column names the rows."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""

    @property
    def numeric(self) -> list[bool]:
        """For each column whether it holds numbers, which are aligned to the right."""
        columns = [[row[i] for row in self.rows if row[i]] for i in range(len(self.head))]
        return [bool(column) and all(_NUMBER.match(cell) for cell in column) for column in columns]


def measures_table(methods: Sequence[Method], measures: Sequence[str]) -> Table:
    """Return a row a method: measures on test rows over seeds, and how far it is from the best."""
    several = any(len(method.runs) > 1 for method in methods)
    main = "accuracy" if "accuracy" in measures else measures[0] if measures else ""
    best = best_of(methods, main)
    compared = best if several and len(methods) > 1 else None
    head = ["method", "seeds", *(label(m) for m in measures)]
    head += [f"worst {label(main)}"] if several else []
    head += [f"{label(main)} minus best"] if compared is not None else []
    rows = []
    for method in methods:
        row = [method.label, str(len(method.runs)), *(_spread(method, m) for m in measures)]
        if several:
            found = method.summary(main, DIRECTION.get(main))
            row.append(number(found.get("worst")) if found else "")
        if compared is not None:
            row.append("best" if method is compared else difference(method, compared, main))
        rows.append(row)
    caption = "Test rows; mean ± standard deviation over seeds." if several else "Test rows, one seed each."
    if compared is not None:
        caption += (
            f" The last column: the mean difference in {label(main)} over the seeds that both have, with its 95 % "
            "interval (paired t); * where the interval does not hold 0."
        )
    return Table(head, rows, caption)


def sizes_table(methods: Sequence[Method]) -> Table:
    """Return a row a method: how large it is, and how long a fit took."""
    rows = []
    for method in methods:
        opened, dimensions = method.mean("n_open"), method.mean("n_dimensions")
        share = (
            ""
            if opened is None or not dimensions
            else f"{opened:,.4g} of {dimensions:,.4g} ({opened / dimensions:.1%})"
        )
        parameters, seconds = method.mean("n_parameters"), method.mean("seconds")
        row = [method.label, share, "" if parameters is None else f"{parameters:,.0f}"]
        rows.append([*row, "" if seconds is None else f"{seconds:,.1f}"])
    return Table(
        ["method", "open dimensions", "parameters", "fit, s"], rows, "Sizes and times of fitting, means over seeds."
    )


def _spread(method: Method, measure: str) -> str:
    found = method.summary(measure, None)
    if found is None:
        return ""
    return number(found["mean"]) + (f" ± {number(found['std'])}" if len(found["seeds"]) > 1 else "")


def best_of(methods: Sequence[Method], measure: str, part: str = "test") -> Method | None:
    """Return the method with the best mean, if the measure has a good end."""
    known = [(found.mean, method) for method in methods if (found := method.interval(measure, part)) is not None]
    if not known or measure not in DIRECTION:
        return None
    pick = max if DIRECTION[measure] else min
    return pick(known, key=lambda pair: pair[0])[1]


def difference(method: Method, best: Method, measure: str) -> str:
    """Return the mean difference over seeds that both have, with its interval; a star where that does not hold 0."""
    own, its = method.values(measure), best.values(measure)
    both = [seed for seed in own if seed in its]
    if len(both) < 2:
        return ""
    found = paired_interval([own[seed] for seed in both], [its[seed] for seed in both])
    star = " *" if found.low > 0 or found.high < 0 else ""
    return f"{found.mean:+.4f} [{found.low:+.4f}, {found.high:+.4f}]{star}"
