"""Damaged and hostile files, made here; each writer returns the recipe's source."""

import gzip
import json
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

TEXT = "The mill turns when the river is high, and grain becomes flour."
Source = dict[str, Any]
GOOD = json.dumps({"text": TEXT}).encode() + b"\n"


def jsonl(content: bytes, name: str = "in.jsonl") -> Callable[[Path], Source]:
    def write(folder: Path) -> Source:
        (folder / name).write_bytes(content)
        return {"path": name}

    return write


@cache
def many_lines() -> bytes:
    return b"".join(json.dumps({"text": f"{TEXT} {n * 7919}"}).encode() + b"\n" for n in range(60_000))


def warc_record(
    body: bytes, content_length: int | None = None, kind: bytes = b"response", charset: str = "utf-8"
) -> bytes:
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=" + charset.encode() + b"\r\n\r\n" + body
    length = len(http) if content_length is None else content_length
    head = (
        b"WARC/1.0\r\nWARC-Type: " + kind + b"\r\nWARC-Target-URI: http://example.org/\r\n"
        b"WARC-Date: 2024-01-01T00:00:00Z\r\nContent-Type: application/http; msgtype=response\r\n"
        b"Content-Length: " + str(length).encode() + b"\r\n\r\n"
    )
    return head + http + b"\r\n\r\n"


def page(text: str = TEXT, charset: str = "utf-8") -> bytes:
    return (
        f"<html><head><title>t</title></head><body><article><p>{text}</p><p>{text}</p></article></body></html>".encode(
            charset
        )
    )


def parquet(folder: Path, table: pa.Table, damage: Callable[[bytes], bytes] = bytes) -> Source:
    pq.write_table(table, folder / "in.parquet", row_group_size=10, compression="zstd", use_dictionary=False)
    (folder / "in.parquet").write_bytes(damage((folder / "in.parquet").read_bytes()))
    return {"path": "in.parquet"}


def good_table(rows: int = 40) -> pa.Table:
    return pa.table({"text": [f"{TEXT} {n}" for n in range(rows)]})


def flipped(data: bytes, at: float) -> bytes:
    """Sixteen bytes inverted at a fraction of the length."""
    start = int(len(data) * at)
    return data[:start] + bytes(byte ^ 0xFF for byte in data[start : start + 16]) + data[start + 16 :]


def overwritten(data: bytes, at: float, count: int = 400) -> bytes:
    """`count` bytes lost at a fraction of the length: more than a small page and its header."""
    start = int(len(data) * at)
    return data[:start] + b"\xff" * count + data[start + count :]


def gzip_of(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def gzip_with_bad_checksum(content: bytes) -> bytes:
    packed = gzip_of(content)
    return packed[:-8] + (zlib.crc32(content) ^ 1).to_bytes(4, "little") + packed[-4:]


def zstd_of(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(content)
