"""Runs that are interrupted or fail go on from the checkpoint of the fit that they were in."""

from __future__ import annotations

import json
import math
import signal

import pytest

from l0gm.errors import L0GMError, ParameterError
from l0gm.experiments import run_seeds, seeds
from l0gm.runtime import CompactModel
from l0gm.training import History, Trainer, checkpoint

FILES = ("model.l0gm", "dense/model.l0gm")


@pytest.fixture
def before_each_step(monkeypatch):
    """Write the checkpoint before each step."""
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", math.inf)


@pytest.fixture
def steps(monkeypatch):
    """The number of steps made, and where to press Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    whole = Trainer._step
    state = {"made": 0, "press": math.inf}

    def step(self, *args):
        state["made"] += 1
        if state["made"] == state["press"]:
            signal.raise_signal(signal.SIGINT)
        return whole(self, *args)

    monkeypatch.setattr(Trainer, "_step", step)
    yield state
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def whole(rows, options, tmp_path_factory):
    """The folder of a run that was not interrupted."""
    out = tmp_path_factory.mktemp("whole")
    run_seeds(*rows, seeds=[0, 1], out=out, active=0.3, **options)
    return out


def content(out):
    return {f"seed-{seed}/{name}": (out / f"seed-{seed}" / name).read_bytes() for seed in (0, 1) for name in FILES}


def left(out):
    return sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())


def untimed(value):
    """Leave out what no two runs share."""
    if isinstance(value, dict):
        return {k: untimed(v) for k, v in value.items() if k not in ("fit_seconds", "seconds", "hardware")}
    return value


@pytest.mark.usefixtures("before_each_step")
def test_interrupted_in_each_fit(rows, options, whole, steps, tmp_path):
    run = {"seeds": [0, 1], "out": tmp_path, "active": 0.3, **options}
    wheres = []
    for press in (5, 30, 50, 90, 40):  # steps after those before; a gated fit has 76, a dense one 38
        steps |= {"made": 0, "press": press}
        with pytest.raises(KeyboardInterrupt) as caught:
            run_seeds(*rows, **run)
        wheres.append(str(caught.value))
        assert caught.value.__notes__ == ["The same call goes on from there."]
    assert wheres == [
        "seed 0, gated, epoch 1",
        "seed 0, gated, epoch 2",
        "seed 0, dense, epoch 1",
        "seed 1, gated, epoch 4",
        "seed 1, dense, epoch 2",
    ]
    steps |= {"made": 0, "press": math.inf}
    summary = run_seeds(*rows, **run)
    assert steps["made"] == 2 * (76 + 38) - (5 + 30 + 50 + 90 + 40)  # none is repeated
    assert content(tmp_path) == content(whole)
    assert left(tmp_path) == left(whole)
    assert untimed(summary) == untimed(json.loads((whole / "summary.json").read_text()))


@pytest.mark.parametrize(
    ("place", "size", "named", "repeated"),
    [
        ((Trainer, "fit"), 10_000, r"checkpoint\.pt cannot be written", 76),
        ((History, "append"), 60, r"history_path=.*history\.jsonl' cannot be written", 76),
        ((CompactModel, "save"), 10_000, r"model\.l0gm cannot be written", 0),
        ((seeds, "write_json"), 1000, r"metrics\.json cannot be written", 0),
    ],
)
def test_a_full_disk(rows, options, whole, steps, full_disk, monkeypatch, tmp_path, place, size, named, repeated):
    """The error names the file, an earlier run is still there, and what was learned is not lost."""
    run = {"seeds": [0], "out": tmp_path, "dense": False, **options}
    run_seeds(*rows, active=0.5, **run)
    before = {name: (tmp_path / "seed-0" / name).read_bytes() for name in ("model.l0gm", "metrics.json")}
    owner, name = place
    inner = getattr(owner, name)

    def call(*args, **given):
        with full_disk(size):
            return inner(*args, **given)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, call)
        with pytest.raises(L0GMError, match=named) as caught:
            run_seeds(*rows, active=0.3, overwrite=True, **run)
    assert "File too large" in str(caught.value)
    model, metrics = (tmp_path / "seed-0" / name for name in before)
    assert metrics.read_bytes() == before["metrics.json"]
    assert (model.read_bytes() == before["model.l0gm"]) == (name != "write_json")  # the record comes after the model
    assert not list(tmp_path.rglob(".*"))
    metrics.unlink()  # of the other run
    steps["made"] = 0
    run_seeds(*rows, active=0.3, **run)
    assert steps["made"] == repeated
    assert model.read_bytes() == (whole / "seed-0" / "model.l0gm").read_bytes()


def test_a_checkpoint_that_is_damaged_is_refused(rows, options, steps, tmp_path):
    run = {"seeds": [0], "out": tmp_path, "active": 0.3, "dense": False, **options}
    steps["press"] = 30
    with pytest.raises(KeyboardInterrupt):
        run_seeds(*rows, **run)
    path = tmp_path / "seed-0" / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ParameterError, match=r"seed-0/checkpoint\.pt is no checkpoint or is damaged: delete it"):
        run_seeds(*rows, **run)
    path.unlink()
    run_seeds(*rows, **run)
    assert not path.exists()


def test_other_settings_are_refused_from_the_first_step_on(rows, options, steps, tmp_path):
    run = {"seeds": [0], "out": tmp_path, "active": 0.3, "dense": False, **options}
    steps["press"] = 30
    with pytest.raises(KeyboardInterrupt):
        run_seeds(*rows, **run)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ParameterError, match=r"checkpoint of another fit.*lr: 0\.001 there, 0\.01 now"):
        run_seeds(*rows, **run, lr=0.01)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_overwrite_begins_anew(rows, options, whole, steps, tmp_path):
    run = {"seeds": [0, 1], "out": tmp_path, "active": 0.3, **options}
    steps["press"] = 30
    with pytest.raises(KeyboardInterrupt):
        run_seeds(*rows, **run, lr=0.01)
    steps |= {"made": 0, "press": 60}
    with pytest.raises(KeyboardInterrupt) as caught:
        run_seeds(*rows, **run, overwrite=True)
    assert caught.value.__notes__ == [
        f"The same call without overwrite goes on from there, unless {tmp_path} still holds another run."
    ]
    steps |= {"made": 0, "press": math.inf}
    run_seeds(*rows, **run)
    assert steps["made"] == 2 * (76 + 38) - 60
    assert content(tmp_path) == content(whole)
    assert left(tmp_path) == left(whole)
