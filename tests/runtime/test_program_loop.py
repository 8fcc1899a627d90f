"""The compiled loop: right by a literal evaluation, alike for one row and many, within the bounds of its arrays."""

import itertools

import handmade
import numpy as np
import pytest
from handmade import SCHEMA

from l0gm.data.probes import probe_rows
from l0gm.data.schema import Encoded
from l0gm.runtime import tabular

BRANCHES = [
    {"linear": linear, "deep": deep, "cin": cin}
    for linear, deep, cin in itertools.product((True, False), ((), (5,), (4, 3)), ((), (3,), (3, 2), (2, 4, 1)))
    if linear or deep or cin
]


def literal(program, encoded):
    """Eq. 20 with Eqs. 8 to 12, row by row and sum by sum, in double precision."""
    m, width = len(program.fields), int(program.coordinates.max(initial=-1)) + 1
    result = np.zeros((len(encoded), program.n_outputs))
    for r, (codes, fractions) in enumerate(zip(encoded.codes, encoded.fractions.astype(float), strict=True)):
        logits = program.bias.astype(float)
        x0, h, at = np.zeros((m, width)), [], 0
        for i, f in enumerate(program.fields):
            value = f.rows[codes[i]].astype(float)
            if f.slopes is not None:
                value = value + fractions[i] * f.slopes[codes[i]].astype(float)
            k = program.open_per_field[i]
            for j in range(k):
                x0[i, program.coordinates[at]] = value[j]
                h.append(value[j])
                at += 1
            if program.linear:
                logits = logits + value[k:]
        state = np.array(h)
        for number, (weight, bias) in enumerate(program.deep):
            state = weight.astype(float) @ state + bias
            if number < len(program.deep) - 1:
                state = np.maximum(state, 0.0)
        if program.deep:
            logits = logits + state
        pooled, before = [], x0
        for weight in program.cin:
            maps = np.zeros((len(weight), width))
            for number, i, j in np.ndindex(*weight.shape):
                maps[number] += float(weight[number, i, j]) * before[i] * x0[j]
            pooled += maps.sum(1).tolist()
            before = maps
        if program.cin:
            logits = logits + program.cin_out.astype(float) @ np.array(pooled)
        result[r] = logits
    return result


