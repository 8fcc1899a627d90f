"""The part that serves: loads a model file and predicts, without PyTorch."""

from l0gm.runtime.contributions import Contributions
from l0gm.runtime.drift import DriftReport
from l0gm.runtime.files import load
from l0gm.runtime.model import CompactModel
from l0gm.runtime.nodes import CompactNodeModel
from l0gm.runtime.served import Certificate, Served

__all__ = ["Certificate", "CompactModel", "CompactNodeModel", "Contributions", "DriftReport", "Served", "load"]
