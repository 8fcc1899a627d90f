"""Tests of change, against scipy, against literal sums and against what chance does."""

import numpy as np
import pytest
from scipy import stats

from l0gm.metrics.shift import chi_square_tail, holm, population_stability, rates_differ


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 9, 48, 333, 4096])
def test_the_tail_of_chi_square(degrees):
    for x in [0.0, 1e-9, 0.3, 1.0, 2.5, *(degrees * np.array([0.3, 0.9, 1.0, 1.2, 2.0, 5.0]))]:
        assert chi_square_tail(float(x), degrees) == pytest.approx(stats.chi2.sf(x, degrees), rel=1e-9, abs=1e-300)
    assert chi_square_tail(-1e-17, degrees) == 1.0
    assert chi_square_tail(1e9, degrees) == 0.0


def test_fishers_exact_test():
    rng = np.random.default_rng(0)
    for _ in range(300):
        n, m = (int(x) for x in rng.integers(1, [40, 400]))
        a, b = int(rng.binomial(n, rng.random())), int(rng.binomial(m, rng.random()))
        expected = stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue
        assert rates_differ(a, n, b, m) == pytest.approx(expected, rel=1e-9)
        assert rates_differ(b, m, a, n) == pytest.approx(expected, rel=1e-9)


def test_fishers_exact_test_on_many_rows():
    for a, n, b, m in [(50_000, 1_000_000, 1_100, 20_000), (0, 10**7, 3, 10**4), (10**6, 10**7, 10**5 + 700, 10**6)]:
        expected = stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue
        assert rates_differ(a, n, b, m) == pytest.approx(expected, rel=1e-6)
    assert rates_differ(10, 10**8, 10**7, 10**8) == 0.0
    assert rates_differ(10**7, 10**8, 10, 10**8) == 0.0


@pytest.mark.parametrize(("a", "n", "b", "m"), [(0, 5, 0, 9), (5, 5, 9, 9), (0, 0, 3, 9), (3, 9, 0, 0)])
def test_rates_of_which_nothing_can_be_said(a, n, b, m):
    assert rates_differ(a, n, b, m) == 1.0


def test_values_beyond_the_largest():
    """All of k rows beyond the largest of n come from the m new ones with probability C(m, k) / C(n + m, k)."""
    n, m, k = 50, 20, 3
    expected = stats.hypergeom(n + m, k, m).pmf(k)
    assert rates_differ(0, n, k, m) == pytest.approx(expected)  # the other end is less likely than none of three


def test_holm():
    p = [0.01, 0.04, 0.03, 0.005]
    assert holm(p, 0.05).tolist() == [True, False, False, True]  # 0.005 < 0.05/4, 0.01 < 0.05/3, 0.03 > 0.05/2
    assert holm([0.01, 0.012, 0.02, 0.04], 0.05).all()
    assert not holm([0.02] * 4, 0.05).any()
    assert holm([], 0.05).tolist() == []
    assert holm([0.0, 1.0], 0.0).tolist() == [True, False]


def test_the_index_is_its_formula():
    found = population_stability([300, 500, 200], [30, 90, 80])
    p, q = (np.array([300.5, 500.5, 200.5]) / 1001.5, np.array([30.5, 90.5, 80.5]) / 201.5)
    assert found.value == pytest.approx(((p - q) * np.log(p / q)).sum())
    assert found.by_chance == pytest.approx(2 * (1 / 1000 + 1 / 200))
    assert found.p_value == pytest.approx(stats.chi2.sf(found.value / (1 / 1000 + 1 / 200), 2))
    assert found.n_slots == 3


def test_slots_of_few_rows_are_merged_with_their_neighbours():
    whole = population_stability([500, 295, 205], [100, 60, 40])
    split = population_stability([500, 0, 5, 290, 5, 200], [100, 1, 0, 59, 0, 40])
    assert split.n_slots == 3
    assert tuple(split) == pytest.approx(tuple(whole))
    assert population_stability([900, 40, 60], [9, 1, 0]) is None  # ten rows fill one slot
    assert population_stability([900, 100], [95, 5]) is None
    assert population_stability([9, 1], [0, 0]) is None
    assert population_stability([0, 0], [5, 5]) is None
    assert population_stability([], []) is None


@pytest.mark.parametrize(("k", "n", "m"), [(2, 500, 100), (12, 3000, 1000), (40, 800, 80_000)])
def test_the_probability_is_what_it_says(k, n, m):
    """Two samples of one distribution: each level is exceeded about as often as it says."""
    rng = np.random.default_rng(1)
    share = rng.dirichlet(np.full(k, 2.0))
    before, after = rng.multinomial(n, share, 2000), rng.multinomial(m, share, 2000)
    found = [population_stability(a, b) for a, b in zip(before, after, strict=True)]
    p = np.array([f.p_value for f in found])
    assert 0.3 < (p < 0.05).mean() / 0.05 < 1.5
    assert (p < 0.005).mean() / 0.005 < 2.5
    assert np.mean([f.value / f.by_chance for f in found]) == pytest.approx(1.0, abs=0.15)
