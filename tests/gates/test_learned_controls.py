"""Gates to compare the hard-concrete one with: Gaussian gates, and scales under an L1 penalty."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import norm

from l0gm.errors import ParameterError
from l0gm.gates import GaussianGate, ScaleGate

MEANS = [-0.8, 0.0, 0.3, 0.5, 1.4]


def gaussian(means=MEANS, **options):
    gate = GaussianGate(len(means), **options)
    with torch.no_grad():
        gate.mu.copy_(torch.tensor(means))
    return gate


def scales(values, groups=None):
    gate = ScaleGate(len(values) if groups is None else len(groups), groups)
    with torch.no_grad():
        gate.scale.copy_(torch.tensor(values))
    return gate


# ---- Gaussian ------------------------------------------------------------------------------------------------


def test_it_starts_with_the_papers_numbers():
    gate = GaussianGate(3)
    assert (gate.sigma, gate.mu.tolist()) == (0.5, [0.5] * 3)


@pytest.mark.parametrize("sigma", [0.2, 0.5])
def test_samples_are_clipped_gaussians(sigma):
    gate = gaussian(sigma=sigma)
    torch.manual_seed(0)
    z = gate.values(torch.empty(40_000, 5))
    for d, mean in enumerate(MEANS):
        at_zero, at_one = norm.cdf(-mean / sigma), norm.sf((1.0 - mean) / sigma)
        assert float((z[:, d] == 0).float().mean()) == pytest.approx(at_zero, abs=0.01)
        assert float((z[:, d] == 1).float().mean()) == pytest.approx(at_one, abs=0.01)


def test_the_expected_count_is_the_share_of_samples_above_zero():
    gate = gaussian()
    expected = sum(norm.cdf(mean / 0.5) for mean in MEANS)
    assert float(gate.expected_open().detach()) == pytest.approx(expected, rel=1e-5)
    torch.manual_seed(0)
    counted = (gate.values(torch.empty(40_000, 5)) > 0).float().sum(1).mean()
    assert float(counted) == pytest.approx(expected, abs=0.03)


def test_inference_clips_the_mean_and_hardening_rounds_it():
    gate = gaussian().eval()
    assert gate.inference_values().tolist() == pytest.approx([0.0, 0.0, 0.3, 0.5, 1.0])
    assert gate.harden(2).tolist() == [False, False, False, True, True]
    assert gate.inference_values().tolist() == [0.0, 0.0, 0.0, 1.0, 1.0]


def test_a_mask_a_batch_has_one_row():
    assert gaussian(mask="batch").values(torch.empty(7, 5)).shape == (5,)
    assert gaussian().values(torch.empty(7, 5)).shape == (7, 5)


def test_a_group_shares_its_sample_and_counts_all_of_its_dimensions():
    gate = GaussianGate(3, [0, 0, 1])
    z = gate.values(torch.empty(50, 3))
    assert torch.equal(z[:, 0], z[:, 1])
    assert float(gate.expected_open().detach()) == pytest.approx(3 * norm.cdf(1.0), rel=1e-5)


def test_means_stay_within_their_bounds():
    gate = gaussian([-9.0, 9.0])
    gate.clamp_()
    assert gate.mu.tolist() == [-2.0, 2.0]


@pytest.mark.parametrize("options", [{"sigma": 0.0}, {"sigma": math.inf}, {"init": 3.0}, {"mask": "row"}])
def test_gaussian_refuses(options):
    with pytest.raises(ParameterError, match=next(iter(options))):
        GaussianGate(3, **options)


# ---- scales --------------------------------------------------------------------------------------------------


def test_scales_start_at_one_and_those_above_zero_are_counted():
    gate = ScaleGate(4)
    assert gate.values(torch.empty(2, 4)).tolist() == [1.0] * 4
    assert float(scales([0.5, 0.0, 1.0]).expected_open().detach()) == 2
    assert float(scales([0.5, 0.0], [0, 0, 0, 1]).expected_open().detach()) == 3


def test_the_gradient_of_the_penalty_is_that_of_the_group_lasso():
    gate = scales([0.5, 0.25], [0, 0, 0, 1])
    gate.expected_open().backward()
    s = gate.scale.detach().requires_grad_()
    lasso = sum(p**0.5 * s[g].expand(p).norm() for g, p in ((0, 3), (1, 1)))  # sqrt(p) times the norm
    lasso.backward()
    torch.testing.assert_close(gate.scale.grad, s.grad)


def test_gradients_pass_at_both_ends_and_a_step_reaches_zero_exactly():
    gate = scales([0.0, 0.05, 1.0])
    (gate(torch.ones(1, 3)).sum() + gate.expected_open()).backward()
    assert gate.scale.grad.tolist() == [2.0] * 3
    torch.optim.SGD(gate.parameters(), lr=0.1).step()
    gate.clamp_()
    assert gate.scale.tolist() == pytest.approx([0.0, 0.0, 0.8])
    assert gate.n_open == 1


def test_hardening_cuts_the_small_ones_and_leaves_the_others():
    gate = scales([0.3, 0.9, 0.1, 0.6])
    assert gate.harden(2).tolist() == [False, True, False, True]
    assert gate.inference_values().tolist() == pytest.approx([0.0, 0.9, 0.0, 0.6])
    assert float(gate.expected_open().detach()) == 2


def test_where_too_few_are_open_others_get_the_least_scale():
    gate = scales([0.0, 0.9, 0.0, 0.6])
    gate.harden(3)
    assert sorted(gate.inference_values().tolist()) == pytest.approx([0.0, 0.6, 0.6, 0.9])
    shut = scales([0.0, 0.0])
    shut.harden(1)
    assert sorted(shut.inference_values().tolist()) == [0.0, 1.0]
