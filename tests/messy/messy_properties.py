"""What holds of every table: it is refused by our own error, or learned from and answered alike in every way."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from messy_containers import CONTAINERS, build, is_missing, spell
from messy_faces import Faces, faces_of, same, strict, untrained
from messy_frames import NOTHING, Table, junk, labels, shown, tables

import l0gm
from l0gm.data.fitting import SchemaFitter
from l0gm.data.schema import Schema
from l0gm.errors import DataError, L0GMError

__all__ = ["Case", "Outcome", "cases", "check"]

FITTING = {
    *("bins", "max_bins", "min_bin_rows", "min_count", "max_categories", "hash_buckets", "infinite"),
    *("categorical", "missing_values"),
}


@dataclass(frozen=True, repr=False)
class Case:
    """A table, a target, how to fit, and what to try afterwards."""

    table: Table
    y: list[Any]
    form: str
    options: dict[str, Any]
    trained: bool
    seed: int
    changes: tuple[tuple[str, int, list[Any]], ...]

    def __repr__(self) -> str:
        return "\n".join(["", *(f"  {f.name} = {_shown(getattr(self, f.name))}" for f in fields(self)), ""])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


@dataclass
class Outcome:
    """What became of a case, for the count."""

    refused: str = ""
    trained: bool = False
    comparisons: int = 0
    refusals: int = field(default=0)


@st.composite
def cases(draw: st.DrawFn, trained: float = 0.0) -> Case:
    """Most tables come with a target that can be used; ``trained`` is the share of real fits."""
    table = draw(tables())
    n = table.n_rows
    y = draw(labels(n))
    options: dict[str, Any] = {
        "active": draw(st.sampled_from([0.1, 0.3, 0.6, 1.0])),
        "gate": draw(st.sampled_from(["hard_concrete", "hard_concrete", "none", "random", "magnitude"])),
        "gate_groups": draw(st.sampled_from(["dimension", "dimension", "field"])),
        "linear": draw(st.sampled_from(["gated", "gated", "ungated", "off"])),
        "deep": draw(st.sampled_from([(), (4,), (4, 3)])),
        "cin": draw(st.sampled_from([(2,), (2, 2)])),
        "embedding_dim": draw(st.integers(1, 4)),
        "bins": draw(st.sampled_from(["tree", "tree", "quantile"])),
        "max_bins": draw(st.sampled_from([2, 4, 48])),
        "min_bin_rows": draw(st.sampled_from([1, 3, 20])),
        "min_count": draw(st.sampled_from([1, 2, 5])),
        "max_categories": draw(st.sampled_from([2, 6, 2000])),
        "hash_buckets": draw(st.sampled_from([2, 64])),
        "infinite": draw(st.sampled_from(["error", "missing", "missing"])),
        "categorical": tuple(table.texts[:1]) if draw(st.integers(0, 5)) == 0 else (),
        "missing_values": draw(st.sampled_from([(), (), (), ("red", 3), (0.0, "?", "1970-01-01")])),
        "validation_fraction": draw(st.sampled_from([0.1, 0.1, 0])),
        "calibration_fraction": draw(st.sampled_from([0.1, 0])),
        "calibrated": draw(st.booleans()),
        "class_weight": draw(st.sampled_from([None, None, "balanced"])),
    }
    if options["gate"] == "none":
        options["active"] = None
    kinds = ["drop", "junk", "junk", "some junk", "some junk", "blank", "write", "wrap", "category"]
    changes = tuple(
        (draw(st.sampled_from(kinds)), draw(st.integers(0, len(table.columns) - 1)), draw(junk(n)))
        for _ in range(draw(st.integers(0, 2)))
    )
    number = draw(st.integers(0, 2**32))
    return Case(
        table=table,
        y=y,
        form=draw(st.sampled_from(["pandas", "pandas", "polars", "pyarrow", *CONTAINERS])),
        options=options,
        trained=random.Random(number).random() < trained,
        seed=number,
        changes=changes,
    )


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, (Table, dict)) else shown(value)


def check(case: Case, folder: Path | None = None) -> Outcome:
    """Raise AssertionError, or whatever l0gm lets through, where one of the properties is broken."""
    table = case.table
    X = build(case.form, table)
    if X is None:
        X = build("pandas objects", table)
    if isinstance(X, np.ndarray):
        table = Table(tuple(f"x{j}" for j in range(len(table.columns))), table.columns)
    options = {**case.options, "categorical": tuple(table.texts[: len(case.options["categorical"])])}
    estimator = l0gm.L0GMClassifier(**options, epochs=1, batch_size=16)
    try:
        with strict():
            if case.trained:
                estimator.fit(X, case.y)
            else:
                with untrained():
                    estimator.fit(X, case.y)
    except L0GMError as error:
        _is_told(error, table)
        return Outcome(refused=f"{type(error).__name__}: {str(error)[:40]}", trained=case.trained)
    assert not table.has_duplicates
    with strict():
        _decisions_are_told(estimator)
        _schema_survives(estimator.schema_)
        faces = faces_of(estimator, folder)
        faces.compact.verify()
        faces.file.verify()
    outcome = Outcome(trained=case.trained)
    base = faces.answers(X)
    _rows_and_columns(faces, table, base, case, outcome)
    _other_forms(faces, table, base, case, outcome)
    _other_missing(faces, table, base, case, outcome)
    for change in case.changes:
        _changed(faces, table, base, change, case, outcome)
    return outcome


def _is_told(error: L0GMError, table: Table) -> None:
    """The message names the culprit: a column, the target, the classes or the arguments."""
    message = str(error)
    named = any(repr(name) in message or name in message for name in table.texts)
    target = any(word in message for word in ("target", "class ", "label", "rows"))
    assert isinstance(error, DataError), repr(error)
    assert named or target, message
    assert len(message) < 2000 + 200 * len(table.names), f"a message of {len(message)} characters"


def _decisions_are_told(estimator: l0gm.L0GMClassifier) -> None:
    """A column is read, or a note says why it is not."""
    read = {f.source for f in estimator.schema_.fields}
    for name in estimator.schema_.columns:
        assert name in read or any(note.startswith(f"{name}: ") for note in estimator.notes_), name


def _schema_survives(schema: Schema) -> None:
    text = json.dumps(schema.to_dict(), allow_nan=False)
    again = Schema.from_dict(json.loads(text))
    assert again == schema
    assert again.to_dict() == schema.to_dict()


def _rows_and_columns(faces: Faces, table: Table, base: np.ndarray, case: Case, outcome: Outcome) -> None:
    rng = random.Random(case.seed)
    rows = list(range(table.n_rows))
    rng.shuffle(rows)
    form = "list of dicts" if rng.random() < 0.3 else "pandas objects"
    turned = table
    if not table.is_unnamed:
        places = rng.sample(range(len(table.names)), len(table.names))
        turned = Table(tuple(table.names[j] for j in places), tuple(table.columns[j] for j in places))
        turned = turned.add("one more", [[1]] * table.n_rows)
    _expect(faces, build(form, turned.take(rows)), base[rows], "rows and columns in another order", outcome)
    for i in rows[:3]:
        _expect(faces, build(form, table.take([i])), base[[i]], f"row {i} alone", outcome)
    needed = [j for j, name in enumerate(table.texts) if name in faces.reads]
    if needed and not table.is_unnamed:
        fewer = Table(tuple(table.names[j] for j in needed), tuple(table.columns[j] for j in needed))
        _expect(faces, build(form, fewer), base, "only what the model reads", outcome)


def _other_forms(faces: Faces, table: Table, base: np.ndarray, case: Case, outcome: Outcome) -> None:
    rng = random.Random(case.seed + 1)
    left = 2
    for form in rng.sample(list(CONTAINERS), len(CONTAINERS)):
        if form == "array of objects" and case.form != form:
            continue
        native = build(form, table)
        if native is not None:
            _expect(faces, native, base, form, outcome)
            left -= 1
        if not left:
            return


def _other_missing(faces: Faces, table: Table, base: np.ndarray, case: Case, outcome: Outcome) -> None:
    rng = random.Random(case.seed + 2)
    spellings = [*NOTHING, *case.options["missing_values"]]
    columns = tuple([rng.choice(spellings) if is_missing(v) else v for v in column] for column in table.columns)
    respelled = build("pandas objects", Table(table.names, columns))
    _expect(faces, respelled, base, "missing values spelled otherwise", outcome)
    counted = {f.source for f in faces.estimator.schema_.fields if f.kind == "numeric"}
    written = tuple(
        [rng.choice(("NA", "?", "-", " n/a ", "null")) if is_missing(v) else v for v in column]
        if name in counted
        else column
        for name, column in zip(table.texts, table.columns, strict=True)
    )
    _expect(faces, build("pandas objects", Table(table.names, written)), base, "missing numbers as text", outcome)
    original = build("pandas objects", table)
    fitter = SchemaFitter(**{name: case.options[name] for name in FITTING})
    y = np.arange(table.n_rows) % 2
    assert _schema(fitter, respelled, y) == _schema(fitter, original, y), "the spelling of missing values changes fit"


def _schema(fitter: SchemaFitter, X: Any, y: np.ndarray) -> object:
    with strict():
        try:
            return fitter.fit(X, y)
        except DataError as error:
            return str(error)


def _changed(
    faces: Faces,
    table: Table,
    base: np.ndarray,
    change: tuple[str, int, list[Any]],
    case: Case,
    outcome: Outcome,
) -> None:
    """Something about one column is changed; the rows whose values stay keep their answers."""
    kind, j, values = change
    name, rng = table.texts[j], random.Random(case.seed + 3)
    other = table
    if kind == "drop" and table.is_unnamed:
        return
    if kind == "drop":
        other = table.drop(j)
        if not other.names:
            return
    elif kind == "junk":
        other = table.replace(j, values)
    elif kind == "some junk":
        other = table.replace(
            j, [v if rng.random() < 0.3 else w for v, w in zip(values, table.columns[j], strict=True)]
        )
    elif kind == "blank":
        other = table.replace(j, [None] * table.n_rows)
    elif kind == "write":
        other = table.replace(j, [_written(v) for v in table.columns[j]])
    native = build("pandas objects", other)
    assert native is not None
    if kind in ("wrap", "category"):
        try:
            native[native.columns[j]] = native.iloc[:, j].astype("category" if kind == "category" else "string")
        except Exception:
            return
        other = table.replace(j, [None if is_missing(v) else v for v in native.iloc[:, j].tolist()])
    refused = ""
    try:
        answers = faces.answers(native)
    except L0GMError as error:
        refused = str(error)
    if refused:
        assert name in faces.reads, f"{name!r} is not read: {refused}"
        assert repr(name) in refused, f"{refused} does not name {name!r}"
        assert kind in ("drop", "junk", "some junk", "wrap", "category"), f"{kind}: {refused}"
        outcome.refusals += 1
        return
    assert kind != "drop" or name not in faces.reads, f"{name!r} is read and may not be absent"
    if name in faces.reads and kind != "write":
        kept = [i for i in range(table.n_rows) if spell(table.columns[j][i]) == spell(other.columns[j][i])]
    else:
        kept = list(range(table.n_rows))
    assert same(answers[kept], base[kept]), f"{kind} of {name!r}: rows that were not touched change"
    outcome.comparisons += 1


def _written(value: Any) -> Any:
    """A value as text that says the same, as after a trip through a file; others stay as they are."""
    if type(value) in (int, bool) and value.bit_length() < 4000:
        return str(value)
    if type(value) is float and np.isfinite(value):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, pd.Timestamp):
        return value
    return value


def _expect(faces: Faces, native: Any, expected: np.ndarray, what: str, outcome: Outcome) -> None:
    if native is None:
        return
    assert same(faces.answers(native), expected), f"{what}: another answer"
    outcome.comparisons += 1
