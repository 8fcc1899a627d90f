"""Models that version 0.1.0 trained and wrote in format 1 load for ever, verify, and answer as they did.

``fixtures/format1-*.safetensors`` must never be written again; what reads them may change.
``fixtures/format1-*.json`` beside each holds rows and the answers to them.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from l0gm import load
from l0gm.runtime import artifact

FIXTURES = Path(__file__).parent / "fixtures"
WRITTEN = {
    "format1-binary": "6b6db5a1cfd92824ef2f2102baf014ee4c023ee20064de2fbcabd01125d57184",
    "format1-classes": "1e18e31f4457eab781c6955731f170d318a61163c78d012ed99a0858062f5cf9",
}


@pytest.fixture(params=WRITTEN)
def name(request):
    return request.param


@pytest.fixture
def expected(name):
    return json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def path(name):
    return FIXTURES / f"{name}.safetensors"


def test_every_file_is_known_and_as_it_was_written():
    found = {
        path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in FIXTURES.glob("format*-*.safetensors")
    }
    assert found == WRITTEN


def test_it_says_its_format(name, path):
    assert artifact.read(path)[1]["format"] == int(name.removeprefix("format").split("-")[0])


def test_the_certificate(path):
    assert load(path).verify() < 1e-6


def test_the_answers(path, expected):
    model = load(path)
    rows = expected["rows"]
    np.testing.assert_allclose(model.predict_proba(rows, calibrated=False), expected["raw"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(model.predict_proba(rows), expected["default"], rtol=0, atol=1e-6)
    assert model.predict(rows).tolist() == expected["labels"]
    assert np.ptp(expected["raw"], 0).min() > 0.2


def test_every_kind_of_field_and_branch_is_there(path):
    model = load(path)
    assert {field.kind for field in model.schema.fields} == {"numeric", "categorical", "hashed"}
    assert {getattr(field, "part", None) for field in model.schema.fields} >= {"year", "weekday", None}
    structure = model.program.structure()
    assert structure["linear"]
    assert structure["deep"] >= 2
    assert structure["cin"] >= 1


def test_saved_again_it_is_the_same_model(path, expected, tmp_path):
    model = load(path)
    again = load(model.save(tmp_path / "again.l0gm"))
    assert np.array_equal(again.predict_proba(expected["rows"]), model.predict_proba(expected["rows"]))
    assert again.schema == model.schema
    assert again.verify() == model.verify()
