"""Files of every format that was ever written still load and answer as they did.

``fixtures/format1.safetensors`` was written by version 0.1.0 and must never be written again: a change that cannot
read it needs another format version, and code that reads this one.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from l0gm import load
from l0gm.runtime import artifact

FIXTURES = Path(__file__).parent / "fixtures"
FILE = FIXTURES / "format1.safetensors"


@pytest.fixture(scope="module")
def expected():
    return json.loads((FIXTURES / "format1.expected.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def model():
    return load(FILE)


def test_the_file_is_the_one_that_was_written():
    assert hashlib.sha256(FILE.read_bytes()).hexdigest() == SHA256
    _, document, _ = artifact.read(FILE)
    assert document["format"] == 1


SHA256 = "17de9fae14eb4f76ea808a119552f9853bf9faeaf4f6adbc42abf17231d36403"


def test_predictions(model, expected):
    raw = model.predict_proba(expected["rows"], calibrated=False)
    np.testing.assert_allclose(raw, expected["raw"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(model.predict_proba(expected["rows"]), expected["calibrated"], rtol=0, atol=1e-6)
    assert model.predict(expected["rows"]).tolist() == expected["labels"]
    assert np.ptp(raw, 0).min() > 0.5


def test_the_certificate(model):
    assert model.verify() < 1e-6


def test_the_facts(model):
    assert model.classes_ == ("maybe", "no", "ja & ß")
    assert model.feature_names_in_ == ("age", "job", "account", "gain", "member", "seen")
    assert model.calibrated
    assert model.temperature.temperature == 1.7320508075688772
    assert model.information["metrics"]["validation"]["auc"] == 0.8
    assert model.information["support"]["seen:hour"] == 1
    kinds = [field.kind for field in model.schema.fields]
    assert kinds == ["numeric", "categorical", "hashed", "numeric", "categorical", "numeric", "numeric"]
    assert model.schema.fields[3].edges == (-1.0, 0.0, 0.1 + 0.2)
    assert "| open dimensions | 9 of 21 |" in model.card()


def test_written_again_it_is_the_same(model, tmp_path, expected):
    again = load(model.save(tmp_path / "again"))
    assert np.array_equal(again.predict_proba(expected["rows"]), model.predict_proba(expected["rows"]))
    assert again.schema == model.schema
    assert again.information == model.information
