"""The contract of a gate, as clauses that any implementation can be put through."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from l0gm.errors import ParameterError
from l0gm.gates.base import Gate
from l0gm.testing.clauses import close, demand, run_clauses

__all__ = ["check_gate"]

Make = Callable[[int], Gate]

DRAWS = 64  # samples in which a learned gate's parameters must have got a gradient
TRIES = 4  # gates that are hardened to each count
PUSH = 1e6  # learning rate of the steps that must not move a hardened gate
ROUNDING = 0.01  # of the dimensions: how far a hardened gate's expected count may be from its count


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


def _used(make: Make, dim: int) -> Gate:
    """Return a gate as training leaves it: parameters moved apart, some batches seen, in training mode."""
    gate = make(dim)
    with torch.no_grad():
        for parameter in gate.parameters():
            parameter.add_(4.0 * torch.randn_like(parameter))
    gate.train()
    scale = torch.rand(dim)
    for _ in range(3):
        gate(scale * torch.randn(8, dim))
    return gate


def _harden(gate: Gate, k: int) -> Tensor | None:
    """Harden to ``k``; ``None`` where a gate that learns nothing has another count and says so."""
    n_open = gate.n_open
    try:
        return gate.harden(k)
    except ParameterError as error:
        demand(not gate.learned and k != n_open, f"harden({k}) refused: {error}")
        return None


def _hardened(make: Make, dim: int) -> Iterator[Gate]:
    """Yield hardened gates, one for each count that this kind of gate can have."""
    for k in range(1, dim + 1):
        gate = _used(make, dim)
        if _harden(gate, k) is not None:
            yield gate


def _inference(gate: Gate, h: Tensor) -> Tensor:
    """Return the values that ``gate`` has for ``h`` at inference, with the shape of ``h``."""
    training = gate.training
    z = gate.eval().values(h).expand(h.shape)
    gate.train(training)
    return z.detach()


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
    gate = _used(make, dim)
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
    for gate in (_used(make, dim), _used(make, dim).eval(), *_hardened(make, dim)):
        if gate.per_example:
            continue
        results = []
        for h in (torch.randn(5, dim), torch.empty(0, dim)):
            torch.manual_seed(1)
            results.append(gate.values(h))
        demand(results[0].shape == (dim,), f"values is {tuple(results[0].shape)}, not (dim,)")
        demand(torch.equal(*results), "values differ between two h from one random state")


def _a_batch_without_rows_changes_nothing(make: Make, dim: int) -> None:
    gate = _used(make, dim)
    before = copy.deepcopy(gate.state_dict())
    demand(gate(torch.randn(0, dim)).shape == (0, dim), "the result has another shape")
    for name, value in gate.state_dict().items():
        demand(torch.equal(value, before[name]), f"{name} is another")


def _inference_is_deterministic(make: Make, dim: int) -> None:
    gate = _used(make, dim).eval()
    h = torch.randn(4, dim)
    demand(torch.equal(gate(h), gate(h)), "two calls in evaluation mode differ")


def _inference_multiplies_with_inference_values(make: Make, dim: int) -> None:
    gate = _used(make, dim)
    z = gate.inference_values().detach()
    demand(z.shape == (dim,) and z.is_floating_point(), f"inference_values is {tuple(z.shape)}, {z.dtype}")
    demand(close(_inference(gate, torch.randn(4, dim)), z.expand(4, dim)), "values(h) is another")
    mask = gate.open_mask()
    demand(mask.dtype == torch.bool, f"open_mask is {mask.dtype}")
    demand(torch.equal(mask, z > 0), "open_mask is not where inference_values is above 0")
    demand(gate.n_open == int(mask.sum()), f"n_open is {gate.n_open}, open_mask has {int(mask.sum())}")
    demand(_whole(gate, z), "dimensions of one group have different values")


def _whole(gate: Gate, z: Tensor) -> bool:
    first = torch.stack([z[gate.group_index == g][0] for g in range(gate.n_gates)])
    return torch.equal(first[gate.group_index], z)


def _expected_open_is_a_count(make: Make, dim: int) -> None:
    expected = _used(make, dim).expected_open()
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


def _harden_leaves_k_open(make: Make, dim: int) -> None:
    possible = 0
    for k in range(1, dim + 1):
        for _ in range(TRIES):
            gate = _used(make, dim)
            mask = _harden(gate, k)
            if mask is not None:
                possible += 1
                _has_k_open(gate, mask, k)
    demand(possible > 0, "no k is accepted")


def _has_k_open(gate: Gate, mask: Tensor, k: int) -> None:
    demand(gate.hardened, f"hardened is False after harden({k})")
    demand(mask.dtype == torch.bool and mask.shape == (gate.dim,), f"harden({k}) returned no bool (dim,)")
    demand(torch.equal(mask, gate.open_mask()), f"harden({k}) returned another mask than open_mask")
    if gate.n_gates == gate.dim:
        demand(gate.n_open == k, f"harden({k}) leaves {gate.n_open} open")
        return
    demand(_whole(gate, mask.float()), f"harden({k}) splits a group")
    demand(gate.n_open > 0, f"harden({k}) leaves none open")
    if int(torch.bincount(gate.group_index).min()) <= k:
        demand(gate.n_open <= k, f"harden({k}) leaves {gate.n_open} open, though a group fits")
    else:
        demand(len(torch.unique(gate.group_index[mask])) == 1, f"harden({k}) opens several groups")


def _harden_without_k_keeps_what_is_open(make: Make, dim: int) -> None:
    gate = _used(make, dim)
    before = gate.open_mask()
    demand(torch.equal(gate.harden(), before), "harden() returned another mask than open_mask before")
    demand(gate.hardened and torch.equal(gate.open_mask(), before), "the open dimensions are others")


def _harden_refuses_counts_out_of_range(make: Make, dim: int) -> None:
    for k in (0, -1, dim + 1):
        gate = _used(make, dim)
        hardened = gate.hardened
        try:
            gate.harden(k)
        except ParameterError:
            demand(gate.hardened == hardened, f"harden({k}) raised, but hardened the gate")
        else:
            raise AssertionError(f"harden({k}) raises no ParameterError")


def _a_hardened_gate_stays_as_it_is(make: Make, dim: int) -> None:
    for gate in _hardened(make, dim):
        loaded = make(dim)
        loaded.load_state_dict(copy.deepcopy(gate.state_dict()))
        for one in (gate, loaded):
            _stays(one, gate.open_mask())


def _stays(gate: Gate, mask: Tensor) -> None:
    h = torch.randn(16, gate.dim)
    expected = mask.float().expand(h.shape)
    for step in range(3):
        gate.train()
        demand(torch.equal(gate.values(h).expand(h.shape), expected), "training draws other values")
        demand(torch.equal(_inference(gate, h), expected), "inference has others")
        gate.anneal(2.0 - 0.5 * step)
        loss = gate(h.clone().requires_grad_()).square().sum() + gate.expected_open()
        loss.backward()
        parameters = list(gate.parameters())
        if parameters:
            torch.optim.SGD(parameters, lr=PUSH).step()
    demand(torch.equal(gate.open_mask(), mask), "steps and annealing moved the open dimensions")
    demand(torch.equal(gate.harden(), mask), "harden() moved the open dimensions")
    off = abs(float(gate.expected_open().detach()) - gate.n_open)
    demand(off <= ROUNDING * gate.dim, f"expected_open is {off:.3g} away from {gate.n_open} open ones")


def _only_open_dimensions_pass_the_gradient(make: Make, dim: int) -> None:
    for gate in _hardened(make, dim):
        for training in (True, False):
            gate.train(training)
            h = torch.randn(3, dim, requires_grad=True)
            gate(h).sum().backward()
            mask = gate.open_mask().float().expand(3, dim)
            demand(h.grad is not None and torch.equal(h.grad, mask), "the gradient to h is not the mask")


def _state_dict_restores_the_gate(make: Make, dim: int) -> None:
    h = torch.randn(4, dim)
    for gate in _hardened(make, dim):
        other = make(dim)
        other.load_state_dict(copy.deepcopy(gate.state_dict()))
        demand(other.hardened, "a loaded gate is not hardened")
        demand(torch.equal(other.open_mask(), gate.open_mask()), "a loaded gate has other open dimensions")
        demand(close(other.train().values(h).expand(4, dim), _inference(gate, h)), "it draws other values")
    gate = _used(make, dim)
    before, hardened, state = _inference(gate, h), gate.hardened, copy.deepcopy(gate.state_dict())
    other = make(dim)
    other.load_state_dict(state)
    demand(close(_inference(other, h), before), "a loaded gate has other values")
    gate.harden()
    gate.load_state_dict(state)
    demand(gate.hardened == hardened, "an earlier state does not undo harden")
    demand(close(_inference(gate, h), before), "an earlier state does not bring its values back")
    if gate.learned:
        demand(gate.expected_open().requires_grad, "an earlier state does not let it learn again")


def _a_deep_copy_stands_alone(make: Make, dim: int) -> None:
    gate = _used(make, dim)
    h = torch.randn(4, dim)
    before, hardened = _inference(gate, h), gate.hardened
    twin = copy.deepcopy(gate)
    demand(torch.equal(_inference(twin, h), before), "the copy has other values")
    twin.harden()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    demand(gate.hardened == hardened, "hardening the copy hardened the gate")
    demand(torch.equal(_inference(gate, h), before), "changing the copy changed the gate")


def _anneal_is_accepted(make: Make, dim: int) -> None:
    gate = _used(make, dim)
    for temperature in (2.0, 2.0 / 3.0, 0.1):
        gate.anneal(temperature)
        z = gate.values(torch.randn(4, dim))
        demand(bool(((z >= 0) & (z <= 1)).all()), f"a value lies outside [0, 1] at temperature {temperature}")


_CLAUSES = (
    _has_the_width_asked_for,
    _forward_is_values_times_h,
    _where_masks_are_not_drawn_an_example_h_does_not_matter,
    _a_batch_without_rows_changes_nothing,
    _inference_is_deterministic,
    _inference_multiplies_with_inference_values,
    _expected_open_is_a_count,
    _a_learned_gate_gets_gradients,
    _harden_leaves_k_open,
    _harden_without_k_keeps_what_is_open,
    _harden_refuses_counts_out_of_range,
    _state_dict_restores_the_gate,
    _a_hardened_gate_stays_as_it_is,
    _only_open_dimensions_pass_the_gradient,
    _a_deep_copy_stands_alone,
    _anneal_is_accepted,
)
