"""The folded program is the unfolded one: for every branch, kernel and kind of table, for one row and many."""

import dataclasses
import itertools

import handmade
import numpy as np
import pytest
from handmade import SCHEMA

from l0gm.data.schema import Columns, NumericField, Schema
from l0gm.errors import ParameterError
from l0gm.native import native
from l0gm.runtime import folded
from l0gm.runtime.folded import fold
from l0gm.runtime.predictor import Predictor
from l0gm.runtime.tabular import FieldArrays, TabularProgram, probabilities
from l0gm.testing.sound import sound_models

pytestmark = pytest.mark.skipif(native is None, reason="l0gm was installed without a compiler")
KERNELS = ("portable", "avx2", "avx512")
BRANCHES = [
    {"linear": linear, "deep": deep, "cin": cin}
    for linear, deep, cin in itertools.product((True, False), ((), (5,), (40, 17), (4, 3, 20)), ((), (3,)))
    if linear or deep or cin
]


@pytest.fixture(params=KERNELS)
def kernel(request):
    """Each kernel that this processor has."""
    if native.use(request.param) != request.param:
        native.use()
        pytest.skip(f"no {request.param} here")
    yield request.param
    native.use()


@pytest.fixture(scope="module")
def rows():
    return SCHEMA.read(handmade.rows(150))


def texts(n):
    return np.zeros((n, 0), np.float32)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("branches", BRANCHES, ids=str)
def test_folding_changes_no_logit(branches, n_outputs, rows, kernel):
    program = handmade.program(n_outputs, **branches)
    expected = program.logits(SCHEMA.binned(rows))
    got = fold(program, SCHEMA).logits(rows, texts(len(rows)))
    np.testing.assert_allclose(got, expected, rtol=3e-5, atol=3e-5)


@pytest.mark.parametrize("narrow_above", [-1, 4, 2**40])
def test_tables_too_large_to_fold_are_multiplied_row_by_row(narrow_above, rows, kernel, monkeypatch):
    monkeypatch.setattr(folded, "NARROW_ABOVE", narrow_above)
    program = handmade.program(2, deep=(33, 5), cin=(3,))
    got = fold(program, SCHEMA).logits(rows, texts(len(rows)))
    np.testing.assert_allclose(got, program.logits(SCHEMA.binned(rows)), rtol=3e-5, atol=3e-5)


def test_a_row_is_answered_alike_alone_and_among_others(rows, kernel):
    program = fold(handmade.program(1, deep=(40, 17), cin=(3,)), SCHEMA)
    together = program.logits(rows, texts(len(rows)))
    for first, last in ((0, 1), (31, 32), (32, 70), (3, 150), (149, 150)):
        part = Columns(rows.numbers[first:last], rows.codes[first:last])
        np.testing.assert_array_equal(program.logits(part, texts(last - first)), together[first:last])
    assert program.logits(Columns(rows.numbers[:0], rows.codes[:0]), texts(0)).shape == (0, 1)


def test_threads_share_the_rows_out(rows, monkeypatch):
    monkeypatch.setattr(folded, "ROWS_A_THREAD", 10)
    program = fold(handmade.program(2, deep=(7,), cin=(3,)), SCHEMA)
    alone = program.logits(rows, texts(len(rows)))
    for threads in (2, 3, 16):
        np.testing.assert_array_equal(program.logits(rows, texts(len(rows)), threads), alone)


def test_any_strides(rows):
    program = fold(handmade.program(1, deep=(7,), cin=(3,)), SCHEMA)
    expected = program.logits(rows, texts(len(rows)))
    for order in ("C", "F"):
        part = Columns(np.array(rows.numbers, order=order), np.array(rows.codes, order=order))
        np.testing.assert_array_equal(program.logits(part, texts(len(rows))), expected)
    backwards = Columns(rows.numbers[::-1], rows.codes[::-1])
    np.testing.assert_array_equal(program.logits(backwards, texts(len(rows))), expected[::-1])


