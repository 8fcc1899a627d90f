"""The compiled part is there where it can be built, and what it is given is checked."""

import shutil
import sysconfig

import numpy as np
import pytest

from l0gm.data.schema import CategoricalField, NumericField, Schema
from l0gm.native import native
from l0gm.runtime.folded import fold
from l0gm.runtime.tabular import FieldArrays, TabularProgram


def test_it_was_built():
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    assert native is not None or shutil.which(compiler) is None, "pip install -v shows why it was not built"


@pytest.mark.skipif(native is None, reason="l0gm was installed without a compiler")
class TestLookup:
    def test_rows_and_what_is_left(self):
        out = np.empty(6, np.int32)
        values = np.array(["a", None, float("nan"), 1.0, "b", 7], dtype=object)
        assert native.lookup(values, {"a": 5, None: 0}, out) == [3, 4, 5]
        assert out.tolist() == [5, 0, 0, -1, -1, -1]

    def test_without_none_among_the_rows(self):
        out = np.empty(2, np.int32)
        assert native.lookup(np.array([None, "a"], dtype=object), {"a": 1}, out) == [0]

    @pytest.mark.parametrize(
        "values",
        [np.zeros(3), np.zeros(3, np.int64), np.empty((3, 1), object), np.empty(2, object), np.empty(0, object)],
        ids=lambda values: f"{values.dtype}-{values.shape}",
    )
    def test_only_objects_of_the_right_number(self, values):
        with pytest.raises(ValueError, match="values"):
            native.lookup(values, {}, np.empty(3, np.int32))

    @pytest.mark.parametrize("rows", [0, -3, "a", None, 2**80])
    def test_only_rows(self, rows):
        with pytest.raises((TypeError, OverflowError)):
            native.lookup(np.empty(1, object), rows, np.empty(1, np.int32))

    def test_only_codes(self):
        with pytest.raises((ValueError, BufferError)):
            native.lookup(np.empty(3, object), {}, np.empty(3, np.int64))
        frozen = np.empty(3, np.int32)
        frozen.flags.writeable = False
        with pytest.raises(ValueError, match="read-only"):
            native.lookup(np.empty(3, object), {}, frozen)


@pytest.mark.skipif(native is None, reason="l0gm was installed without a compiler")
class TestRow:
    names = ("x", "c")
    known = ({"a": 2, None: 0},)

    def given(self):
        schema = Schema((NumericField("x", "x", (0.0, 1.0, 2.0)), CategoricalField("c", "c", ("a",))), ("x", "c"))
        table = np.arange(3, dtype=np.float32)[:, None]
        program = TabularProgram(
            (FieldArrays(table, table * 0), FieldArrays(table * 10)),
            np.zeros(0, np.int32),
            np.zeros(2, np.int32),
            np.zeros(1, np.float32),
            linear=True,
        )
        made = fold(program, schema)
        return made.plan, made.floats, made.doubles

    @pytest.mark.parametrize(
        ("row", "logit"),
        [
            ({"x": 1, "c": "a"}, 21.0),
            ({"x": 1.5, "c": "a", "other": []}, 22.0),
            ({"x": None, "c": None}, 0.0),
            ({"x": float("nan"), "c": float("nan")}, 0.0),
            ({"x": float("inf"), "c": "a"}, None),
            ({"x": 10**400, "c": "a"}, None),
            ({"x": "1", "c": "a"}, None),
            ({"x": 1, "c": "b"}, None),
            ({"x": 1, "c": 2.0}, None),
            ({"x": 1}, None),
        ],
    )
    def test_what_can_be_read(self, row, logit):
        out = np.full((1, 1), -1.0, np.float32)
        assert native.evaluate_row(*self.given(), self.names, self.known, row, out) is (logit is not None)
        assert out[0, 0] == (-1.0 if logit is None else logit)

    def test_what_does_not_fit(self):
        for names, known, out in (
            (("x",), self.known, np.zeros((1, 1), np.float32)),
            (self.names, (), np.zeros((1, 1), np.float32)),
            (self.names, self.known, np.zeros((1, 2), np.float32)),
        ):
            with pytest.raises(ValueError, match="do not fit"):
                native.evaluate_row(*self.given(), names, known, {}, out)
        plan, _, doubles = self.given()
        with pytest.raises(ValueError, match="floats"):
            native.evaluate_row(plan, doubles, doubles, self.names, self.known, {}, np.zeros((1, 1), np.float32))


@pytest.mark.skipif(native is None, reason="l0gm was installed without a compiler")
def test_sigmoid_checks_its_arrays():
    for logits, out in (
        (np.zeros((2, 1)), np.zeros((2, 2))),
        (np.zeros((2, 1), np.float32), np.zeros((3, 2))),
        (np.zeros((2, 2), np.float32), np.zeros((2, 2))),
        (np.zeros(2, np.float32), np.zeros((2, 2))),
    ):
        with pytest.raises(ValueError, match=r"logits|out"):
            native.sigmoid(logits, out)
