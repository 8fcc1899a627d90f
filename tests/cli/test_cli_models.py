import json
from dataclasses import replace

import pytest

from l0gm import load


def test_show_as_json(l0gm, trained):
    got = json.loads(l0gm("show", trained.model, "--json").stdout)
    model = load(trained.model)
    assert got["reads"] == list(model.feature_names_in_)
    assert got["n_open"] == sum(got["support"].values()) == trained.summary["n_open"]
    assert got["n_dimensions"] == trained.summary["n_dimensions"]
    assert got["n_parameters"] == model.n_parameters < got["n_parameters_gated"]
    assert got["bytes"] == trained.model.stat().st_size
    assert sorted(got["kept"] + got["dropped"]) == sorted(got["support"])
    assert got["metrics"]["test"]["auc"] == trained.summary["auc"]["seeds"][0]
    assert got["certificate"]["max_difference"] <= got["certificate"]["tolerance"]
    assert (got["target"], got["random_state"]) == ("churned", 0)


def test_show_for_people(l0gm, trained):
    known = json.loads(l0gm("show", trained.model, "--json").stdout)
    text = l0gm("show", trained.model).stdout
    assert f"{known['n_open']} of {known['n_dimensions']}" in text
    assert f"{known['metrics']['test']['auc']:.4f}" in text
    assert "certificate" in text
    for name in known["support"]:
        assert name in text


def test_show_the_card(l0gm, refuses, trained):
    assert l0gm("show", trained.model, "--card").stdout.rstrip() == load(trained.model).card().rstrip()
    assert "one of the two" in refuses("show", trained.model, "--card", "--json")


def test_compact_checks_every_model_of_a_run(l0gm, trained):
    result = l0gm("compact", trained.folder, "--json")
    got = json.loads(result.stdout)
    assert [entry["path"] for entry in got] == [str(trained.folder / f"seed-{seed}" / "model.l0gm") for seed in (0, 1)]
    assert all(entry["verified_difference"] <= 1.1e-5 for entry in got)
    text = l0gm("compact", trained.folder).stdout
    for entry in got:
        assert entry["path"] in text
        assert f"{entry['n_parameters_gated']:,}" in text
        assert f"{4 * entry['n_parameters']:,}" in text
        assert f"{entry['bytes']:,}" in text


def test_compact_copies_what_it_has_verified(l0gm, refuses, trained, tmp_path):
    out = tmp_path / "deep" / "income.l0gm"
    assert l0gm("compact", trained.folder / "seed-1", "--out", out).exit_code == 0
    assert out.read_bytes() == (trained.folder / "seed-1" / "model.l0gm").read_bytes()
    line = refuses("compact", trained.folder, "--out", tmp_path / "both.l0gm")
    assert "holds 2 models" in line


def test_compact_refuses_a_model_whose_certificate_fails(refuses, trained, tmp_path):
    model = load(trained.model)
    moved = replace(model, certificate=replace(model.certificate, probabilities=model.certificate.probabilities * 0.9))
    path = moved.save(tmp_path / "moved.l0gm")
    assert "the certificate fails" in refuses("compact", path, "--out", tmp_path / "copy.l0gm")
    assert not (tmp_path / "copy.l0gm").exists()


def test_compact_needs_a_model(refuses, tmp_path):
    assert "no model.l0gm" in refuses("compact", tmp_path)


@pytest.mark.parametrize("command", ["show", "compact"])
def test_files_that_are_no_models(refuses, tmp_path, command):
    path = tmp_path / "junk.l0gm"
    path.write_bytes(b"junk")
    assert "no l0gm model" in refuses(command, path)
    assert "no such file" in refuses(command, tmp_path / "none.l0gm")
