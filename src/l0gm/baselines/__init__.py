"""What l0gm is compared with: baselines behind one estimator contract, and the names of all methods."""

from l0gm.baselines.base import RowBaseline, Size
from l0gm.baselines.methods import MODALITIES, Method, Modality, find, methods, missing

__all__ = ["MODALITIES", "Method", "Modality", "RowBaseline", "Size", "find", "methods", "missing"]
