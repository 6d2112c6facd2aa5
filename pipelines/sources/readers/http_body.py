"""The body of an HTTP response as the server meant it: chunks joined, content encodings undone, size bounded."""

import re
import zlib
from collections.abc import Iterator

import brotli
import zstandard
from gristmill.pipelines.sources.readers.gzip_member import CHUNK_BYTES, GzipMember

_CHUNK_HEAD_BYTES = 1024
_MAX_TRAILER_BYTES = 4096
_PIECE_BYTES = 2048
_ZLIB_HEADER_BYTES = 2
_TAIL_BYTES = 8  # a frame's checksum is fed alone, so that a wrong one costs nothing
_HEX = re.compile(rb"[0-9a-fA-F]{1,16}")
_TRAILERS = re.compile(rb"[!#-'*+.^-z|~0-9A-Z-]+:[^\r\n]*(?:\r?\n|\Z)")
_PACKED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x78")


class BodyTooLarge(ValueError):
    """The decoded body is above the limit."""


def decode_body(body: bytes, transfer_encoding: str, content_encoding: str, limit: int) -> tuple[bytes, str | None]:
    """(decoded body, defect or None). A defect (`corrupt_gzip`, ...) means the body is what could be decoded.

    Crawlers often store bodies decoded and keep the header, so a body without the encoding's signature is taken as is.
    Raises BodyTooLarge above `limit` bytes.
    """
    defect = None
    if "chunked" in transfer_encoding.lower():
        body, defect = join_chunks(body)
    for name in reversed([part.strip() for part in content_encoding.lower().split(",") if part.strip()]):
        body, problem = _undo(name, body, limit)
        defect = defect or problem
    return body, defect


def join_chunks(body: bytes) -> tuple[bytes, str | None]:
    """A chunked body joined. A body that is not built of chunks from its first byte on was stored joined already.

    Such a body may begin with a line that reads as a size (`2024`, `cafe`): a chunk is only believed when its data ends at a
    line end and another size follows, or, when the body ends before that, if the data is markup or packed.
    """
    if not _is_chunked(body):
        return body, None
    parts: list[bytes] = []
    at, total = 0, len(body)
    while at < total:
        size, start = _chunk_size(body, at)
        if size < 0:
            return b"".join([*parts, body[at:]]), "corrupt_chunks"  # what follows is kept as it stands
        if size == 0:
            return b"".join(parts), None
        parts.append(body[start : start + size])
        at = start + size
        if at > total:
            break
        at += _line_end(body, at)
    return b"".join(parts), "truncated_chunks"


def _is_chunked(body: bytes) -> bool:
    size, start = _chunk_size(body, 0)
    if size < 0:
        return False
    if size == 0:
        rest = body[start:]
        return len(rest) <= _MAX_TRAILER_BYTES and not _TRAILERS.sub(b"", rest).strip()
    end = start + size
    if end >= len(body):
        return body[start:].lstrip()[:1] == b"<" or body.startswith(_PACKED, start)
    after = end + _line_end(body, end)
    return after > end and (after >= len(body) or _chunk_size(body, after)[0] >= 0)


def _chunk_size(body: bytes, at: int) -> tuple[int, int]:
    """(size of the chunk whose line begins at `at`, where its data begins); size -1: no such line."""
    end = body.find(b"\n", at, at + _CHUNK_HEAD_BYTES)
    head = body[at : end if end >= 0 else at].split(b";")[0].strip()
    return (int(head, 16), end + 1) if _HEX.fullmatch(head) else (-1, at)


def _line_end(body: bytes, at: int) -> int:
    return 2 if body.startswith(b"\r\n", at) else 1 if body.startswith(b"\n", at) else 0


def _undo(name: str, body: bytes, limit: int) -> tuple[bytes, str | None]:
    if name in ("gzip", "x-gzip"):
        return _gunzip(body, limit) if body.startswith(b"\x1f\x8b") else (body, None)
    if name == "deflate":
        return _inflate_any(body, limit)
    if name == "br":
        return _unbrotli(body, limit)
    if name == "zstd" and body.startswith(b"\x28\xb5\x2f\xfd"):
        return _unzstd(body, limit)
    return body, None


