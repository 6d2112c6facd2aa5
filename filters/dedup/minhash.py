# mypy: disallow-untyped-defs=False
"""MinHash signatures, bit for bit those of datasketch 2's `affine32` scheme, and the keys of their LSH bands.

A shingle hash enters with its low 32 bits, premixed by MurmurHash3's 32-bit finaliser (h); permutation k maps it to
a[k] * h + b[k] modulo 2**32, a[k] odd; the signature holds the least value of each permutation over the shingles, and
2**32 - 1 everywhere for a document without shingles. The same signature comes from
`datasketch.MinHash(num_perm, seed, hashfunc=lambda s: xxhash.xxh64_intdigest(s) & 0xFFFFFFFF)`.

Sources: Broder, "On the resemblance and containment of documents" (1997); datasketch 2.0 for the permutations.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from gristmill.filters.dedup.shingles import Shingling, cut_document, cutter, shingle_count
from gristmill.filters.text.unicode_tables import CLASS
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.hashing import murmur32
from gristmill.kernels.xxh64 import xxh64, xxh64_padded

EMPTY = np.uint32(0xFFFFFFFF)


class Signatures(NamedTuple):
    """Signatures of a batch.

    values: uint32 (documents, permutations); pieces: int64 words or characters, 0: no shingles, the row is all EMPTY
    and matches every other such row, so leave it out of the bands; by_character: bool, which unit was used.
    """

    values: np.ndarray
    pieces: np.ndarray
    by_character: np.ndarray


def permutations(count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """(a, b) uint32 of the affine permutations that datasketch draws for this count and seed.

    A change of count changes b: signatures of different counts do not share a prefix.
    """
    generator = np.random.RandomState(seed)
    a = generator.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return a, generator.randint(0, 1 << 32, count, dtype=np.uint32)


@helper
def _lower_signature(hashes, count, a, b, signature):
    """signature[k] = min(signature[k], a[k] * h + b[k]) over the premixed hashes[:count]."""
    for k in range(len(a)):
        factor, offset, least = a[k], b[k], signature[k]
        for i in range(count):
            least = min(least, np.uint32(factor * hashes[i] + offset))
        signature[k] = least


@kernel
def _signatures_of_hashes(values, offsets, a, b, mixed, out):
    for row in range(len(offsets) - 1):
        first = offsets[row]
        count = offsets[row + 1] - first
        for i in range(count):
            mixed[i] = murmur32(np.uint32(values[first + i]))
        _lower_signature(mixed, count, a, b, out[row])


def signatures_of_hashes(values: np.ndarray, offsets: np.ndarray, count: int = 112, seed: int = 1) -> np.ndarray:
    """uint32 (documents, count) signatures of shingle hashes given as uint64 values and int64 offsets."""
    a, b = permutations(count, seed)
    out = np.full((len(offsets) - 1, count), EMPTY, np.uint32)
    mixed = np.empty(int(np.diff(offsets).max(initial=0)), np.uint32)
    _signatures_of_hashes(values, offsets, a, b, mixed, out)
    return out


@kernel
def _signatures_of_texts(
    data, offsets, words, characters, unit, classes, normalise, target, edges, expansions, scratch, buffer, starts,
    a, b, mixed, out, pieces, by_character,
):  # fmt: skip
    for row in range(len(offsets) - 1):
        count, separator = cut_document(
            data, offsets[row], offsets[row + 1], unit, classes, normalise, target, edges, expansions,
            scratch, buffer, starts,
        )  # fmt: skip
        n = min(words if separator else characters, count)
        done = 0
        total = shingle_count(count, n)
        while done < total:  # in blocks that stay in the first-level cache
            some = min(total - done, len(mixed))
            for i in range(some):
                hashed = xxh64_padded(buffer, starts[done + i], starts[done + i + n] - separator, np.uint64(0))
                mixed[i] = murmur32(np.uint32(hashed))
            _lower_signature(mixed, some, a, b, out[row])
            done += some
        pieces[row] = count
        by_character[row] = separator == 0


def signatures(
    texts: pa.Array | pa.ChunkedArray, shingling: Shingling | None = None, *, count: int = 112, seed: int = 1
) -> Signatures:
    """The signatures of each text, without its shingle hashes ever being stored."""
    shingling = shingling or Shingling()
    data, offsets = string_buffers(texts)
    rows = len(offsets) - 1
    cut = cutter(offsets, shingling)
    a, b = permutations(count, seed)
    out = np.full((rows, count), EMPTY, np.uint32)
    pieces, by_character = np.zeros(rows, np.int64), np.zeros(rows, np.bool_)
    _signatures_of_texts(
        data, offsets, shingling.words, shingling.characters, cut.unit, CLASS, cut.normalise, *cut.table[:3],
        cut.scratch, cut.buffer, cut.starts, a, b, np.empty(4096, np.uint32), out, pieces, by_character,
    )  # fmt: skip
    return Signatures(out, pieces, by_character)


@kernel
def _band_hashes(rows_as_bytes, bands, band_bytes, out):
    for row in range(len(out)):
        for band in range(bands):
            out[row, band] = xxh64(rows_as_bytes[row], band * band_bytes, (band + 1) * band_bytes, np.uint64(band))


def band_hashes(values: np.ndarray, bands: int, rows: int) -> np.ndarray:
    """uint64 (documents, bands): XXH64 of the bytes (little-endian) of `rows` values, seeded with the band number.

    Two documents are candidates when any of these keys is equal. Bands beyond bands * rows values are left out.
    """
    if bands < 1 or rows < 1 or bands * rows > values.shape[1]:
        raise ValueError(f"{bands} bands of {rows} rows do not fit {values.shape[1]} permutations")
    out = np.empty((len(values), bands), np.uint64)
    raw = np.ascontiguousarray(values, "<u4").view(np.uint8)
    _band_hashes(raw, bands, rows * 4, out)
    return out
