"""The model file: what is written is what is read, and a failure leaves what was there."""

import errno
import json
import os
import pickle
import resource
import subprocess
import sys
import zipfile
from dataclasses import fields, replace

import handmade
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import l0gm
from l0gm import load
from l0gm.calibration import METHODS
from l0gm.data.schema import CategoricalField, Schema
from l0gm.decisions import ConformalSets
from l0gm.errors import ArtifactError
from l0gm.runtime import artifact


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.l0gm"


@pytest.fixture
def saved(path):
    """A file, and the bytes of it."""
    handmade.model().save(path)
    return path, path.read_bytes()


def same(a, b):
    """Whether two models are the same to the last bit."""
    left, right = a.program.arrays(), b.program.arrays()
    return (
        left.keys() == right.keys()
        and all(left[n].dtype == right[n].dtype and np.array_equal(left[n], right[n]) for n in left)
        and all(
            np.array_equal(getattr(a.certificate, f.name), getattr(b.certificate, f.name))
            for f in fields(a.certificate)
        )
        and [(type(c), c) for c in a.classes_] == [(type(c), c) for c in b.classes_]
        and (a.schema, a.program.linear, a.information) == (b.schema, b.program.linear, b.information)
        and (a.calibrator, a.calibrated, a.decision_threshold, a.conformal)
        == (b.calibrator, b.calibrated, b.decision_threshold, b.conformal)
    )


@pytest.mark.parametrize(
    "classes",
    [
        ("no", "yes"),
        (False, True),
        (-3, 7),
        ("a|b", "", "東京\n\t\"'\\", "\N{PILE OF POO}"),
        (0, 1, 2**70),
        ("x", "x\0"),
    ],
    ids=repr,
)
@pytest.mark.parametrize(
    "branches", [{}, {"linear": False, "cin": (), "opened": ((0, 1),) * 7}, {"deep": (), "cin": (2,)}], ids=str
)
def test_round_trip(classes, branches, path):
    model = handmade.model(classes, **branches)
    model = replace(model, calibrated=True, information={"x": [1, 0.1 + 0.2, None, {"ß": "\u2028"}]})
    assert model.save(path) == path
    back = load(path)
    assert same(model, back)
    rows = handmade.rows()
    assert np.array_equal(model.predict_proba(rows), back.predict_proba(rows))
    assert back.predict(rows).tolist() == model.predict(rows).tolist()
    assert set(back.predict(rows).tolist()) <= set(classes)
    assert back.card() == model.card()
    assert back.verify() == model.verify() < 1e-6


@pytest.mark.parametrize(
    "edges",
    [(-(2.0**1022), 2.0**1022), (0.0, 5e-324), (0.1, 0.2, 0.1 + 0.2), (-0.0, 1.0), (1e15, 1e15 + 0.125)],
    ids=str,
)
def test_edges_survive_to_the_last_bit(edges, path):
    field = replace(handmade.SCHEMA.fields[0], edges=edges)
    schema = Schema((field, *handmade.SCHEMA.fields[1:]), handmade.SCHEMA.columns)
    handmade.model(schema=schema).save(path)
    read = load(path).schema.fields[0].edges
    assert np.array(read).tobytes() == np.array(edges).tobytes()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_calibration_and_decisions_survive(method, n_classes, path):
    model = handmade.model(tuple("abc"[:n_classes]))
    rows = handmade.rows(200)
    proba = model.predict_proba(rows)
    y = (np.random.default_rng(0).random((200, 1)) > proba.cumsum(1)[:, :-1]).sum(1)
    model = replace(
        model,
        calibrator=METHODS[method].fit(proba, y),
        calibrated=True,
        decision_threshold=0.1 + 0.2 if n_classes == 2 else None,
        conformal=ConformalSets.fit(proba, y),
    )
    model.save(path)
    loaded = load(path)
    assert same(model, loaded)
    assert np.array_equal(loaded.predict_proba(rows), model.calibrator.apply(proba))
    assert np.array_equal(loaded.predict_set(rows, 0.8), model.conformal.sets(proba, 0.8))
    assert np.array_equal(loaded.predict(rows), model.predict(rows))


