"""The file of a fastText classifier (.bin, .ftz), read into arrays.

The format has no document of its own; it is what `FastText::saveModel` and the `save` functions that it calls write
(github.com/facebookresearch/fastText, versions 11 and 12 of the format): arguments, dictionary, input matrix, output matrix.
"""

import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gristmill.schemas.errors import ModelError

_MAGIC = 793712314
_VERSIONS = (11, 12)
_SUPERVISED = 3
_HEADER = struct.Struct("<14id")  # magic, version, and the arguments
HIERARCHICAL_SOFTMAX, NEGATIVE_SAMPLING, SOFTMAX, ONE_VS_ALL = 1, 2, 3, 4
_LOSSES = (HIERARCHICAL_SOFTMAX, NEGATIVE_SAMPLING, SOFTMAX, ONE_VS_ALL)
MOST_LETTERS = 256  # of an n-gram: six are usual, and all begin at every letter
_CENTROIDS = 256  # of each part of a row of a quantised matrix


@dataclass(frozen=True)
class ModelFile:
    """What a file holds.

    words, labels: in the order of their numbers. label_counts int64: how often each was seen, by which the tree of
    hierarchical softmax is built. rows float32 (words + n-grams) x dimension: the input matrix, quantised ones in full.
    output float32 labels x dimension. bucket: n-grams are hashed into so many. kept: of a pruned model int32 n x 2, hash of
    an n-gram and its row behind the words; None where every hash has a row.
    """

    words: Sequence[bytes]
    labels: Sequence[str]
    label_counts: np.ndarray
    rows: np.ndarray
    output: np.ndarray
    loss: int
    bucket: int
    min_letters: int
    max_letters: int
    word_ngrams: int
    kept: np.ndarray | None


def check_file(path: Path) -> None:
    """ModelError unless the file is there and begins as a fastText classifier does."""
    if not path.is_file():
        raise ModelError("no such file", expected="a fastText model (.bin, .ftz)", where=str(path))
    with path.open("rb") as file:
        head = file.read(_HEADER.size)
    fields = _HEADER.unpack(head) if len(head) == _HEADER.size else (0,) * 15
    if fields[0] != _MAGIC:
        raise ModelError("not a fastText model", expected="a fastText model (.bin, .ftz)", where=str(path))
    if fields[1] not in _VERSIONS:
        raise ModelError(f"version {fields[1]} of fastText's format", expected="version 11 or 12", where=str(path))
    if fields[9] != _SUPERVISED:
        raise ModelError("a fastText model of word vectors", expected="a classifier", where=str(path))
    if fields[8] not in _LOSSES:
        raise ModelError(f"loss {fields[8]}", expected=f"one of {_LOSSES}", where=str(path))


def read_file(path: Path) -> ModelFile:
    """ModelError for a file that is no classifier, that is cut off, or whose parts do not fit each other."""
    check_file(path)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _read(_Reader(data))
        except (struct.error, ValueError, OverflowError, UnicodeDecodeError) as error:
            raise ModelError(
                f"unreadable fastText model: {error}",
                expected="a whole file",
                where=str(path),
                next_step="copy or download it again",
            ) from error


class _Reader:
    """Values one after the other; ValueError where there are fewer than asked for."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.at = data, 0

    def values(self, layout: str) -> tuple[int, ...]:
        fields = struct.unpack_from(f"<{layout}", self.data, self.at)
        self.at += struct.calcsize(f"<{layout}")
        return fields

    def array(self, kind: str, count: int) -> np.ndarray:
        size = np.dtype(kind).itemsize * count
        if count < 0 or self.at + size > len(self.data):
            raise ValueError(f"{size} bytes asked for at {self.at}, the file has {len(self.data)}")
        found = np.empty(count, kind)
        found.view(np.uint8)[:] = np.frombuffer(self.data, np.uint8, size, self.at)
        self.at += size
        return found

    def word(self) -> bytes:
        end = self.data.find(b"\0", self.at)
        if end < 0:
            raise ValueError(f"a word at {self.at} has no end")
        found = self.data[self.at : end]
        self.at = end + 1
        return found


def _read(reader: _Reader) -> ModelFile:
    _, version, dimension, _, _, _, _, word_ngrams, loss, _, bucket, min_letters, max_letters, *_ = reader.values(
        "14id"
    )
    size, word_count, label_count, _, kept_count = reader.values("3i2q")
    if size != word_count + label_count or label_count < 1:
        raise ValueError(f"{size} entries, {word_count} words, {label_count} labels")
    entries, counts = [], []
    for _ in range(size):
        entries.append(reader.word())
        counts.append(reader.values("qb")[0])
    kept = reader.array("<i4", 2 * kept_count).reshape(-1, 2) if kept_count >= 0 else None
    quantised = reader.values("?")[0]
    rows = _quantised(reader) if quantised else _dense(reader)
    quantised &= reader.values("?")[0]
    output = _quantised(reader) if quantised else _dense(reader)
    max_letters = 0 if version == _VERSIONS[0] else max_letters
    if not 0 <= max_letters <= MOST_LETTERS:
        raise ValueError(f"n-grams of up to {max_letters} letters; at most {MOST_LETTERS} are read")
    with_ngrams = max_letters > 0 or word_ngrams > 1
    needed = word_count + ((bucket if kept is None else len(kept)) if with_ngrams else 0)
    if rows.shape[1] != dimension or output.shape != (label_count, dimension) or len(rows) < needed:
        raise ValueError(
            f"matrices {rows.shape}, {output.shape} for {needed} rows, {label_count} labels of {dimension}"
        )
    if kept is not None and len(kept):
        (most_hash, most_row), least = kept.max(axis=0), kept.min()
        if least < 0 or most_hash >= bucket or most_row >= len(rows) - word_count:
            raise ValueError("numbers of n-grams outside the matrix")
    if with_ngrams and bucket < 1:
        raise ValueError(f"{bucket} hashes of n-grams")
    return ModelFile(
        entries[:word_count],
        [label.decode("utf-8", "replace") for label in entries[word_count:]],
        np.array(counts[word_count:], np.int64),
        *(rows, output, loss, bucket, min_letters, max_letters, word_ngrams, kept),
    )


def _dense(reader: _Reader) -> np.ndarray:
    height, width = reader.values("2q")
    return reader.array("<f4", height * width).reshape(height, width)


def _quantised(reader: _Reader) -> np.ndarray:
    """A product-quantised matrix in full: rows are put together of centroids, and scaled by norms that are quantised too."""
    with_norms, height, width, size = reader.values("?2qi")
    codes = reader.array("u1", size)
    rows = _decoded(reader, codes.reshape(height, -1), width)
    if with_norms:
        norms = reader.array("u1", height)
        rows *= _decoded(reader, norms.reshape(height, 1), 1)
    return rows


def _decoded(reader: _Reader, codes: np.ndarray, width: int) -> np.ndarray:
    dimension, parts, part_width, last_width = reader.values("4i")
    centroids = reader.array("<f4", dimension * _CENTROIDS)
    if dimension != width or codes.shape[1] != parts or (parts - 1) * part_width + last_width != width:
        raise ValueError(f"codes {codes.shape} of {parts} parts for {width} columns")
    rows = np.empty((len(codes), width), np.float32)
    for part in range(parts):
        start, stop = part * part_width, min((part + 1) * part_width, width)
        of_part = centroids[_CENTROIDS * start : _CENTROIDS * stop].reshape(_CENTROIDS, stop - start)
        rows[:, start:stop] = of_part[codes[:, part]]
    return rows
