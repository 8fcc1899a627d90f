"""Layer dropping (Sajjad et al. 2023; Sanh et al. 2019): a Transformer without some of its layers, tuned."""

from __future__ import annotations

from typing import Any, Literal

from torch import nn

from l0gm.baselines.text_compression import CompressedTransformer
from l0gm.encoders.pooled import layer_list
from l0gm.errors import ParameterError
from l0gm.model import GatedModel
from l0gm.training.rows import Rows

__all__ = ["LayerDropping", "kept_layers"]


class LayerDropping(CompressedTransformer):
    """A Transformer of which every so many layers, or the lower ones, stay (see :class:`CompressedTransformer`).

    A pretrained network loses its layers before it is fine-tuned, once; one from nothing is trained first.

    Parameters
    ----------
    which : {"lower", "alternate"}
        The layers next to the embeddings; or layers from all over, the lowest among them.
    """

    trained_first = False

    def __init__(
        self,
        encoder: Any = "scratch",
        keep: float = 0.5,
        which: Literal["lower", "alternate"] = "lower",
        *,
        epochs: int | None = None,
        tune_epochs: int | None = None,
        lr: float = 1e-3,
        batch_size: int | None = None,
        patience: int = 8,
        device: str = "auto",
        threads: int | None = None,
        random_state: Any = 0,
    ) -> None:
        super().__init__(
            encoder, keep, epochs=epochs, tune_epochs=tune_epochs, lr=lr, batch_size=batch_size, patience=patience,
            device=device, threads=threads, random_state=random_state,
        )  # fmt: skip
        self.which = which

    def _compress(self, network: nn.Module, model: GatedModel, rows: Rows) -> str:
        layers = layer_list(network)
        chosen = kept_layers(len(layers), self.keep, self.which)
        kept = [layers[i] for i in chosen]
        del layers[:]
        layers.extend(kept)
        config: Any = network.config
        for name in ("num_hidden_layers", "n_layers"):
            if hasattr(config, name):
                setattr(config, name, len(kept))
        return f"layers that stayed: {', '.join(str(i + 1) for i in chosen)}"


def kept_layers(n: int, keep: float, which: str) -> list[int]:
    """Return which of n layers stay: round(keep * n) of them, at least one.

    Raises
    ------
    ParameterError
        If there is no such choice.
    """
    k = max(1, round(keep * n))
    if which == "lower":
        return list(range(k))
    if which == "alternate":
        return [i * n // k for i in range(k)]
    raise ParameterError(f"which={which!r}: choose 'lower' or 'alternate'")
