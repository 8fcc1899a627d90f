"""Files with a right checksum and a wrong content: refused, or harmless. The compiled loop checks no index."""

import copy
import json
from dataclasses import replace

import handmade
import numpy as np
import pytest
from test_program_loop import extremes, run_guarded

from l0gm import load
from l0gm.calibration import METHODS
from l0gm.data.probes import probe_rows
from l0gm.data.schema import Schema
from l0gm.decisions import ConformalSets
from l0gm.errors import ArtifactError, L0GMError
from l0gm.runtime import artifact
from l0gm.testing.sound import sound_model


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """(arrays, document, card) of a good file."""
    model = replace(
        handmade.model(("a", "b", "c")), conformal=ConformalSets.fit(np.full((5, 3), 1 / 3), [0, 1, 2, 0, 1])
    )
    return artifact.read(model.save(tmp_path_factory.mktemp("good") / "model.l0gm"))


@pytest.fixture
def parts(content, tmp_path):
    """Arrays and document to spoil, and a function that loads them from a file."""
    arrays, document, card = content
    arrays = {name: a.copy() for name, a in arrays.items()}
    document = copy.deepcopy(document)

    def reload():
        return load(artifact.write(tmp_path / "model.l0gm", arrays, document, card))

    return arrays, document, reload


def refused(reload):
    with pytest.raises(ArtifactError, match=r"model\.l0gm is damaged") as caught:
        reload()
    return str(caught.value)


def test_what_is_not_spoilt_loads(parts):
    assert parts[2]().verify() < 1e-6


# ---- the document ------------------------------------------------------------------------------------------

JUNK = [None, True, 3, -1, 1.5, "x", "", [], {}, [1, "x"], {"x": 1}, [[]], 1e300, 10**30]
PLACES = [
    ("classes",), ("schema",), ("program",), ("calibration",), ("calibrated",), ("certificate",), ("information",),
    ("decision_threshold",), ("conformal",), ("conformal", "n_rows"), ("conformal", "thresholds"),
    ("conformal", "thresholds", 3), ("calibration", "kind"),
    ("schema", "fields"), ("schema", "columns"), ("schema", "fields", 0), ("schema", "fields", 1, "vocabulary"),
    ("schema", "fields", 1, "vocabulary", 0), ("schema", "fields", 0, "edges"), ("schema", "fields", 0, "edges", 1),
    ("schema", "fields", 0, "kind"), ("schema", "fields", 0, "name"), ("schema", "fields", 0, "source"),
    ("schema", "fields", 0, "part"), ("schema", "fields", 0, "infinite"), ("schema", "fields", 2, "buckets"),
    ("program", "fields"), ("program", "linear"), ("program", "deep"), ("program", "cin"),
    ("calibration", "temperature"), ("certificate", "n_rows"), ("certificate", "seed"),
    ("certificate", "tolerance"), ("classes", 0),
]  # fmt: skip
ACCEPTED = {  # where junk of a right type means something
    ("calibrated",): [True],
    ("information",): [{}, {"x": 1}],
    ("schema", "columns"): [[]],
    ("schema", "fields", 1, "vocabulary", 0): ["x", ""],
    ("schema", "fields", 0, "edges", 1): [],
    ("schema", "fields", 0, "name"): ["x", ""],
    ("schema", "fields", 0, "source"): ["x", ""],
    ("schema", "fields", 0, "part"): [None],
    ("program", "fields"): [],
    ("program", "linear"): [True],
    ("decision_threshold",): [None],
    ("conformal",): [None],
    ("calibration", "temperature"): [3, 1.5, 1e300, 10**30],
    ("certificate", "seed"): [3, 10**30],
    ("certificate", "tolerance"): [True, 3, -1, 1.5, 1e300, 10**30],
    ("classes", 0): ["x", ""],
}


def at(document, place):
    for key in place[:-1]:
        document = document[key]
    return document, place[-1]


@pytest.mark.parametrize("place", PLACES, ids=lambda p: ".".join(map(str, p)))
def test_junk_in_the_document(place, parts):
    _, document, reload = parts
    holder, key = at(document, place)
    for junk in JUNK:
        holder[key] = junk
        accepted = [type(x) is type(junk) and x == junk for x in ACCEPTED.get(place, [])]
        if any(accepted) or (place == ("program", "deep") and junk == 3):  # that is what it was
            reload().predict_proba(handmade.rows(3) | {"x": [1.0] * 3, "": [1.0] * 3})
        else:
            refused(reload)


