import json

import pytest

from l0gm import datasets


def test_list(l0gm):
    got = json.loads(l0gm("data", "list", "--json").stdout)
    assert [entry["name"] for entry in got] == list(datasets.names())
    text = l0gm("data", "list").stdout
    for entry in got:
        assert entry["name"] in text
        assert entry["summary"] in text


def test_describe(l0gm, refuses):
    got = json.loads(l0gm("data", "describe", "synthetic:mixed", "--json").stdout)
    assert (got["target"], got["splits"], got["path"]) == ("churned", ["holdout"], None)
    assert "churned" in l0gm("data", "describe", "synthetic:mixed").stdout
    assert "did you mean 'adult'?" in refuses("data", "describe", "adlt")


@pytest.mark.parametrize("command", ["fetch", "path"])
def test_where_a_data_set_lies(l0gm, refuses, monkeypatch, tmp_path, command):
    monkeypatch.setattr(datasets, command, lambda name: tmp_path / name)
    assert l0gm("data", command, "adult").stdout == f"{tmp_path / 'adult'}\n"
    monkeypatch.undo()
    assert "has no file" in refuses("data", command, "synthetic:mixed")


def test_what_is_not_on_this_machine(l0gm, refuses, monkeypatch, tmp_path):
    monkeypatch.setenv("L0GM_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert "l0gm data fetch adult" in refuses("data", "path", "adult")
    assert "not on this machine" in l0gm("data", "describe", "adult").stdout
