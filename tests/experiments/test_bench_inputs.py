import numpy as np
import pandas as pd
import pytest

from l0gm.errors import DataError
from l0gm.experiments.bench.inputs import Coder, Rows, cycled, plain_frame


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "n": [1, 2, 3, 4],
            "x": [0.5, np.nan, 1.5, 2.5],
            "flag": pd.array([True, None, False, True], dtype="boolean"),
            "day": pd.to_datetime(["1970-01-02", None, "1970-01-01", "1970-01-03"]),
            "text": ["b", None, "a", "b"],
            "kind": pd.Categorical(["u", "v", None, "u"]),
        }
    )


def test_all_kinds_of_columns_become_numbers_and_objects(frame):
    plain = plain_frame(frame)
    assert [str(kind) for kind in plain.dtypes] == ["int64", "float64", "float64", "float64", "object", "object"]
    np.testing.assert_array_equal(plain["flag"], [1.0, np.nan, 0.0, 1.0])
    np.testing.assert_array_equal(plain["day"], [86400.0, np.nan, 0.0, 172800.0])
    assert plain["text"].tolist() == ["b", None, "a", "b"]
    assert plain["kind"].tolist() == ["u", "v", None, "u"]


def test_a_table_without_columns():
    with pytest.raises(DataError, match="no column"):
        plain_frame(pd.DataFrame(index=range(3)))


def test_codes_of_training_rows(frame):
    coder = Coder.fit(plain_frame(frame), min_count=1)
    assert coder.numeric == ("n", "x", "flag", "day")
    assert coder.known == {"text": {"a": 1, "b": 2}, "kind": {"u": 1, "v": 2}}
    assert (coder.n_codes, coder.n_columns) == ((3, 3), 6)
    assert Coder.fit(plain_frame(frame), min_count=2).known == {"text": {"b": 1}, "kind": {"u": 1}}


def test_matrix_categories_and_dict_say_the_same(frame):
    plain = plain_frame(frame)
    coder = Coder.fit(plain, min_count=1)
    plain.loc[3, "text"] = "never seen"
    matrix = coder.matrix(plain, np.float32, "F")
    assert (matrix.dtype, matrix.flags.f_contiguous) == (np.float32, True)
    np.testing.assert_array_equal(matrix[:, 4], [2, 0, 1, 0])
    np.testing.assert_array_equal(matrix[:, 5], [1, 2, 0, 1])
    categories = coder.as_categories(plain)
    assert {str(categories[name].dtype) for name in ("text", "kind")} == {"category"}
    assert categories["text"].tolist()[3] == "never seen"
    np.testing.assert_array_equal(coder.matrix(categories), coder.matrix(plain))
    shared = pd.CategoricalDtype(["u", "b", "a", "never seen"])
    both = plain.assign(text=plain["text"].astype(shared), kind=plain["text"].astype(shared))
    np.testing.assert_array_equal(coder.matrix(both)[:, 4], [2, 0, 1, 0])
    np.testing.assert_array_equal(coder.matrix(both)[:, 5], [0, 0, 0, 0])
    for i, values in enumerate(plain.to_dict("records")):
        np.testing.assert_array_equal(np.array(coder.row(values), np.float32), matrix[i])


def test_rows_can_be_taken(frame):
    rows = Rows(plain_frame(frame), np.array([0, 1, 0, 1])).take(np.array([2, 3]))
    assert len(rows) == 2
    assert rows.frame["n"].tolist() == [3, 4]
    assert rows.frame.index.tolist() == [0, 1]


def test_inputs_come_in_turn():
    seen = []
    call = cycled(seen.append, ["a", "b"])
    for _ in range(5):
        call()
    assert seen == ["a", "b", "a", "b", "a"]
