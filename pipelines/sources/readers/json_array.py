"""JSON files: one array of objects, objects over many lines, or JSON Lines under the name of JSON; packed or plain.

What a file is shows in its first bytes: JSON Lines if its first line is a whole object, and then it is read (and split)
as such. Everything else is one split. A record is an element of the array; its position, part of a document's identity,
is its byte offset in the uncompressed stream. Memory follows the record, not the array.
"""

import codecs
from collections.abc import Iterator

import pyarrow as pa
from fsspec.core import url_to_fs
from gristmill.filters.encoding.declared import mark_of
from gristmill.filters.encoding.labels import codec_of
from gristmill.pipelines.sources.readers import jsonl
from gristmill.pipelines.sources.readers.decoding import AUTO
from gristmill.pipelines.sources.readers.extract import Isolate
from gristmill.pipelines.sources.readers.json_frames import frames
from gristmill.pipelines.sources.readers.jsonl import JsonLine
from gristmill.pipelines.sources.readers.locate import InputFile
from gristmill.pipelines.sources.readers.rows import ReaderRows
from gristmill.pipelines.sources.readers.split import Split
from gristmill.pipelines.sources.readers.streams import chunks, open_split
from gristmill.schemas.recipe.source import Source

HEAD_BYTES = 64 << 10  # in which the first line of JSON Lines is looked for


def splits(source: Source, file: InputFile, split_bytes: int) -> list[tuple[int, int]]:
    """As JSON Lines where the file is such, else one split."""
    if file.compression or not file.size:
        return [(0, file.size)]
    with file.fs.open(url_to_fs(file.url)[1], "rb") as stored:
        are_lines = is_lines(stored.read(HEAD_BYTES))
    return jsonl.splits(source, file, split_bytes) if are_lines else [(0, file.size)]


def is_lines(head: bytes) -> bool:
    """Whether a file that begins so is JSON Lines: its first line is a whole object, or goes on beyond what is seen here."""
    mark = mark_of(head)
    text = head[len(mark[0]) :].decode(mark[1], "ignore").encode("utf-8", "surrogatepass") if mark else head
    text = text.lstrip()
    if not text.startswith(b"{"):
        return False
    line, end, _ = text.partition(b"\n")
    if not end:
        return len(head) >= HEAD_BYTES
    try:
        return isinstance(jsonl.parse(line, {}), dict)
    except (ValueError, RecursionError):
        return False


def read(source: Source, split: Split, rows: ReaderRows, isolate: Isolate | None) -> Iterator[pa.RecordBatch]:
    if split.start or _are_lines(split):
        yield from jsonl.read(source, split, rows, isolate)
        return
    rows.bytes_consumed = split.size
    check = jsonl.TextCheck(source, split)
    with open_split(split) as stored:
        blocks = _utf8(chunks(stored, split.compression, rows.disturb), source.encoding)
        for frame in frames(blocks, source.max_document_bytes, rows.disturb):
            check.see(jsonl.take(JsonLine(*frame), rows), rows)
            if rows.full:
                yield rows.take()


def _are_lines(split: Split) -> bool:
    with open_split(split) as stored:
        head = b""
        for block in chunks(stored, split.compression, lambda _defect: None):
            head += block
            if len(head) >= HEAD_BYTES:
                break
    return is_lines(head[:HEAD_BYTES])


def contents(split: Split, limit: int) -> Iterator[bytes]:
    """The bytes of each record of a JSON or JSON Lines file, those of at most `limit` bytes, without a byte order mark."""
    are_lines = split.format == "jsonl" or _are_lines(split)
    with open_split(split) as stored:
        blocks = chunks(stored, split.compression, lambda _defect: None)
        framed = (
            jsonl.lines(blocks, 0, limit) if are_lines else frames(_utf8(blocks, AUTO), limit, lambda _defect: None)
        )
        for one in framed:
            if one.content is not None:
                yield one.content.removeprefix(codecs.BOM_UTF8)


def _utf8(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """The text as UTF-8, whatever its byte order mark or the recipe says that it is; other bytes go on as they are."""
    first = next(blocks, b"")
    mark = mark_of(first)
    name = mark[1] if mark else "utf-8" if encoding == AUTO else codec_of(encoding) or encoding
    first = first[len(mark[0]) :] if mark else first
    if name == "utf-8":
        yield first
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder(name)("replace")
    yield decoder.decode(first).encode("utf-8", "surrogatepass")
    for block in blocks:
        yield decoder.decode(block).encode("utf-8", "surrogatepass")
    yield decoder.decode(b"", True).encode("utf-8", "surrogatepass")
