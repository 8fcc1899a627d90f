import itertools
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from l0gm.data.frames import Table
from l0gm.data.schema import CategoricalField, HashedField, NumericField, Schema
from l0gm.encoders import stored
from l0gm.encoders.batch import RowBatch
from l0gm.encoders.stored import store
from l0gm.errors import DataError

NUMERIC = NumericField("x", "x", (0.0, 1.0, 2.0, 4.0))
TEXT = CategoricalField("kind", "kind", ("a", "b", "c"))


def schema(*fields):
    return Schema(fields, tuple(dict.fromkeys(f.source for f in fields)))


def rows(n, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 5, n)
    x[rng.random(n) < 0.1] = np.nan
    return {
        "x": x,
        "kind": rng.choice(np.array(["a", "b", "c", "unseen", None], dtype=object), n),
        "id": rng.integers(0, 10**6, n).astype(str),
    }


def parts(table, sizes):
    starts = np.cumsum([0, *sizes])
    for low, high in itertools.pairwise(starts):
        yield Table({name: column[low:high] for name, column in table.items()})


@pytest.mark.parametrize(
    "fields",
    [
        (NUMERIC, TEXT, NumericField("x2", "x", (1.0, 3.0))),
        (TEXT,),
        (NUMERIC,),
        (HashedField("id", "id", 300), TEXT, NUMERIC),
        (NUMERIC, HashedField("id", "id", 100_000)),
    ],
    ids=["mixed", "text", "number", "two bytes", "four bytes"],
)
def test_what_is_taken_is_what_was_encoded(fields):
    made, table = schema(*fields), rows(1000)
    expected = RowBatch.of(made.encode(table))
    found = store(made, parts(table, [400, 0, 1, 599]))
    assert found.n_rows == 1000
    for chosen in (torch.arange(1000), torch.tensor([999, 0, 0, 400, 401]), torch.empty(0, dtype=torch.int64)):
        got, want = found.take(chosen), expected.take(chosen)
        assert torch.equal(got.codes, want.codes)
        assert torch.equal(got.fractions, want.fractions)
        assert (got.codes.dtype, got.fractions.dtype) == (torch.int64, torch.float32)


@pytest.mark.parametrize(("buckets", "size"), [(200, 1), (60_000, 2), (70_000, 4)])
def test_codes_take_as_few_bytes_as_they_can(buckets, size):
    made = schema(HashedField("id", "id", buckets), TEXT, NUMERIC)
    found = store(made, parts(rows(50), [50]))
    assert found.records.itemsize == 3 * size + 4


def test_some_rows_of_a_store():
    made, table = schema(NUMERIC, TEXT), rows(100)
    whole = store(made, parts(table, [100]))
    some = whole.select(np.array([7, 3, 50])).select(np.array([2, 0]))
    want = RowBatch.of(made.encode(table)).take(torch.tensor([50, 7]))
    assert torch.equal(some.take(torch.arange(2)).codes, want.codes)
    assert some.n_rows == 2


def test_counts_are_those_of_the_rows_in_memory(monkeypatch):
    monkeypatch.setattr(stored, "AT_ONCE", 64)
    made, table = schema(NUMERIC, TEXT, HashedField("id", "id", 50)), rows(500)
    chosen = np.arange(0, 500, 3)
    want = RowBatch.of(made.encode(table)).take(torch.from_numpy(chosen)).counts(made.n_rows)
    found = store(made, parts(table, [500])).select(chosen).counts(made.n_rows)
    for a, b in zip(found, want, strict=True):
        assert torch.equal(a, b)


def test_the_window_holds_two_gigabytes():
    found = store(schema(NUMERIC, TEXT), parts(rows(10), [10]))
    assert found.window == 2**31 // found.records.itemsize


def test_no_rows():
    found = store(schema(NUMERIC, TEXT), parts(rows(5), [0]))
    assert found.n_rows == 0
    assert found.take(torch.empty(0, dtype=torch.int64)).codes.shape == (0, 2)


# ---- the file ------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where temporary files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_nothing_lies_in_the_folder_even_while_rows_are_read(folder):
    found = store(schema(NUMERIC, TEXT), parts(rows(100), [100]))
    assert found.take(torch.arange(100)).n_rows == 100
    assert list(folder.iterdir()) == []


def test_nothing_is_left_after_an_error(folder):
    bad = rows(10) | {"x": ["word"] * 10}
    with pytest.raises(DataError, match="'word'"):
        store(schema(NUMERIC, TEXT), [Table(rows(10)), Table(bad)])
    assert list(folder.iterdir()) == []


def test_the_room_is_free_again_when_the_rows_are_gone(folder):
    def held():
        return sum(str(folder) in line for line in Path("/proc/self/maps").read_text().splitlines())

    if not Path("/proc/self/maps").exists():
        pytest.skip("the system does not say what is mapped")
    found = store(schema(NUMERIC, TEXT), parts(rows(100), [100]))
    part = found.select(np.arange(5))
    del found
    assert held() == 1
    del part
    assert held() == 0


def test_a_full_disk_is_an_error_that_says_what_to_do(monkeypatch, folder):
    class Full:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def write(self, content):
            raise OSError(28, os.strerror(28))

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **options: Full())
    with pytest.raises(DataError, match=rf"{folder} cannot hold the encoded rows \(.*No space.*TMPDIR"):
        store(schema(NUMERIC, TEXT), parts(rows(10), [10]))


def test_a_folder_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(DataError, match="TMPDIR"):
        store(schema(NUMERIC, TEXT), parts(rows(10), [10]))
