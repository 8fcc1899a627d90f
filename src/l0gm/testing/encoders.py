"""The contract of an encoder, as clauses that any implementation can be put through."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from l0gm.encoders.base import Encoder
from l0gm.testing.clauses import close, demand, run_clauses

if TYPE_CHECKING:
    from l0gm.training.rows import Batches

__all__ = ["check_encoder"]

Make = Callable[[], Encoder]


def check_encoder(make: Make, inputs: Batches) -> None:
    """Put an encoder through the contract of :class:`l0gm.encoders.Encoder`.

    Parameters
    ----------
    make : callable
        Returns a new encoder, in the state that training starts from. It is called many times.
    inputs : Batches
        At least three rows that the encoder can read, with ``n_rows`` and ``take(rows)``; varied enough to use
        all of it.

    Raises
    ------
    AssertionError
        At the first broken clause; the message names it.
    """
    run_clauses(f"the encoder {type(make()).__name__}", _CLAUSES, make, inputs)


def _used(make: Make) -> Encoder:
    """Return an encoder as training leaves it: every parameter moved; in evaluation mode."""
    encoder = make()
    _move(encoder.parameters())
    return encoder.eval()


@torch.no_grad()
def _move(parameters: Iterable[Tensor]) -> None:
    for parameter in parameters:
        parameter.add_(0.1 * torch.randn_like(parameter))


def _all(inputs: Batches) -> Tensor:
    return torch.arange(inputs.n_rows)


def _there_are_rows_to_try(make: Make, inputs: Batches) -> None:
    demand(inputs.n_rows >= 3, f"inputs has {inputs.n_rows} rows, three are needed")
    demand(isinstance(make(), Encoder), "it does not derive from l0gm.encoders.Encoder")


def _h_has_one_row_an_input_and_dim_columns(make: Make, inputs: Batches) -> None:
    encoder = make()
    for training in (True, False):
        h = encoder.train(training)(inputs.take(_all(inputs)))
        shape = (inputs.n_rows, encoder.dim)
        demand(h.shape == shape, f"h is {tuple(h.shape)}, not {shape}, training={training}")
        demand(h.is_floating_point() and bool(h.isfinite().all()), f"h is {h.dtype} with values not finite")


def _groups_number_the_dimensions_without_gaps(make: Make, inputs: Batches) -> None:
    encoder = make()
    groups = encoder.groups
    demand(groups.shape == (encoder.dim,), f"groups is {tuple(groups.shape)}, dim is {encoder.dim}")
    demand(groups.dtype == torch.int64, f"groups is {groups.dtype}")
    numbers = torch.unique(groups)
    demand(torch.equal(numbers, torch.arange(len(numbers))), f"groups has the numbers {numbers.tolist()}")


def _rows_do_not_depend_on_each_other(make: Make, inputs: Batches) -> None:
    encoder = _used(make)
    h = encoder(inputs.take(_all(inputs)))
    order = torch.randperm(inputs.n_rows)
    demand(close(encoder(inputs.take(order)), h[order]), "h is another in another order")
    part = order[: max(2, inputs.n_rows // 2)]
    demand(close(encoder(inputs.take(part)), h[part]), "h is another with fewer rows beside it")


def _takes_one_row_and_none(make: Make, inputs: Batches) -> None:
    encoder = _used(make)
    h = encoder(inputs.take(_all(inputs)))
    demand(close(encoder(inputs.take(torch.tensor([1]))), h[1:2]), "one row alone gives another h")
    for training in (True, False):
        none = encoder.train(training)(inputs.take(torch.tensor([], dtype=torch.int64)))
        demand(none.shape == (0, encoder.dim), f"no rows give {tuple(none.shape)}, training={training}")


def _evaluation_is_deterministic(make: Make, inputs: Batches) -> None:
    encoder = _used(make)
    batch = inputs.take(_all(inputs))
    demand(torch.equal(encoder(batch), encoder(batch)), "two calls in evaluation mode differ")


def _gradients_reach_every_parameter_in_use(make: Make, inputs: Batches) -> None:
    encoder = _used(make)
    batch = inputs.take(_all(inputs))
    h = encoder(batch)
    if not any(parameter.requires_grad for parameter in encoder.parameters()):
        return  # nothing in it is trained
    (h * torch.randn_like(h)).sum().backward()
    for name, parameter in encoder.named_parameters():
        if not parameter.requires_grad:
            continue
        moved = copy.deepcopy(encoder)
        _move([moved.get_parameter(name)])
        if not close(moved(batch), h):
            gradient = parameter.grad
            demand(gradient is not None and bool(gradient.any()), f"{name} changes h and gets no gradient")
            demand(gradient is not None and bool(gradient.isfinite().all()), f"{name}'s is not finite")


def _masked_is_z_times_h(make: Make, inputs: Batches) -> None:
    encoder = _used(make)
    few, all_rows = inputs.take(torch.arange(1)), inputs.take(_all(inputs))
    z = torch.rand(encoder.dim) * (torch.rand(encoder.dim) > 0.3)
    for batch in (few, all_rows):
        gradients = []
        for call in (lambda b, m: encoder(b) * m, encoder.masked):
            mask = z.clone().requires_grad_()
            encoder.zero_grad()
            h = call(batch, mask)
            (h * torch.linspace(1.0, 2.0, h.numel()).reshape(h.shape)).sum().backward()
            demand(mask.grad is not None, "no gradient reaches z")
            gradients.append([h, mask.grad, *(p.grad for p in encoder.parameters())])
        for a, b in zip(*gradients, strict=True):
            same = (a is None or not bool(a.any())) if b is None else a is not None and close(a, b)
            demand(same, "masked(batch, z) or a gradient of it is not that of z * h")


def _state_dict_restores_the_encoder(make: Make, inputs: Batches) -> None:
    encoder, other = _used(make), _used(make)
    batch = inputs.take(_all(inputs))
    other.load_state_dict(copy.deepcopy(encoder.state_dict()))
    demand(close(other(batch), encoder(batch)), "a loaded encoder gives another h")


_CLAUSES = (
    _there_are_rows_to_try,
    _h_has_one_row_an_input_and_dim_columns,
    _groups_number_the_dimensions_without_gaps,
    _rows_do_not_depend_on_each_other,
    _takes_one_row_and_none,
    _evaluation_is_deterministic,
    _gradients_reach_every_parameter_in_use,
    _masked_is_z_times_h,
    _state_dict_restores_the_encoder,
)
