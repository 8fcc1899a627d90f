"""Loading damaged and hostile model files: ``python -m l0gm.testing.fuzz_artifacts --loads 100000``.

Sound files are changed byte by byte, in the header, in the document and in the arrays, the last two under a checksum
that is right again, so that the changes reach what comes after it. Whatever the result, loading it must

- raise :class:`l0gm.errors.ArtifactError` or give a model, which then verifies or refuses, and whose probabilities are
  finite and sum to one, unless it refuses the rows;
- run no code: nothing is imported, compiled, executed, started or written, as far as Python's audit events tell;
- take no more memory than a multiple of the file's size and a constant;
- end in time.
"""

from __future__ import annotations

import copy
import json
import resource
import signal
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from l0gm.data.frames import Table
from l0gm.data.probes import probe_rows
from l0gm.errors import ArtifactError, L0GMError
from l0gm.runtime import CompactModel, CompactNodeModel, artifact
from l0gm.runtime.files import load
from l0gm.runtime.nodes import probe_graph
from l0gm.testing.fuzzing import Fuzzer, options
from l0gm.testing.sound import sound_models, sound_node_models

__all__ = ["Base", "check", "main", "strategy"]

SECONDS = 10  # of the processor, that a load may take
ROOM = 4 << 20  # bytes that a load may take whatever the file's size
FACTOR = 64  # bytes that it may take for each byte of the file: "[]," is 3 bytes, and a list of 56
SPARE = 512 << 20  # bytes of address space beyond what the process has when fuzzing begins
PROBES = 40

FORBIDDEN = (
    *("exec", "compile", "import", "marshal.", "pickle.", "code.", "ctypes.", "cpython.run"),
    *("os.system", "os.exec", "os.fork", "os.spawn", "os.posix_spawn", "subprocess.", "pty.", "socket.", "urllib."),
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "shutil."),
)

JUNK: tuple[Any, ...] = (None, True, 0, 1, 3, -1, 1.5, "", "x", [], {}, [[]], [1, "x"], {"x": 1})
NUMBERS: tuple[Any, ...] = (
    *(0, 1, 2, -1, 255, 2**16, 10**6, 2**31 - 1, 2**31, 10**9, 10**12, 2**63 - 1, 2**63, 2**64, 10**30, 10**400),
    *(0.5, -0.0, 5e-324, 1e-30, 1e30, 1e308, -1e308, float("nan"), float("inf"), float("-inf")),
)
FLOATS = (0.0, -1.0, 1e-45, 1e20, 3e38, -3e38, np.nan, np.inf, -np.inf)
INTEGERS = (-(2**31), -1, 0, 1, 2, 7, 255, 65_535, 2**31 - 1)
TYPES = ("float64", "float16", "int8", "uint8", "int32", "int64", "uint32", "uint64", "bool", "float32")


@dataclass(frozen=True)
class Base:
    """A sound file, taken apart."""

    arrays: dict[str, NDArray[Any]]
    document: dict[str, Any]
    card: str

    def copy(self) -> Base:
        """Return one that may be changed."""
        return Base({name: a.copy() for name, a in self.arrays.items()}, copy.deepcopy(self.document), self.card)

    def content(self, text: str | None = None) -> bytes:
        """Return the file's content, with a checksum that is right; ``text`` in the document's place if given."""
        text = json.dumps(self.document, ensure_ascii=False) if text is None else text
        text = text.encode("utf-8", "backslashreplace").decode()
        digest = artifact._digest(self.arrays, text, self.card)
        return _with_header(save(self.arrays, {"l0gm": text, "card": self.card, "sha256": digest}), _sorted)


# ---- changes: each is called with what it changes, two numbers to choose by, and a value --------------------


def _places(node: Any) -> list[tuple[Any, Any]]:
    """Return (holder, key) of everything in a JSON value."""
    found: list[tuple[Any, Any]] = []
    waiting = [node]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            found.append((holder, key))
            if isinstance(holder[key], (dict, list)):
                waiting.append(holder[key])
    return found


def replace(tree: Any, a: int, b: int, value: Any) -> None:
    """Put a value in another's place."""
    places = _places(tree)
    holder, key = places[a % len(places)]
    holder[key] = value


