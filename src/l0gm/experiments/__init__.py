"""Runs over several seeds, with everything that is needed to believe, repeat or continue them."""

from l0gm.experiments.seeds import run_seeds

__all__ = ["run_seeds"]
