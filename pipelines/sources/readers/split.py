"""A split: the part of one file that one task reads."""

import json
import re
from dataclasses import asdict, dataclass

_CRAWL = re.compile(r"CC-MAIN-\d{4}-\d\d\b|CC-MAIN-20(?:08|09|12)\b|CC-NEWS\b")


def crawl_of(name: str) -> str | None:
    """The crawl in the name of an archive of Common Crawl.

    >>> crawl_of("crawl-data/CC-MAIN-2024-22/segments/1715971057216.39/warc/CC-MAIN-20240517233122-00000.warc.gz")
    'CC-MAIN-2024-22'
    """
    found = _CRAWL.search(name)
    return found[0] if found else None


@dataclass(frozen=True)
class Split:
    """One task's share of one file, JSON-serialisable.

    url: absolute path or fsspec URL. path: relative to the source's root, `/` between parts.
    start, end: bytes for JSON Lines (a line belongs to the split it begins in), row groups for Parquet, else
        the whole file.
    size: bytes of the whole file as stored. compression: gzip, bz2, zstd, xz or "".
    version: the file's ETag or time of modification when it was listed, "" when the file system says neither.
    """

    source: str
    url: str
    path: str
    format: str
    start: int
    end: int
    size: int
    compression: str = ""
    version: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Split":
        return cls(**json.loads(text))
