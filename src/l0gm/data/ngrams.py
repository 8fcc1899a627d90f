"""Word n-grams: which of them a vocabulary holds, and where a text has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from l0gm.compiled import compiled
from l0gm.data.ragged import Ragged
from l0gm.data.words import tokenize
from l0gm.errors import ParameterError

__all__ = ["MOST_TOKENS", "MOST_WORDS", "NgramVocabulary", "fit_ngrams"]

MOST_WORDS = 3
"""Of an n-gram: as many as fit into a key of 64 bits."""
BITS = 21
MOST_TOKENS = 2**BITS - 2
DOCUMENTS_AT_ONCE = 1024


class NgramVocabulary:
    """The n-grams that a model knows; their numbers start at 1, and 0 stands for a text without any.

    Parameters
    ----------
    tokens : sequence of str
        Distinct. A text's other tokens are passed over, and no n-gram runs across one.
    keys : int64 (n-grams,)
        Rising. An n-gram of the tokens a, b, c has the key (a + 1) + (b + 1) * 2**21 + (c + 1) * 2**42, where a
        shorter one has zeros.

    Raises
    ------
    ParameterError
        If tokens or keys are not of this form.
    """

    def __init__(self, tokens: Sequence[str], keys: NDArray[np.int64]) -> None:
        self.tokens = tuple(tokens)
        self.keys = np.ascontiguousarray(keys, dtype=np.int64)
        self._ids = {token: i for i, token in enumerate(self.tokens)}
        if len(self._ids) < len(self.tokens) or not all(isinstance(token, str) for token in self._ids):
            raise ParameterError("the tokens of a vocabulary are distinct texts")
        if len(self.tokens) > MOST_TOKENS:
            raise ParameterError(f"{len(self.tokens)} tokens: at most {MOST_TOKENS}")
        parts = [(self.keys >> (BITS * n)) & (2**BITS - 1) for n in range(MOST_WORDS)]
        if not (
            self.keys.ndim == 1
            and (np.diff(self.keys) > 0).all()
            and (self.keys > 0).all()
            and all((part <= len(self.tokens)).all() for part in parts)
            and (parts[0] > 0).all()
            and ((parts[1] > 0) | (parts[2] == 0)).all()
        ):
            raise ParameterError("the n-grams of a vocabulary are made of its tokens and numbered in rising order")

    def __len__(self) -> int:
        return len(self.keys)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NgramVocabulary):
            return NotImplemented
        return self.tokens == other.tokens and np.array_equal(self.keys, other.keys)

    __hash__ = None  # type: ignore[assignment]  # it holds an array

    @property
    def longest(self) -> int:
        """Words of the longest n-gram."""
        return 0 if len(self) == 0 else 1 + int((self.keys.max() >> BITS) > 0) + int((self.keys.max() >> 2 * BITS) > 0)

    def spelled(self, number: int) -> str:
        """Return the words of an n-gram by its number, from 1 on; 0 is a text without any."""
        if number == 0:
            return "(no known words)"
        key = int(self.keys[number - 1])
        parts = [(key >> (BITS * n)) & (2**BITS - 1) for n in range(MOST_WORDS)]
        return " ".join(self.tokens[part - 1] for part in parts if part)

    def find(self, texts: Iterable[str | None], tail: float = 0.0) -> Ragged:
        """Return which n-grams each text holds, each once, in the order in which they turn up; [0] for none.

        Those that begin in the last words, a share of ``tail``, follow once more.
        """
        known = self._ids
        parts: list[Ragged] = []
        batch: list[list[int]] = []
        for text in texts:
            batch.append([] if text is None else [known.get(token, -1) for token in tokenize(text)])
            if len(batch) == DOCUMENTS_AT_ONCE:
                parts.append(self._look_up(Ragged.of(batch), tail))
                batch = []
        parts.append(self._look_up(Ragged.of(batch), tail))
        return Ragged.joined(parts)

    def _look_up(self, tokens: Ragged, tail: float) -> Ragged:
        slots, numbers = self._table
        starts = np.zeros(len(tokens) + 1, np.int64)
        ids = np.empty(2 * len(tokens.ids) * self.longest + len(tokens), np.int32)
        used: int = _find(tokens.starts, tokens.ids, slots, numbers, self.longest, tail, starts, ids)
        return Ragged(starts, ids[:used].copy())

    @cached_property
    def _table(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Keys and numbers in a table of open addresses, at most half full."""
        size = 1 << max(4, int(2 * len(self.keys)).bit_length())
        slots, numbers = np.zeros(size, np.int64), np.zeros(size, np.int32)
        _fill(self.keys, slots, numbers)
        return slots, numbers


