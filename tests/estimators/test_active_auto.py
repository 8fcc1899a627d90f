"""active="auto": the smallest model that the validation rows cannot tell from the dense one."""

import json

import numpy as np
import pytest

from l0gm import L0GMClassifier
from l0gm.errors import ParameterError
from l0gm.estimators.search import FRACTIONS, Fitted, smallest

N = 400
NOISE = np.random.default_rng(0).normal(size=N) * 0.1


def candidate(name, excess):
    """A model whose losses are the dense one's and, on average, ``excess`` standard errors more."""
    difference = NOISE - NOISE.mean()
    return Fitted(name, 0, 0.3 + difference + excess * difference.std() / np.sqrt(N))


@pytest.mark.parametrize("first_good", range(len(FRACTIONS) + 1))
def test_the_smallest_good_one_is_found_by_bisection(first_good):
    tried = []

    def fit(active):
        tried.append(active)
        return candidate(active, 0.9 if FRACTIONS.index(active) >= first_good else 1.1)

    dense = Fitted("dense", 1000, np.full(N, 0.3))
    best, trials = smallest(dense, fit, lambda fraction: round(1000 * fraction))
    assert best == (FRACTIONS[first_good] if first_good < len(FRACTIONS) else "dense")
    assert len(tried) == len(set(tried)) <= 4
    assert [t.active for t in trials] == [1.0, *tried]
    assert [t.good for t in trials[1:]] == [FRACTIONS.index(a) >= first_good for a in tried]
    assert trials[0].good
    assert trials[0].excess == 0.0


def test_weights_decide_which_rows_count():
    losses = np.full(N, 0.3)
    losses[: N // 2] += 0.5 + NOISE[: N // 2]
    weight = np.ones(N)
    dense = Fitted("dense", 100, np.full(N, 0.3))
    best, _ = smallest(dense, lambda active: Fitted(active, 0, losses), lambda fraction: round(100 * fraction), weight)
    assert best == "dense"
    weight[: N // 2] = 0.0
    best, trials = smallest(
        dense, lambda active: Fitted(active, 0, losses), lambda fraction: round(100 * fraction), weight
    )
    assert best == FRACTIONS[0]
    assert trials[-1].log_loss == pytest.approx(0.3)


def test_fractions_of_the_same_count_are_tried_once():
    tried = []

    def fit(active):
        tried.append(active)
        return candidate(active, 2.0)

    smallest(Fitted("dense", 4, np.full(N, 0.3)), fit, lambda fraction: max(1, round(4 * fraction)))
    assert len({max(1, round(4 * a)) for a in tried}) == len(tried) <= 2


@pytest.fixture(scope="module")
def chosen(people, tmp_path_factory):
    path = tmp_path_factory.mktemp("auto") / "history.jsonl"
    model = L0GMClassifier("auto", epochs=8, deep=(16,), cin=(2,), embedding_dim=4, batch_size=64, history_path=path)
    return model.fit(people.X, people.y), path


def test_the_estimator_keeps_the_smallest_good_trial(chosen):
    model, _ = chosen
    dense, *others = model.trials_
    assert dense.active == 1.0
    assert dense.n_open == model.model_.gate.dim
    good = [trial for trial in model.trials_ if trial.good]
    assert model.model_.gate.n_open == min(trial.n_open for trial in good)
    assert all(trial.log_loss - dense.log_loss == pytest.approx(trial.excess) for trial in others)
    assert all(trial.n_open == max(1, round(trial.active * dense.n_open)) for trial in others)
    assert model.compact().information["n_open"] == model.model_.gate.n_open


def test_it_is_the_model_of_that_fraction(chosen, people, same_fit):
    model, _ = chosen
    kept = min((trial for trial in model.trials_ if trial.good), key=lambda trial: trial.n_open)
    options = {**model.get_params(), "active": kept.active, "history_path": None}
    if kept.active == 1.0:
        options |= {"active": None, "gate": "none"}
    assert same_fit(model, L0GMClassifier(**options).fit(people.X, people.y))


def test_the_history_names_the_trials_and_tells_the_kept_fit(chosen):
    model, path = chosen
    records = [json.loads(line) for line in path.read_text().splitlines()]
    trials = [record for record in records if record["event"] == "trial"]
    assert [record["n_open"] for record in trials] == [trial.n_open for trial in model.trials_]
    assert sum(record["event"] == "end" for record in records) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gate": "none"}, "gate"),
        ({"validation_fraction": 0.0}, "validation_fraction"),
        ({"penalty": 1e-3}, "not both"),
    ],
)
def test_what_it_cannot_go_with(options, words, quick, people):
    with pytest.raises(ParameterError, match=words):
        quick(active="auto", **options).fit(people.X, people.y)


@pytest.mark.parametrize("active", ["all", True, float("nan"), (0.1,), 0.0, 1.5])
def test_what_active_cannot_be(active, quick, people):
    with pytest.raises(ParameterError, match="active"):
        quick(active=active).fit(people.X, people.y)
