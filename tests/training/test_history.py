"""The history: kept in memory, and on disk after each record, in JSON that any reader takes."""

from __future__ import annotations

import json
import math

import pytest

from l0gm.errors import ParameterError
from l0gm.training import History


def strict(text):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def test_each_record_is_on_disk_at_once(tmp_path):
    path = tmp_path / "runs" / "history.jsonl"
    history = History(path)
    assert path.read_text() == ""
    for epoch in range(3):
        history.append(event="epoch", epoch=epoch, hardened=False, temperature=None)
        assert strict(path.read_text()) == history.records
        assert len(history.records) == epoch + 1


def test_a_new_history_starts_its_file_anew(tmp_path):
    path = tmp_path / "history.jsonl"
    History(path).append(event="old")
    History(path).append(event="new")
    assert strict(path.read_text()) == [{"event": "new"}]


def test_numbers_that_json_does_not_know_are_null_on_disk(tmp_path):
    path = tmp_path / "history.jsonl"
    history = History(path)
    history.append(event="harden", auc=math.nan, best=math.inf, n=3, loss=0.5)
    assert strict(path.read_text()) == [{"event": "harden", "auc": None, "best": None, "n": 3, "loss": 0.5}]
    assert math.isnan(history.records[0]["auc"])


def test_last_is_the_latest_of_its_kind():
    history = History()
    history.append(event="epoch", epoch=1)
    history.append(event="harden", epoch=1)
    history.append(event="epoch", epoch=2)
    assert history.last("epoch") == {"event": "epoch", "epoch": 2}
    assert history.last("harden")["epoch"] == 1
    assert history.last("end") is None
    assert history.path is None


def test_what_cannot_be_written_is_an_error_not_a_broken_line(tmp_path):
    path = tmp_path / "history.jsonl"
    history = History(path)
    with pytest.raises(TypeError):
        history.append(event={1, 2})
    with pytest.raises(ValueError, match="not JSON compliant"):
        history.append(event="nested", values=[math.nan])
    assert path.read_text() == ""


def test_a_full_disk_leaves_whole_records_and_an_error_that_names_the_file(tmp_path, full_disk):
    path = tmp_path / "history.jsonl"
    history = History(path)
    history.append(event="epoch", epoch=1)
    error = pytest.raises(ParameterError, match=r"history_path='.*history\.jsonl' cannot be written \(.*too large")
    with full_disk(path.stat().st_size + 10), error:  # room for a third of a record
        history.append(event="epoch", epoch=2)
    assert strict(path.read_text()) == history.records == [{"event": "epoch", "epoch": 1}]
    history.append(event="epoch", epoch=2)
    assert strict(path.read_text()) == history.records


def test_a_path_that_cannot_be_written_is_an_error_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ParameterError, match="history_path="):
        History(tmp_path / "file" / "history.jsonl")


def test_an_earlier_file_is_there_until_the_first_record(tmp_path):
    path = tmp_path / "history.jsonl"
    History(path).append(event="old")
    new = History(path)
    assert strict(path.read_text()) == [{"event": "old"}]
    new.append(event="new")
    assert strict(path.read_text()) == [{"event": "new"}]


def test_records_that_are_brought_back_are_those_of_the_file(tmp_path):
    path = tmp_path / "history.jsonl"
    history = History(path)
    history.append(event="epoch", epoch=1, auc=math.nan)
    state = {"records": [dict(record) for record in history.state_dict()["records"]]}
    history.append(event="epoch", epoch=2)
    later = History(path)
    later.load_state_dict(state)
    assert strict(path.read_text()) == [{"event": "epoch", "epoch": 1, "auc": None}]
    later.append(event="end")
    assert [record["event"] for record in strict(path.read_text())] == ["epoch", "end"]
