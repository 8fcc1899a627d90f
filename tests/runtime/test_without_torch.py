"""Serving needs neither PyTorch nor scikit-learn nor pandas: shown in processes that cannot import them."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

BLOCKED = ("torch", "sklearn", "pandas", "scipy", "rich", "joblib")

BLOCK = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""

PREDICT = """
import json, sys
import numpy as np
import l0gm

folder = sys.argv[1]
model = l0gm.load(f"{folder}/model.l0gm")
rows = json.load(open(f"{folder}/rows.json"))
answers = {"lists": rows}
answers["records"] = [dict(zip(rows, values)) for values in zip(*rows.values())]
answers["read columns only"] = {name: rows[name] for name in model.feature_names_in_}
if len(sys.argv) > 2:
    import polars, pyarrow.parquet
    answers["polars"] = polars.read_parquet(f"{folder}/rows.parquet")
    answers["pyarrow"] = pyarrow.parquet.read_table(f"{folder}/rows.parquet")
for name, table in answers.items():
    answers[name] = model.predict_proba(table).tolist()
one = {name: values[:1] for name, values in rows.items()}
print(json.dumps({
    "answers": answers,
    "one": model.predict_proba(one).tolist(),
    "labels": model.predict(rows).tolist(),
    "verified": model.verify(),
    "evaluated": model.evaluate(rows, json.load(open(f"{folder}/y.json"))),
    "heavy": sorted({name.split(".")[0] for name in sys.modules} & set(HEAVY)),
}))
""".replace("HEAVY", repr([*BLOCKED, "pyarrow", "polars"]))


def run(code, *arguments, flags=(), **environment):
    """Run code in another interpreter; return what it printed last, as JSON."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, *flags, "-W", "error", "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**kept, **environment},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def folder(fitted, tmp_path):
    """A model file with rows beside it."""
    fitted.compact.save(tmp_path / "model.l0gm")
    (tmp_path / "rows.json").write_text(json.dumps(fitted.lists))
    (tmp_path / "y.json").write_text(json.dumps(fitted.y.tolist()))
    pl.from_pandas(fitted.X.reset_index(drop=True)).write_parquet(tmp_path / "rows.parquet")
    return tmp_path


def check(found, fitted, forms):
    expected = fitted.estimator.predict_proba(fitted.X)  # PyTorch's gated model, in this process
    assert found["answers"].keys() == forms
    first = np.array(found["answers"]["lists"])
    for answer in found["answers"].values():
        assert np.abs(np.array(answer) - expected).max() <= 1e-5
        assert np.array_equal(answer, first)
    assert np.array_equal(found["one"], first[:1])
    assert found["labels"] == fitted.estimator.predict(fitted.X).tolist()
    assert found["verified"] <= 1.1e-5
    measures = fitted.estimator.evaluate(fitted.X, fitted.y)
    assert found["evaluated"]["auc"] == pytest.approx(measures["auc"], abs=1e-4)
    assert np.ptp(expected[:, 0]) > 0.05


def test_predictions_where_torch_cannot_be_imported(folder, fitted):
    found = run(BLOCK + PREDICT, folder, "frames")
    check(found, fitted, {"lists", "records", "read columns only", "polars", "pyarrow"})
    assert found["heavy"] == ["polars", "pyarrow"]  # which the test itself asked for


@pytest.fixture(scope="module")
def small_environment(tmp_path_factory):
    """A folder with what ``pip install l0gm`` brings, and nothing else."""
    packages = tmp_path_factory.mktemp("site-packages")
    for name in ("numpy", "numba", "llvmlite", "narwhals", "safetensors", "l0gm"):
        home = Path(importlib.util.find_spec(name).origin).parent
        (packages / name).symlink_to(home, target_is_directory=True)
        libraries = home.with_name(f"{name}.libs")
        if libraries.is_dir():
            (packages / libraries.name).symlink_to(libraries, target_is_directory=True)
    return packages


def run_small(packages, code, *arguments):
    """Run code where the interpreter finds its standard library and these packages alone."""
    code = f"import sys; sys.path.insert(0, {str(packages)!r})\n{code}"
    return run(code, *arguments, flags=("-S", "-s", "-E"))


def test_predictions_where_torch_is_not_installed(small_environment, folder, fitted):
    found = run_small(small_environment, PREDICT, folder)
    check(found, fitted, {"lists", "records", "read columns only"})
    assert found["heavy"] == []


def test_there_is_no_torch_in_the_small_environment(small_environment):
    code = """
import importlib.util, json
names = ("torch", "sklearn", "pandas", "polars", "pyarrow", "rich", "numpy", "numba")
print(json.dumps([name for name in names if importlib.util.find_spec(name)]))
"""
    assert run_small(small_environment, code) == ["numpy", "numba"]


@pytest.mark.parametrize("name", ["L0GMClassifier", "HardConcreteGate"])
def test_what_needs_torch_names_the_remedy(name, small_environment):
    code = f"""
import json, l0gm
from l0gm.errors import MissingExtraError
said = []
for attempt in ("l0gm.{name}", "__import__('l0gm', fromlist=['{name}'])"):
    try:
        exec("from l0gm import {name}" if "import" in attempt else attempt)
    except MissingExtraError as error:
        said.append(str(error))
print(json.dumps(said))
"""
    for said in (run_small(small_environment, code), run(BLOCK + code)):
        assert len(said) == 2
        for message in said:
            assert f"l0gm.{name} needs " in message
            assert "which is not installed: pip install 'l0gm[train]'" in message


def test_where_no_folder_can_be_written():
    """A service often runs where its machine code cannot be kept: it is then compiled in each process."""
    code = """
import json, sys, numba
compiled = numba.njit
def njit(*args, cache=False, **options):
    if cache:
        raise RuntimeError("cannot cache function: no locator available")  # numba's answer there
    return compiled(*args, **options)
numba.njit = njit
import l0gm
print(json.dumps(l0gm.load(sys.argv[1]).verify()))
"""
    assert run(code, Path(__file__).parent / "fixtures" / "format1.safetensors") < 1e-6


def test_importing_the_package_is_cheap():
    code = """
import json, sys
import l0gm
before = set(sys.modules)
assert "l0gm.runtime" not in before and "L0GMClassifier" in dir(l0gm)
l0gm.load
print(json.dumps([sorted({m.split(".")[0] for m in names}) for names in (before, set(sys.modules))]))
"""
    alone, with_load = map(set, run(code))
    assert not alone & {"torch", "sklearn", "pandas", "numba", "numpy", "narwhals", "safetensors", "polars", "pyarrow"}
    assert not with_load & {"torch", "sklearn", "pandas", "polars", "pyarrow", "rich", "typer"}


def test_a_name_that_does_not_exist():
    import l0gm

    with pytest.raises(AttributeError, match="no attribute 'Classifier'"):
        l0gm.Classifier  # noqa: B018
    assert set(dir(l0gm)) == set(l0gm.__all__)