@pytest.mark.parametrize("place", PLACES, ids=lambda p: ".".join(map(str, p)))
def test_something_missing_from_the_document(place, parts):
    _, document, reload = parts
    holder, key = at(document, place)
    del holder[key]  # even what is optional where a field is made is always written
    refused(reload)


def test_something_left_over_in_the_document(parts):
    _, document, reload = parts
    for place in (("schema",), ("schema", "fields", 0), ("calibration",), ("conformal",)):
        holder, key = at(document, place)
        holder[key]["more"] = 1
        refused(reload)
        del holder[key]["more"]
    reload()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
@pytest.mark.parametrize(
    "place",
    [("schema", "fields", 0, "edges", 1), ("schema", "fields", 0, "edges", 3), ("schema", "fields", 2, "buckets"),
     ("calibration", "temperature"), ("conformal", "n_rows"), ("conformal", "thresholds", 0),
     ("decision_threshold",), ("certificate", "n_rows"), ("certificate", "seed"),
     ("certificate", "tolerance"), ("program", "fields"), ("format",)],
    ids=lambda p: ".".join(map(str, p)),
)  # fmt: skip
def test_numbers_that_are_none(place, number, parts, tmp_path):
    arrays, document, _ = parts
    document["format"] = artifact.FORMAT
    holder, key = at(document, place)
    holder[key] = "HERE"
    text = json.dumps(document).replace('"HERE"', number)
    metadata = {"l0gm": text, "card": "", "sha256": artifact._digest(arrays, text, "")}
    artifact.save_file(arrays, tmp_path / "model.l0gm", metadata)
    with pytest.raises(ArtifactError):
        load(tmp_path / "model.l0gm")


@pytest.mark.parametrize(
    "edges",
    [
        [], [1.0], [1.0, 1.0], [2.0, 1.0], [0.0, 1.0, 2.0], [0.0, 2.0, 1.0, 3.0], [0.0, 1.0, 2.0, 3.0, 4.0],
        [-1.7e308, 0.0, 1.0, 1.7e308], "0123", ["0", "1", "2", "3"], {"0": 1, "1": 1, "2": 1, "3": 1},
        [0, 1, [2], 3], [0, 1, None, 3],
    ],
    ids=str,
)  # fmt: skip
def test_edges(edges, parts):
    """Too few, too many, equal, falling, too far apart, of other types."""
    _, document, reload = parts
    document["schema"]["fields"][0]["edges"] = edges
    refused(reload)


@pytest.mark.parametrize(
    "vocabulary",
    ["abc", ["a", "b"], ["a", "b", "c", "d"], ["a", "a", "b"], [1, 2, 3], ["a", "b", None], [["a"], ["b"], ["c"]], {}],
    ids=str,
)
def test_vocabularies(vocabulary, parts):
    _, document, reload = parts
    document["schema"]["fields"][1]["vocabulary"] = vocabulary
    refused(reload)


@pytest.mark.parametrize("buckets", [0, -1, 4, 6, 2**31, 2**63, 5.0, "5", True, None])
def test_buckets(buckets, parts):
    _, document, reload = parts
    document["schema"]["fields"][2]["buckets"] = buckets
    refused(reload)


def test_an_empty_table_of_more_rows_than_codes_can_number(parts):
    """It takes no byte of the file, and its codes would not fit into 32 bits."""
    arrays, document, reload = parts
    document["schema"]["fields"] = [{"kind": "hashed", "name": "a", "source": "a", "buckets": 2**40}]
    document["program"] = {"fields": 1, "linear": False, "deep": 0, "cin": 0}
    answers, bias = arrays["certificate.probabilities"], arrays["bias"]
    arrays.clear()
    arrays |= {
        "certificate.probabilities": answers,
        "bias": bias,
        "field.0.rows": np.zeros((2**40 + 1, 0), np.float32),
        "coordinates": np.zeros(0, np.int32),
        "open_per_field": np.zeros(1, np.int32),
    }
    refused(reload)


@pytest.mark.parametrize(
    "classes",
    [[], ["a"], ["a", "b"], ["a", "b", "c", "d"], ["a", "b", "b"], ["a", "b", 3], [0, 1, True], [0.0, 1.0, 2.0],
     [None, "a", "b"], [["a"], ["b"], ["c"]], "abc", {"a": 0, "b": 1, "c": 2}],
    ids=str,
)  # fmt: skip
def test_classes(classes, parts):
    _, document, reload = parts
    document["classes"] = classes
    assert any(said in refused(reload) for said in ("distinct strings, integers or booleans", "classes for 3 outputs"))