def test_half_of_a_surrogate_pair_survives(path):
    """It can stand in a text column, and UTF-8 has no form for it."""
    field = CategoricalField("job", "job", ("a\ud800", "\udc00", "plain"))
    schema = Schema((handmade.SCHEMA.fields[0], field, *handmade.SCHEMA.fields[2:]), ("job\udfff",))
    model = handmade.model(("\ud801", "b"), schema=schema)
    model.save(path)
    assert same(model, load(path))


def test_any_safetensors_reader_can_read_it(saved):
    path, _ = saved
    model = handmade.model()
    arrays = load_file(path)
    assert arrays.keys() == {*model.program.arrays(), "certificate.probabilities"}
    assert all(np.array_equal(arrays[name], a) for name, a in model.program.arrays().items())
    with safe_open(path, framework="numpy") as file:
        assert file.metadata().keys() == {"l0gm", "card", "sha256"}
        document = json.loads(file.metadata()["l0gm"])
        assert file.metadata()["card"] == model.card()
    assert document["format"] == artifact.FORMAT == 2
    assert document["kind"] == "rows"
    assert document.keys() == {
        "format", "kind", "classes", "schema", "program", "calibration", "calibrated", "decision_threshold",
        "conformal", "certificate", "information",
    }  # fmt: skip


def test_no_code_is_read(saved, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a model file runs no code")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    monkeypatch.setattr("builtins.eval", refuse)
    load(saved[0])
    monkeypatch.undo()
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(saved[1])


def test_the_file_is_like_any_other(saved):
    path, _ = saved
    other = path.with_name("other")
    other.write_bytes(b"")
    assert path.stat().st_mode == other.stat().st_mode
    assert sorted(p.name for p in path.parent.iterdir()) == ["model.l0gm", "other"]


def test_folders_are_made(tmp_path):
    path = handmade.model().save(tmp_path / "a" / "b" / "model")
    assert same(load(str(path)), handmade.model())


def test_a_file_is_replaced(saved):
    path, _ = saved
    handmade.model(("x", "y", "z")).save(path)
    assert load(path).classes_ == ("x", "y", "z")


# ---- failures while writing --------------------------------------------------------------------------------


def broken_rename(*_):
    raise OSError(errno.EIO, "the disk is gone")


def broken_save(arrays, where, metadata):
    with open(where, "wb") as file:
        file.write(b"half a fi")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def not_allowed(*_):
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@pytest.mark.parametrize(
    ("where", "fault", "says"),
    [
        ("os.replace", broken_rename, "the disk is gone"),
        ("l0gm.runtime.artifact.save_file", broken_save, "No space left on device"),
        ("pathlib.Path.touch", not_allowed, "Permission denied"),
    ],
)
def test_a_failure_leaves_what_was_there(where, fault, says, saved, monkeypatch):
    path, content = saved
    monkeypatch.setattr(where, fault)
    with pytest.raises(ArtifactError, match=rf"cannot be written.*{says}.*; what was there is unchanged") as caught:
        handmade.model(("x", "y", "z")).save(path)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == ["model.l0gm"]
    fresh = path.with_name("fresh.l0gm")
    with pytest.raises(ArtifactError):
        handmade.model().save(fresh)
    assert not fresh.exists()


def test_ctrl_c_leaves_what_was_there(saved, monkeypatch):
    path, content = saved

    def interrupt(arrays, where, metadata):
        raise KeyboardInterrupt

    monkeypatch.setattr(artifact, "save_file", interrupt)
    with pytest.raises(KeyboardInterrupt):
        handmade.model().save(path)
    assert path.read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == ["model.l0gm"]


def test_a_file_that_may_not_grow(saved):
    """The real thing: the system refuses to write on."""
    path, content = saved
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, before[1]))
        with pytest.raises(ArtifactError, match="cannot be written"):
            handmade.model().save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == ["model.l0gm"]


