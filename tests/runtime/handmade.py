"""A served model made by hand, without training or PyTorch: every kind of field, every branch."""

from __future__ import annotations

import datetime as dt
import itertools

import numpy as np

from l0gm.calibration import TemperatureScaling
from l0gm.data.probes import probe_rows
from l0gm.data.schema import CategoricalField, HashedField, NumericField, Schema
from l0gm.runtime import Certificate, CompactModel
from l0gm.runtime.tabular import FieldArrays, TabularProgram

SCHEMA = Schema(
    (
        NumericField("age", "age", (17.0, 30.5, 44.0, 90.0)),
        CategoricalField("job", "job", ("clerk", "nurse", "pilot")),
        HashedField("account", "account", 5),
        NumericField("gain", "gain", (-1.0, 0.0, 0.1 + 0.2), infinite="missing"),
        CategoricalField("member", "member", ("False", "True")),
        NumericField("seen:hour", "seen", (0.0, 6.0, 23.0), part="hour"),
        NumericField("seen:weekday", "seen", (0.0, 4.0, 6.0), part="weekday"),
    ),
    ("age", "job", "account", "gain", "member", "seen", "constant"),
)
OPEN = ((0, 2), (1,), (0,), (), (0, 1, 2), (2,), (1,))


def program(n_outputs=1, linear=True, deep=(4, 3), cin=(3, 2), opened=OPEN, schema=SCHEMA, seed=0):
    """Return a program whose arrays are random, of the shapes that ``schema`` and ``opened`` ask for."""
    rng = np.random.default_rng(seed)

    def floats(*shape):
        return (0.7 * rng.normal(size=shape)).astype(np.float32)

    fields = []
    for field, dims in zip(schema.fields, opened, strict=True):
        shape = (field.n_rows, len(dims) + n_outputs * linear)
        fields.append(FieldArrays(floats(*shape), floats(*shape) if field.kind == "numeric" else None))
    widths = [sum(map(len, opened)), *deep, n_outputs] if deep else []
    maps = [len(schema.fields), *cin]
    return TabularProgram(
        fields=tuple(fields),
        coordinates=np.array([d for dims in opened for d in dims], dtype=np.int32),
        open_per_field=np.array([len(dims) for dims in opened], dtype=np.int32),
        bias=floats(n_outputs),
        linear=linear,
        deep=tuple((floats(b, a), floats(b)) for a, b in itertools.pairwise(widths)),
        cin=tuple(floats(b, a, len(schema.fields)) for a, b in itertools.pairwise(maps)),
        cin_out=floats(n_outputs, sum(cin)) if cin else None,
    )


def model(classes=("no", "yes"), n_rows=64, **options):
    """Return a served model, certified by its own answers."""
    made = program(1 if len(classes) == 2 else len(classes), **options)
    schema = options.get("schema", SCHEMA)
    answers = made.probabilities(schema.encode(probe_rows(schema, n_rows, 0))).astype(np.float32)
    return CompactModel(
        schema=schema,
        program=made,
        classes_=tuple(classes),
        certificate=Certificate(n_rows, 0, 1e-5, 1.25e-7, answers),
        calibrator=TemperatureScaling(1.7320508075688772),
        calibrated=False,
        information={"n_open": 9, "n_dimensions": 21, "dropped": ["constant"], "metrics": {}},
    )


def rows(n=100, seed=0):
    """Rows as a dict of lists: missing and unseen values, booleans, dates."""
    rng = np.random.default_rng(seed)

    def some(values, missing=0.1):
        return [None if rng.random() < missing else v for v in values]

    return {
        "age": some(rng.normal(45.0, 25.0, n).tolist()),
        "job": some([("clerk", "nurse", "pilot", "diver", "東京")[i] for i in rng.integers(0, 5, n)]),
        "account": some([f"a{i}" for i in rng.integers(0, 50, n)]),
        "gain": some(rng.choice([0.0, 0.3, -2.0, 1e12, np.inf], n).tolist()),
        "member": some((rng.random(n) < 0.5).tolist()),
        "seen": some([dt.datetime(2023, 5, 1) + dt.timedelta(hours=int(h)) for h in rng.integers(0, 9000, n)]),
    }


def take(table, which):
    """These rows of a dict of lists."""
    return {name: [values[i] for i in which] for name, values in table.items()}
