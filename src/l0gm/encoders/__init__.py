"""Encoders: from a batch of one modality to the representation that the gate acts on."""

from l0gm.encoders.base import Encoder
from l0gm.encoders.batch import RowBatch, TextBatch
from l0gm.encoders.rows import RowEncoder
from l0gm.encoders.tabular import FieldTables, TabularEncoder
from l0gm.encoders.text import NgramBag, TextEncoder

__all__ = [
    "Encoder",
    "FieldTables",
    "NgramBag",
    "RowBatch",
    "RowEncoder",
    "TabularEncoder",
    "TextBatch",
    "TextEncoder",
]
