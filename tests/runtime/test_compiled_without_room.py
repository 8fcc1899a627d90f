"""The compiled loop works where its machine code cannot be kept for the next process."""

import errno
import os

import numba.core.caching
import numpy as np

from l0gm.compiled import compiled


def full(*args):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk(monkeypatch):
    monkeypatch.setattr(numba.core.caching.IndexDataCacheFile, "save", full)
    inner = compiled(lambda x: x + 1)
    outer = compiled(lambda x: 2 * inner(x))
    assert outer(np.float32(3)) == 8.0


def test_no_folder(monkeypatch):
    monkeypatch.setattr(numba.core.caching.CacheImpl, "_locator_classes", [])
    assert compiled(lambda x: x + 1)(np.float32(3)) == 4.0
