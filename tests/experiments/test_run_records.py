import json
import math

import numpy as np
import pandas as pd
import polars as pl
import pytest

from l0gm.errors import ParameterError
from l0gm.experiments.machine import hardware, versions
from l0gm.experiments.records import differences, fingerprint, plain, read_json, replacing, write_json

FRAME = pd.DataFrame(
    {
        "number": [1.5, math.nan, 3.0],
        "text": ["a", "b", None],
        "day": pd.to_datetime(["2024-01-01", None, "2024-02-01"]),
    }
)
LABELS = ["no", "yes", "no"]


def test_fingerprint_is_that_of_the_content():
    same = fingerprint(FRAME, LABELS)
    assert fingerprint(pl.from_pandas(FRAME), LABELS) == same
    assert fingerprint(pl.from_pandas(FRAME).to_arrow(), LABELS) == same
    assert fingerprint(FRAME.set_axis([7, 8, 9]), LABELS) == same  # an index is no content


@pytest.mark.parametrize(
    ("frame", "labels"),
    [
        (FRAME, ["no", "yes", "yes"]),
        (FRAME.assign(number=[1.5, math.nan, 3.0000000001]), LABELS),
        (FRAME.assign(text=["a", None, "b"]), LABELS),
        (FRAME.assign(day=FRAME["day"] + pd.Timedelta(1, "us")), LABELS),
        (FRAME.rename(columns={"text": "other"}), LABELS),
        (FRAME.iloc[::-1], LABELS),
        (FRAME.iloc[:2], LABELS[:2]),
    ],
)
def test_fingerprint_tells_rows_apart(frame, labels):
    assert fingerprint(frame, labels) != fingerprint(FRAME, LABELS)


def test_plain_values_are_strict_json():
    value = {1: (np.float64(0.5), np.int64(3), math.nan), "set": {"b", "a"}, "none": None, "kept": [True, "x"]}
    assert plain(value) == {"1": [0.5, 3, None], "set": ["a", "b"], "none": None, "kept": [True, "x"]}
    json.dumps(plain({"type": float}), allow_nan=False)


def test_differences_name_the_setting_and_both_values():
    there, here = {"epochs": 2, "lr": 0.1, "gone": 1}, {"epochs": 3, "lr": 0.1, "new": None}
    assert differences(there, here) == ["epochs: 2 there, 3 now", "gone: 1 there, none now"]
    assert differences(here, dict(here)) == []


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "a.json"
    write_json(path, {"a": math.inf})
    assert read_json(path) == {"a": None}

    def fail():
        with replacing(path) as beside:
            beside.write_text("half")
            raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        fail()
    assert read_json(path) == {"a": None}
    assert list(path.parent.iterdir()) == [path]


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ParameterError, match="cannot be written"):
        write_json(tmp_path / "file" / "below.json", {})


@pytest.mark.parametrize("text", [None, "", "{", "[1]"])
def test_reading_what_is_no_whole_record(tmp_path, text):
    path = tmp_path / "record.json"
    if text is not None:
        path.write_text(text)
    assert read_json(path) is None


def test_the_machine_is_described():
    assert hardware()["cpu"]
    assert hardware()["cores"] >= 1
    assert all(versions().values())
