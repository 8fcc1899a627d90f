import numpy as np
import pytest

from l0gm.datasets import describe, large, load
from l0gm.errors import ParameterError

NAMES = ["synthetic:wide", "synthetic:identifiers"]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_rows(name, same):
    same(load(name, rows=1000, seed=1).frame, load(name, rows=1000, seed=1).frame)
    assert not load(name, rows=1000, seed=1).frame.equals(load(name, rows=1000, seed=2).frame)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("option", [{"rows": 10}, {"rows": 5e3}, {"rows": True}, {"seed": -1}, {"seed": None}])
def test_options_that_mean_nothing(name, option):
    with pytest.raises(ParameterError, match=next(iter(option))):
        load(name, **option)


@pytest.mark.parametrize("name", NAMES)
def test_what_the_registry_says(name):
    entry, data = describe(name), load(name, rows=2000)
    assert entry.rows == 1_000_000
    assert (entry.name, entry.target, entry.task, entry.splits) == (data.name, data.target, data.task, data.splits)
    train, test = data.split()
    assert (len(train), len(test)) == (1500, 500)
    assert set(data.labels) == {"no", "yes"}
    assert 0.2 < (data.labels == "yes").mean() < 0.8


def test_wide_has_numbers_and_text_with_gaps():
    features = load("synthetic:wide", rows=3000).features
    kinds = features.dtypes.map(str).value_counts().to_dict()
    assert kinds == {"float64": large.NUMBERS, "object": large.CATEGORIES}
    assert features.isna().mean().between(0.03, 0.07).all()
    counts = features.select_dtypes(object).nunique()
    assert (counts.min(), counts.max() <= 100) == (2, True)


def test_wide_depends_on_its_first_columns():
    data = load("synthetic:wide", rows=20_000)
    yes = (data.labels == "yes").to_numpy(float)

    def related(name):
        return abs(np.corrcoef(data.features[name].fillna(0.0), yes)[0, 1])

    assert related("x000") > 0.1
    assert max(related(f"x{j:03d}") for j in range(large.INFORMATIVE_NUMBERS, large.NUMBERS)) < 0.04
    rates = [data.frame.assign(yes=yes).groupby(f"c{j:03d}")["yes"].mean().std() for j in (0, 3, 40)]
    assert min(rates[:2]) > 3 * rates[2] / 2


def test_identifiers_are_many_and_few_of_them_are_popular():
    frame = load("synthetic:identifiers", rows=50_000).frame
    for name, least in (("user", 20_000), ("item", 10_000), ("shop", 4000)):
        counts = frame[name].value_counts()
        assert len(counts) > least
        assert counts.iloc[0] > 20 * counts.median()
    assert frame["user"].str.fullmatch(r"u\d{6}").all()
    rate = (frame["clicked"] == "yes").groupby(frame["item"]).agg(["mean", "size"])
    popular = rate[rate["size"] >= 50]["mean"]
    assert popular.std() > 0.1  # 0.07 if all had the same rate
    evening = frame["hour"] >= 19
    assert (frame["clicked"][evening] == "yes").mean() > (frame["clicked"][~evening] == "yes").mean() + 0.03
