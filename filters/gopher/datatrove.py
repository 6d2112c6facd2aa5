# mypy: disallow-untyped-defs=False
"""Gopher's quality and repetition quantities as datatrove measures them, on spaCy's English words.

In spaCy's words a punctuation mark is a word: letters are counted per token, lengths over tokens that hold more than
symbols. Lines and paragraphs of the repetition rules are in `gopher_repetition_lines`. English only.

Option `exact` (default false): let spaCy split the text instead of the compiled rules; both feed the same kernel.
Source: datatrove 0.10.1 pipeline/filters/gopher_quality_filter.py and gopher_repetition_filter.py.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.gopher.quality import (
    BULLET,
    DOT,
    DOT_ELLIPSES,
    ELLIPSIS,
    ELLIPSIS_MARKS,
    HASH,
    HASHES,
    HYPHEN,
    ends_with_dots,
    packed_ascii,
    stop_word_bit,
)
from gristmill.filters.gopher.repetition import DUPLICATE_SIZES, TOP_SIZES
from gristmill.filters.options import SpacyOptions
from gristmill.filters.text import ngrams
from gristmill.filters.text.greedy_ngrams import candidates, greedy_duplicate_characters, join_words
from gristmill.filters.text.ngrams import (
    GRAM_COLUMNS,
    count_ngrams,
    fill_powers,
    fill_prefix_hashes,
    ngram_scratch,
    prefix_span_hash,
)
from gristmill.filters.text.punctuation_datatrove import datatrove_symbols
from gristmill.filters.text.scratch import divided, longest_document_bytes
from gristmill.filters.text.spacy_words import token_spans
from gristmill.filters.text.unicode_tables import ALPHA, CLASS, LINE_BREAK, SPACE
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.utf8 import decode_utf8
from gristmill.schemas.signals import Family, Signal

MARK_COLUMNS = 8  # `count_mark` writes the columns HASHES to ELLIPSIS_MARKS
TOKENS, WORDS, WORD_CHARACTERS, ALPHA_TOKENS, STOP_WORDS, LINES, BULLET_LINES, ELLIPSIS_LINES, CHARACTERS = range(
    MARK_COLUMNS, MARK_COLUMNS + 9
)
DUPLICATES = CHARACTERS + 1  # one column for each of DUPLICATE_SIZES
COLUMNS = DUPLICATES + 6
LONGEST_TOP, SMALLEST_DUPLICATE, LARGEST_DUPLICATE = 4, 5, 10


@helper
def count_mark(cps, n, i, free_from, out):
    """Count the #, dot or U+2026 at i as `str.count` would; returns from where the next `...` may start."""
    if cps[i] == HASH:
        out[HASHES] += 1
    elif cps[i] == ELLIPSIS:
        out[ELLIPSIS_MARKS] += 1
    elif i >= free_from and i + 3 <= n and ends_with_dots(cps, i, i + 3):
        out[DOT_ELLIPSES] += 1
        return i + 3
    return free_from


@helper
def measure_tokens(cps, classes, symbols, starts, ends, tokens, out):
    stop_words = 0
    for t in range(tokens):
        start, end = starts[t], ends[t]
        only_symbols = True
        flags = 0
        for i in range(start, end):
            flags |= classes[cps[i]]
            only_symbols &= symbols[cps[i]]
        out[ALPHA_TOKENS] += (flags & ALPHA) != 0
        if not only_symbols:
            out[WORDS] += 1
            out[WORD_CHARACTERS] += end - start
        key = packed_ascii(cps, start, end)
        if key:
            stop_words |= stop_word_bit(key)
    out[TOKENS] = tokens
    while stop_words:
        out[STOP_WORDS] += stop_words & 1
        stop_words >>= 1


@helper
def strip_span(cps, classes, start, end):
    """The span without white space at either side, as str.strip()."""
    while start < end and classes[cps[start]] & SPACE:
        start += 1
    while end > start and classes[cps[end - 1]] & SPACE:
        end -= 1
    return start, end


