"""Transformers as modules: found by name, built from an allow-list, run on padded batches, pooled."""

from l0gm.networks.build import checksum, describe, load_network, rebuilt
from l0gm.networks.names import PACKAGED, resolved, tokenizer_json
from l0gm.networks.pooled import POOLINGS, PooledNetwork, named_network

__all__ = [
    "PACKAGED",
    "POOLINGS",
    "PooledNetwork",
    "checksum",
    "describe",
    "load_network",
    "named_network",
    "rebuilt",
    "resolved",
    "tokenizer_json",
]