def renumber(tree: Any, a: int, b: int, value: Any) -> None:
    """Put an extreme number in a number's place."""
    places = [(h, k) for h, k in _places(tree) if isinstance(h[k], (int, float))]
    if places:
        holder, key = places[a % len(places)]
        holder[key] = NUMBERS[b % len(NUMBERS)]


def delete(tree: Any, a: int, b: int, value: Any) -> None:
    """Leave something out."""
    places = _places(tree)
    holder, key = places[a % len(places)]
    del holder[key]


def add(tree: Any, a: int, b: int, value: Any) -> None:
    """Add something to an object or a list."""
    holders = [tree, *(h[k] for h, k in _places(tree) if isinstance(h[k], (dict, list)))]
    holder = holders[a % len(holders)]
    if isinstance(holder, list):
        holder.insert(b % (len(holder) + 1), value)
    else:
        holder[("more", "", "part", "slopes", "0", "kind", "__class__")[b % 7]] = value


def exchange(tree: Any, a: int, b: int, value: Any) -> None:
    """Exchange two values, neither of which lies within the other."""
    places = [(h, k) for h, k in _places(tree) if not isinstance(h[k], (dict, list))]
    if places:
        (one, i), (other, j) = places[a % len(places)], places[b % len(places)]
        one[i], other[j] = other[j], one[i]


def nest(tree: Any, a: int, b: int, value: Any) -> None:
    """Wrap a value into many lists."""
    places = _places(tree)
    holder, key = places[a % len(places)]
    for _ in range((1, 2, 30, 400)[b % 4]):  # deeper, and what writes the file would fail
        holder[key] = [holder[key]]


def repeat(tree: Any, a: int, b: int, value: Any) -> None:
    """Make a list or a text many times as long."""
    places = [(h, k) for h, k in _places(tree) if isinstance(h[k], (list, str)) and len(h[k]) < 200]
    if places:
        holder, key = places[a % len(places)]
        holder[key] = holder[key] * (2, 3, 20, 200)[b % 4]


TREE = (replace, renumber, delete, add, exchange, nest, repeat)


def reshape(arrays: dict[str, NDArray[Any]], a: int, b: int, value: Any) -> None:
    """Give an array another shape, one without a single element among them."""
    name = _name(arrays, a)
    size = arrays[name].size
    shapes: tuple[tuple[int, ...], ...] = (
        *((), (1,), (0,), (3,), (size,), (size, 1), (1, size), (size + 1,), (2, 3), (2, 2, 2)),
        *((0, 2), (2, 0), (10**9, 0), (0, 10**9), (2**31, 0, 2**20)),
    )
    arrays[name] = np.resize(arrays[name], shapes[b % len(shapes)])


def cut(arrays: dict[str, NDArray[Any]], a: int, b: int, value: Any) -> None:
    """Take the last entry of an axis away, or repeat it."""
    name = _name(arrays, a)
    array = arrays[name]
    if array.ndim:
        axis = (b >> 1) % array.ndim
        before = (slice(None),) * axis
        last, shorter = array[(*before, slice(-1, None))], array[(*before, slice(-1))]  # of any length at no cost
        arrays[name] = np.concatenate([array, last] if b % 2 else [shorter], axis)


def retype(arrays: dict[str, NDArray[Any]], a: int, b: int, value: Any) -> None:
    """Give an array another type."""
    name = _name(arrays, a)
    with np.errstate(all="ignore"):
        arrays[name] = arrays[name].astype(TYPES[b % len(TYPES)])


def overwrite(arrays: dict[str, NDArray[Any]], a: int, b: int, value: Any) -> None:
    """Put an extreme number into an array, or fill it with it."""
    name = _name(arrays, a)
    array = arrays[name]
    if array.size:
        choices: tuple[Any, ...] = FLOATS if array.dtype.kind == "f" else INTEGERS
        with np.errstate(all="ignore"):
            number = np.array(choices[b % len(choices)]).astype(array.dtype)
        array.flat[slice(None) if b & 64 else (b >> 8) % array.size] = number


def rename(arrays: dict[str, NDArray[Any]], a: int, b: int, value: Any) -> None:
    """Call an array something else, or as another one."""
    array = arrays.pop(_name(arrays, a))
    others = (*sorted(arrays), "", "more", "field.99.rows", "field.-1.rows", "deep.3.weight", "cin.9", "__metadata_")
    arrays[others[b % len(others)]] = array


