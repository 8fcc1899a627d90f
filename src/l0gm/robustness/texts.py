"""Words of texts that get lost: one by one at random, or a contiguous span of them.

A word is what spaces separate; in scripts that write words without spaces (Chinese, Japanese, Thai ...), each
character. A word leaves with the space behind it, and all else of the text stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from l0gm.data.words import UNSPACED
from l0gm.robustness.streams import uniforms

__all__ = ["drop_spans", "drop_words", "width"]

_WORD = re.compile(rf"(?:[{UNSPACED}]|[^\s{UNSPACED}]+)\s*")

Texts = Sequence[str | None]


def width(share: float, of: int) -> int:
    """Return how many of so many are a block of this share: to the nearest, at least one where there is a share."""
    return min(max(int(share * of + 0.5), 1), of) if share > 0.0 else 0


def drop_words(texts: Texts, share: float, seed: int, column: int) -> list[str | None]:
    """Drop each word with this chance, independently of the others.

    Parameters
    ----------
    texts : sequence (n,) of str or None
        None is a missing text, and stays one.
    share : float
        0 to 1.
    seed, column : int
        Of the random numbers, of which each word takes one.

    Returns
    -------
    list (n,) of str or None
        A text that lost all of its words is empty.
    """
    words = [[] if text is None else _WORD.findall(text) for text in texts]
    ends = np.cumsum([len(each) for each in words], dtype=np.int64)
    lost = uniforms(int(ends[-1]) if len(ends) else 0, seed, "missing", column) < share
    return _without(texts, words, lambda row: lost[ends[row] - len(words[row]) : ends[row]])


def drop_spans(texts: Texts, share: float, seed: int, column: int) -> list[str | None]:
    """Drop a contiguous span of each text's words, this share of them, at a place that is drawn.

    Parameters and what is returned: as of :func:`drop_words`. The span has the nearest whole number of words, at
    least one.
    """
    words = [[] if text is None else _WORD.findall(text) for text in texts]
    places = uniforms(len(texts), seed, "occlusion", column)

    def span(row: int) -> NDArray[np.bool_]:
        n, size = len(words[row]), width(share, len(words[row]))
        index = np.arange(n) - int(places[row] * (n - size + 1))
        return (index >= 0) & (index < size)

    return _without(texts, words, span)


def _without(texts: Texts, words: list[list[str]], lost: Callable[[int], NDArray[np.bool_]]) -> list[str | None]:
    """Return the texts without those of their words that are lost."""
    found: list[str | None] = []
    for row, (text, each) in enumerate(zip(texts, words, strict=True)):
        gone = lost(row)
        kept = "".join(word for word, is_lost in zip(each, gone, strict=True) if not is_lost)
        found.append(kept.rstrip() if gone.any() else text)
    return found
