# mypy: disallow-untyped-defs=False
"""English words as spaCy's blank pipe splits them: the word rule of datatrove, for Gopher, FineWeb and MinHash parity.

    >>> starts, ends, doc_offsets = token_spans(pa.array(["Don't e-mail me."]))
    >>> ["Don't e-mail me."[s:e] for s, e in zip(starts, ends)]
    ['Do', "n't", 'e', '-', 'mail', 'me', '.']

Spans are in the batch form of `spans`: code points, flattened over the rows. The compiled rules are derived from the
installed spaCy (`spacy_rules`); they keep no state between texts and run in as many threads as call them. A kernel
that needs words while it walks a document calls `spacy_english_words` of `spacy_splitting` with `load_rules()`.

Source: spaCy 3.8 `Tokenizer` as datatrove 0.10.1 uses it (`SpaCyTokenizer.word_tokenize`, whole text at once whatever
its length): white-space tokens are dropped, punctuation tokens are words. One thing differs: where spaCy trips over the
word IS_ALPHA, a name of its own, datatrove deletes it from the text; here it is a word like any other.
"""

import threading
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.text.scratch import longest_document_bytes
from gristmill.filters.text.spacy_rules import load_rules
from gristmill.filters.text.spacy_splitting import chunk_memo, spacy_english_words
from gristmill.filters.text.spans import Spans, grown, longest, reference_spans
from gristmill.filters.text.text_masks import read_text, text_masks
from gristmill.filters.text.unicode_tables import CLASS
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import kernel
from gristmill.kernels.utf8 import decode_utf8

pipe_lock = threading.Lock()


def token_spans(texts: pa.Array, exact: bool = False) -> Spans:
    """(starts, ends, doc_offsets) of the English words of each text, in the batch form of `spans`.

    exact: let spaCy itself split every text (about 100 times slower, one thread at a time).
    """
    if exact:
        return reference_spans(texts, spacy_spans)
    data, offsets = string_buffers(texts)
    reading = text_masks(longest_document_bytes(offsets))
    rules, patterns = load_rules()
    spans, doc_offsets = _split_batch(data, offsets, CLASS, reading, chunk_memo(rules), rules, patterns)
    return spans[0], spans[1], doc_offsets


@kernel
def _split_batch(data, offsets, classes, reading, memo, rules, patterns):
    size = longest(offsets)
    cps, starts, ends, suffixes = (
        np.empty(size, np.int32),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
    )
    rows = len(offsets) - 1
    spans = np.empty((2, (offsets[rows] - offsets[0]) // 4 + 16), np.int32)
    doc_offsets = np.zeros(rows + 1, np.int64)
    for r in range(rows):
        n = read_text(data, offsets[r], offsets[r + 1], classes, reading)
        decode_utf8(reading.text, 0, n, cps)
        words = spacy_english_words(reading, n, cps, classes, rules, patterns, memo, starts, ends, suffixes)
        used = doc_offsets[r]
        spans = grown(spans, used, words)
        spans[0, used : used + words] = starts[:words]
        spans[1, used : used + words] = ends[:words]
        doc_offsets[r + 1] = used + words
    return spans[:, : doc_offsets[rows]].copy(), doc_offsets


@cache
def english_pipe() -> Any:
    """`spacy.blank("en")`, once per process; not thread safe."""
    import spacy

    return spacy.blank("en")


def spacy_spans(text: str) -> list[tuple[int, int]]:
    """The spans spaCy's own tokenizer gives; one thread at a time."""
    pipe = english_pipe()
    with pipe_lock, pipe.memory_zone():
        document = pipe.tokenizer(without_symbol_name(text))
        return [(token.idx, token.idx + len(token)) for token in document if not token.is_space]


def without_symbol_name(text: str) -> str:
    """The text with a stand-in of the same length and letters for the one word spaCy fails on."""
    return text.replace("IS_ALPHA", "IS_ALPHB")
