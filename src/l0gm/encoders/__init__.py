"""Encoders: from a batch of one modality to the representation that the gate acts on."""

from l0gm.encoders.base import Encoder
from l0gm.encoders.tabular import FieldTables, TabularBatch, TabularEncoder

__all__ = ["Encoder", "FieldTables", "TabularBatch", "TabularEncoder"]
