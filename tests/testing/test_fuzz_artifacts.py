"""The fuzzing of model files: some of it runs here, and it notices what it is there to notice."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from l0gm.runtime import artifact, load
from l0gm.testing import fuzz_artifacts
from l0gm.testing.fuzz_artifacts import Base, make
from l0gm.testing.fuzzing import Fuzzer, options
from l0gm.testing.sound import sound_model, sound_models

FIXTURES = sorted((Path(__file__).parents[1] / "runtime" / "fixtures").glob("*.safetensors"))


def run(*args):
    """Run Python in a process of its own: audit hooks stay for good, and memory is limited."""
    return subprocess.run([sys.executable, *args], check=False, timeout=900, capture_output=True, text=True)


def test_some_thousand_files(tmp_path):
    args = ["-m", "l0gm.testing.fuzz_artifacts", "--loads", "2000", "--out", str(tmp_path / "fuzz")]
    done = run(*args, *map(str, FIXTURES))
    assert done.returncode == 0, done.stderr
    said = done.stderr.splitlines()[-1]
    assert said.startswith("2,000 loads from seeds 0 to 3: ")
    assert "refused" in said
    assert " loaded" in said
    assert said.endswith("no failure")
    assert list((tmp_path / "fuzz").iterdir()) == []


EVIL = """
import sys
from pathlib import Path
from l0gm.errors import ArtifactError
from l0gm.testing import fuzz_artifacts as f
from l0gm.testing.sound import sound_model

path = sound_model().save(Path(sys.argv[1]) / "model.l0gm")
model = f.load(path)
assert f.check(path) == "loaded"
sys.addaudithook(f._audit)
f.SECONDS = 1

def refuse(*_):
    raise ArtifactError("without a name")

class Wrong:
    def __getattr__(self, name):
        return getattr(model, name)
    def predict_proba(self, X, calibrated):
        return model.predict_proba(X) * float("nan")

LOADERS = {
    "another error": lambda p: {}["key"],
    "no name": refuse,
    "memory": lambda p: bytearray(50_000_000) and model,
    "eval": lambda p: eval("1 + 1") and model,
    "import": lambda p: __import__("this_is_not_there"),
    "process": lambda p: __import__("os").system("true"),
    "writing": lambda p: open(str(p) + ".x", "w"),
    "removing": lambda p: __import__("os").remove(p),
    "no end": lambda p: any(False for _ in iter(int, 1)),
    "not finite": lambda p: Wrong(),
}
for name, loader in LOADERS.items():
    f.load = loader
    try:
        f.check(path)
    except (AssertionError, KeyError) as error:
        print(f"{name}: {type(error).__name__}", str(error).splitlines()[0])
    else:
        print(f"{name}: not noticed")
print(path.exists())
"""


def test_what_is_noticed(tmp_path):
    done = run("-c", EVIL, str(tmp_path))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    expected = [
        "another error: KeyError", "no name: AssertionError the message does not name the file",
        "memory: AssertionError loading", "eval: AssertionError loading caused the audit event 'compile'",
        "import: AssertionError loading caused the audit event 'import'",
        "process: AssertionError loading caused the audit event 'os.system'",
        "writing: AssertionError loading caused the audit event 'open'",
        "removing: AssertionError loading caused the audit event 'os.remove'",
        "no end: AssertionError no end after 1 seconds", "not finite: AssertionError these are no probabilities",
        "True",
    ]  # fmt: skip
    assert len(lines) == len(expected)
    assert [line for line, start in zip(lines, expected, strict=True) if not line.startswith(start)] == []


@pytest.fixture
def base(tmp_path):
    path = sound_model().save(tmp_path / "sound.l0gm")
    return Base(*artifact.read(path)), path


def test_a_file_that_nothing_was_done_to_is_the_same(base):
    content = make(base[0], [])
    again = base[1].with_name("again.l0gm")
    again.write_bytes(content)
    arrays, document, card = artifact.read(again)
    assert (document, card) == (base[0].document, base[0].card)
    assert all(np.array_equal(arrays[name], a) for name, a in base[0].arrays.items())
    assert make(base[0], []) == content


def test_every_change_does_something(base):
    """Else fuzzing would be about nothing."""
    sound = make(base[0], [])
    levels = {"arrays": "ARRAYS", "document": "TREE", "header": "TREE", "bytes": "BYTES"}
    for level, names in levels.items():
        for change in getattr(fuzz_artifacts, names):
            made = [make(base[0], [(level, change, 7 * i, 11 * i + 1, "x")]) for i in range(12)]
            assert any(content != sound for content in made), (level, change)
    assert make(base[0], []) == sound


def test_an_array_of_very_many_empty_rows_is_cut_at_no_cost():
    for number in range(4):
        arrays = {"a": np.zeros((10**9, 0), np.float32)}
        fuzz_artifacts.cut(arrays, 0, number, None)
        assert abs(arrays["a"].shape[0] - 10**9) <= 1
        assert arrays["a"].size == 0


def test_changes_under_the_checksum_are_not_found_by_it(base, tmp_path):
    content = make(base[0], [("arrays", fuzz_artifacts.overwrite, 3, 64, None)])
    (tmp_path / "changed.l0gm").write_bytes(content)
    assert load(tmp_path / "changed.l0gm").classes_ == ("no", "yes")


def test_the_sound_models_are_sound(tmp_path):
    for model in sound_models():
        assert load(model.save(tmp_path / "model.l0gm")).verify() < 1e-6


# ---- the frame of every fuzzing command --------------------------------------------------------------------


def check(example, path):
    path.write_text(str(example))
    assert example < 1000
    return "fine"


def test_a_failing_input_is_made_small_and_kept(tmp_path, capsys):
    assert Fuzzer(check, st.integers(0, 10**6), "numbers", ".txt").run(1000, 5, tmp_path) == 1
    said = capsys.readouterr().err
    assert "seed 5 failed" in said
    assert "--numbers 500 --seed 5 repeats" in said
    assert (tmp_path / "failure-seed-5.txt").read_text() == "1000"
    assert "assert 1000 < 1000" in (tmp_path / "failure-seed-5.txt.traceback").read_text()


def test_as_many_as_asked_for(tmp_path, capsys):
    seen = []

    def count(example, path):
        seen.append(example)
        return "even" if example % 2 == 0 else "odd"

    for _ in range(2):
        assert Fuzzer(count, st.integers(0, 10**9), "numbers", "").run(1200, 3, tmp_path) == 0
    assert len(seen) == 2400
    assert seen[:1200] == seen[1200:]
    assert len(set(seen)) > 500
    assert "1,200 numbers from seeds 3 to 5: " in capsys.readouterr().err


def test_options():
    given = options("About.", "loads").parse_args(["--loads", "7", "--seed", "2"])
    assert (given.count, given.seed, given.out) == (7, 2, Path("fuzz"))
