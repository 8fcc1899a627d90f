"""Files of every format that was ever written still load and answer as they did.

``fixtures/format1.safetensors`` was written by version 0.1.0 and must never be written again: a change that cannot
read it needs another format version, and code that reads this one.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

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
    assert model.calibrator.temperature == 1.7320508075688772
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


def test_the_page_on_the_file_names_all_that_is_in_it():
    page = (Path(__file__).parents[2] / "docs" / "artifact.md").read_text(encoding="utf-8")
    arrays, document, _ = artifact.read(FILE)
    keys = {*document, *document["certificate"], *document["program"], *document["schema"], *document["temperature"]}
    keys |= {key for field in document["schema"]["fields"] for key in field}
    keys |= {field["kind"] for field in document["schema"]["fields"]}
    indexed = {"field": "i", "deep": "l", "cin": "k"}
    for name in arrays:
        first, *rest = name.split(".")
        keys.add(".".join([first, indexed[first], *rest[1:]]) if first in indexed else name)
    assert {"field.i.rows", "deep.l.bias", "cin.k", "cin_out", "certificate.probabilities"} <= keys
    assert sorted(key for key in keys if f"`{key}`" not in page) == []
    for metadata in ("l0gm", "card", "sha256"):
        assert f"| `{metadata}` |" in page


def test_the_checksum_is_the_one_that_the_page_describes():
    with safe_open(FILE, framework="numpy") as file:
        metadata = file.metadata()
        digest = hashlib.sha256(json.dumps([metadata["l0gm"], metadata["card"]]).encode())
        for name in sorted(file.keys()):
            a = file.get_tensor(name)
            digest.update(f"{name} {a.dtype.str} {a.shape}".encode() + a.tobytes("C"))
    assert metadata["sha256"] == digest.hexdigest()