@pytest.mark.parametrize("n_edges", [2, 3, 12, 66, 67, 130, 1001])
def test_numbers_fall_into_the_bins_of_the_schema(n_edges, kernel):
    rng = np.random.default_rng(n_edges)
    edges = np.unique(np.concatenate([rng.normal(size=n_edges - 2), [-1e300, 0.1 + 0.2]]))
    field = NumericField("x", "x", tuple(edges.tolist()))
    schema = Schema((field,), ("x",))
    near = np.concatenate([edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf), rng.normal(size=200)])
    x = np.concatenate([near, [np.nan, -0.0, 5e-324, 1.7e308, -1.7e308]])
    table = np.arange(field.n_rows, dtype=np.float32)[:, None]
    program = TabularProgram(
        (FieldArrays(table * 4, np.ones_like(table)),),
        np.zeros(0, np.int32),
        np.zeros(1, np.int32),
        np.zeros(1, np.float32),
        linear=True,
    )
    codes, fractions = field.bin(x)
    got = fold(program, schema).logits(Columns(x[:, None], np.zeros((len(x), 0), np.int32)), texts(len(x)))
    np.testing.assert_array_equal(got[:, 0], 4 * codes.astype(np.float32) + fractions)


def test_models_of_every_kind_predict_alike_with_and_without_the_kernel(monkeypatch):
    from l0gm.data.probes import probe_rows

    n_folded = 0
    for model in sound_models():
        table = probe_rows(model.schema, 90, 5)
        columns = model.read(table)
        n_folded += Predictor(model.program, model.schema).folded is not None
        fast = Predictor(model.program, model.schema).probabilities(columns)
        with monkeypatch.context() as context:
            context.setattr(folded, "native", None)
            slow = Predictor(model.program, model.schema)
            assert slow.folded is None
            np.testing.assert_allclose(slow.probabilities(columns), fast, atol=1e-6)
    assert n_folded >= 5


def test_what_does_not_fold():
    assert fold(handmade.program(1, deep=(), cin=(3, 2)), SCHEMA) is None
    assert fold(handmade.program(400, deep=(), cin=(3,)), SCHEMA) is None, "squares of each class"
    program = handmade.program(1, deep=(4,), cin=(3,))
    (weight, bias), last = program.deep
    vast = tuple(dataclasses.replace(f, rows=f.rows * np.float32(1e30)) for f in program.fields)
    beyond = dataclasses.replace(program, fields=vast, deep=((weight * np.float32(1e30), bias), last))
    assert fold(beyond, SCHEMA) is None


def test_wrong_arrays_are_refused(rows):
    program = fold(handmade.program(1, deep=(4,), cin=(3,)), SCHEMA)
    for code in (-1, 99, 2**31 - 1):
        codes = np.array(rows.codes)
        codes[77, 1] = code
        with pytest.raises(ParameterError, match="no row of its field's table"):
            program.logits(Columns(rows.numbers, codes), texts(len(rows)))
    for value in (np.inf, -np.inf):
        numbers = np.array(rows.numbers)
        numbers[3, 0] = value
        with pytest.raises(ParameterError, match="infinite"):
            program.logits(Columns(numbers, rows.codes), texts(len(rows)))
    with pytest.raises(ParameterError, match="shape"):
        program.logits(Columns(rows.numbers[:, :1], rows.codes), texts(len(rows)))


def test_probabilities_of_one_logit(kernel, monkeypatch):
    rng = np.random.default_rng(0)
    logits = np.concatenate([rng.normal(size=5000) * 5, [0.0, -0.0, 88.0, -88.0, 3e38, -3e38, 1e-30]])
    logits = logits.astype(np.float32)[:, None]
    fast = probabilities(logits)
    monkeypatch.setattr("l0gm.runtime.tabular.native", None)
    np.testing.assert_allclose(fast, probabilities(logits), rtol=1e-12, atol=1e-16)
    assert (fast.sum(1) == 1.0).all()