@pytest.mark.parametrize("method", METHODS)
def test_calibrations_of_another_number_of_classes(method, parts):
    _, document, reload = parts
    rng = np.random.default_rng(0)
    for n_classes in (2, 4):
        proba = rng.dirichlet(np.ones(n_classes), size=50)
        document["calibration"] = METHODS[method].fit(proba, rng.integers(n_classes, size=50)).to_dict()
        if method != "temperature":
            assert f"a calibration of {n_classes} classes for 3" in refused(reload)
    proba = rng.dirichlet(np.ones(3), size=50)
    document["calibration"] = METHODS[method].fit(proba, rng.integers(3, size=50)).to_dict()
    assert np.isfinite(reload().predict_proba(handmade.rows(30), calibrated=True)).all()


@pytest.mark.parametrize("number", [None, True, "0.5", [0.5], -0.001, 1.001, 10**400, "HUGE"], ids=str)
@pytest.mark.parametrize("method", [name for name in METHODS if name != "temperature"])
def test_spoilt_curves(method, number, parts):
    """Every number of a calibration is checked, or does no harm."""
    _, document, reload = parts
    rng = np.random.default_rng(0)
    good = METHODS[method].fit(rng.dirichlet(np.ones(3), size=50), rng.integers(3, size=50)).to_dict()
    for name, value in good["curves"][1].items():
        document["calibration"] = copy.deepcopy(good)
        if isinstance(value, list):
            document["calibration"]["curves"][1][name][len(value) // 2] = number
        else:
            document["calibration"]["curves"][1][name] = number
        try:
            model = reload()
        except ArtifactError:
            continue
        assert type(number) is float
        proba = model.predict_proba(handmade.rows(30), calibrated=True)
        assert np.isfinite(proba).all()
        assert np.allclose(proba.sum(1), 1)


@pytest.mark.parametrize("value", [0, 0.25, 1, -1e-9, 1.0001, True, "0.5", [0.5], {}], ids=str)
def test_decision_thresholds(value, tmp_path):
    arrays, document, _ = artifact.read(handmade.model().save(tmp_path / "binary.l0gm"))
    path = artifact.write(tmp_path / "model.l0gm", arrays, document | {"decision_threshold": value}, "")
    if type(value) in (int, float) and 0 <= value <= 1:
        assert load(path).decision_threshold == value
    else:
        with pytest.raises(ArtifactError, match="decision_threshold"):
            load(path)


def test_format_1_is_as_strict(content, tmp_path):
    arrays, document, _ = content
    old = {k: v for k, v in document.items() if k not in ("calibration", "decision_threshold", "conformal")}
    for temperature in (None, 1.0, {}, {"temperature": 0}, {"temperature": 1.0, "kind": "platt"}, {"t": 1.0}, "absent"):
        spoilt = old | {"format": 1} | ({} if temperature == "absent" else {"temperature": temperature})
        with pytest.raises(ArtifactError):
            load(artifact.write(tmp_path / "model.l0gm", arrays, spoilt, ""))
    fine = artifact.write(tmp_path / "model.l0gm", arrays, old | {"format": 1, "temperature": {"temperature": 2.0}}, "")
    assert load(fine).calibrator.temperature == 2.0
    assert load(fine).conformal is None
    assert load(fine).decision_threshold is None


def test_the_certificate_fits_its_rows(parts):
    arrays, document, reload = parts
    good = arrays["certificate.probabilities"]
    for n_rows in (0, 1, 63, 65, 2**40, 64.0, "64", True):
        document["certificate"]["n_rows"] = n_rows
        assert "certificate" in refused(reload)
    document["certificate"]["n_rows"] = 64
    for answers in (good[:0], good[:63], good[:, :2], good[0], good.astype(np.float64), good * np.nan):
        arrays["certificate.probabilities"] = np.ascontiguousarray(answers)
        assert "certificate" in refused(reload)
    arrays["certificate.probabilities"] = good
    assert reload().verify() < 1e-6


# ---- the arrays --------------------------------------------------------------------------------------------


def names(content_of=handmade.model):
    return [*content_of(("a", "b", "c")).program.arrays(), "certificate.probabilities"]


def of_other_shapes(a):
    yield a.ravel() if a.ndim > 1 else a[:, None]
    yield a[None]
    yield a[:-1]
    yield a[:0]
    yield np.concatenate([a, a])
    yield a.ravel()[0].copy()
    if a.ndim > 1 and a.shape[0] != a.shape[1]:
        yield a.swapaxes(0, 1).copy()
    if a.ndim > 1:
        yield a[..., :-1].copy()
        yield a[..., :0].copy()


@pytest.mark.parametrize("name", names())
def test_an_array_of_another_shape(name, parts):
    arrays, _, reload = parts
    for other in of_other_shapes(arrays[name]):
        arrays[name] = other
        refused(reload)


@pytest.mark.parametrize("name", names())
def test_an_array_of_another_type(name, parts):
    arrays, _, reload = parts
    good = arrays[name]
    for dtype in (np.float64, np.float16, np.int8, np.int32, np.int64, np.uint32, np.float32, np.bool_):
        if good.dtype != dtype:
            arrays[name] = good.astype(dtype)
            refused(reload)


@pytest.mark.parametrize("name", names())
def test_an_array_that_is_missing(name, parts):
    arrays, _, reload = parts
    taken = arrays.pop(name)
    if name.endswith("slopes"):  # a field without a ramp: another model, but a sound one
        reload()
    else:
        refused(reload)
    arrays[f"{name}.x"] = taken
    refused(reload)


@pytest.mark.parametrize("name", names())
def test_numbers_that_are_not_finite(name, parts):
    arrays, _, reload = parts
    if arrays[name].dtype == np.float32:
        for value in (np.nan, np.inf, -np.inf):
            arrays[name].flat[-1] = value
            refused(reload)


def test_arrays_left_over(parts):
    arrays, _, reload = parts
    for name in ("more", "field.7.rows", "field.1.slopes.x", "deep.3.weight", "cin.2", ""):
        arrays[name] = np.zeros((2, 2, 2), np.float32)
        refused(reload)
        del arrays[name]
    reload()


def test_output_weights_of_a_cin_that_is_not_there(parts):
    arrays, document, reload = parts
    document["program"]["cin"] = 0
    del arrays["cin.0"], arrays["cin.1"]
    refused(reload)
    del arrays["cin_out"]
    reload().predict_proba(handmade.rows(3))


@pytest.mark.parametrize(
    "counts",
    [[2, 1, 1, 0, 3, 1, 2], [2, 1, 1, 0, 3, 2, 0], [3, 0, 1, 0, 3, 1, 1], [-1, 4, 1, 0, 3, 1, 1], [0] * 7,
     [2**31 - 1] * 7, [-(2**31), 2**31 - 1, 1, 0, 3, 1, 9]],
    ids=str,
)  # fmt: skip
def test_open_counts(counts, parts):
    arrays, _, reload = parts
    arrays["open_per_field"] = np.array(counts, np.int32)
    refused(reload)


@pytest.mark.parametrize(
    "coordinates",
    [[0, 2, 1, 0, 0, 1, 2, 2, -1], [0, 2, 1, 0, 0, 1, 2, 2, 4], [3] * 9, [1] * 9,
     [0, 2, 1, 0, 0, 1, 2, 2, 2**31 - 1], [2, 0, 1, 0, 0, 1, 2, 2, 1], [0, 0, 1, 0, 0, 1, 2, 2, 1]],
    ids=str,
)  # fmt: skip
def test_coordinates(coordinates, parts):
    """Out of range, with gaps, falling or twice the same within a field."""
    arrays, _, reload = parts
    arrays["coordinates"] = np.array(coordinates, np.int32)
    refused(reload)


def test_an_open_count_below_zero_that_everything_else_fits(parts):
    """The loop would read in front of its table."""
    arrays, _, reload = parts
    arrays["open_per_field"] = np.array([2, 1, 1, -1, 3, 1, 2], np.int32)
    for name in ("field.3.rows", "field.3.slopes"):
        arrays[name] = arrays[name][:, :-1].copy()
    for name in ("field.6.rows", "field.6.slopes"):
        arrays[name] = np.concatenate([arrays[name], arrays[name][:, :1]], axis=1)
    arrays["coordinates"] = np.array([0, 2, 1, 0, 1, 2, 2, 0, 1], np.int32)
    refused(reload)


def test_a_last_layer_of_another_width(parts):
    arrays, _, reload = parts
    for width in (2, 4):
        arrays["deep.2.weight"], arrays["deep.2.bias"] = np.zeros((width, 3), np.float32), np.zeros(width, np.float32)
        refused(reload)


def test_layers_without_units(parts):
    arrays, _, reload = parts
    arrays["deep.1.weight"], arrays["deep.1.bias"] = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
    arrays["deep.2.weight"] = np.zeros((3, 0), np.float32)
    refused(reload)


def test_maps_of_no_width(parts):
    arrays, _, reload = parts
    arrays["cin.0"], arrays["cin.1"] = np.zeros((0, 7, 7), np.float32), np.zeros((2, 0, 7), np.float32)
    arrays["cin_out"] = np.zeros((3, 2), np.float32)
    refused(reload)


# ---- anything at all ---------------------------------------------------------------------------------------


def spoil_array(rng, arrays):
    name = str(rng.choice(sorted(arrays)))
    a = arrays[name]
    kind = rng.integers(7)
    if kind == 0:
        arrays[name] = np.resize(a, tuple(rng.integers(0, 9, rng.integers(0, 4))))
    elif kind == 1 and a.size:
        a.flat[rng.integers(a.size)] = rng.choice([-1, 0, 1, 2, 3, 7, 65_535, 2**31 - 1])
    elif kind == 2 and a.ndim:
        arrays[name] = np.roll(a, 1, axis=int(rng.integers(a.ndim)))
    elif kind == 3:
        arrays[name] = np.resize(a, a.shape)[: rng.integers(0, 5)] if a.ndim else a[None]
    elif kind == 4:
        arrays[name] = a.astype(rng.choice([np.float64, np.int32, np.float32, np.int64]))
    elif kind == 5:
        other = str(rng.choice(sorted(arrays)))
        arrays[name], arrays[other] = arrays[other], a
    else:
        del arrays[name]


def spoil_document(rng, document):
    holder, key = at(document, PLACES[rng.integers(len(PLACES))])
    value = holder[key]
    kind = rng.integers(3)
    if kind == 0 or not isinstance(value, list):
        holder[key] = JUNK[rng.integers(len(JUNK))]
    elif kind == 1 and value:
        del value[rng.integers(len(value))]
    else:
        value.append(copy.deepcopy(value[rng.integers(len(value))]) if value else "x")


def test_spoilt_files_are_refused_or_harmless(content, tmp_path, monkeypatch):
    """Whatever is accepted keeps within its arrays, with every index checked, at the outermost codes."""
    rng = np.random.default_rng(7)
    loaded = 0
    for _ in range(800):
        arrays = {name: a.copy() for name, a in content[0].items()}
        document = copy.deepcopy(content[1])
        for _ in range(rng.integers(1, 4)):
            try:
                spoil_array(rng, arrays) if rng.random() < 0.7 else spoil_document(rng, document)
            except (KeyError, IndexError, TypeError):  # the place was spoilt before
                continue
        path = artifact.write(tmp_path / "model.l0gm", arrays, document, "")
        try:
            model = load(path)
        except ArtifactError:
            continue
        loaded += 1
        run_guarded(model.program, extremes(model.schema.n_rows), monkeypatch)
        try:
            encoded = model.encode(handmade.rows(3))
        except L0GMError:
            continue
        assert (encoded.codes >= 0).all()
        assert (encoded.codes < np.array(model.schema.n_rows)).all()
        model.program.probabilities(encoded)
    assert 10 < loaded < 500


def test_weights_whose_products_overflow():
    """They are finite, each for itself, and a warning is no answer."""
    sound = sound_model(cin=(2,))
    program = sound.program
    huge = replace(program, cin=(np.full_like(program.cin[0], 1e30),), cin_out=np.full_like(program.cin_out, 1e30))
    rows = sound.encode(probe_rows(sound.schema, 20, 0))
    with pytest.raises(ArtifactError, match="so large that"):
        huge.probabilities(rows)


def test_the_schema_alone_refuses_what_it_cannot_be(content):
    good = content[1]["schema"]
    assert Schema.from_dict(good).to_dict() == good
    for junk in (None, 3, "x", [], {}, {"fields": []}, {"fields": 3, "columns": []}, {"fields": [3], "columns": []}):
        with pytest.raises(ArtifactError):
            Schema.from_dict(junk)
