import builtins
import pickle
import subprocess
import sys

import numpy as np
import pytest

from l0gm import datasets
from l0gm.errors import DatasetError, MissingExtraError, ParameterError


def test_the_names():
    graphs = ("cora", "pubmed", "debian_packages", "ogbn_products")
    generated = (
        *("synthetic:mixed", "synthetic:multiclass", "synthetic:wide", "synthetic:identifiers"),
        "synthetic:products",
    )
    assert datasets.names() == ("adult", "imdb", *graphs, *generated)
    assert set(datasets.__all__) <= set(dir(datasets))


@pytest.mark.parametrize("call", [datasets.load, datasets.path, datasets.fetch, datasets.describe])
def test_an_unknown_name_suggests_the_nearest(call):
    with pytest.raises(DatasetError, match=r"'adlut', did you mean 'adult'\? There are: adult, "):
        call("adlut")
    with pytest.raises(DatasetError, match=r"did you mean 'synthetic:mixed'"):
        call("Synthetic:Mixd")
    with pytest.raises(DatasetError, match=r"no data set is named 'qqq'\. There are: adult"):
        call("qqq")


def test_descriptions_agree_with_what_is_loaded():
    assert datasets.describe("adult").splits == ("openml", "uci")
    for name in ("synthetic:mixed", "synthetic:multiclass"):
        entry, data = datasets.describe(name), datasets.load(name)
        assert (entry.name, entry.rows, entry.target) == (data.name, len(data.frame), data.target)
        assert (entry.task, entry.splits) == (data.task, data.splits)


def test_generated_data_has_no_file():
    for call in (datasets.path, datasets.fetch):
        with pytest.raises(DatasetError, match="generated and has no file"):
            call("synthetic:mixed")


def test_options_that_are_not_taken():
    with pytest.raises(ParameterError, match="adult takes no option 'rows'; it takes: none"):
        datasets.load("adult", rows=10)
    with pytest.raises(ParameterError, match="takes no option 'row'; it takes: rows, seed"):
        datasets.load("synthetic:mixed", row=10)


def test_a_dataset_gives_features_labels_and_splits():
    data = datasets.load("synthetic:mixed", rows=400)
    assert data.features.shape == (400, 12)
    assert data.labels.name == data.target not in data.features
    train, test = data.split()
    assert (len(train), len(test)) == (300, 100)
    np.testing.assert_array_equal(data.split("holdout")[1], test)
    with pytest.raises(DatasetError, match="synthetic:mixed has no split 'openml'; it has: holdout"):
        data.split("openml")


def test_a_dataset_can_be_pickled():
    data = datasets.load("synthetic:mixed", rows=400)
    again = pickle.loads(pickle.dumps(data))
    np.testing.assert_array_equal(again.split()[1], data.split()[1])


@pytest.mark.parametrize(("name", "package"), [("adult", "pyarrow"), ("synthetic:mixed", "pandas")])
def test_a_package_that_is_absent_is_named_with_its_extra(monkeypatch, name, package):
    real = builtins.__import__

    def absent(module, *args, **kwargs):
        if module.split(".")[0] == package:
            raise ImportError(module)
        return real(module, *args, **kwargs)

    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingExtraError, match=rf"{package}, which is not installed: pip install 'l0gm\[train\]'"):
        datasets.load(name)


def test_the_registry_is_light():
    code = "import sys, l0gm.datasets; print({'pandas', 'pyarrow', 'torch', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
