"""Who a document is: ids and content hashes that no partitioning, machine or folder changes."""

from collections.abc import Iterable
from hashlib import blake2b

from xxhash import xxh3_128_hexdigest


def content_hash(text: bytes | memoryview) -> str:
    """32 hex digits of XXH3-128 over the UTF-8 text: equal texts have equal hashes on every machine.

    Fast and well mixed, so 2**40 honest documents collide with a chance below 1e-14; not cryptographic, so somebody
    who wants two texts to collide can make them. Where that matters, compare the texts.
    """
    return xxh3_128_hexdigest(text)


def _digest(*parts: str) -> str:
    # Sources and paths cannot hold NUL; the free part comes last, so no two lists join to the same bytes.
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def row_hash(text: bytes, pieces: Iterable[tuple[str, int, int]], fields: str | None) -> str:
    """32 hex digits of everything that a row says: its text, which field each piece of it is, and its other fields."""
    places = ",".join(f"{label}:{start}:{end}" for label, start, end in pieces)
    return xxh3_128_hexdigest(b"\0".join((text, places.encode(), (fields or "").encode())))


def id_from_column(source: str, value: str, number: int = 0) -> str:
    """The id of a document that its source names itself. number: among the rows made of one record."""
    return _digest("column", source, value, *_numbered(number))


def id_from_warc_record(record_id: str) -> str:
    """The id of a crawled page: its WARC-Record-ID, which is unique over all crawls."""
    return _digest("warc", record_id.strip("<> "))


def id_from_position(source: str, path: str, position: int, number: int = 0) -> str:
    """The id of a document known only by its place.

    path: relative to the source's root. position: byte offset in the uncompressed stream, or row number. number: among
    the rows made of the record there.
    """
    return _digest("position", source, path, str(position), *_numbered(number))


def _numbered(number: int) -> tuple[str, ...]:
    return (f"row {number}",) if number else ()
