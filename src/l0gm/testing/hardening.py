"""The part of a gate's contract that is about hardening, and what its clauses and the others share."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from l0gm.errors import ParameterError
from l0gm.gates.base import Gate
from l0gm.testing.clauses import close, demand

__all__ = ["CLAUSES", "Make", "each_hardened", "inference", "used", "whole"]

Make = Callable[[int], Gate]

TRIES = 4  # gates that are hardened to each count
PUSH = 1e6  # learning rate of the steps that must not move a hardened gate
ROUNDING = 0.01  # of the dimensions: how far a hardened gate's expected count may be from its count


def used(make: Make, dim: int) -> Gate:
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


def each_hardened(make: Make, dim: int) -> Iterator[Gate]:
    """Yield hardened gates, one for each count that this kind of gate can have."""
    for k in range(1, dim + 1):
        gate = used(make, dim)
        if _harden(gate, k) is not None:
            yield gate


def inference(gate: Gate, h: Tensor) -> Tensor:
    """Return the values that ``gate`` has for ``h`` at inference, with the shape of ``h``."""
    training = gate.training
    z = gate.eval().values(h).expand(h.shape)
    gate.train(training)
    return z.detach()


def whole(gate: Gate, z: Tensor) -> bool:
    """Return whether all dimensions of a group have the same value in ``z`` (dim,)."""
    first = torch.stack([z[gate.group_index == g][0] for g in range(gate.n_gates)])
    return torch.equal(first[gate.group_index], z)


def _harden_leaves_k_open(make: Make, dim: int) -> None:
    possible = 0
    for k in range(1, dim + 1):
        for _ in range(TRIES):
            gate = used(make, dim)
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
    demand(whole(gate, mask.float()), f"harden({k}) splits a group")
    demand(gate.n_open > 0, f"harden({k}) leaves none open")
    if int(torch.bincount(gate.group_index).min()) <= k:
        demand(gate.n_open <= k, f"harden({k}) leaves {gate.n_open} open, though a group fits")
    else:
        demand(len(torch.unique(gate.group_index[mask])) == 1, f"harden({k}) opens several groups")


def _harden_without_k_keeps_what_is_open(make: Make, dim: int) -> None:
    gate = used(make, dim)
    before = gate.open_mask()
    demand(torch.equal(gate.harden(), before), "harden() returned another mask than open_mask before")
    demand(gate.hardened and torch.equal(gate.open_mask(), before), "the open dimensions are others")


def _harden_refuses_counts_out_of_range(make: Make, dim: int) -> None:
    for k in (0, -1, dim + 1):
        gate = used(make, dim)
        hardened = gate.hardened
        try:
            gate.harden(k)
        except ParameterError:
            demand(gate.hardened == hardened, f"harden({k}) raised, but hardened the gate")
        else:
            raise AssertionError(f"harden({k}) raises no ParameterError")


def _state_dict_restores_the_gate(make: Make, dim: int) -> None:
    h = torch.randn(4, dim)
    for gate in each_hardened(make, dim):
        other = make(dim)
        other.load_state_dict(copy.deepcopy(gate.state_dict()))
        demand(other.hardened, "a loaded gate is not hardened")
        demand(torch.equal(other.open_mask(), gate.open_mask()), "a loaded gate has other open dimensions")
        demand(close(other.train().values(h).expand(4, dim), inference(gate, h)), "it draws other values")
    gate = used(make, dim)
    before, hardened, state = inference(gate, h), gate.hardened, copy.deepcopy(gate.state_dict())
    other = make(dim)
    other.load_state_dict(state)
    demand(close(inference(other, h), before), "a loaded gate has other values")
    gate.harden()
    gate.load_state_dict(state)
    demand(gate.hardened == hardened, "an earlier state does not undo harden")
    demand(close(inference(gate, h), before), "an earlier state does not bring its values back")
    if gate.learned:
        demand(gate.expected_open().requires_grad, "an earlier state does not let it learn again")


def _a_hardened_gate_stays_as_it_is(make: Make, dim: int) -> None:
    for gate in each_hardened(make, dim):
        loaded = make(dim)
        loaded.load_state_dict(copy.deepcopy(gate.state_dict()))
        for one in (gate, loaded):
            _stays(one, gate.open_mask())


def _stays(gate: Gate, mask: Tensor) -> None:
    h = torch.randn(16, gate.dim)
    expected = inference(gate, h)
    for step in range(3):
        if gate.conditional:  # what depends on the row may go on learning
            expected = inference(gate, h)
        demand(bool((expected[:, ~mask] == 0).all()), "a closed dimension has a value")
        demand(gate.conditional or bool((expected[:, mask] > 0).all()), "an open dimension has none")
        gate.train()
        demand(torch.equal(gate.values(h).expand(h.shape), expected), "training draws other values")
        demand(torch.equal(inference(gate, h), expected), "inference has others")
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
    for gate in each_hardened(make, dim):
        for training in (True, False):
            gate.train(training)
            h = torch.randn(3, dim, requires_grad=True)
            gate(h).sum().backward()
            z = inference(gate, h)
            demand(h.grad is not None and torch.equal(h.grad, z), "the gradient to h is not z")
            demand(bool((z[:, ~gate.open_mask()] == 0).all()), "a closed dimension passes some")


CLAUSES = (
    _harden_leaves_k_open,
    _harden_without_k_keeps_what_is_open,
    _harden_refuses_counts_out_of_range,
    _state_dict_restores_the_gate,
    _a_hardened_gate_stays_as_it_is,
    _only_open_dimensions_pass_the_gradient,
)
