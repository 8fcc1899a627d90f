"""Texts lose words, one by one or a span of them, and nothing else."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l0gm.robustness import CONDITIONS, Condition, InputStatistics, applies, perturb

WORDS = [f"w{i}" for i in range(40)]


def corrupted(texts, condition, seed=0):
    return perturb(texts, condition, InputStatistics.fit(texts), seed)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_words_are_lost_at_the_rate(share):
    kept = [text.split() for text in corrupted([" ".join(WORDS)] * 500, Condition("missing", share))]
    assert np.mean([len(words) for words in kept]) == pytest.approx(40 * (1 - share), abs=0.6)
    assert all(words == sorted(words, key=WORDS.index) for words in kept)
    assert len({tuple(words) for words in kept}) > 450


@pytest.mark.parametrize(("share", "span"), [(0.1, 4), (0.2, 8), (0.3, 12), (1.0, 40)])
def test_a_span_of_words_is_lost(share, span):
    starts = set()
    for text in corrupted([" ".join(WORDS)] * 300, Condition("occlusion", share)):
        words = text.split()
        assert len(words) == 40 - span
        start = next((i for i, word in enumerate(words) if word != WORDS[i]), len(words))
        assert words == WORDS[:start] + WORDS[start + span :]
        starts.add(start)
    assert starts == set(range(40 - span + 1))


def test_what_is_left_stays_as_it_was():
    texts = ["  One\n\ttwo,  three! ", "", "   ", None, "same"]
    got = corrupted(texts, Condition("missing", 0.5), seed=3)
    assert got[1:4] == texts[1:4]
    for seed in range(20):
        text = corrupted(texts, Condition("missing", 0.5), seed)[0]
        assert text == texts[0] or all(word in texts[0] for word in text.split())
    assert corrupted(["a"], Condition("occlusion", 0.1)) == [""]
    assert corrupted(texts, Condition("missing", 0.0)) == texts


def test_scripts_without_spaces_lose_characters():
    (text,) = corrupted(["我们今天去公园散步" * 20], Condition("missing", 0.5))
    assert 60 < len(text) < 120
    (text,) = corrupted(["我们今天去公园散步" * 20], Condition("occlusion", 0.1))
    assert len(text) == 162


@given(st.lists(st.one_of(st.none(), st.text()), max_size=5), st.sampled_from(CONDITIONS), st.integers(0, 9))
def test_any_texts(texts, condition, seed):
    frame = pd.DataFrame({"t": pd.Series([*texts, "a b c"], dtype=object)})
    statistics = InputStatistics.fit(frame)
    got = perturb(frame, condition, statistics, seed, text=("t",))["t"].tolist()
    shorter = perturb(frame[:-1], condition, statistics, seed, text=("t",))["t"].tolist()
    assert shorter == got[:-1]
    for before, after in zip(texts, got, strict=False):
        assert (before is None) == (after is None)
        if before is not None:
            assert after == before or len(after) < len(before)
    if condition.needs_numbers:
        assert got == [*texts, "a b c"]


def test_texts_without_a_table_keep_their_kind():
    texts = ["one two three four"] * 30
    kinds = [texts, tuple(texts), np.array(texts), np.array(texts, dtype=object), pd.Series(texts, index=range(5, 35))]
    first = corrupted(texts, CONDITIONS[2])
    for kind in kinds:
        got = corrupted(kind, CONDITIONS[2])
        assert isinstance(got, list if isinstance(kind, tuple) else type(kind))
        assert list(got) == first
        assert list(corrupted(kind, CONDITIONS[4])) == texts
    assert list(corrupted(kinds[-1], CONDITIONS[2]).index) == list(range(5, 35))
    assert [applies(c, texts, InputStatistics.fit(texts)) for c in CONDITIONS] == [True] * 3 + [False] * 6 + [True] * 3


def test_texts_are_in_no_block_of_columns():
    frame = pd.DataFrame({"a": [1.0] * 200, "t": ["one two three"] * 200, "b": [2.0] * 200})
    got = perturb(frame, Condition("occlusion", 0.3), InputStatistics.fit(frame), 0, text=("t",))
    assert (got[["a", "b"]].isna().sum(axis=1) == 1).all()
    assert (got["t"].str.split().str.len() == 2).all()


def test_string_types_stay():
    for dtype in ("string", "str", object, "category", pd.ArrowDtype(__import__("pyarrow").string())):
        frame = pd.DataFrame({"t": pd.Series(["one two three", None] * 9, dtype=dtype)})
        got = perturb(frame, CONDITIONS[2], InputStatistics.fit(frame), 0, text=("t",))
        assert str(got["t"].dtype) == ("object" if dtype == "category" else str(frame["t"].dtype))
        assert got["t"].isna().tolist() == frame["t"].isna().tolist()
