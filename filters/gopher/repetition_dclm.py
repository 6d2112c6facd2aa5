# mypy: disallow-untyped-defs=False
"""Gopher's repeated n-gram quantities as DCLM measures them: on Unicode words that begin with a letter or digit.

The quantities are the paper's, as in `gopher_repetition`; only the word rule (UAX #29 by uniseg, punctuation and white
space left out) differs. DCLM's line and paragraph quantities are the `_all_copies` signals of
`gopher_repetition_lines`. Holds for any script; without a dictionary Chinese, Japanese and Thai fall into single
characters or long runs.

Source: mlfoundations/dclm baselines/mappers/filters/content_filters.py, repetition_filter.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.gopher.repetition import LONGEST_GRAM, paper_fractions, paper_signals
from gristmill.filters.text.ngrams import GRAM_COLUMNS, count_ngrams, fill_edges, hash_words, ngram_scratch
from gristmill.filters.text.scratch import longest_document_bytes
from gristmill.filters.text.unicode_words import unicode_word_spans
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import kernel
from gristmill.kernels.utf8 import decode_utf8
from gristmill.schemas.signals import Family


@kernel
def count_batch(data, offsets, starts, ends, word_offsets, cps, scratch):
    """(int64 (documents, LONGEST_GRAM - 1, GRAM_COLUMNS), word characters int64 (documents)) for the words given."""
    grams = np.zeros((offsets.size - 1, LONGEST_GRAM - 1, GRAM_COLUMNS), np.int64)
    characters = np.zeros(offsets.size - 1, np.int64)
    for d in range(offsets.size - 1):
        decode_utf8(data, offsets[d], offsets[d + 1], cps)
        first, last = word_offsets[d], word_offsets[d + 1]
        of, to, words = starts[first:last], ends[first:last], last - first
        hash_words(cps, of, to, words, scratch.hashes)
        fill_edges(of, to, words, scratch.edges)
        count_ngrams(cps, of, to, words, LONGEST_GRAM, scratch, grams[d])
        characters[d] = scratch.edges[words]
    return grams, characters


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The signals of FAMILY for column `text`."""
    texts = batch.column("text")
    starts, ends, word_offsets = unicode_word_spans(texts, alnum_first=True)
    data, offsets = string_buffers(texts)
    cps = np.empty(longest_document_bytes(offsets), np.int32)
    scratch = ngram_scratch(longest_document_bytes(word_offsets))
    columns = paper_fractions(*count_batch(data, offsets, starts, ends, word_offsets, cps, scratch))
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=FAMILY.schema)


FAMILY = Family(
    name="gopher_repetition_dclm",
    version=1,
    measure="gristmill.filters.gopher.repetition_dclm:measure",
    source="mlfoundations/dclm content_filters.py, repetition_filter; Rae et al. 2021, arXiv:2112.11446, table A1",
    signals=paper_signals("_dclm", "Unicode words"),
)
