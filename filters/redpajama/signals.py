r"""The natural-language and repetition signals of RedPajama-Data v2 that the text alone defines, under its field names.

Raw words are `\w+|[^\w\s]+` (WordPunct); normalised text has ASCII punctuation removed, is lower-cased, its white space
collapsed and canonically decomposed (NFD), and normalised words are its white-space words. Every float is rounded to
eight digits as there.

RedPajama stores `rps_lines_*` as a list with one score a line; a signal here is one number a document: the suffix says
which. `_fraction_of_lines`: lines with the property; `_mean`, `_max`, `_sum`: of the line scores; `_overall`: numerator
and denominator summed over the lines. A line holds its line break, as there. `rps_doc_stop_word_fraction` uses our own
list (`filters/text/stop_words.py`). `rps_doc_unigram_entropy` rests on the platform's `log`, in nats.

Source: togethercomputer/RedPajama-Data v2, app/src/core/quality_signals; Weber et al. 2024, arXiv:2411.12372.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.redpajama import kernels as k
from gristmill.filters.text.ngrams import COVERED, GRAM_COLUMNS, TOP_CHARACTERS, TOP_COUNT, ngram_scratch
from gristmill.filters.text.scratch import longest_document_bytes
from gristmill.filters.text.unicode_tables import CLASS, LOWER
from gristmill.kernels.buffers import string_buffers
from gristmill.schemas.signals import Family, Signal

DIGITS = 8
TOP_SIZES, DUPLICATE_SIZES = (2, 3, 4), (5, 6, 7, 8, 9, 10)
_LOREM_IPSUM = re.compile("lorem ipsum", re.IGNORECASE)
_NO_RAW, _NO_WORD, _NO_LINE = "the text has no raw word", "the text has no normalised word", "the text has no line"

_FRACTIONS = (
    ("rps_doc_curly_bracket", "`{` and `}` among the characters", None),
    ("rps_doc_lorem_ipsum", "occurrences of `lorem ipsum` per character of the normalised text", None),
    ("rps_doc_frac_all_caps_words", "raw words in upper case", _NO_RAW),
    ("rps_doc_frac_no_alph_words", "raw words without an ASCII letter", _NO_RAW),
    ("rps_doc_symbol_to_word_ratio", "`#`, `...` and `…` per raw word", _NO_RAW),
    ("rps_doc_stop_word_fraction", "raw words that are English function words as written", None),
    ("rps_doc_frac_lines_end_with_ellipsis", "lines that end in `...` or `…`", _NO_LINE),
    ("rps_doc_frac_unique_words", "different normalised words", _NO_WORD),
    ("rps_lines_start_with_bulletpoint_fraction_of_lines", "lines that begin with a bullet", _NO_LINE),
    (
        "rps_lines_ending_with_terminal_punctution_mark_fraction_of_lines",
        "lines that end in . ! ? or ”",
        _NO_LINE,
    ),
    ("rps_lines_uppercase_letter_fraction_overall", "upper-case characters", _NO_LINE),
    ("rps_lines_uppercase_letter_fraction_max", "the line with most upper-case characters", _NO_LINE),
    ("rps_lines_numerical_chars_fraction_overall", "numeric characters of the normalised lines", None),
    ("rps_lines_numerical_chars_fraction_max", "the normalised line with most numeric characters", None),
    *((f"rps_doc_frac_chars_top_{n}gram", f"characters in the most frequent {n}-gram", None) for n in TOP_SIZES),
    *((f"rps_doc_frac_chars_dupe_{n}grams", f"characters in repeated {n}-grams", None) for n in DUPLICATE_SIZES),
)

FAMILY = Family(
    name="redpajama",
    version=1,
    signals=(
        Signal("rps_doc_word_count", "int", "words", "normalised words"),
        Signal("rps_doc_num_sentences", "int", "sentences", r"matches of `\b[^.!?]+[.!?]*`"),
        Signal("rps_lines_num_words_max", "int", "words", "normalised words of the longest line"),
        Signal("rps_lines_javascript_counts_sum", "int", "words", "normalised words that are `javascript`"),
        Signal("rps_lines_num_words_mean", "float", "words", "normalised words per line", _NO_LINE),
        Signal("rps_doc_mean_word_length", "float", "characters", "of the normalised words", _NO_WORD),
        Signal("rps_doc_unigram_entropy", "float", "nats", "entropy of the normalised words", _NO_WORD),
        *(Signal(name, "float", "fraction", meaning, null) for name, meaning, null in _FRACTIONS),
    ),
    measure="gristmill.filters.redpajama.signals:measure",
    source="togethercomputer/RedPajama-Data v2, app/src/core/quality_signals",
)


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The signals of `text`; see FAMILY for the columns."""
    data, offsets = string_buffers(batch.column(0))
    raw, most_uppercase = _raw(data, offsets)
    normalised = _normalised(data, offsets)
    norm, most_numeric, entropies, grams = _normalised_counts(*normalised)
    lines, words = raw[:, k.LINES], norm[:, k.WORDS]
    content = norm[:, k.WORD_CHARACTERS] + np.maximum(words - 1, 0)
    raw_words = raw[:, k.RAW_WORDS]
    columns: dict[str, list[float | None]] = {
        "rps_lines_num_words_mean": _rounded(words, lines),
        "rps_doc_mean_word_length": _rounded(norm[:, k.WORD_CHARACTERS], words),
        "rps_doc_unigram_entropy": [round(e, DIGITS) if n else None for e, n in _pairs(entropies, words)],
        "rps_doc_curly_bracket": _rounded(raw[:, k.CURLY_BRACKETS], raw[:, k.CHARACTERS], 0.0),
        "rps_doc_lorem_ipsum": _rounded(_lorem_ipsum(*normalised), content, 0.0),
        "rps_doc_frac_all_caps_words": _rounded(raw[:, k.ALL_CAPS_WORDS], raw_words),
        # one minus a quotient, as there: the last digit may differ from the quotient of the complement
        "rps_doc_frac_no_alph_words": [
            round(1.0 - a / n, DIGITS) if n else None for a, n in _pairs(raw[:, k.ALPHABETIC_WORDS], raw_words)
        ],
        "rps_doc_symbol_to_word_ratio": _rounded(raw[:, k.SYMBOLS], raw_words),
        "rps_doc_stop_word_fraction": _rounded(np.where(words == 0, 0, raw[:, k.STOP_WORDS]), raw_words, 0.0),
        "rps_doc_frac_lines_end_with_ellipsis": _rounded(raw[:, k.ELLIPSIS_LINES], lines),
        "rps_doc_frac_unique_words": _rounded(norm[:, k.UNIQUE_WORDS], words),
        "rps_lines_start_with_bulletpoint_fraction_of_lines": _rounded(raw[:, k.BULLET_LINES], lines),
        "rps_lines_ending_with_terminal_punctution_mark_fraction_of_lines": _rounded(raw[:, k.TERMINAL_LINES], lines),
        "rps_lines_uppercase_letter_fraction_overall": _rounded(
            raw[:, k.UPPERCASE], np.where(lines == 0, 0, raw[:, k.CHARACTERS])
        ),
        "rps_lines_uppercase_letter_fraction_max": [
            round(share, DIGITS) if n else None for share, n in _pairs(most_uppercase, lines)
        ],
        "rps_lines_numerical_chars_fraction_overall": _rounded(
            norm[:, k.NUMERIC_CHARACTERS], norm[:, k.LINE_CHARACTERS], 0.0
        ),
        "rps_lines_numerical_chars_fraction_max": [round(share, DIGITS) for share in most_numeric.tolist()],
    }
    for n in TOP_SIZES:
        top = grams[:, n - 2]
        characters = np.where(top[:, TOP_COUNT] > 1, top[:, TOP_CHARACTERS] * top[:, TOP_COUNT], 0)
        columns[f"rps_doc_frac_chars_top_{n}gram"] = _rounded(characters, norm[:, k.WORD_CHARACTERS], 0.0)
    for n in DUPLICATE_SIZES:
        covered = grams[:, n - 2, COVERED]
        columns[f"rps_doc_frac_chars_dupe_{n}grams"] = _rounded(covered, norm[:, k.WORD_CHARACTERS], 0.0)
    integers = {
        "rps_doc_word_count": words,
        "rps_doc_num_sentences": raw[:, k.SENTENCES],
        "rps_lines_num_words_max": norm[:, k.MOST_LINE_WORDS],
        "rps_lines_javascript_counts_sum": norm[:, k.JAVASCRIPT],
    }
    arrays = [
        pa.array(integers[field.name] if field.name in integers else columns[field.name], field.type)
        for field in FAMILY.schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=FAMILY.schema)