def _gunzip(body: bytes, limit: int) -> tuple[bytes, str | None]:
    """Every member of a gzip body; what follows the last one is padding or no gzip, and left out."""
    parts: list[bytes] = []
    size, defect = 0, None
    while body.startswith(b"\x1f\x8b"):
        member = GzipMember()
        for start in range(0, len(body), _PIECE_BYTES):
            try:
                for block in member.feed(body[start : start + _PIECE_BYTES]):
                    parts.append(block)
                    size += len(block)
                    if size > limit:
                        raise BodyTooLarge(f"a body above {limit} bytes once decoded")
            except zlib.error:
                return b"".join(parts), "corrupt_gzip"
            if member.eof:
                break
        else:
            return b"".join(parts), "truncated_gzip"
        defect = "corrupt_gzip" if member.defect else defect
        body = member.unused + body[start + _PIECE_BYTES :]
    return b"".join(parts), defect or ("corrupt_gzip" if body.strip(b"\0\r\n") else None)


def _inflate_any(body: bytes, limit: int) -> tuple[bytes, str | None]:
    """`deflate` is a zlib stream by the standard and a bare one by common mistake; otherwise stored decoded."""
    for window in (15, -15):
        try:
            zlib.decompressobj(window).decompress(body[:4096], 1)
        except zlib.error:
            continue
        return _inflate(body, window, "deflate", limit)
    return body, None


def _inflate(body: bytes, window: int, name: str, limit: int) -> tuple[bytes, str | None]:
    """A zlib stream (window 15), unpacked bare so that a wrong checksum costs nothing, or a bare deflate stream (-15)."""
    bare = body[_ZLIB_HEADER_BYTES:] if window > 0 else body
    inner = zlib.decompressobj(-15)
    try:
        decoded = inner.decompress(bare, limit + 1)
    except zlib.error:
        return _salvage(bare, -15, limit), f"corrupt_{name}"
    if len(decoded) > limit:
        raise BodyTooLarge(f"a body above {limit} bytes once decoded")
    if not inner.eof or (window > 0 and len(inner.unused_data) < 4):
        return decoded, f"truncated_{name}"
    is_wrong = window > 0 and int.from_bytes(inner.unused_data[:4], "big") != zlib.adler32(decoded)
    return decoded, f"corrupt_{name}" if is_wrong else None


def _salvage(body: bytes, window: int, limit: int) -> bytes:
    """What a corrupt zlib stream holds before the defect, found by feeding it in small pieces."""
    inner, decoded = zlib.decompressobj(window), b""
    for start in range(0, len(body), 256):
        try:
            decoded += inner.decompress(body[start : start + 256], limit)
        except zlib.error:
            break
    return decoded[:limit]


def _unbrotli(body: bytes, limit: int) -> tuple[bytes, str | None]:
    inner = brotli.Decompressor()
    parts: list[bytes] = []
    size, data = 0, body
    try:
        while not inner.is_finished():
            block = inner.process(data, output_buffer_limit=CHUNK_BYTES)
            data = b""
            if not block and inner.can_accept_more_data():
                return b"".join(parts), "truncated_br"
            parts.append(block)
            size += len(block)
            if size > limit:
                raise BodyTooLarge(f"a body above {limit} bytes once decoded")
    except brotli.error:
        # Brotli has no signature: a body that fails at once was stored decoded.
        return (b"".join(parts), "corrupt_br") if size else (body, None)
    return b"".join(parts), None


def _unzstd(body: bytes, limit: int) -> tuple[bytes, str | None]:
    """Every frame of a zstd body."""
    parts: list[bytes] = []
    size = 0
    while body.startswith(b"\x28\xb5\x2f\xfd"):
        inner = zstandard.ZstdDecompressor().decompressobj()
        for start, end in _pieces(len(body)):
            try:
                block = inner.decompress(body[start:end])
            except zstandard.ZstdError:
                return b"".join(parts), "corrupt_zstd"
            parts.append(block)
            size += len(block)
            if size > limit:
                raise BodyTooLarge(f"a body above {limit} bytes once decoded")
            if inner.eof:
                body = inner.unused_data + body[end:]
                break
        else:
            return b"".join(parts), "truncated_zstd"
    return b"".join(parts), None


def _pieces(total: int) -> Iterator[tuple[int, int]]:
    """(start, end) of the pieces of a body, the last bytes one at a time."""
    whole = max(total - _TAIL_BYTES, 0)
    yield from ((start, min(start + _PIECE_BYTES, whole)) for start in range(0, whole, _PIECE_BYTES))
    yield from ((start, start + 1) for start in range(whole, total))
