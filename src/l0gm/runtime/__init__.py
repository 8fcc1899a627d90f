"""The part that serves: loads a model file and predicts, without PyTorch."""

from l0gm.runtime.model import Certificate, CompactModel, load

__all__ = ["Certificate", "CompactModel", "load"]
