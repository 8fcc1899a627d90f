"""The contract of a gate, as clauses that any implementation can be put through."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from l0gm.gates.base import Gate
from l0gm.testing import hardening
from l0gm.testing.clauses import close, demand, run_clauses
from l0gm.testing.hardening import Make, each_hardened, inference, used, whole

__all__ = ["check_gate"]

DRAWS = 64  # samples in which a learned gate's parameters must have got a gradient


def check_gate(make: Make, dims: Sequence[int] = (1, 6, 12)) -> None:
    """Put a gate through the contract of :class:`l0gm.gates.Gate`.

    Parameters
    ----------
    make : callable
        From a width to a new gate of that width, in the state that training starts from. It is called many times.
    dims : sequence of int
        The widths to try.

    Raises
    ------
    AssertionError
        At the first broken clause; the message names it.

    Examples
    --------
    >>> from l0gm.gates import HardConcreteGate
    >>> check_gate(HardConcreteGate)
    >>> check_gate(lambda dim: HardConcreteGate(dim, mask="batch", inference="soft"))
    """
    for dim in dims:
        run_clauses(f"the gate of width {dim}", _CLAUSES, make, dim)


def _has_the_width_asked_for(make: Make, dim: int) -> None:
    gate = make(dim)
    demand(isinstance(gate, Gate), f"{type(gate).__name__} does not derive from l0gm.gates.Gate")
    demand(gate.dim == dim, f"dim is {gate.dim}")
    groups = gate.group_index
    demand(groups.shape == (dim,), f"group_index has shape {tuple(groups.shape)}")
    numbers = torch.unique(groups)
    demand(torch.equal(numbers, torch.arange(len(numbers))), "group_index leaves a gap")
    demand(gate.n_gates == len(numbers), f"n_gates is {gate.n_gates}, group_index has {len(numbers)}")


def _forward_is_values_times_h(make: Make, dim: int) -> None:
    gate = used(make, dim)
    for training in (True, False):
        gate.train(training)
        for shape in ((5, dim), (2, 3, dim), (1, dim), (dim,)):
            for dtype in (torch.float32, torch.float64, torch.bfloat16):
                h = torch.randn(shape).to(dtype)
                case = f"h of shape {shape}, {dtype}, training={training}"
                torch.manual_seed(1)
                z = gate.values(h)
                torch.manual_seed(1)
                out = gate(h)
                torch.manual_seed(1)
                gated, its_z = gate.gated(h)
                for name, result in (("gate(h)", out), ("gated(h)[0]", gated)):
                    demand(
                        result.shape == h.shape and result.dtype == dtype,
                        f"{name} is {tuple(result.shape)}, {result.dtype} for {case}",
                    )
                demand(torch.broadcast_shapes(z.shape, h.shape) == h.shape, f"z does not fit {case}")
                demand(bool(((z >= 0) & (z <= 1)).all()), f"a value lies outside [0, 1] for {case}")
                demand(close(out, z * h), f"gate(h) is not values(h) * h from one random state for {case}")
                demand(close(gated, its_z * h), f"gated(h) is not (z * h, z) for {case}")
                demand(close(gated, out), f"gated(h) is not gate(h) from one random state for {case}")


def _where_masks_are_not_drawn_an_example_h_does_not_matter(make: Make, dim: int) -> None:
    for gate in (used(make, dim), used(make, dim).eval(), *each_hardened(make, dim)):
        if gate.per_example:
            continue
        results = []
        for h in (torch.randn(5, dim), torch.empty(0, dim)):
            torch.manual_seed(1)
            results.append(gate.values(h))
        demand(results[0].shape == (dim,), f"values is {tuple(results[0].shape)}, not (dim,)")
        demand(torch.equal(*results), "values differ between two h from one random state")


def _a_batch_without_rows_changes_nothing(make: Make, dim: int) -> None:
    gate = used(make, dim)
    before = copy.deepcopy(gate.state_dict())
    demand(gate(torch.randn(0, dim)).shape == (0, dim), "the result has another shape")
    for name, value in gate.state_dict().items():
        demand(torch.equal(value, before[name]), f"{name} is another")


def _inference_is_deterministic(make: Make, dim: int) -> None:
    gate = used(make, dim).eval()
    h = torch.randn(4, dim)
    demand(torch.equal(gate(h), gate(h)), "two calls in evaluation mode differ")


def _inference_multiplies_with_inference_values(make: Make, dim: int) -> None:
    gate = used(make, dim)
    z = gate.inference_values().detach()
    demand(z.shape == (dim,) and z.is_floating_point(), f"inference_values is {tuple(z.shape)}, {z.dtype}")
    now = inference(gate, torch.randn(4, dim))
    if gate.conditional:
        demand(bool((now <= z).all()), "values(h) is larger")
    else:
        demand(close(now, z.expand(4, dim)), "values(h) is another")
    mask = gate.open_mask()
    demand(mask.dtype == torch.bool, f"open_mask is {mask.dtype}")
    demand(torch.equal(mask, z > 0), "open_mask is not where inference_values is above 0")
    demand(gate.n_open == int(mask.sum()), f"n_open is {gate.n_open}, open_mask has {int(mask.sum())}")
    demand(whole(gate, z), "dimensions of one group have different values")


def _expected_open_is_a_count(make: Make, dim: int) -> None:
    expected = used(make, dim).expected_open()
    demand(expected.shape == (), f"it has shape {tuple(expected.shape)}")
    demand(0.0 <= float(expected.detach()) <= dim, f"it is {float(expected.detach())} of {dim}")


def _a_learned_gate_gets_gradients(make: Make, dim: int) -> None:
    gate = make(dim).train()
    if not gate.learned:
        return
    parameters = [p for p in gate.parameters() if p.requires_grad]
    demand(len(parameters) > 0, "it has no parameters")
    gate.expected_open().backward()
    demand(_reached(parameters), "expected_open gives none")
    gate.zero_grad()
    for _ in range(DRAWS):
        (gate(torch.randn(4, dim)) * torch.randn(4, dim)).sum().backward()
    demand(_reached(parameters), f"gate(h) gives none in {DRAWS} samples")


def _reached(parameters: Sequence[Tensor]) -> bool:
    gradients = [p.grad for p in parameters if p.grad is not None]
    return all(bool(g.isfinite().all()) for g in gradients) and any(bool(g.any()) for g in gradients)


def _a_deep_copy_stands_alone(make: Make, dim: int) -> None:
    gate = used(make, dim)
    h = torch.randn(4, dim)
    before, hardened = inference(gate, h), gate.hardened
    twin = copy.deepcopy(gate)
    demand(torch.equal(inference(twin, h), before), "the copy has other values")
    twin.harden()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    demand(gate.hardened == hardened, "hardening the copy hardened the gate")
    demand(torch.equal(inference(gate, h), before), "changing the copy changed the gate")


def _anneal_is_accepted(make: Make, dim: int) -> None:
    gate = used(make, dim)
    for temperature in (2.0, 2.0 / 3.0, 0.1):
        gate.anneal(temperature)
        z = gate.values(torch.randn(4, dim))
        demand(bool(((z >= 0) & (z <= 1)).all()), f"a value lies outside [0, 1] at temperature {temperature}")


_CLAUSES = (
    _has_the_width_asked_for,
    _forward_is_values_times_h,
    _a_batch_without_rows_changes_nothing,
    _inference_is_deterministic,
    _inference_multiplies_with_inference_values,
    _expected_open_is_a_count,
    _a_learned_gate_gets_gradients,
    *hardening.CLAUSES,
    _a_deep_copy_stands_alone,
    _anneal_is_accepted,
    _where_masks_are_not_drawn_an_example_h_does_not_matter,
)
