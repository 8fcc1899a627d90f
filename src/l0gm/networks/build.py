"""Networks from a folder, the hub or a model file: transformers' own classes alone, never code beside the weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from l0gm.errors import ArtifactError, ParameterError
from l0gm.networks.names import fetched, quietly, resolved, transformers

__all__ = ["FAMILIES", "checksum", "describe", "load_network", "positions", "rebuilt"]

FAMILIES = ("bert", "camembert", "deberta-v2", "distilbert", "electra", "mpnet", "roberta", "xlm-roberta")
"""Kinds of network that a model file can hold."""
SETTINGS = frozenset(
    (
        *("vocab_size", "max_position_embeddings", "type_vocab_size", "pad_token_id", "layer_norm_eps"),
        *("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act"),
        *("hidden_dropout_prob", "attention_probs_dropout_prob", "embedding_size", "initializer_range"),
        *("dim", "n_layers", "n_heads", "hidden_dim", "activation", "dropout", "attention_dropout"),
        *("sinusoidal_pos_embds", "relative_attention_num_buckets", "relative_attention", "max_relative_positions"),
        *("position_biased_input", "pos_att_type", "position_buckets", "norm_rel_ebd", "share_att_key"),
        *("conv_kernel_size", "conv_act", "conv_groups"),
    )
)
"""What of a configuration decides the network: numbers, names of activations. Nothing that names a file or code."""
LARGEST = 2**24


def load_network(name: str, *, download: bool = True) -> nn.Module:
    """Return a pretrained encoder in float32, in evaluation mode, without a pooler.

    Parameters
    ----------
    name : str
        See :func:`l0gm.networks.names.resolved`.
    download : bool
        Whether the hub may be asked.

    Raises
    ------
    MissingExtraError
        If transformers is not installed.
    ParameterError
        If there is no such network, or it is no encoder.
    """
    package = transformers(f"encoder={name!r}")
    source = resolved(name)

    def load(local: bool) -> Any:
        return package.AutoModel.from_pretrained(
            source, local_files_only=local, trust_remote_code=False, dtype=torch.float32
        )

    network: Any = fetched(name, load, download)
    if network.config.is_encoder_decoder or not hasattr(network.config, "hidden_size"):
        raise ParameterError(f"encoder={name!r} is a {network.config.model_type}, and an encoder is needed")
    return _without_pooler(network)


def positions(network: nn.Module) -> int | None:
    """Return how many tokens a network can read at once; None where nothing in it ends."""
    config: Any = network.config
    if config.model_type == "deberta-v2" and not config.position_biased_input:
        return None
    most = getattr(config, "max_position_embeddings", None)
    if most is None:
        return None
    # these count their positions from behind the number of the padding
    behind = config.model_type in ("camembert", "mpnet", "roberta", "xlm-roberta")
    return int(most) - (config.pad_token_id + 1 if behind else 0)


def checksum(network: nn.Module) -> str:
    """Return the sha256 of a network's kind and weights."""
    digest = hashlib.sha256(str(network.config.model_type).encode())  # type: ignore[union-attr]  # a network's
    for name, value in sorted(network.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def describe(network: nn.Module) -> dict[str, Any]:
    """Return the settings from which :func:`rebuilt` makes a network of this form again, as json can hold them.

    Raises
    ------
    ParameterError
        If it is not of the FAMILIES.
    """
    config: Any = network.config
    if config.model_type not in FAMILIES:
        raise ParameterError(
            f"a {config.model_type} cannot be put into a model file, which holds {', '.join(FAMILIES)}: train it frozen"
        )
    kept = {k: v for k, v in config.to_dict().items() if k in SETTINGS and v is not None}
    return {"model_type": config.model_type, **dict(sorted(kept.items()))}


def rebuilt(settings: Mapping[str, Any], weights: Mapping[str, NDArray[Any]]) -> nn.Module:
    """Return the network of :func:`describe`'s settings with these weights, in evaluation mode.

    The classes are transformers' own of FAMILIES; the settings name no file and no code. What is built has the
    shapes of the weights, so that it is no larger than what has been read.

    Raises
    ------
    ArtifactError
        If the settings are not such, or the weights do not fit them.
    """
    package = transformers("this model, which holds a Transformer,")
    check_settings(settings, len(weights))
    wanted = {name: tuple(value.shape) for name, value in weights.items()}
    given = {name: value for name, value in settings.items() if name != "model_type"}
    try:
        config = package.CONFIG_MAPPING[settings["model_type"]](**given)
        with quietly(package), torch.random.fork_rng(devices=[]):
            with torch.device("meta"):
                form = _without_pooler(package.AutoModel.from_config(config))
            if {name: tuple(value.shape) for name, value in form.state_dict().items()} != wanted:
                raise ArtifactError("a network's weights do not fit its settings")
            network = _without_pooler(package.AutoModel.from_config(config))
        network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in weights.items()})
    except ArtifactError:
        raise
    except Exception as error:  # whatever a configuration that was tampered with leads to
        raise ArtifactError(f"a network cannot be built from its settings: {error}") from error
    return network


def check_settings(settings: Mapping[str, Any], n_weights: int) -> None:
    """Raise ArtifactError unless these are settings as :func:`describe` makes them, of sizes that can be."""
    if settings.get("model_type") not in FAMILIES:
        raise ArtifactError(f"a network of kind {settings.get('model_type')!r} is not one that can be built")
    for name, value in settings.items():
        listed = value if isinstance(value, list) else [value]
        if name != "model_type" and name not in SETTINGS:
            raise ArtifactError(f"a network has no setting {name!r}")
        if not all(isinstance(v, (bool, int, float, str)) for v in listed) or len(listed) > 8:
            raise ArtifactError(f"the setting {name!r} of a network cannot be {value!r}")
        if any(isinstance(v, (int, float)) and not -1 <= v <= LARGEST for v in listed):
            raise ArtifactError(f"the setting {name!r} of a network cannot be {value!r}")
    for name in ("num_hidden_layers", "n_layers"):
        if settings.get(name, 0) > n_weights:
            raise ArtifactError(f"the setting {name!r} of a network asks for more layers than it has weights")


def _without_pooler(network: Any) -> nn.Module:
    """Drop the layer that some pretrained networks have behind the last normalisation: the gate reads before it."""
    if getattr(network, "pooler", None) is not None:
        network.pooler = None
    made: nn.Module = network.eval()
    return made
