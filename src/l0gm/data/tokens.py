"""Reading a text column as tokens: of a tokenizer that is given, or of one that is fitted to the training texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from l0gm.data.frames import Table
from l0gm.data.texts import TokenField
from l0gm.errors import MissingExtraError

__all__ = ["SPECIAL", "FittedTokenReader", "TokenReader", "token_field"]

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
LOOKED_AT = 2000


def token_field(
    name: str,
    source: str,
    tokenizer: str,
    max_tokens: int,
    texts: Sequence[str | None],
    missing: tuple[str, ...],
    notes: list[str],
) -> TokenField:
    """Return the field, and note how many of the texts are longer than ``max_tokens``: at most 2,000 are looked at."""
    chosen = list(texts[:: max(len(texts) // LOOKED_AT, 1)])[:LOOKED_AT]
    whole = TokenField(name, source, tokenizer, 10**9, missing)
    lengths = whole.encode(Table({source: [text or "" for text in chosen]})).lengths
    cut = int((lengths > max_tokens).sum())
    among = "" if len(chosen) == len(texts) else f", of {len(texts):,}"
    notes.append(
        f"{name}: text, up to {max_tokens} tokens"
        + (f"; {cut:,} of {len(chosen):,} texts looked at{among} are longer and lose their end" if cut else "")
    )
    return TokenField(name, source, tokenizer, max_tokens, missing)


@dataclass(frozen=True)
class TokenReader:
    """Reads texts as the tokens of a tokenizer.

    Parameters
    ----------
    tokenizer : callable
        Returns it in the JSON form of the package tokenizers, when there is a text to read.
    max_tokens : int
    """

    tokenizer: Callable[[], str]
    max_tokens: int

    def field(
        self, name: str, source: str, texts: Sequence[str | None], missing: tuple[str, ...], notes: list[str]
    ) -> TokenField:
        """Return the field of a column of these texts."""
        return token_field(name, source, self.tokenizer(), self.max_tokens, texts, missing, notes)


@dataclass(frozen=True)
class FittedTokenReader:
    """Reads texts as the tokens of a tokenizer that it fits to them, in lower case and without accents.

    Parameters
    ----------
    kind : {"wordpiece", "word"}
        Pieces of words (Schuster and Nakajima 2012), or whole words and signs.
    vocabulary : int
        Most tokens, those of SPECIAL included.
    min_count : int
        How often a token has to occur.
    max_tokens : int
    """

    kind: Literal["wordpiece", "word"]
    vocabulary: int
    min_count: int
    max_tokens: int

    def field(
        self, name: str, source: str, texts: Sequence[str | None], missing: tuple[str, ...], notes: list[str]
    ) -> TokenField | None:
        """Return the field of a column of these texts, None if they hold nothing to read.

        Raises
        ------
        MissingExtraError
            If the package tokenizers is not installed.
        """
        told = [text for text in texts if text and not text.isspace()]
        tokenizer = self._fitted(told, source)
        size = tokenizer.get_vocab_size()
        if size <= len(SPECIAL):
            notes.append(f"{name}: text, no token of which is found {self.min_count} times, dropped")
            return None
        field = token_field(name, source, tokenizer.to_str(), self.max_tokens, texts, missing, notes)
        notes.append(f"{name}: a vocabulary of {size:,} tokens")
        return field

    def _fitted(self, texts: Sequence[str], source: str) -> Any:
        try:
            from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
        except ImportError as error:
            raise MissingExtraError("tokenizers", "text", f"reading the text column {source!r}") from error
        options: dict[str, Any] = {
            "vocab_size": self.vocabulary,
            "min_frequency": self.min_count,
            "special_tokens": list(SPECIAL),
            "show_progress": False,
        }
        if self.kind == "word":
            tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
            trainer: Any = trainers.WordLevelTrainer(**options)
        else:
            tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
            trainer = trainers.WordPieceTrainer(**options)
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.train_from_iterator(texts, trainer)
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
        return tokenizer
