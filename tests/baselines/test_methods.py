"""The names of methods, and the settings that are tuned."""

import inspect
import subprocess
import sys

import pytest

from l0gm.baselines import MODALITIES, find, methods
from l0gm.errors import MissingExtraError, ParameterError

TABLES = methods("tabular")


def test_names_are_read_without_heavy_packages():
    heavy = "{'torch', 'sklearn', 'pandas'}"
    code = f"import sys; from l0gm.baselines import methods; methods('tabular'); assert not {heavy} & {{*sys.modules}}"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_and_titles_are_told_apart():
    for modality in MODALITIES:
        titles = [method.title for method in methods(modality).values()]
        assert len(titles) == len(set(titles))


def test_the_nearest_name_is_suggested():
    with pytest.raises(ParameterError, match="did you mean xgboost"):
        find("tabular", "xgbost")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(sys.modules[find.__module__], "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"the method catboost needs catboost.*l0gm\[baselines\]"):
        find("tabular", "catboost")


@pytest.mark.parametrize("name", TABLES)
def test_every_setting_that_is_tuned_can_be_made_and_the_first_is_the_default(name):
    method = TABLES[name]
    active = 0.3 if method.budgeted else None
    if name == "l0gm-taught":
        pytest.importorskip("lightgbm")
    made = method.make(seed=3, active=active)
    assert made.random_state == 3
    defaults = {p.name: p.default for p in inspect.signature(type(made)).parameters.values()}
    for setting, values in method.space.items():
        assert len(values) == len(set(values)) > 1
        for value in values:
            assert method.make(seed=0, active=active, **{setting: value}).get_params()[setting] == value
        own = made.get_params()[setting]
        if setting == "penalty":
            assert method.make(seed=0, active=0.3, penalty=values[0]).active is None
        elif setting == "batch_size":
            assert (own, values[0]) == (None, 256)  # what None comes to, but for small tables
        elif not (name == "l0gm-taught" and setting == "dropout"):
            assert values[0] == own == defaults[setting]


def test_methods_that_are_tuned_have_spaces_of_like_size():
    sizes = {name: len(method.space) for name, method in TABLES.items() if method.group == "backbone"}
    assert {name for name, size in sizes.items() if size != 4} == {"logistic"}


@pytest.mark.parametrize("name", [name for name, method in TABLES.items() if method.budgeted])
def test_the_budget_reaches_the_estimator(name):
    made = TABLES[name].make(seed=0, active=0.3)
    assert 0.3 in (getattr(made, "active", None), getattr(made, "fields", None))


def test_how_many_fields_to_keep_can_be_given():
    assert TABLES["filter"].make(seed=0, active=0.3, fields=4).fields == 4


def test_a_random_mask_has_a_seed_of_its_own():
    assert TABLES["random"].make(seed=0, active=0.3, mask_seed=7).mask_seed == 7
