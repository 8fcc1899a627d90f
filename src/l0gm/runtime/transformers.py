"""Texts through a Transformer: the open coordinates of its pooled vectors. This needs PyTorch and transformers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from l0gm.data.ragged import Ragged
from l0gm.errors import ArtifactError, MissingExtraError, ParameterError
from l0gm.runtime.part import TextPart

__all__ = ["NamedNetwork", "StoredNetwork", "TransformerPart"]

Floats = NDArray[np.float32]
PREFIX = "network."


@dataclass(frozen=True)
class NamedNetwork:
    """A pretrained network that is not in the model file: its name, and the sha256 of its weights.

    It is looked for on this machine alone: reading a model file downloads nothing.

    Parameters
    ----------
    name : str
        See :func:`l0gm.networks.names.resolved`.
    checksum : str
    dim : int
    """

    name: str
    checksum: str
    dim: int

    def load(self, pooling: str) -> Any:
        """Return the :class:`l0gm.networks.PooledNetwork`.

        Raises
        ------
        ArtifactError
            If it is not on this machine, or is another one; the message says what to do.
        """
        from l0gm.networks import named_network

        try:
            network, found = named_network(self.name, pooling, download=False)
        except ParameterError as error:
            raise ArtifactError(
                f"this model reads texts with a pretrained network that is not here: {error}"
            ) from error
        if found != self.checksum or network.dim != self.dim:
            raise ArtifactError(
                f"{self.name!r} is another network here than the one that this model was trained with (sha256 "
                f"{found[:16]}, not {self.checksum[:16]}): install that one"
            )
        return network


@dataclass(frozen=True)
class StoredNetwork:
    """A network that was trained with the model: its settings and its weights by name, float32."""

    settings: Mapping[str, Any]
    weights: Mapping[str, Floats]

    def load(self, pooling: str) -> Any:
        """Return the :class:`l0gm.networks.PooledNetwork`; raise ArtifactError where it cannot be built."""
        from l0gm.networks import PooledNetwork, rebuilt

        return PooledNetwork(rebuilt(self.settings, self.weights), pooling).requires_grad_(False).eval()


@dataclass(frozen=True, eq=False)
class TransformerPart(TextPart):
    """values = pooled[:, columns] @ matrix + offset.

    Parameters
    ----------
    pooling : {"mean", "cls"}
    network : NamedNetwork or StoredNetwork
    columns : int32 (k,)
        The open coordinates of the pooled vector.
    matrix : float32 (k, width)
        Standardisation, what is left of the gate, and the text term where nothing else reads the coordinates.
    offset : float32 (width,)
    """

    kind: ClassVar[str] = "transformer"
    pooling: str
    network: NamedNetwork | StoredNetwork
    columns: NDArray[np.int32]
    matrix: Floats
    offset: Floats

    @property
    def width(self) -> int:
        """Values a text."""
        return int(self.matrix.shape[1])

    def restrict(self, columns: NDArray[np.bool_]) -> TransformerPart:
        """Return the part of these columns of the matrix."""
        return replace(self, matrix=np.ascontiguousarray(self.matrix[:, columns]), offset=self.offset[columns])

    def values(self, rows: Ragged) -> Floats:
        """Return float32 (n, width).

        Raises
        ------
        MissingExtraError
            If PyTorch or transformers is not installed.
        ArtifactError
            If the network is not there, or does not fit the tokenizer.
        """
        network = self._loaded
        import torch

        if len(rows.ids) and int(rows.ids.max()) >= network.n_tokens:
            raise ArtifactError(f"the tokenizer has a token {rows.ids.max()}, and the network {network.n_tokens}")
        longest = int(rows.lengths.max(initial=0))
        if network.positions is not None and longest > network.positions:
            raise ArtifactError(f"the tokenizer gives {longest} tokens, and the network reads {network.positions}")
        place = "cuda" if torch.cuda.is_available() else "cpu"
        with torch.no_grad():
            pooled = network.to(place)(torch.from_numpy(rows.starts).to(place), torch.from_numpy(rows.ids).to(place))
        chosen = pooled.cpu().numpy()[:, self.columns].astype(np.float64)
        return np.asarray(chosen @ self.matrix + self.offset, dtype=np.float32)

    @cached_property
    def _loaded(self) -> Any:
        for package, extra in (("torch", "train"), ("transformers", "text")):
            try:
                __import__(package)
            except ImportError as error:
                raise MissingExtraError(package, extra, "this model, which reads texts with a Transformer,") from error
        network = self.network.load(self.pooling)
        if self.columns.max(initial=0) >= network.dim:
            raise ArtifactError(f"the network gives {network.dim} numbers, and the model reads others, too")
        return network

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the module that was built of it."""
        return {name: value for name, value in vars(self).items() if name != "_loaded"}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return columns, matrix, offset and the weights that are stored."""
        weights = self.network.weights if isinstance(self.network, StoredNetwork) else {}
        return {
            "columns": self.columns,
            "matrix": self.matrix,
            "offset": self.offset,
            **{PREFIX + name: value for name, value in weights.items()},
        }

    def structure(self) -> dict[str, Any]:
        """Return the pooling, and the network's name and checksum or its settings."""
        plain = {"kind": self.kind, "pooling": self.pooling}
        if isinstance(self.network, StoredNetwork):
            return {**plain, "settings": dict(self.network.settings)}
        return {**plain, "name": self.network.name, "checksum": self.network.checksum, "dim": self.network.dim}

    @classmethod
    def read(cls, arrays: Mapping[str, NDArray[Any]], structure: Mapping[str, Any]) -> TransformerPart:
        """Put a part together again; the network is built when it is first needed.

        Raises
        ------
        ArtifactError
            If an array is missing, left over, not finite or of a shape or type that does not fit.
        """
        left = dict(arrays)
        columns, matrix, offset = (left.pop(name, None) for name in ("columns", "matrix", "offset"))
        if columns is None or matrix is None or offset is None:
            raise ArtifactError("a text's matrix is missing")
        kinds = columns.dtype == np.int32 and matrix.dtype == np.float32 and offset.dtype == np.float32
        shaped = columns.ndim == offset.ndim == 1 and matrix.shape == (len(columns), len(offset)) and matrix.size > 0
        if not (kinds and shaped and (columns >= 0).all() and len(np.unique(columns)) == len(columns)):
            raise ArtifactError("a text's matrix does not fit its columns")
        stored = {name.removeprefix(PREFIX): value for name, value in left.items()}
        if not all(name.startswith(PREFIX) and value.dtype == np.float32 for name, value in left.items()):
            raise ArtifactError("a network has weights of another form")
        if not all(np.isfinite(value).all() for value in (matrix, offset, *stored.values())):
            raise ArtifactError("a network's weights are not finite")
        if structure.get("pooling") not in ("mean", "cls"):
            raise ArtifactError(f"a text's pooling cannot be {structure.get('pooling')!r}")
        network: NamedNetwork | StoredNetwork
        if "settings" in structure:
            settings = structure["settings"]
            if not stored or not isinstance(settings, dict):
                raise ArtifactError("a network's settings or weights are missing")
            network = StoredNetwork(settings, stored)
        else:
            name, checksum, dim = (structure.get(key) for key in ("name", "checksum", "dim"))
            if stored or not isinstance(name, str) or not isinstance(checksum, str) or type(dim) is not int:
                raise ArtifactError("a network is stored without its settings, or has no name and checksum")
            network = NamedNetwork(name, checksum, dim)
        return cls(structure["pooling"], network, columns, matrix, offset)
