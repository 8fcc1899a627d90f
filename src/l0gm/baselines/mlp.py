"""The plain MLP: one-hot categories and standardised numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from l0gm.baselines.base import Size
from l0gm.baselines.columns import one_hot
from l0gm.baselines.network import Matrix, MatrixEncoder, Network
from l0gm.heads import Deep, IntegratedHead

__all__ = ["MLP"]


class MLP(Network):
    """Hidden layers with ReLU and dropout on one-hot categories and standardised numbers; it has no embeddings.

    Parameters
    ----------
    deep, dropout, lr, weight_decay, batch_size, epochs, patience, device, random_state, threads
        See :class:`l0gm.baselines.network.Network`.
    """

    def _fit(self, X: Any, y: NDArray[np.int64], V: Any, v: NDArray[np.int64]) -> None:
        self.encoder_ = one_hot().fit(X)
        super()._fit(X, y, V, v)

    def _inputs(self, X: Any, device: torch.device) -> Matrix:
        return Matrix(csr_array(self.encoder_.transform(X), dtype=np.float32), device)

    def _parts(self, inputs: Any, n_outputs: int) -> tuple[MatrixEncoder, IntegratedHead]:
        dim = inputs.values.shape[1]
        return MatrixEncoder(dim), IntegratedHead(0, n_outputs, deep=Deep(dim, self.deep, n_outputs, self.dropout))

    def size(self) -> Size:
        """Return the number of weights."""
        return Size(None, None, super().size().n_parameters)
