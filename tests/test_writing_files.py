"""Files are written whole or not at all, and what killed writers left can be told apart."""

import pytest

from l0gm.errors import ArtifactError, ParameterError
from l0gm.files import remove_unfinished, replacing


def test_a_full_disk_leaves_what_was_there(tmp_path, full_disk):
    path = tmp_path / "answers.csv"
    path.write_text("before")
    error = pytest.raises(ArtifactError, match=r"answers\.csv cannot be written \(.*too large\): wait; what was there")
    with full_disk(1000), error, replacing(path, ArtifactError, "wait") as beside:
        beside.write_bytes(bytes(2000))
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_in_place_of_a_folder(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ParameterError, match="cannot be written"), replacing(tmp_path / "file" / "new") as beside:
        beside.write_text("")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_in_place_of_a_file_is_told_before_anything_is_written(tmp_path):
    (tmp_path / "model.l0gm").mkdir()
    error = pytest.raises(ArtifactError, match=r"model\.l0gm is a folder: choose another place")
    with error, replacing(tmp_path / "model.l0gm", ArtifactError):
        pytest.fail("nothing is to be written")


def test_the_content_is_on_the_disk_before_the_name(tmp_path, monkeypatch):
    done = []
    path = tmp_path / "file"
    monkeypatch.setattr("l0gm.files.os.fsync", lambda descriptor: done.append(path.exists()))
    with replacing(path) as beside:
        beside.write_text("")
    assert done == [False]
    assert path.exists()


@pytest.mark.parametrize("name", ["model.l0gm", "odd [1] *.l0gm"])
def test_what_a_killed_writer_leaves_can_be_removed(tmp_path, name):
    path = tmp_path / name
    path.write_text("whole")
    writer = replacing(path)
    beside = writer.__enter__()
    beside.write_text("half")
    (tmp_path / f".{name}.part").write_text("mine")
    remove_unfinished(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([name, f".{name}.part"])
    remove_unfinished(tmp_path / "nowhere" / name)
    with pytest.raises(ParameterError):
        writer.__exit__(None, None, None)
