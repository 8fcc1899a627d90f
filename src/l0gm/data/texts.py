"""Text columns: a field turns each text into numbers, of which an encoder makes a vector."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from l0gm.data.frames import Table
from l0gm.data.ngrams import NgramVocabulary
from l0gm.data.ragged import Ragged
from l0gm.errors import MissingExtraError, ParameterError

__all__ = ["NgramField", "TextField", "TokenField", "text_field_from"]


@dataclass(frozen=True)
class NgramField:
    """A text as the set of word n-grams that it holds: :class:`l0gm.data.ngrams.NgramVocabulary` says which it knows.

    Those of the last words, a share of ``tail``, are listed twice. Texts without a known one, missing and empty ones
    among them, are [0]. The values of ``missing`` are missing ones,
    beside those that are so in every column.
    """

    kind: ClassVar[str] = "ngrams"
    name: str
    source: str
    vocabulary: NgramVocabulary
    tail: float = 0.0
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if type(self.tail) is not float or not 0.0 <= self.tail <= 1.0:
            raise ParameterError(f"field {self.name!r}: tail={self.tail!r}, a share from 0 to 1")

    @property
    def n_rows(self) -> int:
        """Rows of a table over the n-grams."""
        return len(self.vocabulary) + 1

    def encode(self, table: Table) -> Ragged:
        """Return the numbers of the n-grams of each text, n rows."""
        return self.vocabulary.find(table.texts(self.source, self.missing), self.tail)

    def is_empty(self, rows: Ragged) -> NDArray[np.bool_]:
        """Return which of these texts hold no n-gram that is known, (n,)."""
        return np.asarray(rows.ids[rows.starts[:-1]] == 0)

    def pieces(self, numbers: NDArray[np.uint64]) -> list[str]:
        """Return an n-gram for each of these random numbers."""
        size = len(self.vocabulary)
        return [self.vocabulary.spelled(1 + number % size) for number in numbers.tolist()] if size else []

    def to_dict(self) -> dict[str, Any]:
        """Return what json can hold; the keys of the n-grams are in :meth:`arrays`."""
        return {**_plain(self), "tail": self.tail, "tokens": list(self.vocabulary.tokens)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that belong to :meth:`to_dict`, by name."""
        return {"keys": self.vocabulary.keys}


@dataclass(frozen=True)
class TokenField:
    """A text as the tokens that a pretrained tokenizer cuts it into, in order.

    Parameters
    ----------
    name, source : str
    tokenizer : str
        In the JSON form of the package tokenizers.
    max_tokens : int
        What is beyond so many tokens, those that the tokenizer adds included, is left out.
    missing : tuple of str
        Values that are missing ones, beside those that are so in every column. A missing text is an empty one.
    """

    kind: ClassVar[str] = "tokens"
    name: str
    source: str
    tokenizer: str = field(repr=False)
    max_tokens: int = 256
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if type(self.max_tokens) is not int or self.max_tokens < 3:
            raise ParameterError(f"field {self.name!r}: max_tokens={self.max_tokens!r}, a whole number from 3 on")

    def encode(self, table: Table) -> Ragged:
        """Return the tokens of each text, n rows."""
        texts = [text or "" for text in table.texts(self.source, self.missing)]
        return Ragged.of([encoding.ids for encoding in self._read.encode_batch_fast(texts)])

    def is_empty(self, rows: Ragged) -> NDArray[np.bool_]:
        """Return which of these texts hold no token but those that the tokenizer adds, (n,)."""
        return np.asarray(rows.lengths <= self._read.num_special_tokens_to_add(False))

    @property
    def n_tokens(self) -> int:
        """How many tokens the tokenizer knows, those that it adds included."""
        return int(self._read.get_vocab_size(with_added_tokens=True))

    def pieces(self, numbers: NDArray[np.uint64]) -> list[str]:
        """Return a token's text for each of these random numbers."""
        tokens = sorted(self._read.get_vocab(with_added_tokens=False))
        return [tokens[number % len(tokens)].strip("#\u2581\u0120") for number in numbers.tolist()]

    @cached_property
    def _read(self) -> Any:
        try:
            import tokenizers
        except ImportError as error:
            raise MissingExtraError("tokenizers", "text", f"reading the text column {self.source!r}") from error
        try:
            read = tokenizers.Tokenizer.from_str(self.tokenizer)
        except Exception as error:  # of no class of its own
            raise ParameterError(f"field {self.name!r}: the tokenizer cannot be read: {error}") from error
        read.no_padding()
        read.enable_truncation(self.max_tokens)
        return read

    def to_dict(self) -> dict[str, Any]:
        """Return what json can hold."""
        return {**_plain(self), "tokenizer": self.tokenizer, "max_tokens": self.max_tokens}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that belong to :meth:`to_dict`: none."""
        return {}


TextField = NgramField | TokenField


def _plain(f: TextField) -> dict[str, Any]:
    return {"kind": f.kind, "name": f.name, "source": f.source, **({"missing": list(f.missing)} if f.missing else {})}


def text_field_from(entry: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> TextField:
    """Read the form of ``to_dict`` and ``arrays``.

    Raises
    ------
    KeyError, ParameterError, TypeError
        If it is damaged.
    """
    values = dict(entry)
    kind, missing = values.pop("kind"), tuple(values.pop("missing", ()))
    texts = (values["name"], values["source"], *missing, *([values["tokenizer"]] if kind == "tokens" else []))
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("name, source, missing and tokenizer are strings")
    if kind == "ngrams":
        keys = arrays["keys"]
        if keys.dtype != np.int64 or not isinstance(values["tokens"], list):
            raise TypeError("tokens are a list and keys whole numbers")
        return NgramField(
            values["name"], values["source"], NgramVocabulary(values["tokens"], keys), values["tail"], missing
        )
    if kind == "tokens" and not arrays:
        return TokenField(values["name"], values["source"], values["tokenizer"], values["max_tokens"], missing)
    raise ParameterError(f"no kind of text field is called {kind!r}")
