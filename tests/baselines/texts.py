"""Texts to learn from, and strange ones; and the tiny networks of tests/encoders."""

import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "encoders"))

from tiny_networks import DIM, FAMILIES, WORDS, save_network

__all__ = ["DIM", "FAMILIES", "draw", "save_network", "strange"]

TELLING = (("bad", "awful"), ("good", "great"), ("plot", "music"))
PLAIN = [word for word in WORDS if word not in sum(TELLING, ())]


def draw(n, seed, n_classes):
    """Texts and class indices, which the words of TELLING decide; about one in ten is told wrongly."""
    rng = np.random.default_rng(seed)
    texts, codes = [], np.arange(n) % n_classes
    for code in codes:
        words = rng.choice(PLAIN, rng.integers(1, 20)).tolist()
        told = rng.integers(n_classes) if rng.random() < 0.1 else code
        words.insert(len(words) // 3, TELLING[told][rng.integers(2)])
        texts.append(" ".join(words))
    return texts, codes


def strange(texts):
    """As many texts: missing, empty, of unseen words alone, of signs alone, very long, and with one known word."""
    odd = [
        None,
        "",
        "   ",
        "zyxw vuts",
        "?!?! \u2603",
        "\u732b\u304c\u597d\u304d",
        "<br /><p>",
        "word " * 3000,
        "GOOD zyxw",
    ]
    return [odd[i % len(odd)] for i in range(len(texts))]
