"""MediaWiki exports (`pages-articles.xml`, plain, bz2, gz, 7z, ...): an article is a document in Markdown.

A bz2 file of many streams is read in parallel when its index lies beside it. A document's id is made of the wiki's name and
the page's number, and its location names the page's number, so neither splitting nor packing changes them.
"""

import codecs
import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, BinaryIO

import pyarrow as pa
from fsspec.core import url_to_fs
from gristmill.filters.encoding.declared import mark_of
from gristmill.pipelines.sources.readers.bz2_streams import bz2_streams
from gristmill.pipelines.sources.readers.extract import Isolate
from gristmill.pipelines.sources.readers.identity import id_from_column
from gristmill.pipelines.sources.readers.locate import InputFile
from gristmill.pipelines.sources.readers.mediawiki.multistream import stream_offsets
from gristmill.pipelines.sources.readers.mediawiki.page_frames import PageFrame, PageFrames
from gristmill.pipelines.sources.readers.mediawiki.site import MAX_SITE_BYTES, site_of
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.pipelines.sources.readers.seven_zip import seven_zip_blocks
from gristmill.pipelines.sources.readers.split import Split
from gristmill.pipelines.sources.readers.streams import chunks, open_split
from gristmill.pipelines.sources.readers.web import Pages, PendingPage
from gristmill.schemas.recipe.source import Source

__all__ = ["read", "splits"]

CONVERT = "gristmill.pipelines.sources.readers.mediawiki.pages:convert"
STREAMS_PER_SPLIT_BYTES = 8  # a compressed byte costs about eight times as much as one of JSON Lines
_PAGE_ID = re.compile(rb"<id>\s*(\d{1,15})\s*</id>")
_EXPLAINED = {
    "too_large": "the latest revision, or what stands before it, is above max_document_bytes",
    "truncated_page": "the export ends, or another page begins, within the page",
}


def splits(source: Source, file: InputFile, split_bytes: int) -> list[tuple[int, int]]:
    """Ranges of bz2 streams where the index says where they begin; else the file as one split."""
    if file.compression != "bz2" or not file.size:
        return [(0, file.size)]
    fs, path = url_to_fs(file.url)
    starts = [0]
    for offset in stream_offsets(fs, path, file.size):
        if offset - starts[-1] >= max(split_bytes // STREAMS_PER_SPLIT_BYTES, 1):
            starts.append(offset)
    return list(zip(starts, [*starts[1:], file.size], strict=True))


def read(source: Source, split: Split, rows: ReaderRows, isolate: Isolate | None) -> Iterator[pa.RecordBatch]:
    rows.bytes_consumed = split.end - split.start
    if not split.size:
        return
    site = site_of(split.path, _head(split), source.wiki.name)
    config = {**site, "read": list(source.wiki.namespaces)}
    pages = Pages(rows, isolate)
    frames = PageFrames(source.max_document_bytes)
    with open_split(split) as stored:
        for number, frame in enumerate(frames.read(_blocks(stored, split, split.start, rows.disturb))):
            rows.frame()
            _take(frame, split.start + number, config, rows, pages)
            if pages.full:
                yield from pages.flush()
            if rows.full:
                yield rows.take()
    if split.start == 0 and not frames.is_export:
        rows.disturb("no MediaWiki export: no <mediawiki> in it")
    elif split.end == split.size and not frames.is_whole:
        rows.disturb("the export is cut: no </mediawiki> at its end")


def _take(frame: PageFrame, number: int, config: dict[str, Any], rows: ReaderRows, pages: Pages) -> None:
    """Queue a page, or count the one that cannot be read. number: what it is known by where it has no id."""
    if frame.content is None:
        rows.quarantine(frame.defect, _EXPLAINED[frame.defect], frame.size, number)
        return
    found = _PAGE_ID.search(frame.content[: frame.content.find(b"<revision")])
    place = int(found[1]) if found else number
    doc_id = id_from_column(rows.source.name, f"{config['wiki'] or rows.split.path}:{place}") if found else None
    pages.add(PendingPage(frame.content, None, True, place, doc_id=doc_id, convert=CONVERT, config=config))


def _blocks(stored: BinaryIO, split: Split, start: int, disturb: Callable[[str], None]) -> Iterator[bytes | None]:
    if split.compression == "bz2":
        blocks: Iterator[bytes | None] = bz2_streams(stored, start, split.end, disturb)
    elif split.compression == "7z":
        blocks = seven_zip_blocks(stored, lambda name: ".xml" in name, disturb)
    else:
        blocks = chunks(stored, split.compression, disturb)
    first = next(blocks, None)
    mark = mark_of(first or b"")
    if mark is None or mark[1] == "utf-8":
        yield from chain([first], blocks)
        return
    decoder = codecs.getincrementaldecoder(mark[1])("replace")  # of an export that was saved as UTF-16
    for block in chain([(first or b"")[len(mark[0]) :]], blocks):
        yield None if block is None else decoder.decode(block).encode("utf-8", "replace")


def _head(split: Split) -> bytes:
    """The first bytes of the export, with its siteinfo; what is wrong with them is said when they are read."""
    head = b""
    with open_split(split) as stored:
        for block in _blocks(stored, split, 0, lambda error: None):
            head += block or b""
            if len(head) >= MAX_SITE_BYTES or b"</siteinfo>" in head or block is None:
                break
    return head[:MAX_SITE_BYTES]
