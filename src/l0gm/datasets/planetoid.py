"""Cora and PubMed as Planetoid released them (Yang et al. 2016): papers, and which cites which.

The files are pickles. Each is checked by its digest before it is read, and the reader makes arrays, lists and
dictionaries of them and nothing else.
"""

from __future__ import annotations

import io
import pickle
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l0gm.data.graphs import Graph
from l0gm.datasets.dataset import Entry, GraphDataset
from l0gm.datasets.download import Source, cache_dir, check_sha256, data_home, first_available, read_url, store
from l0gm.errors import DatasetError

__all__ = ["ENTRIES", "Release", "fetch", "load", "locate", "parse"]

OFFICIAL_URL = "https://github.com/kimiyoung/planetoid/raw/master/data/{}"
TRAIN_PER_CLASS = 20
VALIDATION = 500

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Release:
    """One of the graphs of the release: its folder, its size and the sha256 of each of its files."""

    name: str
    folder: str
    nodes: int
    attributes: int
    edges: int
    classes: int
    digests: dict[str, str]
    what: str

    @property
    def path(self) -> Path:
        """Where the files lie in a data folder."""
        return Path("planetoid", self.folder, "raw")

    def file(self, part: str) -> str:
        """Name of the file of one part."""
        return f"ind.{self.name}.{part}"


CORA = Release(
    name="cora",
    folder="Cora",
    nodes=2_708,
    attributes=1_433,
    edges=5_278,
    classes=7,
    digests={
        "allx": "9419ba2f26f5c35243db64aba110e0f35a04851609e0dc5433450676ca6b8543",
        "ally": "2b998f5cc7fedc86e7f97ca2498f47a1ffc1462c29e2d578b23bf3f62b6e7d71",
        "tx": "b9afbaa4a400df991f6f02ef677e1e44da55ffc04801fd02f9e673987829226a",
        "ty": "41f5ac76596a1699cc33f53084a2419e92961c42bb75f36fc38e616d348532ad",
        "graph": "58f13302f39dde8852dad6fe6d15b89b077b6d7f837626bce671ef80344b383d",
        "test.index": "297ce89af2b51a6a194181c7dbe1796c6a1cf9cd9349a88383b1b1e227867875",
    },
    what="papers on machine learning: which of seven fields? (words, citations)",
)
PUBMED = Release(
    name="pubmed",
    folder="PubMed",
    nodes=19_717,
    attributes=500,
    edges=44_324,
    classes=3,
    digests={
        "allx": "508e538e2abdccdd54c4d3e9f49d638b4af7107d85845f66ddea5a5152658b7e",
        "ally": "0c37bbe3b5014ec365e9d393cf4791925e5ed94fb194305d74f064a8d7b50f0e",
        "tx": "4eb5f5d0f30f26497eb0ac6ac9719d09c67e284f1ed0385c93f3ef27a671da3d",
        "ty": "ee2e0d4819d9fbcc403689c3bf2e49face401b605932f093bc58ab6461130fdd",
        "graph": "5b89f0036ca22909471f1e6558eb42fa06e0c730a577bde5b058b40638f81dc9",
        "test.index": "b101d421688bbaecbd82e8a18f1e282378d6830f3a37666f28ebc47f844341b5",
    },
    what="papers on diabetes: which of three kinds? (weighted words, citations)",
)


def load(release: Release, home: Path | None = None) -> GraphDataset:
    """Load a graph from the first source that has it, checked; what is fetched is kept in the cache.

    The sources, in order: ``home`` (else ``$L0GM_DATA``), the user cache, the authors' repository. Attributes are
    as in the files, dense float32; labels are int64. Split ``public``: the authors', 20 nodes a class to train on,
    500 for validation, 1,000 to test on.

    Raises
    ------
    DatasetError
        No source has it; the message lists each one with its reason.
    """
    (content, path), label = _obtain(release, home)
    graph, labels, test = parse(release, content)
    return GraphDataset(
        name=release.name,
        graph=graph,
        labels=labels,
        task="multiclass",
        description=(
            f"{release.nodes:,} {release.what} {release.attributes:,} attributes and {release.edges:,} undirected "
            "edges, in the release of Yang et al. 2016 ('Revisiting semi-supervised learning with graph embeddings')."
        ),
        source=f"{label}: {path}",
        splitters={"public": partial(_public, release.classes * TRAIN_PER_CLASS, test)},
    )


def fetch(release: Release, home: Path | None = None) -> Path:
    """Make sure that a verified copy is on this machine and return its folder; the errors are those of load."""
    (_, path), _ = _obtain(release, home)
    return path


def locate(release: Release, home: Path | None = None) -> Path:
    """Return the folder of the copy on this machine, not verified; raise DatasetError if there is none."""
    roots = [root for root in (data_home(home), cache_dir()) if root is not None]
    for root in roots:
        if all((root / release.path / release.file(part)).is_file() for part in release.digests):
            return root / release.path
    looked = " and ".join(str(root / release.path) for root in roots)
    raise DatasetError(
        f"{release.name} is not on this machine: there is no {looked} with its files; "
        f"`l0gm data fetch {release.name}` brings it"
    )


def parse(release: Release, content: dict[str, bytes]) -> tuple[Graph, IntArray, IntArray]:
    """Read the files of a release.

    Parameters
    ----------
    release : Release
    content : dict of str to bytes
        For each of ``release.digests``, a file's content, whose digest is right.

    Returns
    -------
    graph : Graph
        Dense float32 attributes; each undirected edge once, none from a node to itself.
    labels : int64 (n,)
    test : int64 (k,)
        The nodes to test on, ascending.

    Raises
    ------
    DatasetError
        A file is not what its name says.
    """
    try:
        held = {part: _unpickled(data) for part, data in content.items() if part != "test.index"}
        # The rows of tx and ty stand in the order of this file, and the nodes' numbers are in it.
        order = np.array(content["test.index"].split(), dtype=np.int64)
        first = len(held["ally"])
        attributes = np.zeros((first + len(order), held["allx"].shape[1]), np.float32)
        attributes[:first] = held["allx"].dense()
        attributes[order] = held["tx"].dense()
        one_hot = np.zeros((len(attributes), held["ally"].shape[1]), np.int64)
        one_hot[:first], one_hot[order] = held["ally"], held["ty"]
        pairs = np.array([(node, other) for node, others in held["graph"].items() for other in others], np.int64)
        pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)
        graph = Graph(attributes, np.ascontiguousarray(pairs.T))
    except (pickle.UnpicklingError, EOFError, KeyError, ValueError, IndexError, AttributeError, TypeError) as error:
        raise DatasetError(f"not the files of {release.name} that are expected: {error!r}") from error
    found = (graph.n_nodes, attributes.shape[1], graph.n_edges)
    if found != (release.nodes, release.attributes, release.edges):
        raise DatasetError(f"{release.name} with {found} nodes, attributes and edges: other files are expected")
    return graph, one_hot.argmax(axis=1), np.sort(order)


def _public(trained: int, test: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    return np.arange(trained), np.arange(trained, trained + VALIDATION), test.copy()


def _obtain(release: Release, home: Path | None) -> tuple[tuple[dict[str, bytes], Path], str]:
    """Return the verified content of the files, their folder, and the label of the source that gave them."""
    return first_available(
        release.name,
        [
            Source("data folder", partial(_from_folder, release, data_home(home))),
            Source("user cache", partial(_from_folder, release, cache_dir())),
            Source("official source (GitHub)", partial(_from_github, release)),
        ],
        f"Go online once, or copy the files {release.file('*')} of kimiyoung/planetoid to the folder {release.path}/ "
        "of some data folder and set L0GM_DATA to that data folder.",
    )


def _from_folder(release: Release, folder: Path | None) -> tuple[dict[str, bytes], Path]:
    if folder is None:
        raise DatasetError("L0GM_DATA is not set")
    content = {}
    for part, digest in release.digests.items():
        path = folder / release.path / release.file(part)
        if not path.is_file():
            raise DatasetError(f"there is no {path}")
        content[part] = check_sha256(path.read_bytes(), digest, str(path))
    return content, folder / release.path


def _from_github(release: Release) -> tuple[dict[str, bytes], Path]:
    content = {}
    for part, digest in release.digests.items():
        url = OFFICIAL_URL.format(release.file(part))
        content[part] = check_sha256(read_url(url), digest, url)
    folder = cache_dir() / release.path
    for part, data in content.items():
        store(folder / release.file(part), data)
    return content, folder


class _Rows:
    """What a pickled sparse matrix becomes: its three arrays, by which a dense one is filled."""

    data: npt.NDArray[Any]
    indices: npt.NDArray[np.int32]
    indptr: npt.NDArray[np.int32]
    _shape: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self._shape

    def dense(self) -> npt.NDArray[np.float32]:
        """Return the whole matrix."""
        whole = np.zeros(self._shape, np.float32)
        whole[np.repeat(np.arange(self._shape[0]), np.diff(self.indptr)), self.indices] = self.data
        return whole


class _Reader(pickle.Unpickler):
    """Reads arrays, sparse matrices, lists and dictionaries; a pickle can name nothing else."""

    KNOWN: dict[tuple[str, str], Any] = {  # noqa: RUF012  # never changed
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("numpy.core.multiarray", "_reconstruct"): np.zeros(0).__reduce__()[0],
        ("scipy.sparse.csr", "csr_matrix"): _Rows,
        ("collections", "defaultdict"): defaultdict,
        ("__builtin__", "list"): list,
    }

    def find_class(self, module_name: str, global_name: str) -> Any:
        """Return one of the few; raise UnpicklingError for another."""
        try:
            return self.KNOWN[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module_name}.{global_name} is not expected in this file") from None


def _unpickled(content: bytes) -> Any:
    return _Reader(io.BytesIO(content), encoding="latin1").load()


ENTRIES = tuple(
    Entry(
        name=release.name,
        summary=release.what,
        task="multiclass",
        rows=release.nodes,
        target="class",
        splits=("public",),
        load=partial(load, release),
        locate=partial(locate, release),
        fetch=partial(fetch, release),
        kind="graph",
        edges=release.edges,
    )
    for release in (CORA, PUBMED)
)
