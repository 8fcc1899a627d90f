"""A few thousand reviews of IMDB through the whole line."""

import numpy as np
import pytest

import l0gm
from l0gm import L0GMClassifier
from l0gm.datasets import load, path
from l0gm.errors import DatasetError

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def data():
    try:
        path("imdb")
    except DatasetError as error:
        pytest.skip(str(error))
    return load("imdb")


@pytest.fixture(scope="module")
def reviews(data):
    train, test = data.split()
    rng = np.random.default_rng(0)
    return [
        (data.frame["text"].iloc[rows].tolist(), data.frame["label"].iloc[rows].tolist())
        for rows in (rng.permutation(train)[:3000], rng.permutation(test)[:2000])
    ]


def test_the_data_set_is_whole(data):
    train, test = data.split()
    assert len(train) == len(test) == 25_000
    assert data.frame["label"].iloc[train].value_counts().to_dict() == {"neg": 12_500, "pos": 12_500}
    assert data.task == "binary"


def test_ngrams_on_reviews(reviews, tmp_path):
    (texts, labels), (new, truth) = reviews
    model = L0GMClassifier(active=0.15, random_state=0).fit(texts, labels)
    assert model.model_.gate.n_open == 2
    served = l0gm.load(model.save(tmp_path / "imdb.l0gm"))
    measures = served.evaluate(new, truth)
    assert measures["accuracy"] > 0.85
    assert measures["auc"] > 0.92
    assert served.verify() < 1e-5
    np.testing.assert_allclose(served.predict_proba(new[:200]), model.predict_proba(new[:200]), atol=1e-5)
    told = {text for text, _ in served.heaviest_ngrams(100)["text"]}
    assert told & {"worst", "awful", "bad", "great", "excellent", "waste", "boring"}
