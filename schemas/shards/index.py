"""The .idx of a token shard in Megatron's layout: dtype, lengths and byte offsets of its documents.

`MMIDIDX\\0\\0`, u64 version 1, u8 dtype code, u64 sequences, u64 documents + 1, i32 lengths[sequences],
i64 byte offsets[sequences], i64 first sequence of each document[documents + 1]; here a sequence is a document.
Source: megatron/core/datasets/indexed_dataset.py of Megatron-LM.
"""

import struct
from dataclasses import dataclass

import numpy as np
from gristmill.schemas.errors import RunError

MAGIC = b"MMIDIDX\x00\x00"
_HEADER = struct.Struct("<9sQBQQ")
_CODES: dict[int, np.dtype] = {4: np.dtype("<i4"), 8: np.dtype("<u2")}


@dataclass(frozen=True)
class ShardIndex:
    """lengths in tokens (int32), offsets in tokens (int64, one more than documents: the last is the shard's tokens)."""

    dtype: np.dtype
    lengths: np.ndarray
    offsets: np.ndarray

    @property
    def documents(self) -> int:
        return len(self.lengths)

    @property
    def tokens(self) -> int:
        return int(self.offsets[-1])


def encode_index(lengths: np.ndarray, dtype: np.dtype) -> bytes:
    """The content of an .idx for documents of these token lengths.

    >>> decode_index(encode_index(np.array([3, 0, 5]), np.dtype("<u2"))).offsets.tolist()
    [0, 3, 3, 8]
    """
    code = next(code for code, known in _CODES.items() if known == dtype)
    if len(lengths) and int(lengths.max()) > np.iinfo(np.int32).max:
        raise RunError(
            f"a document of {int(lengths.max()):,} tokens", expected="at most 2,147,483,647 (Megatron's i32)"
        )
    offsets = np.zeros(len(lengths), "<i8")
    np.cumsum(lengths[:-1], out=offsets[1:])
    header = _HEADER.pack(MAGIC, 1, code, len(lengths), len(lengths) + 1)
    documents = np.arange(len(lengths) + 1, dtype="<i8")
    return b"".join(
        [header, lengths.astype("<i4").tobytes(), (offsets * dtype.itemsize).tobytes(), documents.tobytes()]
    )


def decode_index(content: bytes, where: str = "") -> ShardIndex:
    """RunError when the content is no index of consecutive documents, or is cut short."""
    if len(content) < _HEADER.size:
        raise _damaged(f"{len(content)} bytes", where)
    magic, version, code, sequences, documents = _HEADER.unpack_from(content)
    if magic != MAGIC or version != 1 or code not in _CODES:
        raise _damaged(f"magic {magic!r}, version {version}, dtype code {code}", where)
    expected = _HEADER.size + sequences * 12 + documents * 8
    if len(content) != expected or documents != sequences + 1:
        raise _damaged(f"{len(content):,} bytes for {sequences:,} documents, which need {expected:,}", where)
    dtype = _CODES[code]
    lengths = np.frombuffer(content, "<i4", sequences, _HEADER.size)
    starts = np.frombuffer(content, "<i8", sequences, _HEADER.size + sequences * 4)
    offsets = np.zeros(sequences + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    if not np.array_equal(starts, offsets[:-1] * dtype.itemsize):
        raise _damaged("documents that do not follow one another", where)
    return ShardIndex(dtype, lengths, offsets)


def _damaged(found: str, where: str) -> RunError:
    return RunError(
        f"damaged index: {found}",
        where=where,
        expected="Megatron's .idx, version 1",
        next_step="write the shards again",
    )
