# mypy: disallow-untyped-defs=False
"""Gopher's repeated n-gram quantities on white-space words.

Text that repeats itself is of little use to a model and a sign of boilerplate or spam (Rae et al. 2021,
arXiv:2112.11446, A1.1 and table A1). Two readings: without suffix the paper's, where characters of overlapping n-grams
count once and the most frequent n-gram must occur twice; `_dolma` is that tagger's. Lines and paragraphs:
`gopher_repetition_lines`; other words: `gopher_repetition_dclm`, `gopher_datatrove`. Holds for any script with spaces.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.text import ngrams
from gristmill.filters.text.ngrams import GRAM_COLUMNS, count_ngrams, hash_byte_words, ngram_scratch
from gristmill.filters.text.scratch import divided, longest_document_bytes
from gristmill.filters.text.text_masks import read_text, split_words, text_masks
from gristmill.filters.text.unicode_tables import CLASS
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import kernel
from gristmill.schemas.signals import Family, Signal

TOP_SIZES = (2, 3, 4)
DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)
LONGEST_GRAM = 10


@kernel
def count_batch(data, offsets, classes, reading, starts, ends, scratch):
    """(int64 (documents, LONGEST_GRAM - 1, GRAM_COLUMNS), word characters int64 (documents))."""
    grams = np.zeros((offsets.size - 1, LONGEST_GRAM - 1, GRAM_COLUMNS), np.int64)
    characters = np.zeros(offsets.size - 1, np.int64)
    for d in range(offsets.size - 1):
        n = read_text(data, offsets[d], offsets[d + 1], classes, reading)
        words = split_words(reading, n, starts, ends, scratch.edges)
        hash_byte_words(reading.text, starts, ends, words, scratch.hashes)
        count_ngrams(reading.text, starts, ends, words, LONGEST_GRAM, scratch, grams[d])
        characters[d] = scratch.edges[words]
    return grams, characters


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The signals of FAMILY for column `text`."""
    data, offsets = string_buffers(batch.column("text"))
    longest = longest_document_bytes(offsets)
    most_words = longest // 2 + 1
    starts, ends = np.empty(most_words, np.int32), np.empty(most_words, np.int32)
    grams, characters = count_batch(data, offsets, CLASS, text_masks(longest), starts, ends, ngram_scratch(most_words))
    columns = paper_fractions(grams, characters) + dolma_fractions(grams, characters)
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=FAMILY.schema)


def paper_fractions(grams: np.ndarray, characters: np.ndarray) -> list[np.ndarray]:
    """Most frequent repeated 2- to 4-grams, words covered by repeated 5- to 10-grams; 0 when nothing can repeat."""
    top = [divided(grams[:, n - 2, ngrams.TOP_REPEATED], characters) for n in TOP_SIZES]
    return top + [divided(grams[:, n - 2, ngrams.COVERED], characters) for n in DUPLICATE_SIZES]


def dolma_fractions(grams: np.ndarray, characters: np.ndarray) -> list[np.ndarray]:
    """Undefined where a text has fewer than n words, as Dolma emits no attribute there."""
    top = [
        divided(
            grams[:, n - 2, ngrams.TOP_CHARACTERS] * grams[:, n - 2, ngrams.TOP_COUNT],
            np.where(grams[:, n - 2, ngrams.TOP_COUNT] > 0, characters, 0),
        )
        for n in TOP_SIZES
    ]
    return top + [
        divided(grams[:, n - 2, ngrams.ALL_COPIES], grams[:, n - 2, ngrams.ALL_GRAMS]) for n in DUPLICATE_SIZES
    ]


def paper_signals(suffix: str, words: str) -> tuple[Signal, ...]:
    """The paper's quantities for one word rule."""
    return tuple(
        Signal(
            f"top_{n}gram_char_fraction{suffix}",
            "float",
            "fraction",
            f"Characters of the most frequent repeated {n}-gram of {words}, longest among equals / all of theirs.",
            "the text has no word",
        )
        for n in TOP_SIZES
    ) + tuple(
        Signal(
            f"dup_{n}gram_char_fraction{suffix}",
            "float",
            "fraction",
            f"Characters of {words} inside a {n}-gram that occurs twice or more, each word once / all of theirs.",
            "the text has no word",
        )
        for n in DUPLICATE_SIZES
    )


_DOLMA_SIGNALS = tuple(
    Signal(
        f"top_{n}gram_char_fraction_dolma",
        "float",
        "fraction",
        f"Characters of the most frequent {n}-gram (met first among equals, also one that occurs once) x its count "
        "/ characters of words.",
        f"fewer than {n} words",
    )
    for n in TOP_SIZES
) + tuple(
    Signal(
        f"dup_{n}gram_char_fraction_dolma",
        "float",
        "fraction",
        f"Share of {n}-gram characters in {n}-grams that occur twice or more, overlaps counted each time.",
        f"fewer than {n} words",
    )
    for n in DUPLICATE_SIZES
)

FAMILY = Family(
    name="gopher_repetition",
    version=1,
    measure="gristmill.filters.gopher.repetition:measure",
    source="Rae et al. 2021, arXiv:2112.11446, table A1; Dolma taggers/gopher.py",
    signals=(*paper_signals("", "white-space words"), *_DOLMA_SIGNALS),
)
