"""Paths of a sweep: one training a seed, a file a point, the same front, and the distance from independent fits."""

from __future__ import annotations

import json
import os
import signal

import pytest

from l0gm import load
from l0gm.errors import DataError, ParameterError
from l0gm.experiments.sweeps import run_sweep, train_point
from l0gm.training import Trainer

VALUES = (0.2, 0.5)


def point(value):
    measures = {"accuracy": 0.8, "auc": 0.9, "log_loss": 0.4 + 0.1 * value, "brier": 0.2, "ece": 0.02}
    counts = {"n_open": round(100 * value), "n_dimensions": 100}
    return {"validation": measures, "test": measures, "seconds": 1.0, **counts}


def stub(task, path, folder):
    """Take note of the path that it stands for."""
    with (folder.parent.parent / "trained.txt").open("a") as file:
        file.write(f"{path.seed}\n")
    return {"points": [point(value) for value in path.values], "seconds": 2.0}


def lonely(task, one, folder):
    """Stand for an independent fit, of a lower loss."""
    found = point(one.value)
    better = {**found["test"], "log_loss": 0.1 + 0.1 * one.value}
    return {**found, "validation": better, "test": better, "seconds": 4.0}


def failing(task, path, folder):
    if path.seed == 1:
        raise DataError("this path is bad")
    return stub(task, path, folder)


def dying(task, path, folder):
    if path.seed == 1 and not (died := folder.parent.parent / "died").exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return stub(task, path, folder)


def trained(folder):
    return (folder / "trained.txt").read_text().split()


@pytest.fixture
def sweep(rows, tmp_path):
    def run(trainer=stub, **options):
        return run_sweep(
            *rows, **{"active": VALUES, "seeds": (0, 1), "out": tmp_path, "path": True, "trainer": trainer, **options}
        )

    return run


def test_a_file_a_path_and_a_file_a_point(sweep, tmp_path):
    told = []
    front = sweep(told=told.append)
    assert trained(tmp_path) == ["0", "1"]
    assert len(list((tmp_path / "paths").glob("*.json"))) == 2
    assert len(list((tmp_path / "points").glob("*.json"))) == 4
    assert [(entry["value"], entry["seeds"]) for entry in front["values"]] == [(0.2, [0, 1]), (0.5, [0, 1])]
    assert front["path"] == {"seconds": [2.0, 2.0], "independent_seconds": []}
    assert [entry["independent"] for entry in front["values"]] == [None, None]
    assert "without path" in " ".join(front["notes"])
    assert told[0].startswith("path of 2 values, seed 0: 2 s\n  0.2: accuracy 0.8000")
    assert json.loads((tmp_path / "front.json").read_text()) == front


def test_only_what_is_missing_is_done(sweep, tmp_path):
    front = sweep()
    assert sweep() == front
    gone = sorted((tmp_path / "points").glob("*.json"))[0]
    whole = gone.read_text()
    gone.unlink()
    assert sweep() == front
    assert gone.read_text() == whole  # from the path's record
    assert trained(tmp_path) == ["0", "1"]
    sweep(seeds=(0, 1, 2))
    assert trained(tmp_path) == ["0", "1", "2"]
    sweep(active=(0.2, 0.3, 0.5))  # another path
    assert trained(tmp_path) == ["0", "1", "2", "0", "1"]
    paths = {path: json.loads(path.read_text()) for path in (tmp_path / "paths").glob("*.json")}
    next(path for path, one in paths.items() if (one["seed"], one["values"]) == (1, [0.2, 0.5])).write_text("{")
    assert sweep() == front
    assert trained(tmp_path)[5:] == ["1"]
    assert len(list((tmp_path / "paths").glob("*.damaged"))) == 1


def test_a_path_and_independent_fits_do_not_mix(sweep, tmp_path):
    alone = sweep(lonely, path=False, seeds=(0,))
    assert "path" not in alone
    front = sweep()
    assert front["path"]["independent_seconds"] == [4.0, 4.0]
    for entry in front["values"]:
        assert entry["independent"]["seeds"] == [0]  # the other seed has none
        for part in ("validation", "test"):
            assert entry["independent"][part]["log_loss"]["mean"] == pytest.approx(0.3)
            assert entry["independent"][part]["auc"]["mean"] == 0.0
    assert "+0.3000" in (tmp_path / "front.md").read_text()
    assert "An independent fit took 4 s" in " ".join(front["notes"])
    assert sweep(lonely, path=False, seeds=(0,)) == alone


def test_failures_and_deaths(sweep, tmp_path):
    front = sweep(failing)
    assert [(entry["what"], entry["why"]) for entry in front["failed"]] == [
        ("path of 2 values, seed 1", "this path is bad")
    ]
    assert [entry["lacking"] for entry in front["values"]] == [[1], [1]]
    front = sweep(dying, jobs=2)
    assert [entry["why"] for entry in front["failed"]] == ["its process ended with exit code -9"]
    assert sweep(dying)["failed"] == []
    assert trained(tmp_path) == ["0", "1"]


def test_records_that_lack_something_are_refused(sweep):
    front = sweep(lambda task, path, folder: {"points": [point(0.2)], "seconds": 1.0}, seeds=[0])
    assert "has to hold 2 points" in front["failed"][0]["why"]
    assert front["values"] == []


def test_paths_that_are_trained(rows, options, tmp_path, monkeypatch):
    """The first one is cut short in its fine-tuning, and goes on."""
    asked = {"active": VALUES, "seeds": [3], "out": tmp_path, "path": True, "about": {"data": "mixed"}, **options}
    fit, fits = Trainer.fit, []

    def cut(self, *parts):
        fits.append(self)
        if len(fits) == 3:
            raise KeyboardInterrupt("epoch 1")
        return fit(self, *parts)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "fit", cut)
        with pytest.raises(KeyboardInterrupt, match="epoch 1; 0 of 1 paths are there"):
            run_sweep(*rows, **asked)
    (folder,) = (tmp_path / "models").iterdir()
    assert (folder / "checkpoint.pt").exists()
    front = run_sweep(*rows, **asked)
    assert not (folder / "checkpoint.pt").exists()
    for entry in front["values"]:
        (digest,) = entry["points"]
        record = json.loads((tmp_path / "points" / f"{digest}.json").read_text())
        model = load(tmp_path / record["model"])
        assert record["n_open"] == model.information["n_open"]
        assert record["test"] == model.information["metrics"]["test"]
        assert record["validation"] == model.information["metrics"]["validation"]
        assert record["configuration"]["path"] == list(VALUES)
        assert model.information["data"] == "mixed"
    alone = run_sweep(*rows, **{**asked, "path": False}, trainer=train_point)
    assert {digest for entry in alone["values"] for digest in entry["points"]}.isdisjoint(
        digest for entry in front["values"] for digest in entry["points"]
    )
    assert run_sweep(*rows, **asked)["values"][0]["independent"]["seeds"] == [3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"active": None, "penalty": [0.1]}, "not penalty"),
        ({"gate": "magnitude"}, "a gate that learns"),
        ({"gate": "none"}, "gate='none'"),
        ({"active": [0.2, 1.5]}, "active=1.5"),
    ],
)
def test_what_is_refused(sweep, tmp_path, options, message):
    with pytest.raises(ParameterError, match=message):
        sweep(**options)
    assert not (tmp_path / "trained.txt").exists()
