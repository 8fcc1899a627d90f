"""NB-SVM and NB-LR."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from texts import draw, strange

from l0gm.baselines import find
from l0gm.baselines.text_bayes import NaiveBayesLinear
from l0gm.errors import DataError, ParameterError
from l0gm.testing.baselines import check_baseline


@pytest.mark.parametrize("name", ["nb-lr", "nb-svm"])
def test_the_contract(name):
    check_baseline(partial(find("text", name).make, active=None), draw, strange)


@pytest.fixture(scope="module")
def rows():
    texts, codes = draw(300, 0, 2)
    return texts, np.array(["no", "yes"])[codes]


def held_by(model, text):
    return model._held([text]).toarray()[0].astype(bool)


@pytest.mark.parametrize("loss", ["log", "hinge"])
def test_features_are_log_count_ratios_on_the_sphere(loss, rows):
    model = NaiveBayesLinear(loss, smoothing=0.5).fit(*rows)
    counts = {}
    kept = np.arange(300)
    from l0gm.data.splits import three_way

    train = three_way((rows[1] == "yes").astype(int), 0.1, 0.1, 0)[0]
    for answer in ("no", "yes"):
        held = [held_by(model, rows[0][i]) for i in kept[train] if rows[1][i] == answer]
        counts[answer] = np.sum(held, 0) + 0.5
    expected = np.log(counts["yes"] / counts["yes"].sum()) - np.log(counts["no"] / counts["no"].sum())
    assert np.allclose(model.ratios_[:, 0], expected)
    features = held_by(model, rows[0][0]) * expected
    margin = features @ model.weights_[:, 0] / np.linalg.norm(features) + model.biases_[0]
    assert model.predict_proba(rows[0][:1])[0, 1] == pytest.approx(1 / (1 + np.exp(-model.scale_ * margin)))


def test_words_that_tell_weigh_most(rows):
    model = NaiveBayesLinear().fit(*rows)
    pushes = model.ratios_[:, 0] * model.weights_[:, 0]
    single = {
        model.vocabulary_.spelled(i): pushes[i] for i in range(len(pushes)) if " " not in model.vocabulary_.spelled(i)
    }
    assert {*sorted(single, key=single.get)[-2:]} == {"good", "great"}
    assert {*sorted(single, key=single.get)[:2]} == {"bad", "awful"}


def test_bigrams_tell_what_words_do_not():
    rng = np.random.default_rng(0)
    texts, y = [], rng.integers(0, 2, 400)
    for label in y:  # the same words in each class, in another order
        pairs = [("not", "good"), ("good", "not")][:: 1 if label else -1]
        texts.append(" ".join([*rng.choice(["a", "b", "c"], 4), *pairs[0], "filler", *rng.choice(["a", "b", "c"], 4)]))
    new, truth = texts[300:], y[300:]
    found = [np.mean(NaiveBayesLinear(words=n).fit(texts[:300], y[:300]).predict(new) == truth) for n in (1, 2)]
    assert found[0] < 0.7
    assert found[1] == 1.0


def test_beta_mixes_in_naive_bayes(rows):
    own, mixed, bayes = (NaiveBayesLinear("hinge", 1.0, beta=beta).fit(*rows).weights_ for beta in (1.0, 0.25, 0.0))
    assert np.ptp(bayes) == pytest.approx(0.0)
    assert np.allclose(mixed, 0.75 * bayes + 0.25 * own)


def test_the_scale_of_margins_is_the_best_for_the_validation_rows(rows):
    model = NaiveBayesLinear("hinge", 1.0).fit(*rows)
    best = model.metrics_["validation"]["log_loss"]
    from l0gm.data.splits import three_way

    valid = three_way((rows[1] == "yes").astype(int), 0.1, 0.1, 0)[1]
    texts, truth = [rows[0][i] for i in valid], (rows[1][valid] == "yes").astype(int)
    for factor in (0.8, 1.25):
        model.scale_ *= factor
        proba = model.predict_proba(texts)
        assert -np.log(proba[np.arange(len(truth)), truth]).mean() > best
        model.scale_ /= factor


def test_texts_in_any_container(rows):
    texts, y = rows
    expected = NaiveBayesLinear().fit(texts, y).predict_proba(texts[:20])
    for wrap in (np.array, partial(pd.Series, index=range(50, 350)), lambda t: pd.DataFrame({"review": t})):
        model = NaiveBayesLinear().fit(wrap(texts), y)
        new = wrap(texts)
        new = new[:20] if not hasattr(new, "iloc") else new.iloc[:20]
        assert np.array_equal(model.predict_proba(new), expected)


def test_texts_that_say_nothing():
    y = np.array([0, 0, 1] * 20)
    model = NaiveBayesLinear().fit([None, "", "!"] * 20, y)
    assert model.predict(["", "!"]).tolist() == [0, 1]
    nothing = NaiveBayesLinear().fit([None] * 60, y).predict_proba(["a word", None])
    assert np.allclose(nothing, nothing[:1])
    assert nothing[0].argmax() == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "square"}, "loss='square': choose 'log' or 'hinge'"), ({"C": 0.0}, "C=0.0"),
        ({"beta": 1.5}, "beta=1.5: a share from 0 to 1"), ({"words": 4}, "n-grams of 4 words: from 1 to 3"),
    ],
)  # fmt: skip
def test_parameters_that_mean_nothing(options, message, rows):
    with pytest.raises(ParameterError, match=message):
        NaiveBayesLinear(**options).fit(*rows)


def test_tables_are_refused(rows):
    with pytest.raises(DataError, match="rows of 2 columns: texts alone are needed"):
        NaiveBayesLinear().fit(pd.DataFrame({"a": rows[0], "b": rows[0]}), rows[1])
