# mypy: disallow-untyped-defs=False
"""FineWeb's own line signals, and the whole FineWeb chain after extraction and language identification.

Lines are split at "\\n"; a line that is all white space does not count. Marks are compared with the line's very last
character, so `end. ` and `end."` do not end in one. List-like pages are found by line breaks per word: per spaCy token
as datatrove counts them (family `fineweb_tokens`), or per white-space word (fast, for our own profiles).

Sources: datatrove 0.10.1, pipeline/filters/fineweb_quality_filter.py and examples/fineweb.py; Penedo et al. 2024,
section 3.6 and table 2. The duplicate limit is 0.01 in code and table; the prose says 0.1.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.options import SpacyOptions
from gristmill.filters.text.ngrams import ngram_scratch, number_spans
from gristmill.filters.text.scratch import divided, longest_document_bytes
from gristmill.filters.text.terminal_marks import TERMINAL_MARKS, is_terminal_mark
from gristmill.filters.text.text_masks import characters_of, next_set, rank, read_text, text_masks
from gristmill.filters.text.unicode_tables import CLASS
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import kernel
from gristmill.kernels.utf8 import code_point_before
from gristmill.kernels.xxh64 import xxh64_padded
from gristmill.schemas.recipe.rules import Profile, Rule
from gristmill.schemas.signals import Family, Signal

SHORT_LINE_CHARACTERS = 30
_LINES, _TERMINAL, _SHORT, _DUPLICATE_CHARACTERS, _CHARACTERS, _NEW_LINES, _WORDS = range(7)
_CODE = "datatrove 0.10.1, pipeline/filters/fineweb_quality_filter.py"
_NO_LINE = "the text has no line with a visible character"

FAMILY = Family(
    name="fineweb_lines",
    version=1,
    signals=(
        Signal("visible_lines", "int", "lines", "lines that are not all white space"),
        Signal("terminal_line_fraction", "float", "fraction", "visible lines that end in a terminal mark", _NO_LINE),
        Signal(
            "short_line_fraction",
            "float",
            "fraction",
            f"visible lines of at most {SHORT_LINE_CHARACTERS} characters",
            _NO_LINE,
        ),
        Signal(
            "repeated_line_character_fraction",
            "float",
            "fraction",
            "characters of visible lines that repeat an earlier one, of all characters but line breaks",
            "the text has no character but line breaks",
        ),
        Signal(
            "line_breaks_per_word",
            "float",
            "line breaks per word",
            "line breaks per white-space word",
            "the text has no word",
        ),
    ),
    measure="gristmill.filters.fineweb.quality:measure",
    source=_CODE,
)

TOKENS = Family(
    name="fineweb_tokens",
    version=1,
    signals=(
        Signal(
            "line_breaks_per_token",
            "float",
            "line breaks per token",
            "line breaks per token of spaCy's English tokenizer, punctuation included",
            "the text has no token",
        ),
    ),
    measure="gristmill.filters.fineweb.quality:measure_tokens",
    source=_CODE,
    options=SpacyOptions,
    libraries=("spacy",),
)


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The line signals of `text`; see FAMILY for the columns."""
    data, offsets = string_buffers(batch.column(0))
    counts = np.zeros((batch.num_rows, 7), dtype=np.int64)
    longest = longest_document_bytes(offsets)
    starts, ends = np.empty(longest + 1, np.int32), np.empty(longest + 1, np.int32)
    scratch = ngram_scratch(longest + 1)
    _count(data, offsets, CLASS, TERMINAL_MARKS, text_masks(longest), starts, ends, scratch, counts)
    lines = counts[:, _LINES]
    columns = [
        pa.array(lines),
        pa.array(divided(counts[:, _TERMINAL], lines)),
        pa.array(divided(counts[:, _SHORT], lines)),
        pa.array(divided(counts[:, _DUPLICATE_CHARACTERS], counts[:, _CHARACTERS])),
        pa.array(divided(counts[:, _NEW_LINES], counts[:, _WORDS])),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=FAMILY.schema)


def measure_tokens(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """Column `line_breaks_per_token`. options: see SpacyOptions."""
    from gristmill.filters.text.spacy_words import token_spans

    texts = batch.column(0)
    data, offsets = string_buffers(texts)
    new_lines = np.zeros(len(texts), dtype=np.int64)
    _count_new_lines(data, offsets, new_lines)
    tokens = np.diff(token_spans(texts, exact=SpacyOptions.model_validate(options).exact)[2])
    return pa.RecordBatch.from_arrays([pa.array(divided(new_lines, tokens))], schema=TOKENS.schema)


def fineweb_rules(text_version: str = "") -> tuple[Rule, ...]:
    """FineWeb's five rules, their signals measured on `text_version` (empty: the original text)."""
    at = f"@{text_version}" if text_version else ""
    source = f"{_CODE}; Penedo et al. 2024, section 3.6"
    return (
        Rule(name="no_visible_line", signal=f"visible_lines{at}", keep=">= 1", source=_CODE),
        Rule(name="few_terminal_lines", signal=f"terminal_line_fraction{at}", keep=">= 0.12", source=source),
        Rule(name="many_short_lines", signal=f"short_line_fraction{at}", keep="<= 0.67", source=source),
        Rule(
            name="repeated_line_text",
            signal=f"repeated_line_character_fraction{at}",
            keep="<= 0.01",
            source=f"{_CODE}, and table 2 of the paper; its prose says 0.1",
        ),
        Rule(
            name="many_line_breaks",
            signal=f"line_breaks_per_token{at}",
            keep="<= 0.3",
            source=f"{_CODE}; not among the paper's three",
        ),
    )


FINEWEB = Profile(
    name="fineweb",
    description="datatrove's FineWebQualityFilter alone, on the original text.",
    source=_CODE,
    languages=("en",),
    rules=fineweb_rules(),
)


@kernel
def _count_new_lines(data, offsets, new_lines):
    for row in range(len(offsets) - 1):
        for i in range(offsets[row], offsets[row + 1]):
            new_lines[row] += data[i] == 10


@kernel
def _count(data, offsets, classes, marks, reading, starts, ends, scratch, counts):
    slots, hashes, _, first, copies, ids, _, _, _ = scratch
    text = reading.text
    for row in range(len(offsets) - 1):
        n = read_text(data, offsets[row], offsets[row + 1], classes, reading)
        out = counts[row]
        out[_WORDS] = rank(reading.word_starts, reading.words, n)
        lines, visible, start = 0, 0, 0
        while start <= n:
            end = next_set(reading.newlines, start)
            lines += 1
            words_before = rank(reading.word_starts, reading.words, start)
            if rank(reading.word_starts, reading.words, end) > words_before:
                out[_TERMINAL] += is_terminal_mark(code_point_before(text, end)[0], marks)
                out[_SHORT] += characters_of(reading, start, end) <= SHORT_LINE_CHARACTERS
                starts[visible], ends[visible] = start, end
                hashes[visible] = xxh64_padded(text, start, end, 0)
                visible += 1
            start = end + 1
        out[_LINES] = visible
        out[_NEW_LINES] = lines - 1
        out[_CHARACTERS] = characters_of(reading, 0, n) - (lines - 1)
        distinct = number_spans(text, starts, ends, visible, hashes, slots, first, copies, ids)
        if distinct == visible:
            continue
        for line in range(distinct):
            length = characters_of(reading, starts[first[line]], ends[first[line]])
            out[_DUPLICATE_CHARACTERS] += (copies[line] - 1) * length