def _raw(data: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(int64 (rows, RAW_COLUMNS), largest upper-case share of a line)."""
    count = len(offsets) - 1
    counts, most_uppercase = np.zeros((count, k.RAW_COLUMNS), dtype=np.int64), np.zeros(count)
    longest = longest_document_bytes(offsets)
    k.raw_counts(data, offsets, longest, CLASS, LOWER, counts, most_uppercase)
    return counts, most_uppercase


def _normalised(data: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(bytes, offsets) of the texts without ASCII punctuation, in lower case, decomposed."""
    size = int(offsets[-1] - offsets[0])
    out, edges, ascii_only = (
        np.empty(size, np.uint8),
        np.zeros(len(offsets), np.int64),
        np.empty(len(offsets) - 1, bool),
    )
    k.without_punctuation(data, offsets, out, edges, ascii_only)
    if ascii_only.all():
        return out[: edges[-1]], edges
    parts = [out[a:b].tobytes() for a, b in pairwise(edges.tolist())]
    for row in np.flatnonzero(~ascii_only).tolist():
        parts[row] = unicodedata.normalize("NFD", parts[row].decode().lower()).encode()
    edges = np.array([0, *accumulate(map(len, parts))], np.int64)
    return np.frombuffer(bytearray(b"".join(parts)), np.uint8), edges


def _normalised_counts(data: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(int64 (rows, NORMALISED_COLUMNS), largest numeric share of a line, entropies, n-gram columns)."""
    count = len(offsets) - 1
    counts = np.zeros((count, k.NORMALISED_COLUMNS), dtype=np.int64)
    most_numeric, entropies = np.zeros(count), np.zeros(count)
    grams = np.zeros((count, k.LONGEST_GRAM - 1, GRAM_COLUMNS), dtype=np.int64)
    longest = longest_document_bytes(offsets)
    scratch = ngram_scratch(longest // 2 + 1)
    k.normalised_counts(data, offsets, longest, CLASS, scratch, counts, most_numeric, entropies, grams)
    return counts, most_numeric, entropies, grams


def _pairs(left: np.ndarray, right: np.ndarray) -> Iterator[tuple[Any, Any]]:
    return zip(left.tolist(), right.tolist(), strict=True)


def _rounded(numerators: np.ndarray, denominators: np.ndarray, undefined: float | None = None) -> list[float | None]:
    """Quotients rounded by Python, whose rounding of a decimal tie NumPy does not share; `undefined` for x / 0."""
    return [round(a / b, DIGITS) if b else undefined for a, b in _pairs(numerators, denominators)]


def _lorem_ipsum(data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """How often each normalised text holds `lorem ipsum`, white space collapsed; where it does, with a long s for s as well."""
    counts = np.zeros(len(offsets) - 1, np.int64)
    raw, at = data.tobytes(), -1
    while (at := raw.find(b"ipsum", at + 1)) >= 0:
        row = int(np.searchsorted(offsets, at, "right")) - 1
        content = " ".join(raw[offsets[row] : offsets[row + 1]].decode().split())
        if "lorem ipsum" in content:
            counts[row] = len(_LOREM_IPSUM.findall(content))
        at = int(offsets[row + 1]) - 1
    return counts
