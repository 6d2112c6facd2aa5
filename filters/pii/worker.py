"""What a worker process imports: everything that finds values, loaded and compiled before the time of a batch runs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
from gristmill.filters.pii.counts import measure
from gristmill.filters.pii.find import find, find_batch

__all__ = ["find_batch", "measure"]


@contextmanager
def hidden(package: str) -> Iterator[None]:
    """Inside, importing a package that is not imported yet fails as if it were not installed; afterwards it succeeds."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[package]


with hidden("transformers"):  # presidio imports it where it is installed: seconds, for recognisers that are not used
    find(pa.array(["jo@corp.de, tel. 467 3395, (212) 664-7665, my passport 123456789, GB82WEST12345698765432"]), {})