@pytest.fixture(scope="module")
def encoded():
    return SCHEMA.encode(handmade.rows(30))


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("branches", BRANCHES, ids=str)
def test_logits_are_those_of_the_equations(branches, n_outputs, encoded):
    program = handmade.program(n_outputs, **branches)
    np.testing.assert_allclose(program.logits(encoded), literal(program, encoded), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("opened", [((),) * 7, ((), (), (1, 2), (), (), (), ()), ((0,),) * 7], ids=str)
def test_any_support(opened, encoded):
    """Nothing open, one field open, one coordinate for all."""
    rank = {d: i for i, d in enumerate(sorted({d for dims in opened for d in dims}))}
    dense = tuple(tuple(rank[d] for d in dims) for dims in opened)
    for cin in ((3,), (3, 2)):
        program = handmade.program(2, cin=cin, opened=dense)
        np.testing.assert_allclose(program.logits(encoded), literal(program, encoded), rtol=2e-5, atol=2e-5)


def test_probabilities():
    program = handmade.program(1)
    encoded = SCHEMA.encode(handmade.rows(20))
    p = program.probabilities(encoded)
    assert p.dtype == np.float64
    np.testing.assert_allclose(p[:, 1], 1.0 / (1.0 + np.exp(-program.logits(encoded)[:, 0].astype(float))), rtol=1e-12)
    np.testing.assert_allclose(p.sum(1), 1.0, rtol=1e-12)
    program = handmade.program(4)
    e = np.exp(program.logits(encoded).astype(float))
    np.testing.assert_allclose(program.probabilities(encoded), e / e.sum(1, keepdims=True), rtol=1e-12)


@pytest.mark.parametrize(("n_outputs", "size"), [(1, 1e6), (3, 1e6)])
def test_extreme_logits_give_probabilities(n_outputs, size):
    program = handmade.program(n_outputs)
    program.bias[...] = np.linspace(-size, size, n_outputs) if n_outputs > 1 else -size
    p = program.probabilities(SCHEMA.encode(handmade.rows(5)))
    assert np.isfinite(p).all()
    assert np.allclose(p.sum(1), 1.0)


@pytest.mark.parametrize("n_outputs", [1, 2, 3, 9, 50])
@pytest.mark.parametrize("cin", [(3,), (3, 2)])
def test_a_rows_answer_does_not_depend_on_the_rows_around_it(n_outputs, cin):
    program = handmade.program(n_outputs, cin=cin)
    encoded = SCHEMA.encode(handmade.rows(203))
    whole = program.probabilities(encoded)
    for size in (1, 2, 3, 7, 64, 202):
        parts = [np.arange(start, min(start + size, 203)) for start in range(0, 203, size)]
        split = np.concatenate([program.probabilities(encoded.take(part)) for part in parts])
        assert np.array_equal(split, whole)
    order = np.random.default_rng(0).permutation(203)
    assert np.array_equal(program.probabilities(encoded.take(order)), whole[order])


def test_no_rows():
    program = handmade.program(3)
    empty = SCHEMA.encode(handmade.rows(3)).take(np.arange(0))
    assert program.probabilities(empty).shape == (0, 3)


class Guarded(np.ndarray):
    """An array that, unlike numpy's own, takes no negative index and cuts no slice short."""

    def _inside(self, key):
        for size, k in zip(self.shape, key if isinstance(key, tuple) else (key,), strict=False):
            if isinstance(k, slice):
                if not 0 <= (k.start or 0) <= (size if k.stop is None else k.stop) <= size:
                    raise IndexError(f"{k} of {size}")
            elif not 0 <= k < size:
                raise IndexError(f"{k} of {size}")

    def __getitem__(self, key):
        self._inside(key)
        return super().__getitem__(key)

    def __setitem__(self, key, value):
        self._inside(key)
        super().__setitem__(key, value)


def guard(value):
    return value.copy().view(Guarded) if isinstance(value, np.ndarray) else value


def run_guarded(program, encoded, monkeypatch):
    """Return the logits of the loop as plain Python, with each index checked."""
    loop = tabular._evaluate.py_func
    for name, value in vars(tabular).copy().items():
        if hasattr(value, "py_func"):
            monkeypatch.setattr(tabular, name, value.py_func)
    for name in ("empty", "zeros"):
        make = getattr(np, name)
        monkeypatch.setattr(tabular.np, name, lambda *args, make=make: make(*args).view(Guarded))
    out = np.zeros((len(encoded), program.n_outputs), np.float32).view(Guarded)
    flat = tuple(map(guard, (program.text_values(encoded), *program._flat)))
    loop(guard(encoded.codes), guard(encoded.fractions), *flat, out)
    monkeypatch.undo()
    return np.asarray(out)


def extremes(n_rows):
    """The least and the largest code of every field."""
    codes = np.array([[0] * len(n_rows), [n - 1 for n in n_rows]], dtype=np.int32).reshape(2, len(n_rows))
    return Encoded(codes, np.ones(codes.shape, np.float32))


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("branches", BRANCHES, ids=str)
def test_no_index_leaves_its_array(branches, n_outputs, monkeypatch):
    program = handmade.program(n_outputs, **branches)
    encoded = extremes(SCHEMA.n_rows)
    logits = run_guarded(program, encoded, monkeypatch)
    np.testing.assert_allclose(logits, program.logits(encoded), rtol=1e-5, atol=1e-5)


def test_the_guard_sees_an_index_that_leaves_its_array(monkeypatch):
    program = handmade.program(1)
    encoded = extremes([n + (i == 6) for i, n in enumerate(SCHEMA.n_rows)])
    with pytest.raises(IndexError):
        run_guarded(program, encoded, monkeypatch)


def test_codes_lie_within_the_tables():
    """What the loop takes for granted of the schema."""
    strange = {
        "age": [np.nan, 1e308, -1e308, 5e-324, 17.0, np.nextafter(17.0, 0), 90.0, np.nextafter(90.0, 100), 30.5],
        "job": ["", " ", None, "clerk", "CLERK", "0", "\ud800", "x" * 10_000, "nurse"],
        "account": [None, "", "a", "\ud800", "\0", "東" * 50, 3, 3.0, True],
        "gain": [np.inf, -np.inf, np.nan, 0.1 + 0.2, 0.3, 0.0, -0.0, 1e308, -1.0],
        "member": [True, False, None, True, None, False, True, True, True],
        "seen": np.array(["NaT", "0001-01-01", "9999-12-31T23:59:59.999999", *["2024-02-29"] * 6], "datetime64[us]"),
    }
    for table in (strange, probe_rows(SCHEMA, 500)):
        encoded = SCHEMA.encode(table)
        assert (encoded.codes >= 0).all()
        assert (encoded.codes < np.array(SCHEMA.n_rows)).all()
        assert ((encoded.fractions >= 0) & (encoded.fractions <= 1)).all()
