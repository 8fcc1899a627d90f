"""Contract suites: what every gate, encoder and baseline must do, for l0gm's own and for yours.

Call them from a test; a broken clause raises an AssertionError that names it.
"""

from l0gm.testing.baselines import check_baseline, check_node_baseline
from l0gm.testing.encoders import check_encoder
from l0gm.testing.gates import check_gate
from l0gm.testing.nodes import check_node_encoder

__all__ = ["check_baseline", "check_encoder", "check_gate", "check_node_baseline", "check_node_encoder"]
