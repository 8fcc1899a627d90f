"""The part that serves: loads a model file and predicts, without PyTorch."""

from l0gm.runtime.contributions import Contributions
from l0gm.runtime.drift import DriftReport
from l0gm.runtime.model import Certificate, CompactModel, load

__all__ = ["Certificate", "CompactModel", "Contributions", "DriftReport", "load"]
