"""The compiled part is there where it can be built, and what it is given is checked."""

import shutil
import sysconfig

import numpy as np
import pytest

from l0gm.native import native


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

    def test_only_codes(self):
        with pytest.raises((ValueError, BufferError)):
            native.lookup(np.empty(3, object), {}, np.empty(3, np.int64))
        frozen = np.empty(3, np.int32)
        frozen.flags.writeable = False
        with pytest.raises(ValueError, match="read-only"):
            native.lookup(np.empty(3, object), {}, frozen)


@pytest.mark.skipif(native is None, reason="l0gm was installed without a compiler")
def test_rows_that_cannot_be_read():
    numbers, codes = np.empty((1, 1)), np.empty((1, 1), np.int32)
    names, known = ("x", "c"), ({"a": 2, None: 0},)
    for row, read in (
        ({"x": 1, "c": "a"}, True),
        ({"x": None, "c": None}, True),
        ({"x": float("nan"), "c": float("nan")}, True),
        ({"x": float("inf"), "c": "a"}, False),
        ({"x": 10**400, "c": "a"}, False),
        ({"x": "1", "c": "a"}, False),
        ({"x": 1, "c": "b"}, False),
        ({"x": 1}, False),
    ):
        assert native.read_row(row, names, known, numbers, codes) is read, row
    with pytest.raises(ValueError, match="do not fit"):
        native.read_row({}, ("x",), known, numbers, codes)


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