def fit_ngrams(
    texts: Sequence[str | None], *, words: int = MOST_WORDS, min_count: int = 2, most: int = 1_000_000
) -> NgramVocabulary:
    """Return the vocabulary of the n-grams of one to ``words`` words that enough texts hold.

    Parameters
    ----------
    texts : sequence of str or None
        Of the training rows only.
    words : int
        At most 3.
    min_count : int
        Texts that an n-gram has to occur in.
    most : int
        N-grams that are kept: those of the most texts.

    Raises
    ------
    ParameterError
        If an argument is out of range.
    """
    if not 1 <= words <= MOST_WORDS:
        raise ParameterError(f"n-grams of {words} words: from 1 to {MOST_WORDS}")
    split = [[] if text is None else tokenize(text) for text in texts]
    counts: Counter[str] = Counter()
    for tokens in split:
        counts.update([*dict.fromkeys(tokens)])  # in their order: that of a set is another in each process
    frequent = [token for token, count in counts.most_common(MOST_TOKENS) if count >= min_count]
    known = {token: i for i, token in enumerate(frequent)}
    rows = Ragged.of([[known.get(token, -1) for token in tokens] for tokens in split])
    owner = np.repeat(np.arange(len(rows)), rows.lengths)
    stream = rows.ids.astype(np.int64) + 1
    keys: list[NDArray[np.int64]] = []
    found: list[NDArray[np.int64]] = []
    for n in range(1, words + 1):
        last = len(stream) - n + 1
        if last <= 0:
            break
        key = np.zeros(last, np.int64)
        whole = owner[:last] == owner[n - 1 :]
        for i in range(n):
            part = stream[i : i + last]
            key |= part << (BITS * i)
            whole &= part > 0
        key, document = key[whole], owner[:last][whole]
        order = np.argsort(key, kind="stable")  # within a key, documents stay in order
        key, document = key[order], document[order]
        new_key = np.append(True, key[1:] != key[:-1])[: len(key)]
        new = new_key | np.append(True, document[1:] != document[:-1])[: len(key)]
        count = np.add.reduceat(new, np.flatnonzero(new_key), dtype=np.int64) if len(key) else np.zeros(0, np.int64)
        kept = count >= min_count
        keys.append(key[new_key][kept])
        found.append(count[kept])
    all_keys = np.concatenate([np.zeros(0, np.int64), *keys])
    all_counts = np.concatenate([np.zeros(0, np.int64), *found])
    if len(all_keys) > most:
        all_keys = all_keys[np.argsort(-all_counts, kind="stable")[:most]]
    return _tidied(frequent, np.sort(all_keys))


def _tidied(tokens: list[str], keys: NDArray[np.int64]) -> NgramVocabulary:
    """Return the vocabulary without tokens that no n-gram needs."""
    parts = [(keys >> (BITS * n)) & (2**BITS - 1) for n in range(MOST_WORDS)]
    used = np.unique(np.concatenate(parts))
    used = used[used > 0]
    place = np.zeros(len(tokens) + 1, np.int64)
    place[used] = np.arange(1, len(used) + 1)
    renumbered = np.zeros(len(keys), np.int64)
    for n, part in enumerate(parts):
        renumbered |= place[part] << (BITS * n)
    return NgramVocabulary([tokens[i - 1] for i in used.tolist()], np.sort(renumbered))


@compiled
def _slot(key, mask):  # type: ignore[no-untyped-def]
    """Return the first place of a key: the upper bits of a product, which every bit of the key moves."""
    h = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    h ^= h >> np.uint64(32)
    return np.int64(h & np.uint64(mask))


@compiled
def _fill(keys, slots, numbers):  # type: ignore[no-untyped-def]  # compiled for the array types it is called with
    mask = len(slots) - 1
    for i in range(len(keys)):
        at = _slot(keys[i], mask)
        while slots[at] != 0:
            at = (at + 1) & mask
        slots[at] = keys[i]
        numbers[at] = i + 1


@compiled
def _room(n):  # type: ignore[no-untyped-def]
    """Return the size of a table that ``n`` numbers fill at most by half."""
    room = 16
    while room < 2 * n:
        room *= 2
    return room


@compiled
def _find(starts, ids, slots, numbers, longest, tail, out_starts, out):  # type: ignore[no-untyped-def]
    """Write the distinct n-grams of each row of tokens to ``out`` and return how many they are in all."""
    mask = len(slots) - 1
    most = 1
    for r in range(len(starts) - 1):
        most = max(most, starts[r + 1] - starts[r])
    seen = np.zeros(_room(most * longest), np.int32)
    used = 0
    for r in range(len(starts) - 1):
        first = used
        length = starts[r + 1] - starts[r]
        for part in range(2):  # all of the row, then its end
            begin = starts[r] if part == 0 else starts[r + 1] - np.int64(np.ceil(tail * length))
            room = _room((starts[r + 1] - begin) * longest)
            seen[:room] = 0  # the numbers that came before, in a table of open addresses
            for i in range(begin, starts[r + 1]):
                key = np.int64(0)
                for n in range(min(longest, starts[r + 1] - i)):
                    token = ids[i + n]
                    if token < 0:
                        break
                    key |= np.int64(token + 1) << np.int64(21 * n)
                    at = _slot(key, mask)
                    while slots[at] != 0 and slots[at] != key:
                        at = (at + 1) & mask
                    if slots[at] != key:
                        continue
                    number = numbers[at]
                    at = _slot(np.int64(number), room - 1)
                    while seen[at] != 0 and seen[at] != number:
                        at = (at + 1) & (room - 1)
                    if seen[at] == 0:
                        seen[at] = number
                        out[used] = number
                        used += 1
        if used == first:
            out[used] = 0
            used += 1
        out_starts[r + 1] = used
    return used
