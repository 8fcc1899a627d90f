"""Fits that are cut short go on from their checkpoint and end with the same model, to the byte of its file."""

from __future__ import annotations

import json
import math
from contextlib import nullcontext

import numpy as np
import pytest
from sklearn.base import clone

from l0gm.errors import ParameterError
from l0gm.training import Trainer, checkpoint

CASES = {
    "active": {"active": 0.2},
    "penalty": {"penalty": 1e-3},
    "the dense model": {"gate": "none"},
    "a random mask": {"gate": "random", "active": 0.3},
    "magnitudes": {"gate": "magnitude", "active": 0.3},
    "a mask a batch": {"active": 0.2, "mask": "batch"},
    "whole fields": {"active": 0.3, "gate_groups": "field"},
    "costs": {"active": 0.2, "cost": {"age": 3.0}},
    "hidden units": {"active": 0.2, "hidden_cost": 1.0},
    "a conditional gate": {"gate": "conditional", "active": 0.2},
    "gates on weights": {"gate": "weights", "active": 0.2},
    "Gaussian gates": {"gate": "gaussian", "active": 0.2},
    "scales": {"gate": "l1", "active": 0.2},
    "a static mask": {"gate": "static", "active": 0.2},
    "pruned weights": {"gate": "pruned", "active": 0.2},
    "a lottery ticket": {"gate": "lottery", "active": 0.2},
    "calibration coupling": {"active": 0.2, "calibration_coupling": 0.3},
    "balanced classes": {"active": 0.2, "class_weight": "balanced"},
    "no validation rows": {"active": 0.2, "validation_fraction": 0.0},
}


class Cut(Exception):  # noqa: N818  # no error
    """Ends a fit before a step."""


@pytest.fixture(autouse=True)
def before_each_step(monkeypatch):
    """Write the checkpoint before each step."""
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", math.inf)


@pytest.fixture
def cut(monkeypatch):
    """Fit, cutting the fit short before its n-th step; return how many steps were left where it was not."""
    whole = Trainer._step

    def fit(model, *rows, at=math.inf, **options):
        done = [0]

        def step(self, *args):
            if done[0] == at:
                raise Cut
            done[0] += 1
            return whole(self, *args)

        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "_step", step)
            with pytest.raises(Cut) if at < math.inf else nullcontext():
                model.fit(*rows, **options)
        return done[0]

    return fit


@pytest.fixture
def same_model(same_fit, tmp_path):
    """Whether two estimators are the same, and write the same file."""

    def compare(a, b):
        paths = [model.save(tmp_path / f"{name}.l0gm") for name, model in (("a", a), ("b", b))]
        return (
            same_fit(a, b)
            and a.notes_ == b.notes_
            and a.metrics_ == b.metrics_
            and paths[0].read_bytes() == paths[1].read_bytes()
        )

    return compare


@pytest.mark.parametrize("case", CASES)
def test_the_model_of_a_fit_in_three_parts(case, quick, people, cut, same_model, tmp_path):
    path, options = tmp_path / "fit" / "checkpoint.pt", CASES[case]
    whole = quick(**options)
    total = cut(whole, people.X, people.y)
    parts = [total // 2, total // 4]
    for at in parts:
        cut(quick(checkpoint_path=path, **options), people.X, people.y, at=at)
    last = quick(checkpoint_path=str(path), **options)
    assert cut(last, people.X, people.y) == total - sum(parts)  # none is repeated
    assert same_model(whole, last)
    assert cut(quick(checkpoint_path=path, **options), people.X, people.y) == 0  # it has ended


def test_several_classes_and_weights(quick, kinds, cut, same_model, tmp_path):
    path, weight = tmp_path / "checkpoint.pt", np.linspace(0, 2, len(kinds.y))
    whole = quick(active=0.3).fit(kinds.X, kinds.y, weight)
    cut(quick(active=0.3, checkpoint_path=path), kinds.X, kinds.y, weight, at=7)
    last = quick(active=0.3, checkpoint_path=path).fit(kinds.X, kinds.y, weight)
    assert same_model(whole, last)


def test_the_search_for_a_fraction_repeats_no_fit_that_has_ended(quick, people, cut, same_model, tmp_path):
    path, history = tmp_path / "checkpoint.pt", tmp_path / "history.jsonl"
    whole = quick(active="auto", epochs=2)
    total = cut(whole, people.X, people.y)
    for at in (total // 3, total // 3):
        cut(quick(active="auto", epochs=2, checkpoint_path=path), people.X, people.y, at=at)
    last = quick(active="auto", epochs=2, checkpoint_path=path, history_path=history)
    assert cut(last, people.X, people.y) == total - 2 * (total // 3)
    assert same_model(whole, last)
    assert last.trials_ == whole.trials_
    assert len(history.read_text().splitlines()) == len(last.history_.records)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"lr": 0.01}, r"lr: 0\.001 there, 0\.01 now"),
        ({"max_bins": 5}, r"max_bins: 48 there, 5 now; .*training rows: "),
        ({"mask": "batch"}, "mask: example there, batch now; model: "),
        ({"hidden_cost": 0.2}, r"hidden_cost: None there, 0\.2 now; model: "),
        ({"random_state": 1}, "seed: 0 there, 1 now"),
        ({"random_state": None}, "seed: 0 there"),
    ],
)
def test_another_fit_in_the_same_place_is_refused(quick, people, cut, tmp_path, options, named):
    path = tmp_path / "checkpoint.pt"
    cut(quick(checkpoint_path=path), people.X, people.y, at=5)
    content = path.read_bytes()
    with pytest.raises(ParameterError, match=named):
        quick(checkpoint_path=path, **options).fit(people.X, people.y)
    with pytest.raises(ParameterError, match="training rows"):
        quick(checkpoint_path=path).fit(people.X.iloc[1:], people.y.iloc[1:])
    assert path.read_bytes() == content


def test_what_does_not_concern_training_may_change(quick, people, cut, tmp_path):
    path = tmp_path / "checkpoint.pt"
    cut(quick(checkpoint_path=path), people.X, people.y, at=5)
    later = quick(checkpoint_path=path, history_path=tmp_path / "new.jsonl", calibrated=True, calibration="platt")
    later.fit(people.X, people.y)
    records = [json.loads(line) for line in (tmp_path / "new.jsonl").read_text().splitlines()]
    assert [r["event"] for r in records] == [r["event"] for r in later.history_.records]
    epochs = [r["epoch"] for r in records if r["event"] == "epoch"]
    assert epochs == list(range(1, len(epochs) + 1))


def test_clones_fit_one_after_the_other_in_one_place(quick, people, tmp_path):
    model = quick(checkpoint_path=tmp_path / "checkpoint.pt", epochs=1)
    for rows in (slice(0, 200), slice(100, 300)):
        clone(model).fit(people.X.iloc[rows], people.y.iloc[rows])


@pytest.mark.parametrize("name", ["checkpoint_path", "history_path"])
def test_a_path_that_cannot_be_written_is_named(quick, people, tmp_path, name):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ParameterError, match=f"{tmp_path}/file/new.* cannot be (read|written)"):
        quick(**{name: tmp_path / "file" / "new"}).fit(people.X, people.y)
    assert (tmp_path / "file").read_text() == "mine"
