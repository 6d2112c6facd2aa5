"""Abstracts of PubMed: its XML files of records, and the flat MEDLINE form. A record without an abstract is left out."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pyarrow as pa
from gristmill.filters.jats.medline import citation_of_lines, citation_of_xml
from gristmill.pipelines.sources.readers.conversion import Converted, convert_each
from gristmill.pipelines.sources.readers.extract import Isolate
from gristmill.pipelines.sources.readers.jats import queued, utf8_blocks
from gristmill.pipelines.sources.readers.record_frames import elements, paragraphs
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.pipelines.sources.readers.split import Split
from gristmill.pipelines.sources.readers.streams import chunks, open_split
from gristmill.pipelines.sources.readers.web import Pages, PendingPage
from gristmill.pipelines.sources.readers.whole_file import splits
from gristmill.schemas.recipe.source import Source

__all__ = ["read", "splits"]

CONVERT = f"{__name__}:convert"
_RECORDS = ("PubmedArticle", "PubmedBookArticle")
_FLAT_START = b"PMID- "


def read(source: Source, split: Split, rows: ReaderRows, isolate: Isolate | None) -> Iterator[pa.RecordBatch]:
    rows.bytes_consumed = split.size
    pages = Pages(rows, isolate)
    with open_split(split) as stored:
        blocks = utf8_blocks(chunks(stored, split.compression, rows.disturb))
        first = next(blocks, b"")
        whole = chain([first], blocks)
        is_xml = first.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
        limit = source.max_document_bytes
        for frame in elements(whole, _RECORDS, limit) if is_xml else paragraphs(whole, _FLAT_START, limit):
            yield from queued(frame, rows, pages, PendingPage(b"", None, True, rows.framed, convert=CONVERT, config={}))
    if not rows.framed and split.size:
        rows.disturb("no record of PubMed in it: neither PubmedArticle elements nor lines that begin with `PMID- `")


def convert(batch: pa.RecordBatch, config: dict[str, Any]) -> pa.RecordBatch:
    """Records in, extract.EXTRACTED out."""

    def one(raw: bytes) -> Converted:
        flat = raw.startswith(_FLAT_START)
        citation = citation_of_lines(raw.decode("utf-8", "replace")) if flat else citation_of_xml(raw)
        if citation is None:
            return Converted(None, defect="invalid_record", detail="no record of PubMed that can be read")
        if not citation.has_abstract:
            return Converted(None, skipped="no_abstract")
        return Converted(citation.text, citation.notes)

    return convert_each(batch, one)
