"""The hard-concrete functions against counts over samples, closed forms and literal transcriptions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import kstest, logistic

from l0gm.gates.functional import (
    GAMMA,
    LOG_ALPHA_BOUND,
    REFERENCE_TEMPERATURE,
    ZETA,
    binary,
    closed_probability,
    expected_l0,
    logistic_noise,
    mean,
    open_probability,
    sample,
    saturated_probability,
    soft,
)

N = 100_000
LOG_ALPHAS = [-4.0, -1.3, 0.0, 0.7, 3.5]
TEMPERATURES = [0.3, 2.0 / 3.0, 2.0]
GRID = [(a, t) for a in LOG_ALPHAS for t in TEMPERATURES]


def scalar(x):
    return torch.tensor(x, dtype=torch.float64)


def draw(log_alpha, temperature, seed=0):
    noise = logistic_noise((N,), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return sample(scalar(log_alpha), noise, temperature).numpy()


def assert_share(count, p):
    """A count out of N agrees with probability p, within five standard deviations."""
    assert count / N == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / N) + 1e-5)


def survival(t, log_alpha, temperature):
    """P(z > t) for 0 <= t < 1, from the logistic distribution of the noise alone."""
    s = (t + 0.1) / 1.2
    return logistic.sf(temperature * math.log(s / (1 - s)) - log_alpha)


def test_constants_are_those_of_the_papers():
    assert (GAMMA, ZETA, LOG_ALPHA_BOUND) == (-0.1, 1.1, 10.0)
    assert pytest.approx(2 / 3) == REFERENCE_TEMPERATURE


def test_noise_is_standard_logistic_and_finite():
    noise = logistic_noise((N,), generator=torch.Generator().manual_seed(1)).numpy()
    assert kstest(noise, logistic.cdf).pvalue > 1e-3
    assert np.abs(noise).max() <= math.log((1 - 1e-6) / 1e-6) + 0.1  # u stays away from 0 and 1


def test_noise_follows_its_generator_shape_and_dtype():
    def noise(seed):
        generator = torch.Generator().manual_seed(seed)
        return logistic_noise((3, 2), dtype=torch.float64, generator=generator)

    assert noise(1).shape == (3, 2)
    assert noise(1).dtype == torch.float64
    assert torch.equal(noise(1), noise(1))
    assert not torch.equal(noise(1), noise(2))


@pytest.mark.parametrize(("log_alpha", "temperature"), GRID)
def test_sample_is_lines_6_to_8_of_algorithm_1(log_alpha, temperature):
    u = np.random.default_rng(0).uniform(1e-4, 1 - 1e-4, size=1000)
    concrete = 1 / (1 + np.exp(-(np.log(u) - np.log(1 - u) + log_alpha) / temperature))
    literal = np.clip(concrete * (1.1 - -0.1) + -0.1, 0, 1)
    z = sample(scalar(log_alpha), torch.from_numpy(np.log(u) - np.log(1 - u)), temperature)
    np.testing.assert_allclose(z.numpy(), literal, atol=1e-12)


@pytest.mark.parametrize(("log_alpha", "temperature"), GRID)
def test_probabilities_agree_with_counts(log_alpha, temperature):
    z = draw(log_alpha, temperature)
    arguments = (scalar(log_alpha), temperature)
    assert_share((z == 0).sum(), float(closed_probability(*arguments)))
    assert_share((z == 1).sum(), float(saturated_probability(*arguments)))
    assert_share((z > 0).sum(), float(open_probability(*arguments)))
    spread = z.std() / math.sqrt(N)
    assert z.mean() == pytest.approx(float(mean(*arguments)), abs=5 * spread + 1e-5)


@pytest.mark.parametrize(("log_alpha", "temperature"), GRID)
def test_probabilities_agree_with_closed_forms(log_alpha, temperature):
    arguments = (scalar(log_alpha), temperature)
    opened, closed = (
        float(open_probability(*arguments)),
        float(closed_probability(*arguments)),
    )
    assert opened == pytest.approx(1 / (1 + math.exp(-(log_alpha - temperature * math.log(0.1 / 1.1)))))
    assert opened == pytest.approx(survival(0.0, log_alpha, temperature))
    assert opened + closed == pytest.approx(1.0)
    assert float(saturated_probability(*arguments)) == pytest.approx(
        survival(1 - 1e-12, log_alpha, temperature), abs=1e-9
    )
    area, _ = quad(survival, 0, 1, args=arguments, epsabs=1e-12)
    assert float(mean(*arguments)) == pytest.approx(area, abs=1e-9)


@pytest.mark.parametrize("temperature", [0.05, 0.5, 5.0])
def test_mean_is_accurate_up_to_its_stated_temperature(temperature):
    log_alpha = torch.linspace(-10, 10, 21, dtype=torch.float64)
    areas = [quad(survival, 0, 1, args=(a, temperature), epsabs=1e-12)[0] for a in log_alpha.tolist()]
    np.testing.assert_allclose(mean(log_alpha, temperature).numpy(), areas, atol=1e-9)


@pytest.mark.parametrize("temperature", [0.5, 2.0 / 3.0, 1.0, 2.0])
def test_expected_l0_is_line_16_of_algorithm_1(temperature):
    alpha = [-3.0, -0.2, 0.4, 5.0]
    literal = sum(1 / (1 + math.exp(-(a - temperature * math.log(0.1 / 1.1)))) for a in alpha)
    log_alpha = torch.tensor(alpha, dtype=torch.float64)
    assert float(expected_l0(log_alpha, temperature)) == pytest.approx(literal)
    assert expected_l0(log_alpha.reshape(2, 2), temperature).shape == ()


def test_the_reference_temperature_is_the_default():
    log_alpha = torch.linspace(-5, 5, 7)
    for function in (
        expected_l0,
        open_probability,
        closed_probability,
        mean,
    ):
        assert torch.equal(function(log_alpha), function(log_alpha, 2 / 3))
        assert not torch.allclose(function(log_alpha), function(log_alpha, 2.0))


def test_soft_is_the_sample_at_u_one_half_and_temperature_one():
    log_alpha = torch.linspace(-6, 6, 49, dtype=torch.float64)
    at_half = sample(log_alpha, torch.zeros(()).double(), 1.0)
    torch.testing.assert_close(soft(log_alpha), at_half)
    z = soft(log_alpha)
    assert bool((z.diff() >= 0).all())
    assert bool((z[log_alpha < math.log(0.1 / 1.1)] == 0).all())  # where the stretch is below 0
    assert bool((z[log_alpha > math.log(1.1 / 0.1)] == 1).all())
    assert float(soft(scalar(0.0))) == pytest.approx(0.5)


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.9])
def test_binary_is_line_10_of_algorithm_1(threshold):
    edge = math.log(threshold / (1 - threshold))
    opened = binary(torch.tensor([edge - 1e-3, edge + 1e-3]), threshold)
    assert opened.dtype == torch.bool
    assert opened.tolist() == [False, True]
    assert not binary(torch.zeros(1)).any()  # exactly at the threshold is shut


def test_a_gate_at_the_lower_bound_is_hardly_counted():
    shut = float(open_probability(scalar(-LOG_ALPHA_BOUND)))
    assert shut < 0.001
    assert float(open_probability(scalar(LOG_ALPHA_BOUND))) > 0.999
    assert float(open_probability(scalar(-4.6))) == pytest.approx(0.047, abs=5e-4)  # a narrower clamp


@pytest.mark.parametrize(("log_alpha", "temperature"), GRID)
def test_gradient_of_samples_agrees_with_finite_differences(log_alpha, temperature):
    noise = logistic_noise((64,), dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    a = torch.full((64,), log_alpha, dtype=torch.float64, requires_grad=True)
    z = sample(a, noise, temperature)
    z.sum().backward()
    step = 1e-6
    up, down = (sample(a.detach() + e, noise, temperature) for e in (step, -step))
    inside = (z > 1e-5) & (z < 1 - 1e-5)
    torch.testing.assert_close(a.grad[inside], ((up - down) / (2 * step))[inside], rtol=1e-5, atol=1e-8)
    assert not a.grad[(z == 0) | (z == 1)].any()


@pytest.mark.parametrize(
    "function",
    [
        open_probability,
        closed_probability,
        saturated_probability,
        mean,
    ],
)
def test_gradients_of_probabilities(function):
    log_alpha = torch.linspace(-4, 4, 9, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a: function(a, 0.7), log_alpha)


def test_the_gradient_of_the_mean_is_the_mean_gradient_of_samples():
    a = torch.full((N,), 0.3, dtype=torch.float64, requires_grad=True)
    noise = logistic_noise((N,), dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    sample(a, noise, 0.7).sum().backward()
    b = scalar(0.3).requires_grad_()
    mean(b, 0.7).backward()
    spread = float(a.grad.std()) / math.sqrt(N)
    assert float(a.grad.mean()) == pytest.approx(float(b.grad), abs=5 * spread)


def test_every_function_broadcasts():
    log_alpha, noise = torch.randn(4), torch.randn(5, 4)
    assert sample(log_alpha, noise, 0.5).shape == (5, 4)
    for function in (
        open_probability,
        closed_probability,
        saturated_probability,
        mean,
    ):
        assert function(torch.randn(2, 3)).shape == (2, 3)
