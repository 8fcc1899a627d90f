import numpy as np
import pandas as pd
import pytest

from l0gm.baselines.averaged_trees import averaged_trees
from l0gm.errors import ParameterError
from l0gm.experiments.bench import contestant
from l0gm.experiments.bench.boosters import HistGB
from l0gm.experiments.bench.contestant import LeftOutError, as_probabilities, library, pinned
from l0gm.experiments.bench.inputs import FORMS, Coder, Rows, plain_frame
from l0gm.experiments.bench.matrices import _rates
from l0gm.experiments.bench.peers import PEERS, chosen_peers, fit_peers
from l0gm.metrics import auc

NEEDED = {
    "catboost": ["catboost"],
    "catboost-categories": ["catboost"],
    "xgboost": ["xgboost"],
    "lightgbm": ["lightgbm"],
    "lleaves": ["lleaves", "lightgbm"],
    "tl2cgen": ["tl2cgen", "treelite", "xgboost"],
    "histgb": [],
    "mlp": ["onnxruntime", "onnx"],
}


def rows(n, seed, n_classes=2, many=False):
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 4, n)
    x = rng.normal(size=n)
    labels = (x + kind + 0.5 * rng.normal(size=n) > 1.5).astype(int)
    if n_classes > 2:
        labels += 2 * (x < -0.8)
        labels = np.minimum(labels, n_classes - 1)
    columns = {
        "x": np.where(rng.random(n) < 0.1, np.nan, x),
        "noise": rng.integers(0, 9, n),
        "kind": np.array(["a", "b", "c", "d", None], dtype=object)[np.where(rng.random(n) < 0.05, 4, kind)],
    }
    if many:
        columns["who"] = np.array([f"w{k}" for k in range(400)], dtype=object)[100 * kind + rng.integers(0, 100, n)]
    return Rows(plain_frame(pd.DataFrame(columns)), labels.astype(np.int64))


def fitted(key, n_classes=2, many=False):
    for module in NEEDED[key]:
        pytest.importorskip(module)
    train, valid = (rows(n, seed, n_classes, many) for n, seed in ((4000 if many else 800, 0), (300, 1)))
    peer = PEERS[key](Coder.fit(train.frame), n_classes, seed=0, threads=1, most=30)
    peer.fit(train, valid)
    return peer


def test_every_peer_is_tested():
    assert list(NEEDED) == list(PEERS)


@pytest.mark.parametrize("key", PEERS)
def test_all_forms_answer_alike_and_well(key):
    peer, test = fitted(key), rows(200, 2)
    proba = peer.probabilities(test.frame)
    assert proba.shape == (200, 2)
    assert auc(test.labels, proba) > 0.85
    with pinned(2):
        for form in ("prepared", "object", "category"):
            frame = peer.coder.as_categories(test.frame) if form == "category" else test.frame
            for threads in (1, 2):
                np.testing.assert_allclose(peer.probabilities(frame, form, threads), proba, atol=1e-5)
    answer = peer.answer("dict", 1)
    single = [as_probabilities(answer(peer.ready("dict", test.frame.iloc[[i]])))[0] for i in range(20)]
    np.testing.assert_allclose(single, proba[:20], atol=1e-5)
    assert set(peer.inputs) == set(FORMS)
    assert peer.size()["bytes"] > 0


@pytest.mark.parametrize("key", [key for key in PEERS if key != "lleaves"])
def test_more_than_two_classes(key):
    peer, test = fitted(key, n_classes=3), rows(200, 2, 3)
    proba = peer.probabilities(test.frame)
    assert proba.shape == (200, 3)
    np.testing.assert_allclose(proba.sum(1), 1.0)
    assert (proba.argmax(1) == test.labels).mean() > 0.6


def test_lleaves_takes_two_classes_alone():
    pytest.importorskip("lleaves")
    with pytest.raises(LeftOutError, match="two classes"):
        fitted("lleaves", n_classes=3)


@pytest.mark.parametrize("key", ["histgb", "catboost", "xgboost", "mlp"])
def test_identifiers_become_rates(key):
    peer, test = fitted(key, many=True), rows(300, 2, many=True)
    assert list(peer.rates) == [3]
    proba = peer.probabilities(test.frame)
    for form, frame in (("object", test.frame), ("category", peer.coder.as_categories(test.frame))):
        np.testing.assert_allclose(peer.probabilities(frame, form), proba, atol=1e-5)
    assert "1 columns of codes become rates, timed" in peer.inputs["prepared"]


def test_rates_are_smoothed():
    rates = _rates(np.array([1.0, 1.0, 2.0, 2.0]), np.array([0, 1, 1, 1]), 4, 2)
    np.testing.assert_allclose(rates[:, 0], [0.75, 8.5 / 12, 9.5 / 12, 0.75])


def test_a_library_that_is_not_installed_is_left_out_by_name(monkeypatch):
    class Absent(HistGB):
        key = "absent"
        name = "Absent"
        packages = ("no-such-package",)

        def learn(self, X, y, V, v):
            library("no_such_package", type(self))

    class Broken(Absent):
        name = "Broken"

        def learn(self, X, y, V, v):
            raise MemoryError("too many\nrows")

    lines = []
    train = rows(300, 0)
    done, left_out = fit_peers(
        [Absent, Broken, HistGB], train, rows(100, 1), 2,
        coder=Coder.fit(train.frame), seed=0, threads=1, most=5, told=lines.append,
    )  # fmt: skip
    assert [peer.name for peer in done] == ["HistGradientBoosting"]
    assert left_out == {
        "Absent": "no_such_package is not installed: pip install no-such-package",
        "Broken": "it failed (MemoryError: too many)",
    }
    assert len(lines) == 3


def test_peers_by_name():
    assert chosen_peers(["mlp", "histgb"]) == [PEERS["mlp"], PEERS["histgb"]]
    assert chosen_peers(None) == list(PEERS.values())
    with pytest.raises(ParameterError, match="--peers cat: there is no such peer; there are catboost, "):
        chosen_peers(["cat"])


def test_answers_of_one_column_are_those_of_the_second_class():
    np.testing.assert_allclose(as_probabilities(np.array([0.25, 1.0])), [[0.75, 0.25], [0.0, 1.0]])
    np.testing.assert_allclose(as_probabilities(np.array([[0.25], [1.0]])), [[0.75, 0.25], [0.0, 1.0]])
    assert as_probabilities(np.float32([[0.1, 0.2, 0.7]])).sum() == 1.0


def test_pinned_threads_come_back():
    import torch

    before = torch.get_num_threads()
    with pinned(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_the_teacher_learns_from_the_same_rows_once():
    from sklearn.base import clone

    for module in ("catboost", "xgboost", "lightgbm"):
        pytest.importorskip(module)
    teacher = averaged_trees(0, 1, 10)
    train = rows(400, 0)
    frame = train.frame.assign(kind=train.frame["kind"].astype("category"))
    first = clone(teacher).fit(frame, train.labels)
    second = clone(teacher).fit(frame, train.labels)
    assert first.members_ is second.members_
    assert clone(teacher).fit(frame[:300], train.labels[:300]).members_ is not first.members_
    assert auc(train.labels, first.predict_proba(frame)) > 0.9


def test_without_libraries_the_teacher_is_that_of_the_estimator(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert averaged_trees(0, 1, 10) == "trees"


def test_contestants_are_abstract():
    with pytest.raises(TypeError):
        contestant.Contestant()
