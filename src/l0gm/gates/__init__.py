"""Gates: hard-concrete L0 gates and the controls that they are compared with, behind one contract."""

from l0gm.gates.base import Gate
from l0gm.gates.controls import FixedMaskGate, IdentityGate, MagnitudeGate
from l0gm.gates.hard_concrete import HardConcreteGate

__all__ = ["FixedMaskGate", "Gate", "HardConcreteGate", "IdentityGate", "MagnitudeGate"]
