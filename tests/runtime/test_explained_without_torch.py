"""Contributions, drift and their commands in processes that cannot import PyTorch, scikit-learn or pandas."""

import json

import numpy as np
import pytest
from test_without_torch import BLOCK, run

CODE = """
import json, sys
import l0gm
folder = sys.argv[1]
model = l0gm.load(f"{folder}/model.l0gm")
rows = json.load(open(f"{folder}/rows.json"))
c, report = model.contributions(rows), model.drift(rows)
print(json.dumps({
    "values": c.values.tolist(), "residual": c.max_residual, "report": report.to_dict(), "text": str(report),
    "heavy": sorted({name.split(".")[0] for name in sys.modules} & {"torch", "sklearn", "pandas", "scipy"}),
}))
"""
COMMAND = """
import sys
from l0gm.cli import app
sys.argv = ["l0gm", *sys.argv[1:]]
try:
    app()
except SystemExit as end:
    assert end.code in (None, 0), end.code
"""


def test_in_python(fitted, tmp_path):
    fitted.compact.save(tmp_path / "model.l0gm")
    (tmp_path / "rows.json").write_text(json.dumps(fitted.lists))
    found = run(BLOCK + CODE, tmp_path)
    assert found["heavy"] == []
    np.testing.assert_allclose(found["values"], fitted.compact.contributions(fitted.lists).values, rtol=1e-9)
    assert found["residual"] < 1e-4
    report = fitted.compact.drift(fitted.lists)
    assert found["report"] == report.to_dict()
    assert found["text"] == str(report)


@pytest.mark.parametrize("command", [["explain", "--rows", "2"], ["monitor"]], ids=lambda c: c[0])
def test_on_the_command_line(command, fitted, tmp_path):
    """Files are read by pyarrow where pandas is not there."""
    fitted.compact.save(tmp_path / "model.l0gm")
    fitted.X.to_csv(tmp_path / "rows.csv", index=False)
    name, *options = command
    code = BLOCK + COMMAND + "print('null')"
    run(code, name, tmp_path / "model.l0gm", tmp_path / "rows.csv", *options)