def drop(arrays: dict[str, NDArray[Any]], a: int, b: int, value: Any) -> None:
    """Leave an array out."""
    del arrays[_name(arrays, a)]


def swap(arrays: dict[str, NDArray[Any]], a: int, b: int, value: Any) -> None:
    """Exchange two arrays."""
    one, other = _name(arrays, a), _name(arrays, b)
    arrays[one], arrays[other] = arrays[other], arrays[one]


ARRAYS = (reshape, cut, retype, overwrite, rename, drop, swap)


def flip(content: bytes, a: int, b: int, value: Any) -> bytes:
    """Turn a bit."""
    at = a % max(len(content), 1)
    return content[:at] + bytes([content[at] ^ (1 << b % 8)]) + content[at + 1 :] if content else content


def truncate(content: bytes, a: int, b: int, value: Any) -> bytes:
    """Cut the end off."""
    return content[: a % (len(content) + 1)]


def splice(content: bytes, a: int, b: int, value: Any) -> bytes:
    """Copy a part of the file to another place in it."""
    n = len(content) + 1
    piece = content[a % n :][: b % 200]
    return content[: b % n] + piece + content[b % n + len(piece) * (a % 2) :]


def insert(content: bytes, a: int, b: int, value: Any) -> bytes:
    """Put bytes in."""
    at = a % (len(content) + 1)
    return content[:at] + b.to_bytes(4, "little") * (1 + b % 3) + content[at:]


def lie(content: bytes, a: int, b: int, value: Any) -> bytes:
    """State another length of the header."""
    length = (0, 1, 2, 100, len(content), max(len(content) - 8, 0), 2**31, 2**40, 2**63, 2**64 - 1, a)[b % 11]
    return length.to_bytes(8, "little") + content[8:]


BYTES = (flip, truncate, splice, insert, lie)


def _name(arrays: dict[str, NDArray[Any]], which: int) -> str:
    names = sorted(arrays)
    return names[which % len(names)]


def _with_header(content: bytes, change: Callable[[dict[str, Any]], dict[str, Any]]) -> bytes:
    """Change the safetensors header, which stays JSON and of the length that it states."""
    length = int.from_bytes(content[:8], "little")
    text = json.dumps(change(json.loads(content[8 : 8 + length]))).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def _sorted(header: dict[str, Any]) -> dict[str, Any]:
    """Return the header with its texts in one order; safetensors writes them in any."""
    return {"__metadata__": dict(sorted(header.pop("__metadata__").items())), **header}


def make(base: Base, steps: Sequence[tuple[str, Any, int, int, Any]]) -> bytes:
    """Return the content of a file that these steps (level, change, number, number, value) make of a sound one."""
    levels: dict[str, list[Any]] = {level: [] for level in ("arrays", "document", "text", "header", "bytes")}
    for level, *step in steps:
        levels[level].append(step)
    draft, text = base.copy(), None
    for change, a, b, value in levels["arrays"]:
        if draft.arrays:
            change(draft.arrays, a, b, value)
    for change, a, b, value in levels["document"]:
        if draft.document:
            change(draft.document, a, b, copy.deepcopy(value))
    for change, a, b, value in levels["text"]:
        text = text if text is not None else json.dumps(draft.document)
        text = change(text.encode(), a, b, value).decode("utf-8", "backslashreplace")
    content = draft.content(text)

    def spoilt(header: dict[str, Any]) -> dict[str, Any]:
        for change, a, b, value in levels["header"]:
            if header:
                change(header, a, b, copy.deepcopy(value))
        return header

    content = _with_header(content, spoilt)
    for change, a, b, value in levels["bytes"]:
        content = change(content, a, b, value)
    return content


def strategy(n_bases: int) -> Any:
    """Return hypothesis' strategy for (number of the base, steps): one to four, most of them under the checksum."""
    from hypothesis import strategies as st

    kinds: list[tuple[str, Callable[..., Any]]] = [("document", c) for c in TREE] * 2
    kinds += [("arrays", c) for c in ARRAYS] * 2
    kinds += [("header", c) for c in TREE] + [("bytes", c) for c in BYTES]
    kinds += [("text", c) for c in (flip, truncate, splice)]
    number = st.integers(0, 2**32 - 1)
    value = st.sampled_from(JUNK) | st.sampled_from(NUMBERS) | st.text(max_size=8) | st.integers() | st.floats()
    step = st.builds(lambda kind, a, b, v: (*kind, a, b, v), st.sampled_from(kinds), number, number, value)
    return st.tuples(st.integers(0, n_bases - 1), st.lists(step, min_size=1, max_size=4))


