"""IMDB film reviews (Maas et al. 2011): 25,000 to train on and 25,000 to test on, half of them positive."""

from __future__ import annotations

import hashlib
import io
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from l0gm.datasets.dataset import Dataset, Entry, require
from l0gm.datasets.download import Source, cache_dir, data_home, first_available, read_url, store
from l0gm.errors import DatasetError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ENTRY", "digest", "fetch", "load", "locate", "verify"]

LABELS = ("neg", "pos")
PARTS = ("train", "test")
PART_ROWS = 25_000
FOLDER = Path("imdb", "plain_text")
FILES = {part: FOLDER / f"{part}-00000-of-00001.parquet" for part in PARTS}
OFFICIAL_URL = "https://huggingface.co/datasets/stanfordnlp/imdb/resolve/main/plain_text/{}"
CANONICAL_SHA256 = "4c5f5754c09ff617d89e2e53c80716d3d4f6963c9ba9a44ad3dee8f3aa960cc2"

SUMMARY = "film reviews: is the verdict positive?"
DESCRIPTION = (
    "50,000 film reviews in English (Maas et al. 2011, 'Learning word vectors for sentiment analysis'), the authors' "
    "own halves: 25,000 to train on, 25,000 to test on, as many positive as negative, at most 30 a film. The halves "
    "share no film, but 123 texts occur in both."
)
REMEDY = (
    f"Go online once, or copy the two files of stanfordnlp/imdb to the folder {FOLDER}/ of some data folder and set "
    "L0GM_DATA to that data folder."
)

IntArray = npt.NDArray[np.int64]


def load(home: Path | None = None) -> Dataset:
    """Load the reviews from the first source that has them, and check them; what is fetched is kept in the cache.

    The sources, in order: ``home`` (else ``$L0GM_DATA``), the user cache, the Hugging Face hub.

    Raises
    ------
    DatasetError
        No source has them; the message lists each one with its reason.
    MissingExtraError
        pandas or pyarrow is not installed.
    """
    (frame, path), label = _obtain(home)
    return Dataset(
        name=ENTRY.name,
        frame=frame,
        target="label",
        task="binary",
        description=DESCRIPTION,
        source=f"{label}: {path}",
        splitters={"official": _split},
    )


def fetch(home: Path | None = None) -> Path:
    """Make sure that a verified copy is on this machine and return its folder; the errors are those of load."""
    (_, path), _ = _obtain(home)
    return path


def locate(home: Path | None = None) -> Path:
    """Return the folder of the copy on this machine, not verified; raise DatasetError if there is none."""
    roots = [root for root in (data_home(home), cache_dir()) if root is not None]
    for root in roots:
        if all((root / file).is_file() for file in FILES.values()):
            return root / FOLDER
    looked = " and ".join(str(root / FOLDER) for root in roots)
    raise DatasetError(f"imdb is not on this machine: there is no {looked}; `l0gm data fetch imdb` brings it")


def digest(frame: pd.DataFrame) -> str:
    """Return the sha256 of the reviews with their halves and labels, which does not depend on their order in a half."""
    rows = zip(np.arange(len(frame)) >= PART_ROWS, frame["label"], frame["text"], strict=True)
    each = [f"{PARTS[int(second)]} {label} {text}".encode() for second, label, text in rows]
    return hashlib.sha256(b"".join(sorted(hashlib.sha256(row).digest() for row in each))).hexdigest()


def verify(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame if it holds the whole data set; raise DatasetError if it holds anything else."""
    found = digest(frame)
    if found != CANONICAL_SHA256:
        raise DatasetError(
            f"these {len(frame)} rows have sha256 {found}, expected {CANONICAL_SHA256}: they are not those of IMDB"
        )
    return frame


def _obtain(home: Path | None) -> tuple[tuple[pd.DataFrame, Path], str]:
    """Return the verified frame, the folder that holds it, and the label of the source that gave it."""
    require("pandas", "pyarrow")
    return first_available(
        ENTRY.name,
        [
            Source("data folder", partial(_from_folder, data_home(home))),
            Source("user cache", partial(_from_folder, cache_dir())),
            Source("official source (Hugging Face)", _from_hub),
        ],
        REMEDY,
    )


def _split() -> tuple[IntArray, IntArray]:
    positions = np.arange(2 * PART_ROWS)
    return positions[:PART_ROWS], positions[PART_ROWS:]


def _from_folder(folder: Path | None) -> tuple[pd.DataFrame, Path]:
    if folder is None:
        raise DatasetError("L0GM_DATA is not set")
    for file in FILES.values():
        if not (folder / file).is_file():
            raise DatasetError(f"there is no {folder / file}")
    try:
        return verify(_frame({part: (folder / file).read_bytes() for part, file in FILES.items()})), folder / FOLDER
    except (DatasetError, OSError) as error:
        raise DatasetError(f"{folder / FOLDER}: {error}") from error


def _from_hub() -> tuple[pd.DataFrame, Path]:
    content = {part: read_url(OFFICIAL_URL.format(file.name)) for part, file in FILES.items()}
    frame = verify(_frame(content))
    for part, file in FILES.items():
        store(cache_dir() / file, content[part])
    return frame, cache_dir() / FOLDER


def _frame(content: dict[str, bytes]) -> pd.DataFrame:
    """Return the rows of the two files, those to train on first, with the labels' names."""
    import pandas as pd
    import pyarrow as pa

    try:
        frames = [pd.read_parquet(io.BytesIO(content[part]), engine="pyarrow") for part in PARTS]
        whole = pd.concat(frames, ignore_index=True)
        labels = whole["label"].map(dict(enumerate(LABELS)))
        return pd.DataFrame({"text": whole["text"].astype(object), "label": labels.astype(object)})
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise DatasetError(f"not the two parquet files that are expected: {error!r}") from error


ENTRY = Entry(
    name="imdb",
    summary=SUMMARY,
    task="binary",
    rows=2 * PART_ROWS,
    target="label",
    splits=("official",),
    load=load,
    locate=locate,
    fetch=fetch,
)
