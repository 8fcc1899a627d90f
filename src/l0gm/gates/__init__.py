"""Gates: hard-concrete L0 gates and the controls that they are compared with, behind one contract."""

from l0gm.gates.base import Gate
from l0gm.gates.conditional import ConditionalGate
from l0gm.gates.controls import FixedMaskGate, IdentityGate, MagnitudeGate
from l0gm.gates.gaussian import GaussianGate
from l0gm.gates.hard_concrete import HardConcreteGate
from l0gm.gates.l0_linear import CutLinear, L0Linear, ReadGate
from l0gm.gates.pruning import BlockGate, WeightMagnitudeGate
from l0gm.gates.scales import ScaleGate

__all__ = [
    "BlockGate",
    "ConditionalGate",
    "CutLinear",
    "FixedMaskGate",
    "Gate",
    "GaussianGate",
    "HardConcreteGate",
    "IdentityGate",
    "L0Linear",
    "MagnitudeGate",
    "ReadGate",
    "ScaleGate",
    "WeightMagnitudeGate",
]
