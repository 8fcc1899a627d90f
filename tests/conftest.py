import resource
from contextlib import contextmanager

import pytest


@pytest.fixture(scope="session")
def full_disk():
    """Return a context in which no file grows beyond so many bytes, as if the disk were full."""

    @contextmanager
    def limited(size):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited
