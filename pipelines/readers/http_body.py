"""The body of an HTTP response as the server meant it: chunks joined, content encodings undone, size bounded."""

import zlib
from collections.abc import Callable

import brotli
import zstandard
from gristmill.pipelines.readers.streams import CHUNK_BYTES

_CHUNK_HEAD_BYTES = 1024


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
    """A chunked body joined. Without a valid first chunk size the body was stored joined already."""
    parts: list[bytes] = []
    at, total = 0, len(body)
    while at < total:
        end = body.find(b"\n", at, at + _CHUNK_HEAD_BYTES)
        head = body[at : end if end >= 0 else at].split(b";")[0].strip()
        try:
            size = int(head, 16) if head[:1].isalnum() else -1
        except ValueError:
            size = -1
        if size < 0:
            return (body, None) if not parts else (b"".join(parts), "corrupt_chunks")
        if size == 0:
            return b"".join(parts), None
        parts.append(body[end + 1 : end + 1 + size])
        at = end + 1 + size
        if at > total:
            return b"".join(parts), "truncated_chunks"
        at += 2 if body[at : at + 2] == b"\r\n" else 1
    return b"".join(parts), "truncated_chunks" if total else None


def _undo(name: str, body: bytes, limit: int) -> tuple[bytes, str | None]:
    if name in ("gzip", "x-gzip"):
        return _inflate(body, 31, "gzip", limit) if body.startswith(b"\x1f\x8b") else (body, None)
    if name == "deflate":
        return _inflate_any(body, limit)
    if name == "br":
        return _unbrotli(body, limit)
    if name == "zstd" and body.startswith(b"\x28\xb5\x2f\xfd"):
        return _drain(_zstd_step(), body, "zstd", limit)
    return body, None


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
    inner = zlib.decompressobj(window)
    try:
        decoded = inner.decompress(body, limit + 1)
    except zlib.error:
        return _salvage(body, window, limit), f"corrupt_{name}"
    if len(decoded) > limit:
        raise BodyTooLarge(f"a body above {limit} bytes once decoded")
    return decoded, None if inner.eof else f"truncated_{name}"


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


def _zstd_step() -> Callable[[bytes], tuple[bytes, bool]]:
    inner = zstandard.ZstdDecompressor().decompressobj()
    return lambda piece: (inner.decompress(piece), inner.eof)


def _drain(step: Callable[[bytes], tuple[bytes, bool]], body: bytes, name: str, limit: int) -> tuple[bytes, str | None]:
    parts: list[bytes] = []
    size = 0
    try:
        for start in range(0, len(body), 2048):
            block, eof = step(body[start : start + 2048])
            parts.append(block)
            size += len(block)
            if size > limit:
                raise BodyTooLarge(f"a body above {limit} bytes once decoded")
            if eof:
                return b"".join(parts), None
    except zstandard.ZstdError:
        return b"".join(parts), f"corrupt_{name}"
    return b"".join(parts), f"truncated_{name}"
