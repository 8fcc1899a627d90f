"""Texts walk the line that tables walk: alone, and in rows that mix both; the same answers everywhere."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

import l0gm
from l0gm import L0GMClassifier
from l0gm.encoders.text import Ngrams
from l0gm.errors import CompactionError, DataError, ParameterError

STRANGE = [
    *("", None, "   ", "!!! ??? ...", "😀 👍🏽", "<br /><p>", "&amp; &lt;b&gt;", "我喜欢这部电影", "это хороший фильм"),
    *("good " * 200_000, "x" * 1_000_000, "\0\ud800", "not good not bad", "GOOD", "go\u0301od"),
]
SMALL = {"encoder": Ngrams(dim=12, min_count=2, epochs=6), "random_state": 0}


def reviews(n=400, classes=("bad", "good"), seed=0):
    """Sentences in which some words, and one pair of words, tell the class."""
    rng = np.random.default_rng(seed)
    filler = ["the", "film", "was", "a", "story", "of", "people", "in", "time", "and", "music"]
    told = [[f"{label}ness", f"so {label}", f"quite {label}"] for label in classes]
    y = rng.integers(0, len(classes), n)
    texts = [" ".join([*rng.choice(filler, 12), *rng.choice(told[k], 2), *rng.choice(filler, 3)]) for k in y]
    return texts, [classes[k] for k in y]


TEXTS, LABELS = reviews()
MODEL = L0GMClassifier(active=0.3, **SMALL).fit(TEXTS, LABELS)


def faces(model, tmp_path):
    small = model.compact()
    return small, l0gm.load(small.save(tmp_path / "model.l0gm"))


def test_texts_alone(tmp_path):
    new, labels = reviews(seed=1)
    assert MODEL.evaluate(new, labels)["accuracy"] > 0.97
    assert MODEL.plan().support == {"text": 4}
    small, served = faces(MODEL, tmp_path)
    assert served.verify() < 1e-5
    for rows in (new, STRANGE, [new[0]], pd.Series(new), {"text": new}, pd.DataFrame({"text": new, "other": 1})):
        expected = MODEL.predict_proba(rows)
        np.testing.assert_allclose(small.predict_proba(rows), expected, atol=1e-5)
        np.testing.assert_array_equal(served.predict_proba(rows), small.predict_proba(rows))
    together = served.predict_proba(STRANGE)
    apart = np.concatenate([served.predict_proba([text]) for text in STRANGE])
    np.testing.assert_array_equal(together, apart)


def test_a_file_of_ngrams_is_served_without_pytorch(tmp_path):
    path = MODEL.save(tmp_path / "model.l0gm")
    code = (
        "import sys\n"
        "for name in ('torch', 'sklearn', 'pandas', 'transformers', 'tokenizers'): sys.modules[name] = None\n"
        f"import l0gm; print(l0gm.load({str(path)!r}).predict_proba({TEXTS[:3]!r})[:, 1].tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    np.testing.assert_allclose(json.loads(done.stdout), MODEL.predict_proba(TEXTS[:3])[:, 1], atol=1e-5)


def test_three_classes_and_a_deep_branch(tmp_path):
    texts, labels = reviews(500, ("bad", "good", "odd"))
    model = L0GMClassifier(active=0.5, deep=(8,), **SMALL).fit(texts, labels)
    new, expected = reviews(200, ("bad", "good", "odd"), seed=2)
    assert model.evaluate(new, expected)["accuracy"] > 0.95
    small, served = faces(model, tmp_path)
    np.testing.assert_allclose(served.predict_proba(new), model.predict_proba(new), atol=1e-5)
    assert small.program.texts[0].width == model.plan().n_open  # a deep branch reads the open dimensions


def mixed(n=500, seed=0):
    rng = np.random.default_rng(seed)
    texts, labels = reviews(n, seed=seed)
    flag = rng.integers(0, 2, n)
    y = [f"{label}-{k}" for label, k in zip(labels, flag, strict=True)]
    return pd.DataFrame({"flag": flag * 2.5, "review": texts, "noise": rng.normal(size=n)}), y


@pytest.mark.parametrize("options", [{}, {"deep": (), "cin": ()}, {"linear": "ungated"}], ids=str)
def test_rows_that_mix_both(tmp_path, options):
    X, y = mixed()
    model = L0GMClassifier(active=0.6, embedding_dim=4, epochs=20, **(SMALL | options)).fit(X, y)
    new, expected = mixed(300, seed=5)
    assert model.evaluate(new, expected)["accuracy"] > 0.9
    small, served = faces(model, tmp_path)
    messy = new.assign(review=new["review"].where(new.index % 3 > 0), flag=new["flag"].where(new.index % 4 > 0))
    for rows in (new, messy, messy[["noise", "review", "flag"]]):
        np.testing.assert_allclose(small.predict_proba(rows), model.predict_proba(rows), atol=1e-5)
        np.testing.assert_array_equal(served.predict_proba(rows), small.predict_proba(rows))
    found = served.contributions(messy)
    assert set(found.names) == set(served.feature_names_in_)
    assert found.max_residual < 1e-4
    assert "review" in served.feature_names_in_
    assert model.feature_importances_.sum() == pytest.approx(1.0)


def test_contributions_of_a_text_add_up_and_drift_sees_empty_ones(tmp_path):
    _, served = faces(MODEL, tmp_path)
    new, _ = reviews(300, seed=7)
    found = served.contributions([*new, *STRANGE])
    assert found.names == ("text",)
    assert found.exact
    assert found.max_residual < 1e-4
    assert served.drift(new).changed == []
    assert "text" in served.drift(new[:100] + [""] * 200).changed
    assert MODEL.drift(new) == served.drift(new)


def test_the_heaviest_ngrams_are_those_that_tell(tmp_path):
    _, served = faces(MODEL, tmp_path)
    (listed,) = served.heaviest_ngrams(6).values()
    for text, (added,) in listed:
        assert ("good" in text) == (added > 0), text


def test_the_text_column_is_dropped_where_nothing_of_it_is_open(tmp_path):
    rng = np.random.default_rng(0)
    texts, _ = reviews()
    X = pd.DataFrame({"review": texts, "x": rng.normal(size=len(texts))})
    y = np.where(X["x"] > 0, "up", "down")
    model = L0GMClassifier(active=0.05, embedding_dim=8, cost={"review": 100.0}, **SMALL).fit(X, y)
    assert "review" not in model.compact().feature_names_in_
    small, served = faces(model, tmp_path)
    np.testing.assert_array_equal(served.predict_proba(X[["x"]]), small.predict_proba(X))
    np.testing.assert_allclose(model.predict_proba(X[["x"]]), small.predict_proba(X), atol=1e-5)


def test_the_same_seed_gives_the_same_weights():
    one, two = (L0GMClassifier(**SMALL).fit(TEXTS, LABELS).predict_proba(TEXTS[:50]) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_scikit_learn_tools_take_texts():
    texts, labels = np.array(TEXTS, dtype=object), np.array(LABELS)
    assert cross_val_score(L0GMClassifier(**SMALL), texts, labels, cv=2).min() > 0.9
    again = pickle.loads(pickle.dumps(MODEL))
    np.testing.assert_array_equal(again.predict_proba(TEXTS[:9]), MODEL.predict_proba(TEXTS[:9]))
    assert clone(MODEL).encoder == MODEL.encoder
    assert make_pipeline(L0GMClassifier(**SMALL)).fit(texts, labels).predict(texts[:3]).shape == (3,)


def test_auto_and_teacher_and_penalty():
    auto = L0GMClassifier(active="auto", **SMALL).fit(TEXTS, LABELS)
    assert auto.trials_[0].n_open == 12
    taught = L0GMClassifier(teacher="trees", **SMALL)
    with pytest.raises(ParameterError, match="teacher='trees' reads no text"):
        taught.fit(TEXTS, LABELS)
    piped = make_pipeline(TfidfVectorizer(), LogisticRegression())
    assert "teacher, out of fold" in " ".join(L0GMClassifier(teacher=piped, **SMALL).fit(TEXTS, LABELS).notes_)
    few = L0GMClassifier(penalty=0.05, **SMALL).fit(TEXTS, LABELS)
    assert few.model_.gate.n_open < 12


def test_what_cannot_be_done_says_so(tmp_path):
    with pytest.raises(ParameterError, match="encoder='ngram'"):
        L0GMClassifier(encoder="ngram").fit(TEXTS, LABELS)
    with pytest.raises(DataError, match="column 'text' missing"):
        MODEL.predict_proba(pd.DataFrame({"body": TEXTS}))
    with pytest.raises(DataError, match="for one text, give a list of it"):
        MODEL.predict_proba("a good film")
    path = tmp_path / "reviews.parquet"
    pd.DataFrame({"review": TEXTS, "label": LABELS}).to_parquet(path)
    with pytest.raises(DataError, match=r"texts \('review'\) are not read out of core"):
        L0GMClassifier(**SMALL).fit(path, "label")
    with pytest.raises(CompactionError, match="reads texts cannot be trained on"):
        L0GMClassifier(initial_model=MODEL).fit(TEXTS, LABELS)