def test_places_where_nothing_can_be_written(saved, tmp_path):
    path, content = saved
    model = handmade.model()
    for place in (path / "below", tmp_path, tmp_path / ("n" * 300), tmp_path / "a\0b"):
        with pytest.raises(ArtifactError, match=r"cannot be written|is a folder: choose another place"):
            model.save(place)
    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == ["model.l0gm"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_not_writable(saved):
    path, content = saved
    path.parent.chmod(0o500)
    try:
        with pytest.raises(ArtifactError, match="Permission denied"):
            handmade.model().save(path)
        assert path.read_bytes() == content
    finally:
        path.parent.chmod(0o700)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.int64(3), {1}, b"x"], ids=str)
def test_information_that_json_cannot_hold(value, path):
    with pytest.raises(ArtifactError, match="cannot be written"):
        handmade.model().with_information(mine=value).save(path)
    assert not list(path.parent.iterdir())


def test_a_header_too_large_is_refused_when_it_is_written(saved):
    """Else the file could not be read back."""
    path, content = saved
    with pytest.raises(ArtifactError, match="header too large"):
        handmade.model().with_information(mine="x" * 101_000_000).save(path)
    assert path.read_bytes() == content


# ---- files that are damaged or foreign ---------------------------------------------------------------------


def test_truncated_anywhere(saved):
    path, content = saved
    lengths = {*range(64), *range(64, len(content), len(content) // 150), *range(len(content) - 40, len(content))}
    for length in sorted(lengths):
        path.write_bytes(content[:length])
        with pytest.raises(ArtifactError, match=r"model\.l0gm"):
            load(path)


def loaded_or_refused(path):
    try:
        return load(path)
    except ArtifactError:
        return None


def test_bits_flipped_anywhere(saved):
    path, content = saved
    model = handmade.model()
    rng = np.random.default_rng(0)
    header = 8 + int.from_bytes(content[:8], "little")
    places = [*range(8), *rng.integers(8, header, 300), *rng.integers(header, len(content), 150)]
    harmless = 0
    for at in map(int, places):
        for bit in rng.choice(8, 2, replace=False):
            damaged = bytearray(content)
            damaged[at] ^= 1 << int(bit)
            path.write_bytes(damaged)
            read = loaded_or_refused(path)
            if read is not None:
                assert same(model, read)
                harmless += 1
    assert harmless < 10


def test_bytes_added_or_exchanged(saved):
    path, content = saved
    other = path.with_name("other")
    handmade.model(("x", "y", "z")).save(other)
    for damaged in (content + b"\0", content + content, b"\0" + content, content[::-1], content[:-8] + b"\1" * 8,
                    content[: len(content) // 2] + other.read_bytes()[len(content) // 2 :]):  # fmt: skip
        path.write_bytes(damaged)
        with pytest.raises(ArtifactError):
            load(path)


def test_noise(path):
    rng = np.random.default_rng(1)
    for size in (0, 1, 7, 8, 9, 100, 10_000):
        for length in (None, 0, 1, size, 2**40, 2**63, 2**64 - 1):
            body = rng.bytes(size)
            path.write_bytes(body if length is None else length.to_bytes(8, "little") + body)
            with pytest.raises(ArtifactError):
                load(path)


def test_what_is_not_there(tmp_path):
    with pytest.raises(ArtifactError, match=r"no such file; give a \.l0gm file"):
        load(tmp_path / "absent.l0gm")
    with pytest.raises(ArtifactError, match="a folder"):
        load(tmp_path)
    for odd in ("x" * 5000, "a\0b", tmp_path / "absent" / "model"):
        with pytest.raises(ArtifactError):
            load(odd)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ArtifactError):
        load(tmp_path / "pipe")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_what_may_not_be_read(saved):
    path, _ = saved
    path.chmod(0)
    with pytest.raises(ArtifactError):
        load(path)
    path.chmod(0o600)
    path.parent.chmod(0)
    try:
        with pytest.raises(ArtifactError):
            load(path)
    finally:
        path.parent.chmod(0o700)


def test_files_of_others(path):
    save_file({"weight": np.zeros(3, np.float32)}, path)
    with pytest.raises(ArtifactError, match="a safetensors file but not one of l0gm's"):
        load(path)
    save_file({"weight": np.zeros(3, np.float32)}, path, {"format": "pt"})
    with pytest.raises(ArtifactError, match="not one of l0gm's"):
        load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", pickle.dumps({}))
    with pytest.raises(ArtifactError, match="no l0gm model"):
        load(path)
    for content in (pickle.dumps(handmade.model().program), b"age,job\n3,clerk\n", b"{}", "<html>".encode("utf-16")):
        path.write_bytes(content)
        with pytest.raises(ArtifactError, match="no l0gm model"):
            load(path)


def test_a_pickle_is_not_run(path, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ArtifactError):
        load(path)
    assert not (tmp_path / "ran").exists()


def test_a_newer_format_asks_for_a_newer_version(path):
    artifact.write(path, {"new": np.zeros(3, np.float32)}, {"format": 3, "kind": "tabular"}, "")
    with pytest.raises(ArtifactError, match="has format 3, and this version of l0gm reads up to 2: upgrade l0gm"):
        load(path)
    artifact.write(path, {}, {"format": 10**30}, "")
    with pytest.raises(ArtifactError, match="upgrade"):
        load(path)


@pytest.mark.parametrize("version", [None, "1", 1.0, 0, -1, True, [1], {}], ids=repr)
def test_a_format_that_is_none(version, path):
    artifact.write(path, {}, {"format": version, "kind": "tabular"}, "")
    with pytest.raises(ArtifactError, match="states no format version"):
        load(path)


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '"format"', "1", "{}", '{"format"}', "[" * 100_000, "\0"])
def test_a_document_that_is_none(text, path):
    save_file({}, path, {"l0gm": text, "card": "", "sha256": artifact._digest({}, text, "")})
    with pytest.raises(ArtifactError):
        load(path)


def test_without_a_checksum(saved):
    path, _ = saved
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    for drop in (("sha256",), ("card",), ("l0gm",)):
        save_file(load_file(path), path, {k: v for k, v in metadata.items() if k not in drop})
        with pytest.raises(ArtifactError):
            load(path)
        handmade.model().save(path)


@pytest.mark.parametrize("kind", ["text", "graph", None, 3, ["tabular"]])
def test_a_kind_that_this_version_cannot_run(kind, path):
    artifact.write(path, {}, {"kind": kind}, "")
    with pytest.raises(ArtifactError, match="which this version cannot run"):
        load(path)


@pytest.mark.parametrize("dtype", ["BF16", "F8_E4M3", "F8_E5M2", "F8_E8M0", "C64", "F4", "X9", 3])
def test_types_that_numpy_lacks(dtype, path):
    size = {"BF16": 2, "C64": 8}.get(dtype, 1)
    tensor = {"dtype": dtype, "shape": [2 if dtype == "F4" else 1], "data_offsets": [0, size]}
    header = json.dumps({"__metadata__": {"l0gm": '{"format": 1, "kind": "tabular"}'}, "bias": tensor}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))
    with pytest.raises(ArtifactError):
        load(path)


def test_a_declared_size_takes_no_memory(path):
    """A header may promise terabytes; loading must not believe it."""
    for shape, offsets in (([2**40], [0, 2**42]), ([2**62], [0, 4]), ([2**31, 2**31], [0, 4]), ([0, 2**63], [0, 0])):
        tensor = {"dtype": "F32", "shape": shape, "data_offsets": offsets}
        header = json.dumps({"__metadata__": {"l0gm": '{"format": 1}'}, "bias": tensor}).encode()
        path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(ArtifactError):
            load(path)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_killed_while_writing(saved, tmp_path):
    """A process that dies before the rename leaves the old file whole."""
    path, content = saved
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[2]); import handmade\n"
        "os.replace = lambda *a: os._exit(9)\n"
        "handmade.model(('x', 'y', 'z')).save(sys.argv[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), os.path.dirname(handmade.__file__)], check=False, timeout=60
    )
    assert done.returncode == 9
    assert path.read_bytes() == content


def test_the_version_of_the_package_is_no_part_of_the_format(saved, monkeypatch):
    path, _ = saved
    monkeypatch.setattr(l0gm, "__version__", "9.0")
    assert same(load(path), handmade.model())