@helper
def measure_line(cps, classes, start, end, out):
    """One line of `splitlines()`: a bullet after white space, an ellipsis before it."""
    out[LINES] += 1
    start, end = strip_span(cps, classes, start, end)
    if start == end:
        return
    out[BULLET_LINES] += (cps[start] == BULLET) | (cps[start] == HYPHEN)
    out[ELLIPSIS_LINES] += (cps[end - 1] == ELLIPSIS) | ends_with_dots(cps, start, end)


@helper
def measure_characters(cps, n, classes, out):
    """Marks, and the lines of `splitlines()`: CR LF is one break, and text after the last break is a line if any."""
    line_start, free_from = 0, 0
    for i in range(n):
        cp = cps[i]
        if (cp == DOT) | (cp == HASH) | (cp == ELLIPSIS):
            free_from = count_mark(cps, n, i, free_from, out)
        elif classes[cp] & LINE_BREAK:
            if cp == 0x0A and i > 0 and cps[i - 1] == 0x0D:
                line_start = i + 1
                continue
            measure_line(cps, classes, line_start, i, out)
            line_start = i + 1
    if line_start < n:
        measure_line(cps, classes, line_start, n, out)
    out[CHARACTERS] = n


@helper
def measure_ngrams(cps, starts, ends, tokens, joined, prefixes, powers, scratch, top, duplicates):
    """Fill `top` as `count_ngrams` does, and duplicates[n - SMALLEST_DUPLICATE]."""
    slots, hashes, _, _, _, _, positions, edges, marks = scratch
    length = join_words(cps, starts, ends, tokens, joined, edges)
    fill_prefix_hashes(joined, length, prefixes)
    for t in range(tokens):
        hashes[t] = prefix_span_hash(prefixes, powers, edges[t], edges[t + 1])
    count_ngrams(cps, starts, ends, tokens, LONGEST_TOP, scratch, top)
    m = candidates(edges, tokens, prefixes, powers, hashes, marks, positions)
    for n in range(SMALLEST_DUPLICATE, LARGEST_DUPLICATE + 1):
        duplicates[n - SMALLEST_DUPLICATE] = greedy_duplicate_characters(
            joined, edges, tokens, n, positions, m, prefixes, powers, hashes, slots
        )


@kernel
def count_batch(data, offsets, classes, symbols, starts, ends, token_offsets, buffers, scratch):
    """(int64 (documents, COLUMNS), int64 (documents, LONGEST_TOP - 1, GRAM_COLUMNS)) for the tokens given.

    buffers: code points, joined code points (both int32), prefix hashes, powers (both uint64).
    """
    cps, joined, prefixes, powers = buffers
    documents = offsets.size - 1
    counts = np.zeros((documents, COLUMNS), np.int64)
    grams = np.zeros((documents, LONGEST_TOP - 1, GRAM_COLUMNS), np.int64)
    fill_powers(powers)
    for d in range(documents):
        n = decode_utf8(data, offsets[d], offsets[d + 1], cps)
        a, b = token_offsets[d], token_offsets[d + 1]
        of, to, tokens = starts[a:b], ends[a:b], b - a
        measure_tokens(cps, classes, symbols, of, to, tokens, counts[d])
        measure_characters(cps, n, classes, counts[d])
        measure_ngrams(cps, of, to, tokens, joined, prefixes, powers, scratch, grams[d], counts[d, DUPLICATES:])
    return counts, grams


