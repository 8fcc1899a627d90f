"""n-grams: what a text holds, by a brute force in plain Python; and what a vocabulary keeps."""

import os
import subprocess
import sys

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from l0gm.data.ngrams import NgramVocabulary, fit_ngrams
from l0gm.data.ragged import Ragged
from l0gm.data.words import n_words, tokenize
from l0gm.errors import ParameterError

WORDS = ["a", "b", "c", "d", "it's", "!"]
TEXTS = st.lists(st.one_of(st.none(), st.lists(st.sampled_from([*WORDS, "zz"]), max_size=9).map(" ".join)), min_size=1)


def grams(tokens, words=3):
    """All n-grams of a text, in the order in which they turn up."""
    return [
        " ".join(tokens[i : i + n]) for i in range(len(tokens)) for n in range(1, words + 1) if i + n <= len(tokens)
    ]


def held(text, known, tail=0.0):
    tokens = [] if text is None else tokenize(text)
    first = list(dict.fromkeys(gram for gram in grams(tokens) if gram in known))
    start = len(tokens) - int(np.ceil(tail * len(tokens)))
    last = list(dict.fromkeys(gram for gram in grams(tokens[start:]) if gram in known))
    return [*first, *last] or ["(no known words)"]


def read(vocabulary, texts, tail=0.0):
    found = vocabulary.find(texts, tail)
    return [
        [vocabulary.spelled(i) for i in found.ids[a:b]] for a, b in zip(found.starts, found.starts[1:], strict=False)
    ]


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.sampled_from([1, 2, 3]), st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_a_text_holds_what_a_brute_force_finds(texts, min_count, tail):
    counts = {}
    for text in texts:
        for gram in set(grams(tokenize(text or ""))):
            counts[gram] = counts.get(gram, 0) + 1
    known = {gram for gram, count in counts.items() if count >= min_count}
    vocabulary = fit_ngrams(texts, min_count=min_count)
    assert {vocabulary.spelled(i + 1) for i in range(len(vocabulary))} == known
    asked = [*texts, None, "", "zz zz unknown", "a b c d it's ! a b"]
    assert read(vocabulary, asked, tail) == [held(text, known, tail) for text in asked]


def test_the_most_frequent_are_kept():
    texts = ["a b"] * 5 + ["a c"] * 3 + ["d"] * 2
    vocabulary = fit_ngrams(texts, min_count=1, most=3)
    assert {vocabulary.spelled(i) for i in (1, 2, 3)} == {"a", "b", "a b"}
    assert vocabulary.tokens == ("a", "b")  # no other is needed


def test_many_texts_are_the_same_as_one_by_one():
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, rng.integers(0, 40))) for _ in range(2500)]
    vocabulary = fit_ngrams(texts[:500])
    together = vocabulary.find(texts, 0.1)
    apart = Ragged.joined([vocabulary.find([text], 0.1) for text in texts])
    np.testing.assert_array_equal(together.ids, apart.ids)
    np.testing.assert_array_equal(together.starts, apart.starts)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("It's GREAT!!", ["it's", "great", "!", "!"]),
        ("don\u2019t", ["don't"]),
        ("a<br /><br />b <i>c</i>", ["a", "b", "c"]),
        ("2 < 3 > 1", ["2", "3", "1"]),
        ("fish &amp; chips &lt;3", ["fish", "chips", "3"]),
        ("我喜欢 it", ["我", "喜", "欢", "it"]),
        ("größe naïve Ünï", ["größe", "naïve", "ünï"]),
        ("ok 😀👍🏽", ["ok", "😀", "👍", "🏽"]),
        ("foo_bar a-b 3.5", ["foo", "bar", "a", "b", "3", "5"]),
        ("x" * 100, ["x" * 64, "x" * 36]),
        (" \t\n...;:()", []),
        ("", []),
    ],
)
def test_tokens(text, tokens):
    assert tokenize(text) == tokens


def test_a_megabyte_of_anything_is_read_in_reasonable_time():
    for piece in ("x", "<", "&", "<a", "a'", "\u6771", "!", "😀", "\0", "\ud800"):
        assert isinstance(tokenize(piece * (1_000_000 // len(piece))), list)


def test_words_are_counted_by_spaces_or_characters():
    assert n_words("four words of text") == 4
    assert n_words("我喜欢这部电影") == 8  # and the run itself
    assert n_words("3f2504e0-4f89-11d3-9a0c-0305e82c3301") == 1


def test_a_vocabulary_that_cannot_be():
    key = NgramVocabulary(["a", "b"], np.array([1, 2, 1 | 2 << 21]))
    assert [key.spelled(i) for i in (1, 2, 3)] == ["a", "b", "a b"]
    for tokens, keys in (
        (["a", "a"], [1]),
        (["a"], [2]),
        (["a"], [0]),
        (["a"], [1, 1]),
        (["a", "b"], [2, 1]),
        (["a"], [1 << 21]),
        (["a"], [1 | 1 << 42]),
        ([3], [1]),
        (["a"], [-1]),
    ):
        with pytest.raises(ParameterError):
            NgramVocabulary(tokens, np.array(keys))


def test_words_are_one_to_three():
    for words in (0, 4):
        with pytest.raises(ParameterError, match="from 1 to 3"):
            fit_ngrams(["a"], words=words)


def test_a_vocabulary_is_the_same_in_every_process():
    """Whatever the hash seed of its strings."""
    code = (
        "from l0gm.data.ngrams import fit_ngrams; texts = [f'w{i % 40} w{i % 37} w{i % 31}' for i in range(80)]; "
        "v = fit_ngrams(texts, words=2, most=60); print(v.tokens, v.keys.tolist())"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1
