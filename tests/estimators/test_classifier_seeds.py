"""The same seed gives the same model bit for bit, and fit leaves every other random number as it was."""

import random

import numpy as np
import pytest
import torch


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"gate": "none"},
        {"gate": "random"},
        {"gate": "magnitude"},
        {"mask": "batch"},
        {"penalty": 0.01},
        {"hidden_cost": 1.0},
    ],
    ids=str,
)
def test_the_same_seed_gives_the_same_bits(options, quick, people, same_fit):
    first = quick(**options).fit(people.X, people.y)
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002  # what a user's program may have done in between
    second = quick(**options).fit(people.X, people.y)
    assert same_fit(first, second)
    assert np.array_equal(first.predict_proba(people.new_X), second.predict_proba(people.new_X))
    left, right = (
        [{k: v for k, v in r.items() if k != "seconds"} for r in m.history_.records] for m in (first, second)
    )
    assert str(left) == str(right)


@pytest.mark.parametrize("gate", ["hard_concrete", "none", "random", "magnitude"])
def test_another_seed_gives_another_model(gate, quick, people):
    answers = [quick(gate=gate, random_state=s).fit(people.X, people.y).predict_proba(people.new_X) for s in (0, 1)]
    assert np.abs(answers[0] - answers[1]).max() > 1e-3


def test_the_seed_reaches_the_first_weights(quick):
    """A step so small that none is taken shows where training starts."""
    X = {"letter": list("abc") * 40}
    tables = [
        quick(random_state=s, lr=1e-12, epochs=1).fit(X, np.arange(120) % 2).model_.encoder.fields.tables.base.detach()
        for s in (0, 0, 1)
    ]
    assert torch.equal(tables[0], tables[1])
    assert (tables[0] - tables[2]).abs().max() > 0.1


def test_random_numbers_of_others_are_left_alone(quick, people):
    torch.manual_seed(3)
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002
    model = quick(dropout=0.5).fit(people.X, people.y)
    model.predict_proba(people.new_X)
    model.compact()
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert str(np.random.get_state()) == str(states[2])  # noqa: NPY002


def test_the_number_of_threads_is_left_alone(quick, people):
    before = torch.get_num_threads()
    quick().fit(people.X, people.y)
    assert torch.get_num_threads() == before


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu(quick, people):
    torch.cuda.manual_seed(3)
    before = torch.cuda.get_rng_state()
    model = quick(active=0.2, device="cuda").fit(people.X, people.y)
    assert torch.equal(torch.cuda.get_rng_state(), before)
    assert next(model.model_.parameters()).is_cuda
    small = model.compact()
    assert np.abs(small.predict_proba(people.new_X) - model.predict_proba(people.new_X)).max() <= 1e-5