def count_tokens(
    texts: pa.Array, starts: np.ndarray, ends: np.ndarray, token_offsets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`count_batch` with its work space."""
    data, offsets = string_buffers(texts)
    longest = longest_document_bytes(offsets)
    buffers = (
        np.empty(longest, np.int32),
        np.empty(longest, np.int32),
        np.empty(longest + 1, np.uint64),
        np.empty(longest + 1, np.uint64),
    )
    scratch = ngram_scratch(longest_document_bytes(token_offsets))
    return count_batch(data, offsets, CLASS, datatrove_symbols(), starts, ends, token_offsets, buffers, scratch)


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The signals of FAMILY for column `text`."""
    texts = batch.column("text")
    counts, grams = count_tokens(texts, *token_spans(texts, exact=SpacyOptions.model_validate(options).exact))
    c = counts.T
    columns = [
        c[CHARACTERS],
        c[TOKENS],
        c[WORDS],
        divided(c[WORD_CHARACTERS], c[WORDS]),
        divided(c[HASHES], c[TOKENS]),
        divided(c[DOT_ELLIPSES] + c[ELLIPSIS_MARKS], c[TOKENS]),
        divided(c[BULLET_LINES], c[LINES]),
        divided(c[ELLIPSIS_LINES], c[LINES]),
        divided(c[ALPHA_TOKENS], c[TOKENS]),
        c[STOP_WORDS],
    ]
    for n in TOP_SIZES:
        characters, count = grams[:, n - 2, ngrams.TOP_CHARACTERS], grams[:, n - 2, ngrams.TOP_COUNT]
        columns.append(divided((characters + n - 1) * count, np.where(count > 0, c[CHARACTERS], 0)))
    columns += [divided(c[DUPLICATES + k], c[CHARACTERS]) for k in range(len(DUPLICATE_SIZES))]
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=FAMILY.schema)


_NO_TOKENS, _NO_LINES = "the text has no token", "the text is empty"

FAMILY = Family(
    name="gopher_datatrove",
    version=1,
    measure="gristmill.filters.gopher.datatrove:measure",
    source="datatrove 0.10.1 GopherQualityFilter, GopherRepetitionFilter; Rae et al. 2021, arXiv:2112.11446",
    options=SpacyOptions,
    signals=(
        Signal("char_count_datatrove", "int", "characters", "Code points of the text."),
        Signal("token_count_datatrove", "int", "tokens", "spaCy's English tokens, punctuation included."),
        Signal("word_count_datatrove", "int", "words", "Tokens with a character outside datatrove's symbols."),
        Signal(
            "mean_word_length_datatrove",
            "float",
            "characters",
            "Mean length of the tokens of word_count_datatrove.",
            "the text has only symbols",
        ),
        Signal("hashes_per_token_datatrove", "float", "ratio", "Occurrences of # / tokens.", _NO_TOKENS),
        Signal("ellipses_per_token_datatrove", "float", "ratio", "Occurrences of ... and U+2026 / tokens.", _NO_TOKENS),
        Signal(
            "bullet_line_fraction_datatrove",
            "float",
            "fraction",
            "Lines of splitlines() that start, after white space, with • or -.",
            _NO_LINES,
        ),
        Signal(
            "ellipsis_line_fraction_datatrove",
            "float",
            "fraction",
            "Lines of splitlines() that end, before white space, with ... or U+2026.",
            _NO_LINES,
        ),
        Signal(
            "alpha_token_fraction_datatrove", "float", "fraction", "Tokens with an alphabetic character.", _NO_TOKENS
        ),
        Signal("unique_stop_word_count_datatrove", "int", "words", "How many of eight English stop words are tokens."),
        *(
            Signal(
                f"top_{n}gram_char_fraction_datatrove",
                "float",
                "fraction",
                f"Length of the most frequent {n}-gram (met first among equals, also one that occurs once), joined by "
                "spaces, x its count / characters of the text.",
                f"fewer than {n} tokens",
            )
            for n in TOP_SIZES
        ),
        *(
            Signal(
                f"dup_{n}gram_char_fraction_datatrove",
                "float",
                "fraction",
                f"Characters of {n}-grams found again by a greedy walk / characters of the text.",
                "the text is empty",
            )
            for n in DUPLICATE_SIZES
        ),
    ),
)
