"""Texts as tokens: words, single signs, and characters of scripts that put no space between words."""

from __future__ import annotations

import html
import re

__all__ = ["LONGEST_WORD", "n_words", "tokenize"]

LONGEST_WORD = 64
"""Characters of a token: what is longer (base64, a run of one letter) is cut into pieces."""
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = rf"[^\W_{UNSPACED}]"
_TOKEN = re.compile(
    rf"{_WORD}{{1,{LONGEST_WORD}}}(?:'{_WORD}{{1,{LONGEST_WORD}}})*|[{UNSPACED}]|[!?]|[^\x00-\u2bff\w\s]|[\u2190-\u2bff]"
)
_TAG = re.compile(r"<[a-zA-Z/!][^<>]{0,512}>")


def tokenize(text: str) -> list[str]:
    """Return the tokens of a text, in order.

    They are words in lower case, apostrophes within them included; exclamation and question marks, emoji and other
    symbols one by one; and each character of scripts that write words without spaces (Chinese, Japanese, Thai ...).
    HTML tags separate, and HTML's spellings of characters (``&amp;``) are read.
    """
    if "<" in text:
        text = _TAG.sub(" ", text)
    if "&" in text:
        text = html.unescape(text)
    if "\u2019" in text:
        text = text.replace("\u2019", "'")
    return _TOKEN.findall(text.lower())


def n_words(text: str) -> int:
    """Return how many words a text has, judged by spaces where its script has them."""
    return len(text.split()) + len(UNSPACED_CHARACTER.findall(text))


UNSPACED_CHARACTER = re.compile(f"[{UNSPACED}]")
