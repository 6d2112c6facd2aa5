"""Where the streams of a multistream dump begin, by the index that is published beside it."""

import bz2
import posixpath
import re
from collections.abc import Iterator

from fsspec import AbstractFileSystem

_NAME = re.compile(r"^(.*-multistream)(\d*)\.xml(-p\d+p\d+)?\.bz2$")
_STREAM = b"BZh"


def index_path(path: str) -> str | None:
    """The path of the index of a dump; None where its name is not that of a multistream dump."""
    folder, name = posixpath.split(path)
    found = _NAME.match(name)
    return posixpath.join(folder, f"{found[1]}-index{found[2]}.txt{found[3] or ''}.bz2") if found else None


def stream_offsets(fs: AbstractFileSystem, path: str, size: int) -> Iterator[int]:
    """The offsets of the streams in order, without the first; none where there is no index, or one of another file.

    The index has a line `offset:page:title` for each page. An offset where no stream begins ends the reading: what comes
    after it belongs to the split before.
    """
    index = index_path(path)
    if index is None or not fs.exists(index):
        return
    last = 0
    try:
        with fs.open(path, "rb") as dump, fs.open(index, "rb") as stored, bz2.open(stored, "rb") as lines:
            for line in lines:
                number = line.partition(b":")[0]
                if not number.isdigit() or len(number) > 18:
                    return
                offset = int(number)
                if offset <= last:
                    continue
                dump.seek(offset)
                if offset >= size or dump.read(len(_STREAM)) != _STREAM:
                    return
                last = offset
                yield offset
    except (OSError, EOFError, ValueError):
        return  # a damaged index says no more; the file is read whole
