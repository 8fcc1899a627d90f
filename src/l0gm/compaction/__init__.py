"""Compaction: plan, apply, verify. The same function, smaller."""

from l0gm.compaction.apply import apply, text_mean
from l0gm.compaction.expand import expand
from l0gm.compaction.plan import CompactionPlan, plan
from l0gm.compaction.verify import TOLERANCE, verify

__all__ = ["TOLERANCE", "CompactionPlan", "apply", "expand", "plan", "text_mean", "verify"]