# ---- what must hold -----------------------------------------------------------------------------------------

_watching = False


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching:
        return
    writes = event == "open" and (
        any(c in str(arguments[1]) for c in "wax+") or bool(int(arguments[2] or 0) & 0o3)  # O_WRONLY, O_RDWR
    )
    if writes or event.startswith(FORBIDDEN):
        raise AssertionError(f"loading caused the audit event {event!r} with {str(arguments)[:200]}")


@contextmanager
def _watched() -> Iterator[None]:
    """Fail on code that runs and on files that are written, and after SECONDS."""
    global _watching  # noqa: PLW0603  # audit hooks cannot be taken out again

    def late(*_: object) -> None:
        global _watching  # noqa: PLW0603  # this may be where no "finally" is reached any more
        _watching = False
        raise AssertionError(f"no end after {SECONDS} seconds")

    before, started = signal.signal(signal.SIGPROF, late), time.process_time()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    _watching = True
    try:
        yield
    finally:
        _watching = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    if time.process_time() - started > SECONDS:  # the error was raised where nobody could take it
        late()


def check(path: Path) -> str:
    """Load a file and use what it gives; return what became of it, or raise an AssertionError."""
    allowed = ROOM + FACTOR * path.stat().st_size
    tracemalloc.start()
    try:
        with _watched():
            model = load(path)
    except ArtifactError as error:
        if str(path) not in str(error):
            raise AssertionError(f"the message does not name the file: {error}") from error
        return "refused"
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        if peak > allowed:
            raise AssertionError(f"loading {path.stat().st_size} bytes took {peak} bytes of memory")
    try:
        with _watched():
            _use(model)
    except L0GMError:
        return "loaded but refused in use"
    return "loaded"


def _use(model: CompactModel | CompactNodeModel) -> None:
    model.card()
    data: Any
    if isinstance(model, CompactNodeModel):
        data = probe_graph(model.attributes, model.structure, model.weighted, PROBES, 1)
        ways: tuple[Callable[[Any], Any], ...] = (model.predict_set,)
    else:
        data = Table(probe_rows(model.schema, PROBES, 1) or {"unread": np.zeros(PROBES)})
        ways = (model.predict_set, model.contributions, model.drift)
    for calibrated in (False, True):
        proba = model.predict_proba(data, calibrated=calibrated)
        sound = proba.shape == (PROBES, len(model.classes_)) and np.isfinite(proba).all()
        if not sound or abs(proba.sum(1) - 1.0).max() > 1e-6 or proba.min() < 0.0:
            raise AssertionError(f"these are no probabilities: {proba[:4]}")
    model.verify()
    for ask in ways:
        try:
            ask(data)
        except L0GMError:  # where the file has not what it takes
            continue


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    about = "Load damaged and hostile model files; see l0gm.testing.fuzz_artifacts."
    parser = options(about, "loads")
    parser.add_argument("files", nargs="*", type=Path, help="sound model files to start from, beside made-up ones")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    bases = []
    for source in [*sound_models(), *sound_node_models(), *given.files]:
        path = source if isinstance(source, Path) else source.save(given.out / "sound.l0gm")
        bases.append(Base(*artifact.read(path)))
        if check(path) != "loaded":  # also compiles and imports all that later loads may not
            raise SystemExit(f"{path} is not sound")
    (given.out / "sound.l0gm").unlink(missing_ok=True)
    sys.addaudithook(_audit)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + SPARE, resource.RLIM_INFINITY))

    def one(example: tuple[int, Any], path: Path) -> str:
        number, steps = example
        path.write_bytes(make(bases[number], steps))
        return check(path)

    return Fuzzer(one, strategy(len(bases)), "loads", ".l0gm").run(given.count, given.seed, given.out)


if __name__ == "__main__":
    sys.exit(main())
