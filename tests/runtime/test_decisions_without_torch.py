"""Every calibrator, thresholds, sets, groups and tuned thresholds work where scikit-learn cannot be imported."""

from __future__ import annotations

import json
from dataclasses import replace

import handmade
import numpy as np
import pytest
from test_without_torch import BLOCK, run

from l0gm import load
from l0gm.calibration import METHODS
from l0gm.decisions import ConformalSets, best_threshold

ANSWER = """
import json, sys
import l0gm
from l0gm.decisions import best_threshold

folder, methods = sys.argv[1], sys.argv[2:]
rows, y = json.load(open(f"{folder}/rows.json")), json.load(open(f"{folder}/y.json"))
found = {}
for method in methods:
    model = l0gm.load(f"{folder}/{method}.l0gm")
    proba = model.predict_proba(rows)
    found[method] = {
        "proba": proba.tolist(),
        "labels": model.predict(rows).tolist(),
        "sets": model.predict_set(rows, 0.9).tolist(),
        "groups": model.evaluate_by(rows, [model.classes_[k] for k in y], "member"),
        "threshold": best_threshold(y, proba, cost_false_positive=1, cost_false_negative=2).value,
    }
    found[method]["groups"] = list(found[method]["groups"].values())
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model file for each method, with rows beside it."""
    folder = tmp_path_factory.mktemp("models")
    rows = handmade.rows(150) | {"seen": [None] * 150}  # JSON has no dates
    model = handmade.model()
    proba = model.predict_proba(rows)
    y = (np.random.default_rng(0).random(150) < proba[:, 1]).astype(int)
    for name, method in METHODS.items():
        served = replace(
            model,
            calibrator=method.fit(proba, y),
            calibrated=True,
            decision_threshold=0.3,
            conformal=ConformalSets.fit(proba, y),
        )
        served.save(folder / f"{name}.l0gm")
    rows["gain"] = [None if x == float("inf") else x for x in rows["gain"]]
    (folder / "rows.json").write_text(json.dumps(rows))
    (folder / "y.json").write_text(json.dumps(y.tolist()))
    return folder


def test_answers_where_scikit_learn_cannot_be_imported(folder):
    found = run(BLOCK + ANSWER, folder, *METHODS)
    rows, y = (json.loads((folder / f"{name}.json").read_text()) for name in ("rows", "y"))
    for name in METHODS:
        model = load(folder / f"{name}.l0gm")
        proba = model.predict_proba(rows)
        assert found[name] == {
            "proba": proba.tolist(),
            "labels": model.predict(rows).tolist(),
            "sets": model.predict_set(rows, 0.9).tolist(),
            "groups": list(model.evaluate_by(rows, [model.classes_[k] for k in y], "member").values()),
            "threshold": best_threshold(y, proba, cost_false_positive=1, cost_false_negative=2).value,
        }
        assert set(found[name]["labels"]) == {"no", "yes"}
        assert (np.array(found[name]["labels"]) == np.where(proba[:, 1] >= 0.3, "yes", "no")).all()
