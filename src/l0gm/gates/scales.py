"""L1 and the group lasso as a gate: a scale for each dimension or group, under a penalty on their sum."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from l0gm.gates.base import Gate, group_sizes

__all__ = ["ScaleGate"]


class ScaleGate(Gate):
    """A scale in [0, 1] for each dimension, with an L1 penalty; for each group, with that of the group lasso.

    A gradient step and :meth:`clamp_`, which projects back to [0, 1], are a proximal step of the L1 penalty: scales
    reach zero exactly. The penalty of a group of p dimensions is p times its scale: what the group lasso (Yuan and Lin
    2006) makes of p equal scales. There is no noise. :meth:`harden` cuts all but the largest, whose scales stay as they
    are, so that the function stays. Since nothing is drawn, the expected count is the count.

    A scale can shrink while weights behind it grow, which costs nothing: what L1 presses on is not the count
    (the weakness that hard-concrete gates were made for).

    Parameters
    ----------
    dim : int
        Width of the representation.
    groups : sequence of int, optional
        Dimensions with the same number share a scale.

    Examples
    --------
    >>> import torch
    >>> gate = ScaleGate(16)
    >>> gate(torch.randn(4, 16)).shape
    torch.Size([4, 16])
    """

    learned = True
    lr_scale = 1.0 / 3.0  # from the start until it closes: from 1 to 0, log_alpha from 3 to 0

    def __init__(self, dim: int, groups: Sequence[int] | Tensor | None = None) -> None:
        super().__init__(dim, groups)
        self.scale = nn.Parameter(torch.ones(self.n_gates))

    def clamp_(self) -> None:
        """Project the scales to [0, 1]; call it after each optimiser step."""
        with torch.no_grad():
            self.scale.clamp_(0.0, 1.0)

    def values(self, h: Tensor) -> Tensor:
        """Return the scales, (dim,)."""
        return self.inference_values().to(h.dtype)

    def inference_values(self) -> Tensor:
        """Return the scales, float (dim,); they no longer learn once hardened."""
        scale = self.scale.detach() if self.hardened else self.scale
        return scale.clamp(0.0, 1.0)[self.group_index]

    def expected_open(self) -> Tensor:
        """Return the number of open dimensions, a scalar with the gradient of the penalty; none once hardened."""
        count = self.open_mask().sum().to(self.scale.dtype)
        if self.hardened:
            return count
        norm = (self.scale * group_sizes(self.group_index)).sum()
        return count + (norm - norm.detach())

    def harden(self, k: int | None = None) -> Tensor:
        """Keep the k dimensions of largest scale (``None``: those above zero); bool (dim,).

        Where fewer are above zero, the others that are kept get the least scale of these.
        """
        with torch.no_grad():
            mask = self.open_mask() if k is None else self._best(self.scale, k)
            kept = torch.zeros(self.n_gates, dtype=torch.bool, device=mask.device)
            kept[self.group_index[mask]] = True
            scale = self.scale.clamp(0.0, 1.0)
            above = scale[scale > 0]
            least = above.min() if len(above) else scale.new_ones(())
            self.scale.copy_(torch.where(kept, torch.where(scale > 0, scale, least), 0.0))
        self.hard.fill_(True)
        return mask
