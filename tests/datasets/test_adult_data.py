"""The whole of the real data: found through L0GM_DATA or the user cache, never downloaded."""

import hashlib

import numpy as np
import pytest
from adult_files import zipped

from l0gm.datasets import Dataset, adult, load, path
from l0gm.errors import DatasetError

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def data() -> Dataset:
    try:
        path("adult")
    except DatasetError as error:
        pytest.skip(str(error))
    return load("adult")


def test_rows_and_columns(data):
    frame = data.frame
    assert frame.shape == (48_842, 15)
    assert frame["class"].value_counts().to_dict() == {"<=50K": 37_155, ">50K": 11_687}
    gaps = frame.isna().sum()
    assert gaps[gaps > 0].to_dict() == {"workclass": 2799, "occupation": 2809, "native-country": 857}
    assert frame.loc[0, "age"] == 25  # UCI's test file comes first ...
    assert frame.loc[adult.UCI_TEST_ROWS, "fnlwgt"] == 77_516  # ... and its training file after it.


def test_the_openml_split(data):
    train, test = data.split()
    assert data.default_split == "openml"
    assert (len(train), len(test)) == (39_073, 9_769)
    assert len(np.union1d(train, test)) == 48_842
    positives = (data.labels == ">50K").to_numpy()
    assert positives[test].sum() == round(9_769 * 11_687 / 48_842)
    found = hashlib.sha256(test.astype("<i8").tobytes()).hexdigest()
    assert found == "1e363a87681f226b7d92d5bce7e824e68e2b2b3fbd6c12be1f9f8b6ad27984f3"


def test_the_uci_split(data):
    train, test = data.split("uci")
    np.testing.assert_array_equal(test, np.arange(16_281))
    np.testing.assert_array_equal(train, np.arange(16_281, 48_842))


def test_the_official_files_give_the_same_frame(data, same, server, monkeypatch, tmp_path):
    text = data.frame.fillna("?").astype(str)
    lines = text.apply(", ".join, axis=1)
    test, train = lines[: adult.UCI_TEST_ROWS] + ".", lines[adult.UCI_TEST_ROWS :]
    pages, address = server
    pages["/adult.zip"] = zipped(
        **{
            "adult.test": ("|1x3 Cross validator\n" + "\n".join(test) + "\n\n").encode(),
            "adult.data": ("\n".join(train) + "\n\n").encode(),
        }
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(adult, "OFFICIAL_URL", f"{address}/adult.zip")
    official = load("adult", data_home=tmp_path / "absent")
    assert official.source.startswith("official source (UCI): ")
    same(official.frame, data.frame)
    same(load("adult", data_home=tmp_path / "absent").frame, data.frame)
