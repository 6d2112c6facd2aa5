"""The whole content of a file as one record, for HTML and plain text."""

from pathlib import PurePosixPath

from gristmill.pipelines.sources.readers.locate import InputFile
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.pipelines.sources.readers.split import Split
from gristmill.pipelines.sources.readers.streams import chunks, open_split
from gristmill.schemas.recipe.source import Source


def splits(source: Source, file: InputFile, split_bytes: int) -> list[tuple[int, int]]:
    return [(0, file.size)]


def content(split: Split, rows: ReaderRows) -> bytes | None:
    """The uncompressed file, framed as one record; None when it is empty or above the limit, which is then counted.

    Above the limit nothing more is read or held.
    """
    limit = rows.source.max_document_bytes
    parts, size = [], 0
    rows.bytes_consumed = split.size
    with open_split(split) as stored:
        for block in chunks(stored, split.compression, rows.disturb):
            size += len(block)
            if size > limit:
                rows.frame()
                detail = f"a file of more than {limit} bytes, the limit ({PurePosixPath(split.path).name})"
                rows.quarantine("too_large", detail, size, 0)
                return None
            parts.append(block)
    if not size:
        return None
    rows.frame()
    return b"".join(parts)
