"""The summary of the training rows in a model file: optional, whole, and refused where it cannot be one."""

import copy
from dataclasses import replace

import handmade
import numpy as np
import pytest
from summaries import summary, summed_up

from l0gm import load
from l0gm.data.schema import Schema
from l0gm.errors import ArtifactError
from l0gm.runtime import artifact

ROWS = handmade.rows(30, seed=5)
MODEL = summed_up(handmade.model(("a", "b", "c")), handmade.rows(150, seed=4), least=3)
NAMES = ("n_rows", "counts", "fractions", "least", "probabilities")


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return artifact.read(MODEL.save(tmp_path_factory.mktemp("good") / "model.l0gm"))


@pytest.fixture
def parts(content, tmp_path):
    """Arrays to spoil, and a function that loads them from a file."""
    arrays = {name: a.copy() for name, a in content[0].items()}

    def reload():
        return load(artifact.write(tmp_path / "model.l0gm", arrays, copy.deepcopy(content[1]), ""))

    return arrays, reload


def refused(reload, said="summary of the training rows"):
    with pytest.raises(ArtifactError, match=f"model.l0gm is damaged: .*{said}"):
        reload()


def test_written_and_read(tmp_path):
    again = load(MODEL.save(tmp_path / "model.l0gm"))
    assert np.array_equal(again.contributions(ROWS).values, MODEL.contributions(ROWS).values)
    assert again.drift(ROWS) == MODEL.drift(ROWS)
    for name, written in MODEL.reference.arrays(MODEL.schema).items():
        assert np.array_equal(again.reference.arrays(MODEL.schema)[name], written)


def test_it_may_be_left_out(tmp_path):
    plain = load(replace(MODEL, reference=None).save(tmp_path / "model.l0gm"))
    assert "but how many of them had each category" in MODEL.card()
    assert "The file holds no training row." in plain.card()
    assert np.array_equal(plain.predict_proba(ROWS), MODEL.predict_proba(ROWS))
    for ask in (plain.contributions, plain.drift):
        with pytest.raises(ArtifactError, match=r"keeps no summary of its training rows, .* compact and save it again"):
            ask(ROWS)


def test_a_model_without_fields_may_have_one(tmp_path):
    empty = Schema((), ("x",))
    plain = replace(MODEL, schema=empty, program=handmade.program(3, opened=(), schema=empty))
    path = replace(plain, reference=summary(plain, ROWS)).save(tmp_path / "model.l0gm")
    assert load(path).drift(ROWS).n_fit == 30


def test_what_is_not_spoilt_loads(parts):
    assert {name for name in parts[0] if name.startswith("reference.")} == {f"reference.{name}" for name in NAMES}
    assert parts[1]().reference.n_rows == 150


@pytest.mark.parametrize("name", NAMES)
def test_an_array_of_another_shape_or_type(name, parts):
    arrays, reload = parts
    good = arrays[f"reference.{name}"]
    others = [good[:-1], good[:0], good[None], np.concatenate([good, good]), good.ravel()[0], good.reshape(-1, 1)]
    others += [
        good.astype(t) for t in (np.float32, np.float64, np.int32, np.int64, np.uint64, np.bool_) if t != good.dtype
    ]
    for other in others:
        arrays[f"reference.{name}"] = np.array(other)
        if other.shape != good.shape or other.dtype != good.dtype:
            if np.ascontiguousarray(other).shape == good.shape and other.dtype == good.dtype:
                continue  # a number alone is written as an array of one
            refused(reload, "does not fit the schema")


@pytest.mark.parametrize("name", NAMES)
def test_an_array_that_is_missing_or_left_over(name, parts):
    arrays, reload = parts
    taken = arrays.pop(f"reference.{name}")
    refused(reload, f"incomplete: 'reference.{name}' is missing")
    arrays[f"reference.{name}"] = taken
    arrays[f"reference.{name}.x"] = taken
    refused(reload, "does not fit the schema")


def test_all_of_them_missing_is_a_model_without(parts):
    arrays, reload = parts
    for name in NAMES:
        del arrays[f"reference.{name}"]
    assert reload().reference is None


AGE, JOB = 0, 4  # where the counts of the first two fields start


@pytest.mark.parametrize(
    ("name", "at", "value"),
    [
        *(("n_rows", 0, v) for v in (0, -1, 149, 151, 2**62, -(2**63))),
        *(("counts", at, v) for at in (AGE, JOB, -1) for v in (-1, 151, 2**63 - 1, -(2**63))),
        *(("fractions", at, v) for at in (0, -1) for v in (np.nan, np.inf, -1e-9, 1e9)),
        *(("least", 0, v) for v in (1, -1)),
        *(("least", 1, v) for v in (0, -5)),
        *(("probabilities", at, v) for at in (0, 4) for v in (np.nan, np.inf, -0.01, 1.01)),
        ("probabilities", 0, 0.9),
    ],
)  # fmt: skip
def test_numbers_that_no_rows_give(name, at, value, parts):
    arrays, reload = parts
    arrays[f"reference.{name}"].flat[at] = value
    refused(reload, "cannot be one of rows")


def test_counts_that_add_up_only_where_integers_wrap(parts):
    arrays, reload = parts
    counts = arrays["reference.counts"]
    counts[:JOB] = [2**62, 2**62, 2**62, 2**62 + 150]
    assert counts[:JOB].sum() == 150
    refused(reload, "cannot be one of rows")


def test_spoilt_summaries_are_refused_or_harmless(parts):
    arrays, reload = parts
    good = {name: arrays[f"reference.{name}"] for name in NAMES}
    rng = np.random.default_rng(0)
    loaded = 0
    for _ in range(300):
        for name in NAMES:
            arrays[f"reference.{name}"] = good[name].copy()
        for name in rng.choice(NAMES, 2):
            a = arrays[f"reference.{name}"]
            if rng.random() < 0.5:
                a.flat[rng.integers(a.size)] += rng.choice([-1, 1, 2])
            else:
                rng.shuffle(a)
        try:
            model = reload()
        except ArtifactError:
            continue
        loaded += 1
        assert np.isfinite(model.contributions(ROWS).values).all()
        assert model.drift(ROWS).n_now == 30
    assert loaded > 5
