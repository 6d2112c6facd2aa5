# mypy: disallow-untyped-defs=False
"""C4 as Dolma's tagger `c4_v2` flags it and its C4 replication mix uses it.

Lines are split at "\\n" only, blank ones are lines; a line is flagged when, stripped, it does not end in . ? ! or " and
when it has fewer than 3 white-space words. `{`, `lorem ipsum` and `javascript` (any substring) flag the page wherever
they stand. The mix drops flagged pages and cuts flagged lines out, each with its "\\n", without any strip or join. The
naughty-word flag needs a word list: family `bad_words`.

Source: Dolma 1.2.1, taggers/c4.py, FasterC4Tagger; configs/c4-replication/mixer.yaml.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.c4.phrases import CURLY, LOREM, SCRIPT, phrases
from gristmill.filters.text.scratch import longest_document_bytes
from gristmill.filters.text.text_masks import next_set, rank, read_text, stripped, text_masks
from gristmill.filters.text.unicode_tables import CLASS
from gristmill.filters.transforms.edit_arrays import constant_edits
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, kernel
from gristmill.schemas.recipe.rules import Profile, Rule
from gristmill.schemas.signals import Family, Signal

MIN_WORDS = 3
REASONS = [("", ""), ("", "no_terminal_mark"), ("", "few_words")]  # (replacement, reason)
_SOURCE = "Dolma 1.2.1, taggers/c4.py, c4_v2; configs/c4-replication/mixer.yaml"

FAMILY = Family(
    name="c4_dolma",
    version=1,
    signals=(
        Signal("c4_dolma_lines", "int", "lines", 'lines split at "\\n", blank ones too'),
        Signal(
            "c4_dolma_lines_without_terminal_mark", "int", "lines", "lines that do not end in a mark, blank ones too"
        ),
        Signal("c4_dolma_short_lines", "int", "lines", f"lines of fewer than {MIN_WORDS} words, blank ones too"),
        Signal("c4_dolma_lorem_ipsum", "bool", "", "`lorem ipsum` in any case, anywhere"),
        Signal("c4_dolma_javascript", "bool", "", "`javascript` in any case, anywhere"),
        Signal("c4_dolma_curly_bracket", "bool", "", "a `{` anywhere"),
    ),
    measure="gristmill.filters.c4.dolma:measure",
    source=_SOURCE,
)

C4_DOLMA = Profile(
    name="c4@dolma",
    description="C4 as Dolma replicates it: page flags, and flagged lines cut out; no minimum of sentences.",
    source=_SOURCE,
    languages=("en",),
    text_version="c4_lines_dolma",
    rules=(
        Rule(name="curly_bracket", signal="c4_dolma_curly_bracket", keep="== false", source=_SOURCE),
        Rule(name="lorem_ipsum", signal="c4_dolma_lorem_ipsum", keep="== false", source=_SOURCE),
        Rule(name="javascript", signal="c4_dolma_javascript", keep="== false", source=_SOURCE),
    ),
)


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """Line counts and page flags of `text`; see FAMILY for the columns."""
    data, offsets = string_buffers(batch.column(0))
    facts = np.zeros((batch.num_rows, len(FAMILY.signals)), dtype=np.int64)
    _page_facts(data, offsets, text_masks(longest_document_bytes(offsets)), CLASS, facts)
    columns = [pa.array(facts[:, i]) for i in range(3)] + [pa.array(facts[:, i] != 0) for i in range(3, 6)]
    return pa.RecordBatch.from_arrays(columns, schema=FAMILY.schema)


def edits(texts: pa.Array, options: Mapping[str, Any]) -> pa.Array:
    """EDITS that cut out every flagged line with its "\\n"; reasons no_terminal_mark, few_words (the first one)."""
    data, offsets = string_buffers(texts)
    reading = text_masks(longest_document_bytes(offsets))
    edit_offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    nothing = np.zeros(0, dtype=np.int64)
    _flagged_lines(data, offsets, reading, CLASS, edit_offsets, nothing, nothing, nothing, False)
    starts, ends, codes = (np.zeros(int(edit_offsets[-1]), dtype=np.int64) for _ in range(3))
    _flagged_lines(data, offsets, reading, CLASS, edit_offsets, starts, ends, codes, True)
    return constant_edits(edit_offsets, starts, ends, codes, REASONS)


@helper
def _line_end(reading, start):
    """(position of the "\\n" of the line that begins at `start`, its words, whether it ends in a mark)."""
    end = next_set(reading.newlines, start)
    words = rank(reading.word_starts, reading.words, end) - rank(reading.word_starts, reading.words, start)
    last = stripped(reading.spaces, start, end)[1]
    mark = reading.text[last - 1] if last > start else 0
    return end, words, mark == 46 or mark == 63 or mark == 33 or mark == 34


@kernel
def _page_facts(data, offsets, reading, classes, facts):
    for row in range(len(offsets) - 1):
        n = read_text(data, offsets[row], offsets[row + 1], classes, reading)
        start = 0
        while start <= n:
            end, words, marked = _line_end(reading, start)
            facts[row, 0] += 1
            facts[row, 1] += not marked
            facts[row, 2] += words < MIN_WORDS
            start = end + 1
        found = phrases(reading.text, 0, n)
        facts[row, 3] = found & LOREM
        facts[row, 4] = found & SCRIPT
        facts[row, 5] = found & CURLY


@kernel
def _flagged_lines(data, offsets, reading, classes, edit_offsets, starts, ends, codes, fill):
    edits = 0
    for row in range(len(offsets) - 1):
        n = read_text(data, offsets[row], offsets[row + 1], classes, reading)
        start = 0
        while start < n:
            end, words, marked = _line_end(reading, start)
            if not marked or words < MIN_WORDS:
                if fill:
                    starts[edits], ends[edits], codes[edits] = start, min(end + 1, n), 2 if marked else 1
                edits += 1
            start = end + 1
        edit_offsets[row + 1] = edits
