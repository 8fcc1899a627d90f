"""Calibration coupling: the soft error is the hard one in the limit, has a gradient that helps, and is off at zero."""

from __future__ import annotations

import pytest
import torch
from toy_training import model, problem, train

from l0gm.errors import ParameterError
from l0gm.gates import IdentityGate
from l0gm.metrics import ece
from l0gm.model import probabilities
from l0gm.training import Checkpoint, Objective, Trainer
from l0gm.training.coupling import soft_binned_ece


def answers(n_outputs, n=400, scale=3.0, seed=0):
    """Overconfident logits, and labels that they know something of."""
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(n, n_outputs, dtype=torch.float64, generator=generator)
    p = probabilities(logits / 3)
    return logits, torch.multinomial(p, 1, generator=generator)[:, 0]


@pytest.mark.parametrize("n_outputs", [1, 3, 10])
@pytest.mark.parametrize("bins", [5, 15])
def test_it_is_the_calibration_error_in_the_limit(n_outputs, bins):
    logits, y = answers(n_outputs)
    hard = ece(y.numpy(), probabilities(logits).numpy(), bins=bins)
    soft = float(soft_binned_ece(logits, y, bins=bins, temperature=1e-9, power=1.0))
    assert soft == pytest.approx(hard, rel=1e-6)
    assert float(soft_binned_ece(logits, y, bins=bins, temperature=1e-9)) >= hard  # the root of the mean square


def test_one_logit_is_two():
    logits, y = answers(1)
    two = torch.cat([torch.zeros_like(logits), logits], 1)
    torch.testing.assert_close(soft_binned_ece(logits, y), soft_binned_ece(two, y))


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_a_weight_is_as_good_as_repeating_the_row(n_outputs):
    logits, y = answers(n_outputs, n=60)
    times = torch.arange(60) % 4
    repeated = soft_binned_ece(logits.repeat_interleave(times, 0), y.repeat_interleave(times))
    torch.testing.assert_close(soft_binned_ece(logits, y, times), repeated)


def test_rows_without_weight_have_no_error_and_no_gradient():
    logits, y = answers(3, n=8)
    logits.requires_grad_()
    soft_binned_ece(logits, y, torch.zeros(8)).backward()
    assert not logits.grad.any()


@pytest.mark.parametrize("n_outputs", [1, 4])
def test_its_gradient_is_right(n_outputs):
    logits, y = answers(n_outputs, n=12)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda given: soft_binned_ece(given, y, temperature=0.05), logits)


@pytest.mark.parametrize("n_outputs", [1, 4])
def test_its_gradient_calms_an_overconfident_model(n_outputs):
    logits, y = answers(n_outputs, n=4000)
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    before = ece(y.numpy(), probabilities(logits).numpy())
    for _ in range(200):
        (gradient,) = torch.autograd.grad(soft_binned_ece(logits * scale, y), scale)
        with torch.no_grad():
            scale -= 0.02 * gradient.sign()
    assert float(scale.detach()) < 0.6  # the labels were drawn with a third
    assert ece(y.numpy(), probabilities(logits * scale.detach()).numpy()) < before / 3


def test_the_objective_adds_it_with_its_weight():
    made = model(dim=4, gate=IdentityGate(4))
    (rows, _), weight = problem(64, 4), torch.rand(64)
    plain, loss = Objective(made)(rows.inputs, rows.y, weight, 0.0, None)
    assert plain is loss
    coupled, same = Objective(made, coupling=0.3)(rows.inputs, rows.y, weight, 0.0, None)
    torch.testing.assert_close(same, loss)
    torch.testing.assert_close(coupled, loss + 0.3 * soft_binned_ece(made(rows.inputs), rows.y, weight))


def test_a_resumed_training_ends_with_the_same_weights(tmp_path):
    rows, options = problem(), {"active": 0.3, "epochs": 6, "coupling": 0.5}
    whole = train(model(), rows, **options).model

    def stop(progress):
        if progress.step == 30:
            raise KeyboardInterrupt

    checkpoint = Checkpoint(tmp_path / "fit.pt")
    with pytest.raises(KeyboardInterrupt):
        train(model(), rows, **options, checkpoint=checkpoint, on_step=stop)
    with pytest.raises(ParameterError, match=r"coupling: 0\.5 there, 0\.1 now"):
        train(model(), rows, **{**options, "coupling": 0.1}, checkpoint=Checkpoint(tmp_path / "fit.pt"))
    again = train(model(), rows, **options, checkpoint=Checkpoint(tmp_path / "fit.pt")).model
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


@pytest.mark.parametrize("coupling", [-0.1, float("nan"), float("inf")])
def test_what_is_refused(coupling):
    with pytest.raises(ParameterError, match="calibration_coupling="):
        Trainer(model(), coupling=coupling)
