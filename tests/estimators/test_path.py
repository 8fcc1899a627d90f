"""A path: a fitted model for each fraction from one training, which goes on where it was cut short."""

from __future__ import annotations

import math

import numpy as np
import pytest

import l0gm
from l0gm.errors import ParameterError
from l0gm.training import Trainer, checkpoint

ACTIVES = (0.1, 0.3, 0.6)


@pytest.fixture(scope="module")
def path(quick, people):
    return quick(epochs=12).fit_path(people.X, people.y, ACTIVES)


def test_each_model_meets_its_fraction_and_can_be_shipped(path, people, tmp_path):
    for active, model in zip(ACTIVES, path, strict=True):
        assert model.active == active
        assert model.model_.gate.hardened
        assert model.model_.gate.n_open == round(active * 56)
        served = l0gm.load(model.save(tmp_path / "model.l0gm"))
        assert served.verify() <= 1e-5
        np.testing.assert_allclose(served.predict_proba(people.new_X), model.predict_proba(people.new_X), atol=1e-5)
        assert {"validation", "calibration"} == model.metrics_.keys()
        assert model.feature_names_in_.tolist() == people.X.columns.tolist()


def test_what_stays_comes_from_what_stayed_before(path):
    few, some, many = (model.model_.gate.open_mask() for model in path)
    assert (few & some).sum() >= few.sum() - 1
    assert (some & many).sum() > 0.8 * some.sum()
    assert len({tuple(p.flatten()[:5].tolist()) for p in (m.model_.head.deep[0].weight for m in path)}) == 3


def test_the_history_says_what_it_is_of(path):
    for model in path:
        first, harden = model.history_.records[:2]
        assert (first["event"], first["values"]) == ("path", 3)
        assert first["epochs"] == 12
        assert (harden["event"], harden["n_open"]) == ("harden", model.model_.gate.n_open)
        assert model.history_.last("end")["epochs"] <= 5  # 1.5 fits' epochs for all, 0.4 of one's at most


def test_one_training_goes_through_the_targets(quick, people, monkeypatch):
    trainings = []
    whole = Trainer.fit

    def fit(self, *rows):
        made = whole(self, *rows)
        trainings.append(self)
        return made

    monkeypatch.setattr(Trainer, "fit", fit)
    quick(epochs=20).fit_path(people.X, people.y, (0.6, 0.2))
    trunk, *tuning = trainings
    assert len(tuning) == 2
    opened = [r["n_open"] for r in trunk.history.records if r["event"] == "epoch"]
    assert opened[0] == 56
    assert opened[-1] == 11
    assert sum(abs(n - 34) <= 3 for n in opened) >= 2  # it was held at the first
    assert sum(t.epochs for t in tuning) <= 1.5 * 20


def test_a_seed_repeats_and_the_estimator_stays_as_it_is(quick, people, same_fit):
    given = quick(active=0.4, random_state=3)
    first, again = (given.fit_path(people.X, people.y, (0.5, 0.2)) for _ in range(2))
    assert all(same_fit(*pair) for pair in zip(first, again, strict=True))
    assert [model.active for model in first] == [0.5, 0.2]
    assert given.active == 0.4
    assert not hasattr(given, "model_")


class Cut(Exception):  # noqa: N818  # no error
    """Ends a fit before a step."""


def test_a_path_that_is_cut_short_goes_on(quick, people, same_fit, monkeypatch, tmp_path):
    """Cut in the one training, and then in the fine-tuning of a copy."""
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", math.inf)
    whole, steps, cuts = Trainer._step, [0], []

    def step(self, *args):
        if steps[0] in cuts:
            cuts.remove(steps[0])
            raise Cut
        steps[0] += 1
        return whole(self, *args)

    monkeypatch.setattr(Trainer, "_step", step)
    expected = quick(epochs=4).fit_path(people.X, people.y, ACTIVES)
    count = steps[0]
    given = quick(epochs=4, checkpoint_path=tmp_path / "fit.pt", history_path=tmp_path / "history.jsonl")
    steps[0], cuts = 0, [9, count - 2]
    for _ in range(2):
        with pytest.raises(Cut):
            given.fit_path(people.X, people.y, ACTIVES)
    found = given.fit_path(people.X, people.y, ACTIVES)
    assert all(same_fit(*pair) for pair in zip(expected, found, strict=True))
    assert steps[0] == count  # none was taken twice
    assert '"event": "end"' in (tmp_path / "history.jsonl").read_text()


@pytest.mark.parametrize("gate", ["conditional", "weights", "gaussian", "l1"])
def test_other_gates_that_learn(quick, people, gate):
    for model, active in zip(
        quick(gate=gate, epochs=4).fit_path(people.X, people.y, (0.5, 0.1)), (0.5, 0.1), strict=True
    ):
        counted = model.model_.gate.targeted
        assert counted.n_open == round(active * counted.dim)
        model.compact()


def test_hidden_units_texts_and_teachers_go_along(quick, people):
    options = {"hidden_cost": 0.5, "teacher": "trees", "class_weight": "balanced", "calibration_coupling": 0.1}
    models = quick(**options).fit_path(people.X, people.y, (0.5, 0.2))
    assert all("hidden units that stayed" in " ".join(model.notes_) for model in models)
    texts = ["good film", "bad film", "nice dog", "bad cat"] * 40
    y = [1, 0, 1, 0] * 40
    few, many = quick(deep=None).fit_path(texts, y, (0.2, 1.0))
    assert few.model_.gate.n_open < many.model_.gate.n_open == many.model_.gate.dim


@pytest.mark.parametrize(
    ("options", "actives", "message"),
    [
        ({}, (), "actives="),
        ({}, (0.2, 0.2), "different fractions"),
        ({}, (0.2, 1.5), "active=1.5: a fraction"),
        ({}, (0.2, "auto"), "'auto' is no fraction"),
        ({"penalty": 0.1}, (0.2,), "leave penalty out"),
        ({"initial_model": "model.l0gm"}, (0.2,), "leave initial_model out"),
        ({"gate": "magnitude"}, (0.2,), "a gate that learns"),
        ({"gate": "none"}, (0.2,), "a gate that learns"),
        ({"lr": "fast"}, (0.2,), "lr="),
    ],
)
def test_what_is_refused(quick, people, options, actives, message):
    with pytest.raises(ParameterError, match=message):
        quick(**options).fit_path(people.X, people.y, actives)
